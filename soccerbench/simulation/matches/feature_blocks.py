"""Simulated feature extractors: every named block is a different view of the same latent scene.

A block has a fixed random projection with its own strong and weak classes and its own confusions between classes; it
adds noise, half of it shared by overlapping clips; it spreads the result over its channels, which are cut off at
zero as after a ReLU where the real network ends in one. The projection belongs to the block's name, never to the
dataset's seed: the extractors are the same in every dataset, only the matches differ.

Conventions
    sensitivity  d' of one row for a visible event of a class of skill 1, before the nuisances take their part
    inner        the block's own axes, as many as its channels on the `mini` scale; on the `release` scale the same
                 inner values are spread over the real width, so that both scales hold the same information
    origin       chosen by reasoning and fixed before any training; nothing is tuned to a score. The clip models
                 are equally good, because the paper reports 78 to 82 % top-1 for all of them
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from soccerbench.simulation.matches.scene import CODE_SLICE, LATENT, Floats, Scene, product
from soccerbench.soccernet.classes import CLASSES

EXTRACTORS_SEED = 1
CLIP_SENSITIVITY, FRAME_SENSITIVITY = 2.0, 0.8  # a frame shows far less of an action than a clip fine-tuned on it
CLIP_SMEAR_S, FRAME_SMEAR_S = 1.25, 0.5  # a five-second clip fires within about 2.5 s; a frame only at the event
SKILL, CODE_SKILL, CONFUSION = (0.6, 1.2), (0.7, 1.0), (0.1, 0.6)  # uniform; confusion is a share of amplitude
OVERLAP_ROWS, OVERLAP_SHARE = 5, 0.5  # a five-second clip shares frames with the next four; share of the variance
GAME_SIGMA = 0.5  # each channel's shift from game to game, in deviations of its noise
CHANNEL_SIGMA = 0.1  # noise of single channels in addition to the inner noise, in the same unit
BIAS = 1.0  # in amplitudes of a visible event: between a tenth and a quarter of the values are cut off at zero
FEATURE_GAIN = 0.1  # the file's unit: values deviate by 0.073, the one public hint about the released ones
SEEN_NOISE, MEGA_NOISE = 0.85, 0.9  # noise on splits that the extractor was fine-tuned on; and with more data
CHUNK_ROWS = 512  # rows simulated at a time: bounds the memory at the release scale

ORDINARY_SPLITS, MEGA_SPLITS = frozenset({"train"}), frozenset({"train", "valid", "test"})


@dataclass(frozen=True)
class Block:
    """One named block: its channels at both scales, its rate, and how it ends."""

    name: str
    width: int
    release_width: int
    fps: int = 1
    rectified: bool = True
    of: str | None = None

    @property
    def mega(self) -> bool:
        """Whether its extractor was fine-tuned on the enlarged snippet set."""
        return self.name.startswith("mega-")

    def noise(self, split: str) -> float:
        """Deviation of the inner noise, in amplitudes of a visible event."""
        seen = split in (MEGA_SPLITS if self.mega else ORDINARY_SPLITS)
        sensitivity = FRAME_SENSITIVITY if self.fps == 2 else CLIP_SENSITIVITY
        return (SEEN_NOISE if seen else 1.0) * (MEGA_NOISE if self.mega else 1.0) / sensitivity


_CLIP_BLOCKS = (
    Block("tpn-r101", 24, 2048),
    Block("gta", 24, 2048),
    Block("vtn", 16, 384, rectified=False),
    Block("ircsn", 24, 2048),
    Block("i3d-slow", 24, 2048),
)
_TPN_R50 = Block("tpn-r50", 24, 2048)
RELEASED_FILES: dict[str, tuple[Block, ...]] = {
    "baidu_soccer_embeddings.npy": _CLIP_BLOCKS,
    "ResNET_TF2.npy": (Block("resnet", 24, 2048, fps=2),),
    "ResNET_TF2_PCA512.npy": (Block("resnet-pca512", 12, 512, fps=2, rectified=False, of="resnet"),),
}
FILES: dict[str, tuple[Block, ...]] = RELEASED_FILES | {
    "tpn_r50.npy": (_TPN_R50,),
    **{
        f"mega_{block.name.replace('-', '_')}.npy": (replace(block, name=f"mega-{block.name}"),)
        for block in (_TPN_R50, *_CLIP_BLOCKS)
    },
}
"""File to the blocks that it concatenates."""


def width(block: Block, scale: str) -> int:
    """Channels of a block on the scale `mini` or `release`."""
    return block.width if scale == "mini" else block.release_width


def look(scene: Scene, *, length_s: int, fps: int) -> Floats:
    """What a half shows to extractors of one rate; row i is at second i / fps, (length_s * fps, LATENT)."""
    return scene.latent(rows=length_s * fps, fps=fps, smear_s=FRAME_SMEAR_S if fps == 2 else CLIP_SMEAR_S)


def features(
    blocks: tuple[Block, ...], latent: Floats, *, split: str, scale: str, key: tuple[int, ...]
) -> Iterator[Floats]:
    """The rows of one file, in pieces of at most CHUNK_ROWS rows, (rows, channels), float32.

    Args:
        split: the game's split; blocks are less noisy on what they were fine-tuned on.
        key: numbers that name the dataset, the game and the half; the same key gives the same noise.
    """
    views = [_View(block, split, scale, key) for block in blocks]
    for start in range(0, len(latent), CHUNK_ROWS):
        yield np.concatenate([view.rows(latent[start : start + CHUNK_ROWS]) for view in views], axis=1)


class _View:
    """One block on one half: keeps the noise going from piece to piece."""

    def __init__(self, block: Block, split: str, scale: str, key: tuple[int, ...]) -> None:
        source = _BLOCKS[block.of] if block.of else block
        stream = [EXTRACTORS_SEED, crc32(source.name.encode()), *key]
        self.sigma, self.rectified = np.float32(block.noise(split)), source.rectified
        self.mix, self.spread = _projection(source.name, source.width, width(source, scale))
        self.reduce = _reduction(block.name, width(source, scale), width(block, scale)) if block.of else None
        self.inner_noise, self.channel_noise = np.random.default_rng([*stream, 1]), np.random.default_rng([*stream, 2])
        game = np.random.default_rng([*stream[:-1], 0, 3])
        self.shift = np.float32(GAME_SIGMA) * self.sigma * game.standard_normal(source.width, np.float32)
        self.overlap = self.inner_noise.standard_normal((OVERLAP_ROWS - 1, source.width), np.float32)

    def rows(self, latent: Floats) -> Floats:
        """The next rows, (T, LATENT) -> (T, channels)."""
        inner = product(latent, self.mix) + self.sigma * self._noise(len(latent)) + self.shift  # (T, inner)
        values = product(inner, self.spread)  # (T, channels)
        grain = self.channel_noise.standard_normal(values.shape, np.float32)
        values += np.float32(CHANNEL_SIGMA) * self.sigma * grain
        if self.rectified:
            np.maximum(values + np.float32(BIAS), 0.0, out=values)
        if self.reduce is not None:
            values = product(values - np.float32(BIAS), self.reduce)
        values *= np.float32(FEATURE_GAIN)
        return values

    def _noise(self, count: int) -> Floats:
        """Inner noise of unit variance, partly shared by rows whose clips overlap, (count, inner)."""
        fresh, alone = self.inner_noise.standard_normal((2, count, self.mix.shape[1]), np.float32)
        window = np.concatenate([self.overlap, fresh])
        self.overlap = window[count:]
        shared: Floats = window[:count].copy()
        for back in range(1, OVERLAP_ROWS):
            shared += window[back : back + count]
        shared *= np.float32((OVERLAP_SHARE / OVERLAP_ROWS) ** 0.5)
        shared += np.float32((1 - OVERLAP_SHARE) ** 0.5) * alone
        return shared


_BLOCKS = {block.name: block for blocks in FILES.values() for block in blocks}


@cache
def _projection(name: str, inner: int, channels: int) -> tuple[Floats, Floats]:
    """A block's fixed view of the scene, (LATENT, inner), and how it spreads over its channels, (inner, channels)."""
    rng = np.random.default_rng([EXTRACTORS_SEED, crc32(name.encode())])
    mix = rng.standard_normal((LATENT, inner))
    mix /= np.sqrt(np.square(mix).sum(axis=1, keepdims=True))
    count = len(CLASSES)
    confused, share = rng.permutation(count), rng.uniform(*CONFUSION, (count, 1))
    mix[:count] = np.sqrt(1 - share**2) * mix[:count] + share * mix[confused]
    mix[:count] *= rng.uniform(*SKILL, (count, 1))
    mix[CODE_SLICE] *= rng.uniform(*CODE_SKILL, (CODE_SLICE.stop - count, 1))
    spread = _orthonormal(rng, inner, channels) * np.sqrt(channels / inner)
    return mix.astype(np.float32), spread.astype(np.float32)


@cache
def _reduction(name: str, channels: int, reduced: int) -> Floats:
    """Fixed orthonormal directions, (channels, reduced), as a principal component analysis gives."""
    rng = np.random.default_rng([EXTRACTORS_SEED, crc32(name.encode())])
    directions: Floats = _orthonormal(rng, reduced, channels).T.astype(np.float32)
    return directions


def _orthonormal(rng: np.random.Generator, count: int, size: int) -> NDArray[np.float64]:
    """Random orthonormal rows, (count, size), by Gram and Schmidt, done twice for exactness."""
    rows = rng.standard_normal((count, size))
    for index, row in enumerate(rows):
        for _ in range(2):
            along = np.einsum("ij,j->i", rows[:index], row)
            row -= np.einsum("i,ij->j", along, rows[:index])
        row /= np.sqrt(np.square(row).sum())
    return rows
