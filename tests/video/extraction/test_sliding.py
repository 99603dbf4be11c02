"""Sliding: the rows of window by window, whatever the step, the rate of the grid and the other models."""

from __future__ import annotations

import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from soccerbench.specs.video_models import ExtractorTable
from soccerbench.video.decoding.clips import Clip, clamp, grid_fps, window
from soccerbench.video.extraction.sliding import Compute, Slider, slide
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.build import build

CPU = torch.device("cpu")
SIZE = 4


class Order(Extractor):
    """A feature that holds which frames it was made of, and in which order."""

    def __init__(self, frames: int) -> None:
        super().__init__(width=frames, classes=2, dropout=0, mean=(0, 0, 0), std=(1, 1, 1))
        self.seen = 0

    def per_frame(self, images: Tensor) -> Tensor:
        self.seen += len(images)
        return images[:, :, 0, 0].float() @ torch.tensor([65536.0, 256.0, 1.0])

    def per_clip(self, frames: Tensor) -> Tensor:
        return frames


def numbered(count: int, size: int = SIZE) -> np.ndarray:
    """Pictures whose first pixel is their number, red highest."""
    pictures = np.zeros((count, size, size, 3), np.uint8)
    numbers = np.arange(count)
    pictures[:, 0, 0] = np.stack([numbers >> 16, numbers >> 8, numbers], axis=1) & 255
    return pictures


def in_steps(pictures: np.ndarray, length: int) -> Iterator[dict[int, Tensor]]:
    for start in range(0, len(pictures), length):
        yield {pictures.shape[1]: torch.from_numpy(pictures[start : start + length])}


def gathered(sliders: dict[str, Slider], steps: Iterator[dict[int, Tensor]]) -> dict[str, np.ndarray]:
    rows: dict[str, list[np.ndarray]] = {name: [] for name in sliders}
    for name, some in slide(sliders, steps, device=CPU):
        rows[name].append(some)
    return {name: np.concatenate(some) for name, some in rows.items()}


clips = st.builds(Clip, frames=st.integers(1, 40), fps=st.integers(1, 12))


@given(clips=st.lists(clips, min_size=1, max_size=3), step_s=st.integers(1, 9), length=st.integers(1, 400))
@settings(max_examples=60)
def test_each_row_is_made_of_the_frames_of_its_window(clips: list[Clip], step_s: int, length: int) -> None:
    rate = grid_fps(clips)
    rows = max(1, length // rate)
    models = {str(number): Order(clip.frames) for number, clip in enumerate(clips)}
    sliders = {
        name: Slider(model, clip, size=SIZE, rows=rows, compute=Compute(CPU, step_s))
        for (name, model), clip in zip(models.items(), clips, strict=True)
    }
    found = gathered(sliders, in_steps(numbered(length), rate * step_s))
    for (name, model), clip in zip(models.items(), clips, strict=True):
        stride = rate // clip.fps
        own = -(-length // stride)
        expected = [stride * clamp(window(clip, second, clip.fps), own) for second in range(rows)]
        np.testing.assert_array_equal(found[name], np.array(expected))
        assert model.seen == own


def test_models_of_different_sizes_share_the_steps() -> None:
    models = {"small": (4, Clip(3, 1)), "large": (6, Clip(2, 2))}
    sliders = {
        name: Slider(Order(clip.frames), clip, size=size, rows=3, compute=Compute(CPU))
        for name, (size, clip) in models.items()
    }
    pictures = {size: torch.from_numpy(numbered(6, size)) for size in (4, 6)}
    steps = ({size: some[start : start + 2] for size, some in pictures.items()} for start in (0, 2, 4))
    found = gathered(sliders, steps)
    np.testing.assert_array_equal(found["small"], [[0, 0, 2], [0, 2, 4], [2, 4, 4]])
    np.testing.assert_array_equal(found["large"], [[0, 0], [1, 2], [3, 4]])


def test_a_value_that_is_not_finite_names_model_and_second() -> None:
    class Endless(Order):
        def per_clip(self, frames: Tensor) -> Tensor:
            return 1 / (frames - 3)

    slider = Slider(Endless(1), Clip(1, 1), size=SIZE, rows=6, compute=Compute(CPU))
    with pytest.raises(ValueError, match=r"^odd: second 3: the feature is not finite$"):
        gathered({"odd": slider}, in_steps(numbered(6), 2))


@pytest.mark.parametrize("length", [100, 400])
def test_no_more_than_two_steps_are_held(length: int) -> None:
    alive = most = 0

    def steps() -> Iterator[dict[int, Tensor]]:
        nonlocal alive, most

        def gone() -> None:
            nonlocal alive
            alive -= 1

        for step in in_steps(numbered(length), 4):
            weakref.finalize(step[SIZE], gone)
            alive += 1
            most = max(most, alive)
            yield step
            del step

    slider = Slider(Order(5), Clip(5, 2), size=SIZE, rows=length // 2, compute=Compute(CPU, 2))
    assert len(gathered({"order": slider}, steps())["order"]) == length // 2
    assert most <= 2


@pytest.mark.parametrize(
    ("dtype", "tolerance", "step_s", "together"),
    [(torch.float32, 1e-5, 3, False), (torch.float32, 1e-5, 1, True), (torch.float64, 1e-12, 1, False)],
)
def test_five_models_give_the_rows_of_window_by_window(
    tiny_table: ExtractorTable, monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, tolerance: float, step_s: int,
    together: bool,
) -> None:  # fmt: skip
    monkeypatch.setattr("soccerbench.video.extraction.sliding.channels_last", lambda *_: together)
    torch.manual_seed(1)
    rate, length, rows = 12, 65, 5
    pictures = torch.randint(0, 256, (length, 32, 32, 3), dtype=torch.uint8)
    sliders, expected = {}, {}
    for row in tiny_table.rows:
        model, clip = build(row).eval().to(dtype), Clip(row.clip.frames, row.clip.fps)
        sliders[row.model] = Slider(model, clip, size=row.size, rows=rows, compute=Compute(CPU, step_s))
        own = pictures[:: rate // clip.fps].permute(0, 3, 1, 2)
        windows = [own[clamp(window(clip, second, clip.fps), len(own))][None] for second in range(rows)]
        with torch.inference_mode():
            expected[row.model] = torch.cat([model.per_clip(model.frames(clip)) for clip in windows]).numpy()
    assert rate == grid_fps(slider.clip for slider in sliders.values())
    for name, found in gathered(sliders, in_steps(pictures.numpy(), rate * step_s)).items():
        assert found.dtype == expected[name].dtype
        assert found.std() > 0
        np.testing.assert_allclose(
            found, expected[name], rtol=0, atol=tolerance * np.abs(expected[name]).max(), err_msg=name
        )
