"""`soccernet` equals the official scorer in every output, on generated games and on a real submission."""

from __future__ import annotations

import os

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from soccerbench.metrics.spotting import average_map
from soccerbench.metrics.tolerances import LOOSE_S, TIGHT_S
from soccerbench.soccernet.classes import CLASSES

FULL = os.environ.get("SOCCERBENCH_PARITY") == "full"
CLASS_COUNT = 3  # the official scorer's time grows with them; the 17th behaves as the third
THRESHOLDS = np.linspace(0, 1, 200).tolist()

# The start, a stretch where events crowd, the end of the official vectors, and before the half, where they wrap.
positions_ms = st.one_of(
    st.integers(0, 20_000),
    st.integers(0, 60).map(lambda frame: 500 * frame),
    st.integers(7_195_000, 7_300_000),
    st.integers(-7_000, 0),
    st.integers(-7_200_000, -7_190_000),
    st.sampled_from([-7_200_499, 10**12]),
)
confidences = st.one_of(
    st.floats(0, 1),
    st.sampled_from(THRESHOLDS),
    st.sampled_from([0.5, 0.5, 1.0, 0.0, -0.0, -0.5, 1.5, float("nan"), float("inf")]),
)
labels = st.sampled_from([*CLASSES[:CLASS_COUNT], *CLASSES[:CLASS_COUNT]])
annotation = st.builds(
    lambda half, label, position, visibility: {
        "gameTime": f"{half} - 00:00",
        "label": label,
        "position": str(position),
        "visibility": visibility,
    },
    st.sampled_from([1, 1, 2]),
    labels,
    positions_ms,
    st.sampled_from(["visible", "not shown"]),
)
prediction = st.builds(
    lambda half, label, position, confidence: {
        "half": str(half),
        "label": label,
        "position": str(position),
        "confidence": confidence,
    },
    st.sampled_from([1, 1, 2]),
    labels,
    positions_ms,
    confidences,
)
games = st.lists(
    st.tuples(st.lists(annotation, max_size=12), st.lists(prediction, max_size=25)), min_size=1, max_size=3
)
tolerances = st.one_of(
    st.sampled_from([(5,), (1, 2), (5, 60), (0.5, 1.5, 7.3)]),
    st.lists(st.integers(1, 60), min_size=1, max_size=3, unique=True).map(sorted).map(tuple),
)


def assert_equal(score, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(score, name), value, rtol=0, atol=1e-12, err_msg=name)


@settings(max_examples=2000 if FULL else 100)
@given(games=games, deltas_s=tolerances)
def test_equals_the_official_scorer_on_generated_games(games, deltas_s, official_spotting, read_events):
    score = average_map(
        targets=[read_events(annotations) for annotations, _ in games],
        detections=[read_events(predictions) for _, predictions in games],
        deltas_s=deltas_s,
        classes=CLASS_COUNT,
    )
    assert_equal(score, official_spotting(games, deltas_s, CLASS_COUNT))


@pytest.mark.parametrize("kind", ["annotations", "predictions"])
def test_what_the_official_scorer_fails_on_is_named(kind, official_spotting, read_events):
    entry = {"gameTime": "1 - 00:00", "half": "1", "label": "Goal", "position": "-7200500", "confidence": "0.5"}
    annotations, predictions = ([entry], []) if kind == "annotations" else ([], [entry])
    with pytest.raises(IndexError):
        official_spotting([(annotations, predictions)], (5, 10), CLASS_COUNT)
    with pytest.raises(ValueError, match="position -7200500 ms"):
        average_map(targets=[read_events(annotations)], detections=[read_events(predictions)], deltas_s=(5, 10))


def test_equals_the_official_scorer_on_a_real_submission(real_games, official_spotting, read_events):
    score = average_map(
        targets=[read_events(annotations) for annotations, _ in real_games],
        detections=[read_events(predictions) for _, predictions in real_games],
        deltas_s=TIGHT_S,
    )
    assert score.average_map == pytest.approx(0.04222371313449455, rel=0, abs=1e-12)
    assert_equal(score, official_spotting(real_games, TIGHT_S, len(CLASSES)))


def test_loose_score_of_a_real_submission(real_games, read_events):
    score = average_map(
        targets=[read_events(annotations) for annotations, _ in real_games],
        detections=[read_events(predictions) for _, predictions in real_games],
        deltas_s=LOOSE_S,
    )
    assert score.average_map == pytest.approx(0.31382766826473724, rel=0, abs=1e-12)
    assert score.average_map_visible == pytest.approx(0.342661, rel=0, abs=1e-6)
    assert score.average_map_unshown == pytest.approx(0.232338, rel=0, abs=1e-6)


@pytest.mark.slow
@pytest.mark.skipif(not FULL, reason="the official scorer takes half a minute: SOCCERBENCH_PARITY=full")
def test_equals_the_official_scorer_on_a_real_submission_at_loose_tolerances(
    real_games, official_spotting, read_events
):
    score = average_map(
        targets=[read_events(annotations) for annotations, _ in real_games],
        detections=[read_events(predictions) for _, predictions in real_games],
        deltas_s=LOOSE_S,
    )
    assert_equal(score, official_spotting(real_games, LOOSE_S, len(CLASSES)))
