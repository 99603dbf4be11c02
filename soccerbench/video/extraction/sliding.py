"""Several video models slid over one half at one row a second, with every frame prepared once.

Windows one second apart share their frames. What a model computes of one frame alone is therefore computed once, kept
in a ring that is as long as a window and the seconds of one step, and gathered into windows from there. Frames come as
they are decoded and rows leave as soon as their window is complete: memory does not depend on the half's length.

Conventions
    grid     frames at the least common multiple of the models' rates; a model sees every `grid_fps // clip.fps`th
    clamp    to the first and last frame at the model's own rate, so that its rows do not depend on the other models
    step     seconds of frames that are taken in, and windows that are completed, at once
    bits     on a CPU one second of frames and CPU_WINDOWS windows go through a model at a time for every step: the same
             rows, bit for bit; on a GPU a whole step does, and rows of different steps agree to rounding
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soccerbench.video.decoding.clips import Clip, clamp, grid_fps, window
from soccerbench.video.models.base import Extractor

CPU_WINDOWS = 4  # more are quicker for small networks; at full size they only take memory

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Compute:
    """Where and how finely the models compute."""

    device: torch.device  # of models and rings
    step_s: int = 1  # seconds of video a step
    half_precision: bool = False  # bfloat16 wherever autocast takes it

    @property
    def on_gpu(self) -> bool:
        """Whether the device is a GPU."""
        return self.device.type == "cuda"

    @property
    def name(self) -> str:
        """For people."""
        threads = f"cpu, {torch.get_num_threads()} threads"
        return torch.cuda.get_device_name(self.device) if self.on_gpu else threads

    def autocast(self) -> AbstractContextManager[object]:
        """The precision of one call."""
        return torch.autocast(self.device.type, torch.bfloat16) if self.half_precision else nullcontext()


class Slider:
    """One model over one half: frames go in as they are decoded, rows come out as soon as their window is complete.

    The model, in evaluation mode on the device, sees squares of `size` pixels; the half has as many seconds as `rows`.
    """

    def __init__(self, model: Extractor, clip: Clip, *, size: int, rows: int, compute: Compute) -> None:
        self._channels_last = channels_last(model, compute.device)
        self.model, self.clip, self.size, self.rows, self.compute = model, clip, size, rows, compute
        self._taken = self._given = 0  # frames and rows so far
        # seconds of frames, and windows, that go through the model in one call
        self._frames_s, self._windows = (compute.step_s,) * 2 if compute.on_gpu else (1, CPU_WINDOWS)
        self._capacity = clip.frames + clip.fps * (compute.step_s + self._windows - 1)
        self._ring: Tensor | None = None

    def take(self, images: Tensor) -> None:
        """Prepare the next frames, at most a step of them: (N, 3, H, W), values 0 to 255, at the clip's rate."""
        for part in torch.split(images, self.clip.fps * self._frames_s):
            with torch.inference_mode(), self.compute.autocast():
                prepared = self.model.per_frame(part)  # (n, 3, H, W) -> (n, …)
                if self._channels_last and prepared.ndim == 4:
                    prepared = prepared.movedim(1, -1)
                if self._ring is None:
                    self._ring = prepared.new_empty((self._capacity, *prepared.shape[1:]))
                self._ring[self._places(np.arange(self._taken, self._taken + len(part)))] = prepared
            self._taken += len(part)

    def give(self, *, ended: bool = False) -> Iterator[Rows]:
        """The rows (n, width) whose windows are complete, as many as one call of the model takes; all if `ended`."""
        after = self.clip.frames - 1 - self.clip.frames // 2  # frames of a window that come after its second
        complete = self.rows if ended else min(self.rows, (self._taken - 1 - after) // self.clip.fps + 1)
        while self._given + self._windows <= complete or self._given < complete == self.rows:
            seconds = range(self._given, min(complete, self._given + self._windows))
            rows = self._features(seconds)
            finite = np.isfinite(rows).all(axis=1)
            if not finite.all():
                raise ValueError(f"second {seconds[int(finite.argmin())]}: the feature is not finite")
            self._given = seconds.stop
            yield rows

    def _features(self, seconds: range) -> Rows:
        assert self._ring is not None, "a half has at least one frame"
        indices = np.stack([window(self.clip, second, self.clip.fps) for second in seconds])
        places = self._places(clamp(indices, self._taken))
        with torch.inference_mode(), self.compute.autocast():
            frames = self._ring[places]
            if self._channels_last and frames.ndim == 5:
                frames = frames.movedim(-1, 2)
            features = self.model.per_clip(frames)  # (B, T, …) -> (B, width)
            return features.to(torch.promote_types(features.dtype, torch.float32)).cpu().numpy()

    def _places(self, indices: NDArray[np.int64]) -> Tensor:
        return torch.from_numpy(indices % self._capacity).to(self.compute.device)


def channels_last(model: nn.Module, device: torch.device) -> bool:
    """Whether a model is faster with channels last: on a GPU, except with depthwise convolutions."""
    convolutions = [layer for layer in model.modules() if isinstance(layer, nn.Conv3d)]
    return device.type == "cuda" and not any(layer.groups == layer.in_channels for layer in convolutions)


def slide(
    sliders: Mapping[str, Slider], steps: Iterable[Mapping[int, Tensor]], *, device: torch.device
) -> Iterator[tuple[str, Rows]]:
    """Slide models over a half together.

    Args:
        steps: the half's grid frames in order, one step of seconds after the other: size -> (N, H, W, 3) uint8.

    Yields:
        A name and its next rows, (n, width); as many of each name as the half has seconds.
    """
    rate = grid_fps(slider.clip for slider in sliders.values())
    for step in chain(steps, [None]):  # nothing comes after the last step
        uploaded = {
            size: images.to(device, non_blocking=True).permute(0, 3, 1, 2) for size, images in (step or {}).items()
        }
        for name, slider in sliders.items():
            if step is not None:
                slider.take(uploaded[slider.size][:: rate // slider.clip.fps])
            try:
                yield from ((name, rows) for rows in slider.give(ended=step is None))
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
