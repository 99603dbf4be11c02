"""CALF-more-negative (Cmn), the replay-grounding baseline of SoccerNet-v2: does this chunk contain the replayed event?

Source: sn-grounding (Deliege et al., 2021), a Siamese form of CALF (Cioppa et al., 2020).

Conventions
    pair          candidate chunk first, replay clip second, both of chunk_frames
    segmentation  length of a capsule after the sigmoid, in [0, 1]: small where the replayed action is, large elsewhere
    spotting      (confidence, offset), both in [0, 1]; trained to place / T, read as floor(offset · (T - 1))

The two losses are those of CALF. A frame belongs to the action with probability p = 1 - segmentation.

    shifts    frames from the event, negative before it; beyond K4 everywhere in a chunk without an event
    k_frames  K1 < K2 < 0 < K3 < K4: far from the event beyond K1 and K4, near it between K2 and K3
    sums      over frames and chunks, not means

Scores are clamped to [0.001, 0.999] first. The target of a far frame is p = 0, that of the frame of the event p = 1.
The first term fades out from K1 to K2 and from K4 to K3, the second from the event to K2 and to K3. An error within
the margin costs nothing.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, max_pool1d, pad, sigmoid

CAPSULE = 16
POOLS = 3  # each of three frames, stride two
TINY = 1e-3  # scores are kept this far from 0 and 1: bounds the cost of a saturated frame


class SameConv1d(nn.Conv1d):
    """A convolution that keeps the number of frames; an even kernel sees one frame more after its centre."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, in, T) to (B, out, T), zeros beyond the edges."""
        return super().forward(pad(frames, reach(self.kernel_size[0])))


class Pyramid(nn.ModuleList):
    """Convolutions of many widths over the same frames."""

    def forward(self, frames: Tensor) -> Tensor:
        """(B, in, T) to (B, out, T), `out` the channels of all of them."""
        return torch.cat([scale(frames) for scale in self], dim=1)


class Cmn(nn.Module):
    """Both clips through one temporal pyramid, then segmented and spotted together.

    Lengths are in frames, so halve them for features at 1 fps: 120 and 40 are the same seconds as 240 and 80 at 2 fps.

    Args:
        chunk_frames: T, the length of both clips, at least 15.
        field_frames: receptive field, the longest kernel of the pyramid; the others are a half, a third, a seventh.
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
        self.norm = nn.BatchNorm1d(chunk_frames, eps=1e-3, momentum=0.01)  # over the frames: each has its own scale
        self.spot = nn.ModuleList([SameConv1d(CAPSULE + 1, 32, 3), SameConv1d(32, 16, 3)])
        self.predict = nn.Linear(16 * pooled, 2)

    def forward(self, pair: Tensor) -> tuple[Tensor, Tensor]:
        """Look for the replay in the candidate: (B, 2, T, C) to segmentation (B, T, 1) and spotting (B, 1, 2)."""
        trunks = self.trunk(pair.flatten(0, 1)).reshape(len(pair), -1, self.chunk_frames)  # (B, 2 · 76, T)
        return self.head(self.segment(trunks))

    def trunk(self, clip: Tensor) -> Tensor:
        """Features of one clip, candidate or replay: (B, T, C) to (B, 76, T)."""
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


def pool(frames: Tensor) -> Tensor:
    """The positive part of (B, channels, T), its maximum over every three frames, stride two."""
    return max_pool1d(frames.relu(), kernel_size=3, stride=2)


def segmentation_loss(
    *,
    segmentation: Tensor,
    shifts: Tensor,
    k_frames: tuple[float, float, float, float] = (-40, -20, 20, 40),
    border_frames: int = 40,
    hit: float = 0.1,
    miss: float = 0.9,
) -> Tensor:
    """Context-aware loss, summed.

    Args:
        segmentation: (B, T, 1) in [0, 1], from the model.
        shifts: (B, T, 1), frames from the event.
        border_frames: frames at either end of a chunk that do not count; half the receptive field.
        hit: the frame of the event costs nothing if p >= 1 - hit.
        miss: a far frame costs nothing if p <= 1 - miss.
    """
    k1, k2, k3, k4 = k_frames
    if not k1 < k2 < 0 < k3 < k4:
        raise ValueError(f"k_frames {k_frames} are not K1 < K2 < 0 < K3 < K4")
    frames = segmentation.shape[1]
    if not 0 <= 2 * border_frames < frames:
        raise ValueError(f"borders of {border_frames} frames leave nothing of a chunk of {frames}; rate mixed up?")
    inside = slice(border_frames, frames - border_frames)
    off, shifts = segmentation[:, inside].clamp(TINY, 1 - TINY), shifts[:, inside]  # off = 1 - p
    far = torch.maximum((k2 - shifts) / (k2 - k1), (shifts - k3) / (k4 - k3)).clamp(0, 1)
    near = torch.minimum((shifts - k2) / -k2, (k3 - shifts) / k3).clamp(min=0)
    missed = (math.log(miss) - (1 - far * (1 - off)).log()).relu()
    unseen = (math.log(1 - hit) - (1 - near * off).log()).relu()
    return (missed + unseen).sum()


def spotting_loss(*, spotting: Tensor, targets: Tensor, coordinate: float = 5.0, no_object: float = 0.5) -> Tensor:
    """Squared errors, summed; the offset counts where there is an event.

    Args:
        spotting: (B, 1, 2), confidence and offset in [0, 1], from the model.
        targets: (B, 1, 2), 1 where the event is in the chunk else 0, and its offset.
        coordinate: weight of an offset's error.
        no_object: weight of a confidence's error where there is no event.
    """
    present = targets[..., 0]
    confidence, offset = (spotting - targets).square().unbind(dim=-1)
    return (present * (confidence + coordinate * offset) + (1 - present) * no_object * confidence).sum()
