"""The motion shows the class; a single picture does not, by construction and as measured on pixels."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.simulation.videos.motions import MOTIONS, PHASES, RATE, envelope, phases
from soccerbench.simulation.videos.pictures import FPS, HEIGHT, WIDTH, draw_shot
from soccerbench.soccernet.classes import CLASSES

FRAMES, EVENT = 150, 75
WINDOW = np.arange(EVENT - 32, EVENT + 33, 2)  # 2.6 s around the event, 12.5 pictures a second
TRAINING, HELD_OUT = 36, 14  # clips of each class
LABELS = (None, *CLASSES)
CHANCE = 1 / len(LABELS)


@pytest.mark.parametrize("label", LABELS)
def test_every_phase_is_spread_evenly_at_every_moment(label: str | None) -> None:
    rng = np.random.default_rng(3)
    drawn = np.stack([phases(label, EVENT, FRAMES, FPS, rng)[[20, EVENT, 100, 149]] for _ in range(600)]) % 1
    even = np.arange(1, 601)[:, None, None] / 600
    farthest = np.abs(np.sort(drawn, axis=0) - even).max(axis=0)  # Kolmogorov's distance, (moments, phases)
    assert farthest.max() < 2.1 / np.sqrt(600)  # one even sample in 3,000 is farther


@pytest.mark.parametrize(("label", "phase", "turns"), [
    ("Goal", "size", 2 * RATE),
    ("Red card", "size", -2 * RATE),
    ("Kick-off", "gap", 2 * RATE),
    ("Ball out of play", "y", 2 * RATE),
    ("Offside", "y", -2 * RATE),
    ("Throw-in", "x", 0.0),
    ("Direct free-kick", "y", 0.0),
])  # fmt: skip
def test_what_passes_in_the_two_seconds_around_an_event(label: str, phase: str, turns: float) -> None:
    rng = np.random.default_rng(4)
    passed = [np.diff(phases(label, EVENT, FRAMES, FPS, rng)[[50, 100]], axis=0)[0] for _ in range(300)]
    mean = np.mean(passed, axis=0)
    assert mean[PHASES.index(phase)] == pytest.approx(turns, abs=0.03)
    others = [index for index, name in enumerate(PHASES) if name != phase]
    assert mean[others] == pytest.approx(0, abs=0.05)


def test_a_mirrored_shot_shows_the_same_class() -> None:
    rng = np.random.default_rng(5)
    sides = [np.sign(np.diff(phases("Shots on target", EVENT, FRAMES, FPS, rng)[[50, 100], 0])[0]) for _ in range(100)]
    assert 30 < sides.count(1.0) < 70


def test_the_motion_fades_on_both_sides() -> None:
    assert envelope(np.array([-3.0, -2.7, -2.5, 0.0, 2.3, 2.5, 2.7])) == pytest.approx([0, 0, 0.5, 1, 1, 0.5, 0])


def test_classes_differ_in_their_motion() -> None:
    named = {tuple(sorted(motion.items())) for motion in MOTIONS.values()}
    assert len(named) == len(CLASSES)


@pytest.fixture(scope="module")
def clips() -> tuple[np.ndarray, np.ndarray]:
    """(classes, clips, T, 64, 64, 3) pictures of a square in the middle, and the class of each."""
    left = (WIDTH - HEIGHT) // 2
    drawn = []
    for index, label in enumerate(LABELS):
        for number in range(TRAINING + HELD_OUT):
            rng = np.random.default_rng([11, index, number])
            drawn.append(draw_shot(phases(label, EVENT, FRAMES, FPS, rng)[WINDOW], rng)[:, :, left : left + HEIGHT])
    return np.stack(drawn), np.repeat(np.arange(len(LABELS)), TRAINING + HELD_OUT)


def accuracy(features: np.ndarray, labels: np.ndarray, ridge: float) -> float:
    """Of least squares onto the classes, fitted on some clips of each class and read on the others."""
    held_out = np.tile(np.arange(TRAINING + HELD_OUT) >= TRAINING, len(LABELS))
    scaled = (features - features[~held_out].mean(axis=0)) / (features[~held_out].std(axis=0) + 1e-9)
    scaled = np.concatenate([scaled, np.ones((len(scaled), 1))], axis=1)
    fitted, targets = scaled[~held_out], np.eye(len(LABELS))[labels[~held_out]]
    kernel = fitted @ fitted.T + ridge * np.eye(len(fitted))
    scores = scaled[held_out] @ fitted.T @ np.linalg.solve(kernel, targets)
    return float((scores.argmax(axis=1) == labels[held_out]).mean())


def motion_statistic(clip: np.ndarray) -> np.ndarray:
    """What moves between successive pictures, how much of the square it covers and how it is spread, in 24 numbers."""
    moving = np.abs(clip - np.median(clip, axis=0)).sum(axis=-1) > 60  # (T, 64, 64)
    spectrum = np.fft.rfft2(moving)
    surface = np.fft.irfft2(spectrum[1:] * spectrum[:-1].conj(), s=moving.shape[1:])
    best = surface.reshape(len(surface), -1).argmax(axis=1)
    step = np.stack(np.unravel_index(best, moving.shape[1:]), axis=1)  # (T - 1, 2) pixels, down and right
    step = np.clip((step + HEIGHT // 2) % HEIGHT - HEIGHT // 2, -6, 6).astype(np.float64)
    area = moving.mean(axis=(1, 2))
    wide = np.abs(spectrum[:, [1, 0], [0, 1]]).sum(axis=1) / (area + 1e-9)
    path = np.cumsum(step, axis=0)
    half = len(step) // 2
    growth, widening = np.diff(area) / area.mean(), np.diff(wide) / (wide.mean() + 1e-9)
    return np.array([
        *step.mean(axis=0), *np.abs(step.mean(axis=0)), *np.abs(step).mean(axis=0), *path.std(axis=0),
        *np.abs(step[:half].mean(axis=0)), *np.abs(step[half:].mean(axis=0)), *np.ptp(path, axis=0),
        np.median(growth), (growth > 0).mean(), growth.std(),
        np.median(widening), (widening > 0).mean(), widening.std(),
        surface.max(axis=(1, 2)).mean() / (moving.sum(axis=(1, 2)).mean() + 1e-9), area.std(),
        np.abs(np.fft.rfft(step[:, 0]))[1:3].sum(), np.abs(np.fft.rfft(step[:, 1]))[1:3].sum(),
    ])  # fmt: skip


@pytest.mark.xdist_group("clips")
@pytest.mark.parametrize("moment", [0, 8, 16, 24, 32])
def test_a_single_picture_does_not_show_the_class(clips: tuple[np.ndarray, np.ndarray], moment: int) -> None:
    pictures, labels = clips
    coarse = pictures[:, moment].reshape(len(pictures), 16, 4, 16, 4, 3).mean(axis=(2, 4)).reshape(len(pictures), -1)
    for ridge in (1.0, 100.0, 10000.0):
        assert accuracy(coarse, labels, ridge) < 2 * CHANCE


@pytest.mark.xdist_group("clips")
def test_a_simple_statistic_of_the_motion_shows_the_class(clips: tuple[np.ndarray, np.ndarray]) -> None:
    pictures, labels = clips
    statistics = np.stack([motion_statistic(clip.astype(np.int16)) for clip in pictures])
    squares = np.concatenate([statistics, statistics**2], axis=1)
    found = accuracy(squares, labels, 1.0)
    assert found > 0.6  # twelve times chance
