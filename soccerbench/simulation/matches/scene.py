"""The latent scene: what there is to see at each moment of a half, before any extractor looks at it.

Every event is a bump in time along its class's axis and along eight further axes that make it recognisable again
in its replays. Around it are the states of the broadcast (in play, replay, close-up, celebration), look-alikes that
are not events, and the light and stadium of the day. During a replay the live scene is hidden and the replayed event
is seen once more.

Conventions
    amplitude  1 is the mean bump of a visible event
    columns    CLASSES, then CODE axes, then STATES, then STADIUM axes: LATENT in all
    origin     all constants here are chosen by reasoning and were fixed before any training; none is published
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccerbench.simulation.matches.broadcast import Shot
from soccerbench.simulation.matches.match import Event, Match
from soccerbench.simulation.matches.published import EVENT_TOTALS
from soccerbench.soccernet.classes import CLASS_INDEX, CLASSES

CODE, STADIUM = 8, 4
STATES = ("in play", "replay", "close-up", "celebration")
STATE_GAIN = np.array([1.0, 1.5, 0.8, 0.8], np.float32)  # as visible as an event; a replay's logo and slow motion more
CODE_SLICE = slice(len(CLASSES), len(CLASSES) + CODE)
STATE_SLICE = slice(CODE_SLICE.stop, CODE_SLICE.stop + len(STATES))
STADIUM_SLICE = slice(STATE_SLICE.stop, STATE_SLICE.stop + STADIUM)
LATENT = STADIUM_SLICE.stop

HIDDEN_AMPLITUDE = 0.2  # an event that is not shown is guessed from what surrounds it: d' 0.4 where a visible one has 2
AMPLITUDE_SIGMA = 0.25  # events of a class are not equally clear (sigma of the logarithm)
LABEL_JITTER_S = 0.4  # annotators click up to a second off the moment
REPLAY_AMPLITUDE, SLOW_MOTION, REPLAY_CENTRE = 0.9, 1.5, 0.55  # one view of many, slower, past the middle of the clip
VIEW_SIGMA = 0.3  # each view changes the code of an event (in units of one code axis)
LOOKALIKES_PER_MINUTE, LOOKALIKE_AMPLITUDE = 4.0, 0.3  # exponential: one in thirty looks like an event
CELEBRATION_S = (2.0, 22.0)  # after a goal
CLOSE_UP_SHARE, CLOSE_UP_MIN_S, CLOSE_UP_EDGE_S = 0.6, 8.0, 3.0  # of the stoppages of some length, inside their edges
HIDDEN_CLOSE_UP_S = (-3.0, 2.0)  # around an event that is not shown
STADIUM_SIGMA, DRIFT_SIGMA, DRIFT_PERIOD_S = 1.0, 0.3, (600.0, 2700.0)

STOPS = frozenset({"Ball out of play", "Foul", "Offside", "Goal"})
NEUTRAL = frozenset({"Substitution", "Yellow card", "Red card", "Yellow->red card"})

Floats = NDArray[np.float32]
Intervals = list[tuple[float, float]]


def product(left: Floats, right: Floats) -> Floats:
    """Matrix product, (I, J) by (J, K), whose bits do not depend on how many threads a BLAS would use."""
    joined: Floats = np.einsum("ij,jk->ik", left, right, optimize=False)
    return joined


@dataclass(frozen=True)
class Bumps:
    """Things seen at a moment: when, how slowly (1 live), and where on the class and code axes, (N, 25)."""

    time_s: Floats
    slowness: Floats
    weights: Floats

    def seen(self, times_s: Floats, smear_s: float) -> Floats:
        """Their sum at each time, (T, 25), each spread over a Gaussian of `smear_s`."""
        distance = (times_s[:, None] - self.time_s) / (self.slowness * np.float32(smear_s))
        return product(np.exp(np.float32(-0.5) * distance * distance), self.weights)


@dataclass(frozen=True)
class Scene:
    """One half, ready to be looked at with any rate and any smear."""

    live: Bumps
    replayed: Bumps
    in_play: Intervals
    close_ups: Intervals
    celebrations: Intervals
    replays: Intervals
    others: Intervals
    stadium: Floats
    drift: Floats

    def latent(self, *, rows: int, fps: int, smear_s: float) -> Floats:
        """What is there at the times i / fps: (rows, LATENT), float32.

        `smear_s` is half the width of what one row sees: wide for a five-second clip, narrow for a single frame.
        """
        times_s = np.arange(rows, dtype=np.float32) / np.float32(fps)
        replay, away = _inside(times_s, self.replays, smear_s), _inside(times_s, self.others, smear_s)
        live = np.clip(1.0 - replay - away, 0.0, 1.0)[:, None]
        latent = np.empty((rows, LATENT), np.float32)
        latent[:, : CODE_SLICE.stop] = live * self.live.seen(times_s, smear_s)
        latent[:, : CODE_SLICE.stop] += replay[:, None] * self.replayed.seen(times_s, smear_s)
        states = [_inside(times_s, spans, smear_s) for spans in (self.in_play, self.close_ups, self.celebrations)]
        states[1] = np.maximum(states[1], away)
        latent[:, STATE_SLICE] = np.stack([states[0], replay, states[1], states[2]], axis=1) * STATE_GAIN
        latent[:, [STATE_SLICE.start, STATE_SLICE.start + 3]] *= live
        amplitude, period_s, phase = self.drift
        waves = np.sin(2 * np.float32(np.pi) * times_s[:, None] / period_s + phase)
        latent[:, STADIUM_SLICE] = self.stadium + amplitude * waves
        return latent


def scenes(match: Match, shots: list[Shot], rng: np.random.Generator) -> tuple[Scene, Scene]:
    """The scenes of both halves."""
    codes = rng.standard_normal((len(match.events), CODE)) / np.sqrt(CODE)
    strengths = np.exp(AMPLITUDE_SIGMA * rng.standard_normal(len(match.events)))
    stadium = (STADIUM_SIGMA * rng.standard_normal(STADIUM)).astype(np.float32)
    weights = np.zeros((len(match.events), CODE_SLICE.stop), np.float32)
    for row, event in enumerate(match.events):
        weights[row, CLASS_INDEX[event.label]] = 1.0
    weights[:, CODE_SLICE] = codes
    weights *= strengths[:, None].astype(np.float32)
    first, second = (_scene(match, half, shots, weights, stadium, rng) for half in (1, 2))
    return first, second


def _scene(
    match: Match, half: int, shots: list[Shot], weights: Floats, stadium: Floats, rng: np.random.Generator
) -> Scene:
    events, length_s = match.half(half), match.lengths_s[half - 1]
    of_half = np.array([event.half == half for event in match.events], bool)
    clear = np.array([1.0 if event.visible else HIDDEN_AMPLITUDE for event in events], np.float32)
    times_s = np.array([event.position_ms / 1000 for event in events])
    live_s = times_s + LABEL_JITTER_S * rng.standard_normal(len(events))
    lookalike_s, lookalikes = _lookalikes(length_s, rng)
    live = Bumps(
        np.concatenate([live_s, lookalike_s]).astype(np.float32),
        np.ones(len(live_s) + len(lookalike_s), np.float32),
        np.concatenate([weights[of_half] * clear[:, None], lookalikes]),
    )
    here = [shot for shot in shots if shot.half == half]
    in_play, stopped = _phases(events, length_s)
    drift = np.stack(
        [DRIFT_SIGMA * rng.standard_normal(STADIUM), rng.uniform(*DRIFT_PERIOD_S, STADIUM), rng.uniform(0, 6, STADIUM)]
    )
    return Scene(
        live,
        _replayed([shot for shot in here if shot.kind == "replay"], weights, rng),
        in_play,
        _close_ups(events, stopped, rng),
        _around([event for event in events if event.label == "Goal"], CELEBRATION_S),
        [(shot.start_ms / 1000, shot.end_ms / 1000) for shot in here if shot.kind == "replay"],
        [(shot.start_ms / 1000, shot.end_ms / 1000) for shot in here if shot.kind == "other"],
        stadium,
        drift.astype(np.float32),
    )


def _replayed(replays: list[Shot], weights: Floats, rng: np.random.Generator) -> Bumps:
    """Each replay shows its event once more: same class, same code but for the view, in slow motion."""
    shown = np.zeros((len(replays), CODE_SLICE.stop), np.float32)
    for row, shot in enumerate(replays):
        if shot.event is None:
            shown[row, CODE_SLICE] = rng.standard_normal(CODE) / np.sqrt(CODE)
        else:
            shown[row] = weights[shot.event]
    shown[:, CODE_SLICE] += VIEW_SIGMA / np.sqrt(CODE) * rng.standard_normal((len(replays), CODE))
    shown *= REPLAY_AMPLITUDE * np.exp(AMPLITUDE_SIGMA * rng.standard_normal((len(replays), 1)))
    middles_s = [(shot.start_ms + REPLAY_CENTRE * (shot.end_ms - shot.start_ms)) / 1000 for shot in replays]
    return Bumps(np.array(middles_s, np.float32), np.full(len(replays), SLOW_MOTION, np.float32), shown)


def _lookalikes(length_s: int, rng: np.random.Generator) -> tuple[NDArray[np.float64], Floats]:
    """Moments that resemble a class without being an event of it, in proportion to how frequent the class is."""
    count = int(rng.poisson(LOOKALIKES_PER_MINUTE * length_s / 60))
    rates = np.array(list(EVENT_TOTALS.values()), float)
    weights = np.zeros((count, CODE_SLICE.stop), np.float32)
    amplitude = rng.exponential(LOOKALIKE_AMPLITUDE, count)
    weights[np.arange(count), rng.choice(len(rates), count, p=rates / rates.sum())] = amplitude
    weights[:, CODE_SLICE] = amplitude[:, None] * rng.standard_normal((count, CODE)) / np.sqrt(CODE)
    return rng.uniform(0.0, length_s, count), weights


def _phases(events: list[Event], length_s: int) -> tuple[Intervals, list[tuple[float, float, bool]]]:
    """Where the ball is in play, and where it is not: (from, to, whether the restart is shown)."""
    in_play: Intervals = []
    stopped: list[tuple[float, float, bool]] = []
    since_s, playing = 0.0, True
    for event in events:
        now_s = event.position_ms / 1000
        if event.label in NEUTRAL or playing != (event.label in STOPS):
            continue
        if playing:
            in_play.append((since_s, now_s))
        else:
            stopped.append((since_s, now_s, event.visible))
        since_s, playing = now_s, not playing
    if playing:
        in_play.append((since_s, float(length_s)))
    return in_play, stopped


def _close_ups(events: list[Event], stopped: list[tuple[float, float, bool]], rng: np.random.Generator) -> Intervals:
    """Close-ups in stoppages, and around the events that they hide."""
    spans = _around([event for event in events if not event.visible], HIDDEN_CLOSE_UP_S)
    for start_s, end_s, shown in stopped:
        if end_s - start_s > CLOSE_UP_MIN_S and rng.random() < CLOSE_UP_SHARE:
            spans.append((start_s + CLOSE_UP_EDGE_S, end_s - CLOSE_UP_EDGE_S if shown else end_s))
    return spans


def _around(events: list[Event], span_s: tuple[float, float]) -> Intervals:
    """A span next to each event, from its first to its last second from there."""
    return [(event.position_ms / 1000 + span_s[0], event.position_ms / 1000 + span_s[1]) for event in events]


def _inside(times_s: Floats, spans: Intervals, smear_s: float) -> Floats:
    """How far each time is inside any of the spans, 0 to 1, with edges as soft as the smear, (T,)."""
    edges = np.array(spans, np.float32).reshape(-1, 2)
    softness = np.float32(smear_s)
    rise = np.tanh((times_s[:, None] - edges[:, 0]) / softness)
    fall = np.tanh((edges[:, 1] - times_s[:, None]) / softness)
    inside: Floats = (0.25 * (1 + rise) * (1 + fall)).sum(axis=1).astype(np.float32)
    return np.minimum(inside, 1.0, out=inside)
