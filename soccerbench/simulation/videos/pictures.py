"""Draws a shot: a pitch, two players and a ball between them, and two others who move at random.

What moves is drawn on a square as high as the picture whose edges meet, and the square is repeated to the side: a group
that leaves on the left comes back on the right, and every square cut out of the picture shows it once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from soccerbench.simulation.videos.motions import Floats, wander

HEIGHT, WIDTH = 64, 112
FPS = 25
RADIUS = (4.5, 10.0)  # of a player, pixels, from the smallest size to the largest
GAP = (14.0, 30.0)  # between the two players, pixels
BALL_RADIUS, OTHER_RADIUS = 2.5, 2.5
OTHERS_PX_S = 30.0  # pixels a second that a wander of one turn a second means for the others
TINT = 25.0  # how far a colour may be from its kit
BALL = (250.0, 250.0, 250.0)
OTHER_COLOURS = ((25.0, 25.0, 30.0), (150.0, 150.0, 155.0))
KITS = (
    (205.0, 35.0, 40.0), (40.0, 70.0, 200.0), (240.0, 205.0, 50.0), (235.0, 125.0, 35.0), (120.0, 45.0, 150.0),
    (90.0, 200.0, 230.0), (230.0, 120.0, 170.0), (25.0, 35.0, 85.0), (110.0, 25.0, 35.0), (225.0, 225.0, 215.0),
)  # fmt: skip

Pictures = NDArray[np.uint8]


def draw_shot(phases: Floats, rng: np.random.Generator) -> Pictures:
    """The pictures (T, HEIGHT, WIDTH, 3), RGB, of a shot with `motions.phases` (T, 5).

    Pitch, colours and the other players are drawn, all independent of the event.
    """
    frames = len(phases)
    first, second = rng.choice(len(KITS), size=2, replace=False)
    colours = [np.array(KITS[kit]) + rng.uniform(-TINT, TINT, 3) for kit in (first, second)]
    canvas = np.repeat(_pitch(rng)[None], frames, axis=0)  # (T, HEIGHT, 2 * HEIGHT, 3)
    for other in OTHER_COLOURS:
        passed = np.cumsum(wander(frames, 2, FPS, rng), axis=0) * OTHERS_PX_S / FPS
        _stamp(canvas, rng.random(2) * HEIGHT + passed, np.full(frames, OTHER_RADIUS), np.array(other))
    x, y, turn, size, gap = phases.T
    centre = np.stack([x, y], axis=1) * HEIGHT
    apart = np.stack([np.cos(2 * np.pi * turn), np.sin(2 * np.pi * turn)], axis=1) * _between(GAP, gap)[:, None] / 2
    for sign, colour in zip((1, -1), colours, strict=True):
        _stamp(canvas, centre + sign * apart, _between(RADIUS, size), colour)
    _stamp(canvas, centre, np.full(frames, BALL_RADIUS), np.array(BALL))
    return canvas[:, :, :WIDTH]


def _between(limits: tuple[float, float], phase: Floats) -> Floats:
    low, high = limits
    return low + (high - low) * (phase % 1)


def _pitch(rng: np.random.Generator) -> Pictures:
    """(HEIGHT, 2 * HEIGHT, 3): mown stripes, a touchline and an arc, somewhere."""
    rows, columns = np.mgrid[0:HEIGHT, 0 : 2 * HEIGHT].astype(np.float64)
    angle, stripe_px, offset_px = rng.uniform(0, np.pi), rng.uniform(14, 26), rng.uniform(0, 60)
    along = columns * np.cos(angle) + rows * np.sin(angle)
    bright = ((along + offset_px) // stripe_px) % 2
    grass = np.array([55.0, 120.0, 50.0]) + rng.uniform(-20, 20, 3)
    pitch = grass + 14 * bright[..., None]
    across = rows * np.cos(angle) - columns * np.sin(angle)
    line = np.abs(across - rng.uniform(-HEIGHT, HEIGHT)) < 0.8
    middle = rng.random(2) * (HEIGHT, WIDTH)
    arc = np.abs(np.hypot(rows - middle[0], columns - middle[1]) - rng.uniform(18, 40)) < 0.8
    pitch[line | arc] = 205.0
    drawn: Pictures = pitch.round().clip(0, 255).astype(np.uint8)
    return drawn


def _stamp(canvas: Pictures, centres: Floats, radii: Floats, colour: Floats) -> None:
    """Draw a disc with a soft rim into every picture, once in each of the two squares, in place.

    Args:
        canvas: (T, HEIGHT, 2 * HEIGHT, 3).
        centres: (T, 2), x and y in pixels, wrapped here.
        radii: (T,) pixels.
    """
    reach = int(np.ceil(radii.max())) + 1
    around = np.floor(centres).astype(np.int64)[:, :, None] + np.arange(-reach, reach + 1)  # (T, 2, K)
    off = around + 0.5 - centres[:, :, None]
    away = np.hypot(off[:, 1, :, None], off[:, 0, None, :])  # (T, K rows, K columns)
    cover = np.clip(radii[:, None, None] + 0.5 - away, 0, 1)[..., None]
    picture = np.arange(len(canvas))[:, None, None]
    rows = around[:, 1, :, None] % HEIGHT
    for square in range(2):
        columns = around[:, 0, None, :] % HEIGHT + square * HEIGHT
        below = canvas[picture, rows, columns]
        canvas[picture, rows, columns] = np.rint(below + cover * (colour.clip(0, 255) - below)).astype(np.uint8)
