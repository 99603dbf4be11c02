import math

import numpy as np
import pytest
import torch

from soccerbench.models.cmn import segmentation_loss, spotting_loss

K = (-4, -2, 2, 4)


def cost(segmentation, shift, **options):
    """The loss of a single frame."""
    frame = torch.full((1, 1, 1), segmentation, dtype=torch.float64)
    shifts = torch.full((1, 1, 1), float(shift), dtype=torch.float64)
    return segmentation_loss(segmentation=frame, shifts=shifts, k_frames=K, border_frames=0, **options).item()


@pytest.mark.parametrize(
    ("shift", "segmentation", "expected"),
    [  # by hand: segmentation s is 1 - p; margins ln 0.9 for both demands
        (-9, 0.5, math.log(0.9 / 0.5)),  # far before: p must vanish, -ln(1 - p)
        (-4, 0.5, math.log(0.9 / 0.5)),
        (-3, 0.2, math.log(0.9 / (1 - 0.5 * 0.8))),  # the demand half faded
        (-2, 0.2, 0.0),  # neither demand
        (-1, 0.8, math.log(0.9 / (1 - 0.5 * 0.8))),  # half the demand that p be 1
        (0, 0.8, math.log(0.9 / 0.2)),  # the event: -ln(p)
        (1, 0.8, math.log(0.9 / (1 - 0.5 * 0.8))),
        (2, 0.8, 0.0),
        (3, 0.2, math.log(0.9 / (1 - 0.5 * 0.8))),
        (4, 0.5, math.log(0.9 / 0.5)),
        (9, 0.5, math.log(0.9 / 0.5)),
        (9, 0.95, 0.0),  # within the margin
        (0, 0.05, 0.0),
    ],
)
def test_a_frame_by_hand(shift, segmentation, expected):
    assert cost(segmentation, shift) == pytest.approx(expected, rel=1e-12, abs=1e-15)


def test_margins_are_those_given():
    assert cost(0.75, 9, miss=0.8) == pytest.approx(math.log(0.8 / 0.75))
    assert cost(0.25, 0, hit=0.2) == pytest.approx(math.log(0.8 / 0.75))
    assert cost(0.25, 9, hit=0.2) == cost(0.25, 9)


def test_frames_and_chunks_sum_and_borders_do_not_count():
    generator = torch.Generator().manual_seed(0)
    segmentation = torch.rand(3, 12, 1, generator=generator, dtype=torch.float64)
    shifts = torch.arange(-5.0, 7.0, dtype=torch.float64).reshape(12, 1).expand(3, 12, 1)
    expected = sum(cost(segmentation[b, t].item(), t - 5) for b in range(3) for t in range(2, 10))
    loss = segmentation_loss(segmentation=segmentation, shifts=shifts, k_frames=K, border_frames=2)
    assert loss.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("segmentation", "shift"), [(0.0, 9), (1.0, 0)])
def test_saturated_frames_cost_a_finite_amount(segmentation, shift):
    frame = torch.full((1, 1, 1), segmentation, requires_grad=True)
    loss = segmentation_loss(segmentation=frame, shifts=torch.full((1, 1, 1), shift), k_frames=K, border_frames=0)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(0.9 / 0.001), rel=1e-5)  # scores are clamped to [0.001, 0.999]
    assert frame.grad.item() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k_frames": (-2, -4, 2, 4)}, "K1 < K2"),
        ({"k_frames": (-4, -2, 0, 4)}, "K1 < K2"),
        ({"border_frames": 6}, "borders of 6 frames leave nothing of a chunk of 12"),
    ],
)
def test_impossible_options_are_refused(options, message):
    chunk = torch.zeros(1, 12, 1)
    with pytest.raises(ValueError, match=message):
        segmentation_loss(segmentation=chunk, shifts=chunk, **{"border_frames": 0, **options})


@pytest.mark.parametrize(
    ("target", "output", "expected"),
    [  # by hand
        ((1, 0.25), (0.5, 0.75), 0.5**2 + 5 * 0.5**2),
        ((0, 0.25), (0.5, 0.75), 0.5 * 0.5**2),
        ((1, 0.25), (1, 0.25), 0),
        ((0, 0), (0, 0.7), 0),
    ],
)
def test_a_spotting_by_hand(target, output, expected):
    targets, spotting = torch.tensor([[target]], dtype=torch.float64), torch.tensor([[output]], dtype=torch.float64)
    assert spotting_loss(spotting=spotting, targets=targets).item() == pytest.approx(expected)
    twice = spotting_loss(spotting=spotting.repeat(2, 1, 1), targets=targets.repeat(2, 1, 1))
    assert twice.item() == pytest.approx(2 * expected)


def test_official_losses(reference):
    with np.load(reference("cmn_loss_golden.npz")) as golden:
        tensors = {name: torch.from_numpy(np.array(golden[name])) for name in golden}
    scores, shifts = tensors["seg_scores"], tensors["seg_targets"]
    rows = [slice(i, i + 1) for i in range(4)] + [slice(None)]
    losses = [segmentation_loss(segmentation=scores[row], shifts=shifts[row]).item() for row in rows]
    np.testing.assert_allclose(losses, tensors["seg_loss_each_then_all"], rtol=1e-6, atol=0)
    spotted = spotting_loss(spotting=tensors["spot_scores"], targets=tensors["spot_targets"]).item()
    assert spotted == pytest.approx(tensors["spot_loss"].item(), rel=1e-6, abs=0)
