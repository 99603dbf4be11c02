import pytest
import torch
from torch import nn

from soccerbench.models.sliding import centred_windows, check_sliding, slide_head


@pytest.mark.parametrize(
    ("frames", "window", "rows"),
    [  # by hand, from the definition at the top of the module
        (3, 2, [[0, 0], [0, 1], [1, 2]]),
        (3, 3, [[0, 0, 1], [0, 1, 2], [1, 2, 2]]),
        (3, 4, [[0, 0, 0, 1], [0, 0, 1, 2], [0, 1, 2, 2]]),
        (2, 7, [[0, 0, 0, 0, 1, 1, 1], [0, 0, 0, 1, 1, 1, 1]]),
        (1, 1, [[0]]),
    ],
)
def test_windows_are_centred_and_clamped(frames, window, rows):
    assert centred_windows(frames, window).tolist() == rows


@pytest.mark.parametrize(("frames", "window"), [(0, 3), (3, 0), (3, -1)])
def test_empty_halves_and_windows_are_refused(frames, window):
    with pytest.raises(ValueError, match=f"a half of {frames} frames and a window of {window}"):
        centred_windows(frames, window)


@pytest.mark.parametrize("per_batch", [1, 3, 7, 100])
def test_batches_do_not_change_the_scores(per_batch):
    tokens = torch.arange(14.0).reshape(7, 2)
    scores = slide_head(lambda windows: windows.sum(dim=1), tokens, 3, windows_per_batch=per_batch)
    assert scores.tolist() == tokens[centred_windows(7, 3)].sum(dim=1).tolist()


def test_sliding_in_training_mode_is_refused():
    with pytest.raises(ValueError, match=r"eval\(\)"):
        check_sliding(nn.Linear(2, 2), torch.zeros(3, 2), 3)


@pytest.mark.parametrize("shape", [(2, 3, 2), (3,), (0, 2)])
def test_what_is_not_one_half_is_refused(shape):
    with pytest.raises(ValueError, match="one half"):
        check_sliding(nn.Linear(2, 2).eval(), torch.zeros(shape), 3)


def test_too_short_a_window_is_refused():
    with pytest.raises(ValueError, match="a window of 1 frames, at least 2"):
        check_sliding(nn.Linear(2, 2).eval(), torch.zeros(3, 2), 1, shortest=2)
