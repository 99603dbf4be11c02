"""CALF-more-negative (Cmn), the replay-grounding baseline of SoccerNet-v2: does this chunk hold what that replay shows?

Source: sn-grounding (Deliege et al., 2021), a Siamese form of CALF (Cioppa et al., 2020).

Conventions
    pair          candidate chunk first, replay clip second, both of chunk_frames
    segmentation  length of a capsule after the sigmoid, in [0, 1]: small where the replayed action is, large elsewhere
    spotting      (confidence, offset), both in [0, 1]; the event lies at offset · (chunk_frames - 1)
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, max_pool1d, pad, sigmoid

from soccerbench.models.spectral import correlate

CAPSULE = 16
POOLS = 3  # each of three frames, stride two


class SameConv1d(nn.Conv1d):
    """A convolution that keeps the number of frames, whatever its kernel; an even one looks a frame further ahead."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, in, T) to (B, out, T), zeros beyond the edges."""
        return super().forward(pad(frames, reach(self.kernel_size[0])))


class Pyramid(nn.ModuleList):
    """Convolutions of many widths over the same frames, the widest last.

    On a CPU they are taken together through their spectra, the narrower kernels filled up with zeros.

    Args:
        scales: `SameConv1d` of one number of input channels.
    """

    def forward(self, frames: Tensor) -> Tensor:
        """(B, in, T) to (B, out, T), `out` the channels of all of them."""
        if frames.device.type != "cpu":
            return torch.cat([scale(frames) for scale in self], dim=1)
        scales = cast("list[nn.Conv1d]", list(self))
        widest = scales[-1].kernel_size[0]
        kernels = torch.cat([widened(scale.weight, widest) for scale in scales])
        biases = torch.cat([cast("Tensor", scale.bias) for scale in scales])
        return correlate(pad(frames, reach(widest)), kernels) + biases[:, None]


class Cmn(nn.Module):
    """Both clips through one temporal pyramid, then segmented and spotted together.

    Lengths are in frames, so halve them for features at 1 fps: 120 and 40 are the same seconds as 240 and 80 at 2 fps.

    Args:
        width: C, the width of the features.
        chunk_frames: T, the length of both clips, at least 15.
        field_frames: receptive field, the longest kernel of the pyramid; the others are a half, a third, a seventh.

    Raises:
        ValueError: the chunk is too short for the three poolings.
    """

    def __init__(self, width: int, *, chunk_frames: int = 240, field_frames: int = 80) -> None:
        super().__init__()
        pooled = chunk_frames
        for _ in range(POOLS):
            pooled = (pooled - 1) // 2
        if pooled < 1:
            raise ValueError(f"a chunk of {chunk_frames} frames, at least 15 needed; seconds given as frames?")
        self.chunk_frames = chunk_frames
        self.embed = nn.Sequential(nn.Linear(width, 128), nn.ReLU(), nn.Linear(128, 16), nn.ReLU())
        self.pyramid = Pyramid(
            SameConv1d(16, channels, -(-field_frames // part)) for channels, part in ((4, 7), (8, 3), (16, 2), (32, 1))
        )
        self.segment = SameConv1d(2 * (16 + 4 + 8 + 16 + 32), CAPSULE, 3)
        self.norm = nn.BatchNorm1d(chunk_frames)  # over the frames: each has its own scale
        self.spot = nn.ModuleList([SameConv1d(CAPSULE + 1, 32, 3), SameConv1d(32, 16, 3)])
        self.predict = nn.Linear(16 * pooled, 2)

    def forward(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Look for the replay in the candidate: (B, 2, T, C) to segmentation (B, T, 1) and spotting (B, 1, 2)."""
        trunks = self.trunk(pair.flatten(0, 1)).reshape(len(pair), -1, self.chunk_frames)  # (B, 2 · 76, T)
        return self.head(self.segment(trunks))

    def trunk(self, clip: Tensor) -> Tensor:
        """What there is to know of one clip, candidate or replay: (B, T, C) to (B, 76, T).

        Raises:
            ValueError: the clip is not of `chunk_frames`.
        """
        if clip.shape[1] != self.chunk_frames:
            raise ValueError(f"a clip of {clip.shape[1]} frames for chunks of {self.chunk_frames}; another rate?")
        frames = self.embed(clip).mT  # (B, 16, T)
        return torch.cat([frames, self.pyramid(frames).relu()], dim=1)

    def shares(self, candidates: Tensor, replays: Tensor) -> tuple[Tensor, Tensor]:
        """What trunks (N, 76, T) and (M, 76, T) add to the capsules of their pairs: (N, 16, T) and (M, 16, T).

        A pair's capsules are a convolution of both trunks, so that they are the sum of one share of either clip.
        """
        of_candidates, of_replays = self.segment.weight.chunk(2, dim=1)
        edges = reach(self.segment.kernel_size[0])
        return (
            conv1d(pad(candidates, edges), of_candidates, self.segment.bias),
            conv1d(pad(replays, edges), of_replays),
        )

    def head(self, capsules: Tensor) -> tuple[Tensor, Tensor]:
        """Read the capsules (B, 16, T) of pairs: segmentation (B, T, 1) and spotting (B, 1, 2)."""
        centred = sigmoid(self.norm(capsules.mT)) - 0.5  # (B, T, 16)
        segmentation = torch.linalg.vector_norm(centred, dim=-1, keepdim=True) * 2 / CAPSULE**0.5  # (B, T, 1)
        spots = pool(torch.cat([capsules, 1 - segmentation.mT], dim=1))  # (B, 17, ~T/2)
        for convolve in self.spot:
            spots = pool(convolve(spots))
        return segmentation, sigmoid(self.predict(spots.flatten(1))).unsqueeze(1)


def reach(kernel: int) -> tuple[int, int]:
    """Frames that a kernel sees before and after its own."""
    return (kernel - 1) // 2, kernel // 2


def widened(kernels: Tensor, width: int) -> Tensor:
    """Kernels (…, K) filled up with zeros to `width`, so that they still see the same frames."""
    (before, after), (own_before, own_after) = reach(width), reach(kernels.shape[-1])
    return pad(kernels, (before - own_before, after - own_after))


def pool(frames: Tensor) -> Tensor:
    """The positive part of (B, channels, T), its maximum over every three frames, stride two."""
    return max_pool1d(frames.relu(), kernel_size=3, stride=2)
