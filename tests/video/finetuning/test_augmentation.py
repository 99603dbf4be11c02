"""Each change does what it says, nothing else, and the same for the same generator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from soccerbench.video.finetuning.augmentation import augment, recolour, to_clip


@dataclass(frozen=True)
class Strength:
    crop: float = 1.0
    flip: float = 0.0
    colour: float = 0.0


@pytest.fixture
def frames() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (12, 10, 16, 3), dtype=np.uint8)


def test_without_any_change_a_clip_is_a_square_of_neighbouring_frames(frames: np.ndarray) -> None:
    begins, lefts = set(), set()
    for seed in range(200):
        clip = augment(frames, 8, Strength(), np.random.default_rng(seed))
        assert clip.shape == (8, 3, 10, 10)
        assert clip.dtype == torch.uint8
        places = [
            (begin, left) for begin in range(5) for left in range(7)
            if torch.equal(clip, to_clip(frames[begin : begin + 8, :, left : left + 10]))
        ]  # fmt: skip
        assert len(places) == 1
        begins.add(places[0][0])
        lefts.add(places[0][1])
    assert begins == set(range(5))
    assert lefts == set(range(7))


def test_a_flip_swaps_left_and_right_in_every_frame(frames: np.ndarray) -> None:
    plain, flipped = (augment(frames, 8, Strength(flip=chance), np.random.default_rng(4)) for chance in (0.0, 1.0))
    assert torch.equal(flipped, plain.flip(-1))
    assert not torch.equal(flipped, plain)


def test_a_flip_comes_as_often_as_it_says(frames: np.ndarray) -> None:
    pairs = [
        [augment(frames, 8, Strength(flip=chance), np.random.default_rng(seed)) for chance in (0.25, 0.0)]
        for seed in range(400)
    ]
    flips = sum(not torch.equal(one, other) for one, other in pairs)
    assert 70 < flips < 130


def test_a_crop_enlarges_one_square_of_all_frames_alike() -> None:
    still = np.broadcast_to(np.random.default_rng(1).integers(0, 256, (1, 20, 20, 3), dtype=np.uint8), (5, 20, 20, 3))
    seen = [augment(still, 3, Strength(crop=0.5), np.random.default_rng(seed)) for seed in range(20)]
    for clip in seen:
        assert clip.shape == (3, 3, 20, 20)
        assert torch.equal(clip[0], clip[1])
        assert torch.equal(clip[0], clip[2])
    assert len({clip.numpy().tobytes() for clip in seen}) > 15


def test_a_crop_of_a_ramp_is_less_steep() -> None:
    ramp = np.broadcast_to(10 * np.arange(20, dtype=np.uint8)[None, None, :, None], (1, 20, 20, 3))
    clip = augment(ramp, 1, Strength(crop=0.5), np.random.default_rng(2)).float()
    slopes = clip[0, 0, 10].diff()[3:-3]
    assert 4.5 < float(slopes.mean()) < 9.9


def test_colour_factors() -> None:
    clip = torch.tensor([[100.0, 40.0], [60.0, 40.0], [20.0, 40.0]]).view(1, 3, 1, 2)  # red-brown next to grey
    assert torch.allclose(recolour(clip, 1.5, 1, 1), 1.5 * clip)
    assert torch.allclose(recolour(clip, 1, 1, 1), clip, atol=1e-4)
    grey = recolour(clip, 1, 1, 0)
    assert torch.allclose(grey[:, 0], grey[:, 2])
    assert float(grey[0, 0, 0, 0]) == pytest.approx(0.299 * 100 + 0.587 * 60 + 0.114 * 20, rel=1e-5)
    flat = recolour(clip, 1, 0, 1)
    assert float(flat.max() - flat.min()) == pytest.approx(0, abs=1e-3)


def test_colours_change_by_no_more_than_they_may(frames: np.ndarray) -> None:
    middle = np.full((2, 10, 16, 3), 100, dtype=np.uint8)
    found = [
        int(augment(middle, 2, Strength(colour=0.2), np.random.default_rng(seed))[0, 0, 0, 0]) for seed in range(99)
    ]
    assert min(found) >= 80
    assert max(found) <= 120
    assert max(found) - min(found) > 20


def test_the_same_generator_gives_the_same_bits_and_the_frames_stay(frames: np.ndarray) -> None:
    before = frames.copy()
    strong = Strength(0.7, 0.5, 0.4)
    one, again = (augment(frames, 8, strong, np.random.default_rng([3, 1])) for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, augment(frames, 8, strong, np.random.default_rng([3, 2])))
    assert np.array_equal(frames, before)


def test_every_clip_takes_the_same_number_of_draws(frames: np.ndarray) -> None:
    after = set()
    for strength in (Strength(), Strength(0.6, 1.0, 0.4)):
        rng = np.random.default_rng(9)
        augment(frames, 8, strength, rng)
        after.add(rng.random())
    assert len(after) == 1
