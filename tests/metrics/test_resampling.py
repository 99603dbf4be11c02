"""Intervals and comparisons: re-sums of the games' counts, and their behaviour where the answer is known."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

import numpy as np
import pytest
from scipy import stats

from soccerbench.events import Annotations, Events
from soccerbench.metrics.grounding import grounding_statistics
from soccerbench.metrics.replay_matching import Replay
from soccerbench.metrics.resampling import (
    COVERAGE,
    bootstrap,
    bootstrap_p,
    compare,
    compare_seeds,
    coverage,
    holm,
    mean_and_deviation,
    percentile,
    permutation_p,
)
from soccerbench.metrics.spotting import average_map, resampled_spotting_scores, spotting_score
from soccerbench.metrics.spotting_counts import spotting_statistics
from soccerbench.metrics.statistics import GroundingStatistics, SpottingStatistics, merge, ranked
from soccerbench.specs.shipped import shipped

PROTOCOLS = ("soccernet", "strict")
DELTAS_S = (5, 10, 20)


def season(seed, games=12, skill=0.7):
    """Targets and detections of some games: each target is found with probability `skill`, with some false alarms."""
    rng = np.random.default_rng(seed)
    targets, detections = [], []
    for _ in range(games):
        frame = np.sort(rng.choice(600, size=rng.integers(5, 25), replace=False))
        label, half = rng.integers(0, 3, len(frame)), rng.integers(1, 3, len(frame))
        targets.append(Events(half, label, frame * 1000, visible=rng.random(len(frame)) < 0.8))
        found = rng.random(len(frame)) < skill
        confidence = np.where(found, rng.random(len(frame)), rng.random(len(frame)) / 2)
        moved = np.where(found, frame * 1000 + rng.integers(0, 3, len(frame)) * 1000, 700_000 + frame * 1000)
        detections.append(Events(half, label, moved, confidence=confidence))
    return targets, detections


def statistics(seed, protocol="soccernet", **options):
    targets, detections = season(seed, **options)
    return spotting_statistics(targets=targets, detections=detections, deltas_s=DELTAS_S, classes=4, protocol=protocol)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_resample_scores_as_the_games_drawn(protocol):
    """The re-sum of counts is the score of the drawn games themselves, an outside computation of the same number."""
    targets, detections = season(0)
    rng = np.random.default_rng(1)
    draws = rng.integers(0, 12, (5, 12))
    weights = np.stack([np.bincount(draw, minlength=12) for draw in draws]).astype(float)
    scores = resampled_spotting_scores(statistics(0, protocol), weights)
    for place, draw in enumerate(draws):
        expected = average_map(
            targets=[targets[game] for game in draw],
            detections=[detections[game] for game in draw],
            deltas_s=DELTAS_S,
            classes=4,
            protocol=protocol,
        )
        for name, value in vars(expected).items():
            np.testing.assert_allclose(scores[name][place], value, rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_many_resamples_score_as_each_alone(protocol):
    weights = np.random.default_rng(1).multinomial(12, [1 / 12] * 12, 90).astype(float)
    together = resampled_spotting_scores(statistics(0, protocol), weights)
    for place in (0, 44, 89):
        alone = resampled_spotting_scores(statistics(0, protocol), weights[[place]])
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][place], values[0], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_chunks_change_nothing(protocol, monkeypatch):
    """Chunks of one resample are summed without the matrix product that many resamples share."""
    counts = statistics(0, protocol)
    weights = np.random.default_rng(2).multinomial(12, [1 / 12] * 12, 14).astype(float)
    expected = resampled_spotting_scores(counts, weights)
    monkeypatch.setattr("soccerbench.metrics.spotting.CELLS", {protocol: 50})
    for name, values in resampled_spotting_scores(counts, weights).items():
        np.testing.assert_array_equal(values, expected[name])


def test_counts_that_float32_cannot_hold():
    counts, weights = statistics(0), np.random.default_rng(2).multinomial(12, [1 / 12] * 12, 14).astype(float)
    expected = resampled_spotting_scores(counts, weights)
    for name, values in resampled_spotting_scores(counts, weights * (2**22 + 1)).items():
        np.testing.assert_array_equal(values, expected[name])


@dataclass
class Drawn:
    """In place of a random generator: the resamples and exchanges given."""

    weights: np.ndarray
    kept: np.ndarray

    def multinomial(self, games, probabilities, size):
        return self.weights

    def integers(self, low, high, shape):
        return self.kept


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_intervals_are_those_of_scipy(protocol):
    counts, draws = statistics(3, protocol, games=6), []

    def score(games):
        draws.append(games)
        return spotting_score([counts[game] for game in games]).average_map

    options = {"n_resamples": 50, "confidence_level": 0.95, "method": "percentile", "vectorized": False}
    expected = stats.bootstrap((np.arange(6),), score, rng=np.random.default_rng(4), **options)
    weights = np.array([np.bincount(draw, minlength=6) for draw in draws[:50]], dtype=float)
    rng = Drawn(weights, weights)
    measured = bootstrap(counts, repetitions=50, rng=rng)["average_map"]
    assert (measured.low, measured.high) == pytest.approx(tuple(expected.confidence_interval), rel=0, abs=1e-12)


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("repetitions", [31, 32])
def test_p_values_are_those_of_scipy(protocol, repetitions):
    """Over all exchanges; of random ones p also counts the observed difference, which adds one above and below."""
    a, b = (statistics(3, protocol, games=5, skill=skill) for skill in (0.9, 0.6))
    both = [*ranked(a), *ranked(b)]

    def difference(x, y):
        first, second = (spotting_score([both[game] for game in games]).average_map for games in (x, y))
        return first - second

    options = {"permutation_type": "samples", "n_resamples": np.inf, "vectorized": False}
    expected = stats.permutation_test((np.arange(5), np.arange(5, 10)), difference, **options)
    exchanges = np.arange(32)[32 - repetitions :, None] >> np.arange(5) & 1  # with 31, not that which keeps all
    measured = compare(a, b, repetitions=repetitions, rng=Drawn(np.ones((repetitions, 5)), exchanges))
    assert measured.difference["average_map"] == pytest.approx(expected.statistic, rel=0, abs=1e-12)
    assert 0 < expected.pvalue < 1
    assert measured.p_value["average_map"] == pytest.approx(expected.pvalue, rel=0, abs=1e-12)
    assert measured.smallest_p == 2 / 32


def transformed(games, function):
    return [replace(game, level=function(game.level)) for game in games]


def test_p_does_not_depend_on_the_scale_of_confidences():
    """Nothing of a comparison changes when one submission's confidences become their tenth root: neither does p."""
    a, b = (statistics(seed, "strict", games=30, skill=skill) for seed, skill in ((0, 0.7), (0, 0.6)))
    plain, other = (
        compare(a, side, repetitions=300, rng=np.random.default_rng(1))
        for side in (b, transformed(b, lambda level: level**0.1))
    )
    assert 0.001 < plain.p_value["average_map"] < 1
    for name, values in plain.p_value.items():
        np.testing.assert_array_equal(values, other.p_value[name])


def test_a_tenth_dropped_is_seen_on_any_scale():
    """Fifty games, a tenth of the detections dropped: p = 0.001, with square roots of the confidences too."""
    a, rng = statistics(5, games=50, skill=0.9), np.random.default_rng(0)
    dropped = []
    for game in a:
        kept = rng.random(len(game.label)) > 0.1
        rows = {name: getattr(game, name)[kept] for name in ("label", "level", "hits", "visible", "count")}
        dropped.append(replace(game, **rows))
    root = transformed(dropped, lambda level: np.int64(np.sqrt(level / 199) * 199))
    for b in (dropped, root):
        assert compare(a, b, repetitions=999, rng=np.random.default_rng(1)).p_value["average_map"] == 0.001


def test_ranks_keep_order_ties_and_score():
    counts = statistics(0)
    ranks = ranked(counts)
    for label in range(3):
        level, rank = (np.concatenate([game.level[game.label == label] for game in games]) for games in (counts, ranks))
        np.testing.assert_array_equal(np.sign(np.subtract.outer(level, level)), np.sign(np.subtract.outer(rank, rank)))
        assert rank.min() == -len(rank)
    for name, value in vars(spotting_score(counts)).items():
        np.testing.assert_array_equal(getattr(spotting_score(ranks), name), value)


def test_seeds_and_games_are_both_resampled():
    """Runs that are alike add nothing to the interval over games; runs that differ widen it; order does not matter."""
    a, b = statistics(0, skill=0.8), statistics(0, skill=0.6)
    low, high = statistics(0, skill=0.4), statistics(0, skill=0.9)
    files = compare(a, b, repetitions=2000, rng=np.random.default_rng(0))
    alike = compare_seeds([a, a], [b, b, b], repetitions=2000, rng=np.random.default_rng(0))
    varied = compare_seeds([a, a], [low, high], repetitions=2000, rng=np.random.default_rng(0))
    turned = compare_seeds([a, a], [high, low], repetitions=2000, rng=np.random.default_rng(0))

    def width(found):
        return found.interval["average_map"].high - found.interval["average_map"].low

    assert alike.difference["average_map"] == pytest.approx(files.difference["average_map"], rel=0, abs=1e-12)
    assert width(alike) == pytest.approx(width(files), rel=1e-9)
    assert width(varied) > 1.5 * width(alike)
    assert width(turned) == pytest.approx(width(varied), rel=0.1)
    assert (alike.runs, files.runs) == ((2, 3), (1, 1))
    with pytest.raises(ValueError, match="one run of a method"):
        compare_seeds([a], [b, b], repetitions=10, rng=np.random.default_rng(0))


def test_p_agrees_with_the_interval_of_resamples():
    differences = np.append(np.full(3, -0.1), np.full(96, 0.2))
    assert bootstrap_p(differences) == pytest.approx(2 * 4 / 100)
    assert np.isnan(bootstrap_p(np.array([0.1, np.nan])))


def test_holm_by_hand():
    np.testing.assert_allclose(
        holm(np.array([0.01, 0.04, np.nan, 0.03])), [0.03, 0.06, np.nan, 0.06], rtol=0, atol=1e-15
    )


def test_coverage_is_what_was_simulated():
    simulated = json.loads((shipped("results") / "intervals" / "comparison.json").read_text())
    for kind, by_games in COVERAGE.items():
        assert {str(games): share for games, share in by_games.items()} == {
            games: round(found["interval"], 2) for games, found in simulated[kind].items()
        }
    smallest = min(COVERAGE["files"])
    assert coverage(1, 1) == coverage(smallest, 1) == COVERAGE["files"][smallest]
    assert coverage(10**6, 3) == COVERAGE["seeds"][max(COVERAGE["seeds"])]


def test_blocks_change_nothing_and_memory_is_bounded(monkeypatch):
    counts = statistics(0)
    whole = bootstrap(counts, repetitions=50, rng=np.random.default_rng(0))["per_class"]
    monkeypatch.setattr("soccerbench.metrics.resampling.BLOCK", 7)
    np.testing.assert_array_equal(
        bootstrap(counts, repetitions=50, rng=np.random.default_rng(0))["per_class"].low, whole.low
    )
    with pytest.raises(ValueError, match=r"1000000000 resamples would need 1,300 GB; at most 100000"):
        bootstrap(counts, repetitions=10**9, rng=np.random.default_rng(0))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_intervals_surround_scores(protocol):
    counts = statistics(0, protocol)
    score = spotting_score(counts)
    intervals = bootstrap(counts, repetitions=200, rng=np.random.default_rng(0))
    assert set(intervals) == set(vars(score))
    overall = intervals["average_map"]
    assert overall.low < score.average_map < overall.high
    assert (overall.level, overall.repetitions) == (0.95, 200)
    assert intervals["per_class"].low.shape == (4,)
    undefined = np.isnan(intervals["per_class"].low)  # the fourth class has no event
    np.testing.assert_array_equal(undefined, [False, False, False, protocol == "strict"])


def test_games_that_are_alike_leave_no_doubt():
    counts = [statistics(0)[0]] * 10
    interval = bootstrap(counts, repetitions=50, rng=np.random.default_rng(0))["average_map"]
    assert interval.low == pytest.approx(interval.high, rel=0, abs=1e-12)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_submission_does_not_differ_from_itself(protocol):
    counts = statistics(0, protocol)
    same = compare(counts, counts, repetitions=100, rng=np.random.default_rng(0))
    assert same.games == 12
    assert same.difference["average_map"] == same.interval["average_map"].high == 0
    assert same.p_value["average_map"] == 1


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clear_difference_is_seen_and_signed(protocol):
    good, bad = statistics(0, protocol, skill=0.95), statistics(0, protocol, skill=0.05)
    better = compare(good, bad, repetitions=199, rng=np.random.default_rng(0))
    assert better.difference["average_map"] == pytest.approx(
        spotting_score(good).average_map - spotting_score(bad).average_map, rel=0, abs=1e-12
    )
    assert better.interval["average_map"].low > 0
    assert better.p_value["average_map"] <= 0.01
    worse = compare(bad, good, repetitions=199, rng=np.random.default_rng(0))
    assert worse.interval["average_map"].high < 0
    assert worse.difference["per_class"][0] == -better.difference["per_class"][0]
    assert np.isnan(better.p_value["per_class"][3]) == (protocol == "strict")


def test_p_value_by_hand():
    exchanged = np.array([0.1, -0.3, 0.2, -0.2])
    assert permutation_p(np.array([0.2]), exchanged) == 4 / 5  # three as large, and the one observed
    assert permutation_p(np.array([-0.5]), exchanged) == 1 / 5


def test_quantiles_by_hand():
    interval = percentile(np.arange(201.0))
    assert (interval.low, interval.high) == pytest.approx((5, 195))


def test_grounding_has_intervals_too():
    def game(second):
        annotations = Annotations(
            time_s=[0, 100],
            replay=[False, True],
            linked=[False, True],
            link_half=[0, 1],
            link_label=[-1, 0],
            link_time_s=[0, 80],
        )
        return annotations, [Replay(1, 100, [second], [0.9])]

    annotations, replays = zip(*map(game, [80.0, 80.0, 500.0, 80.0, 500.0, 81.0]), strict=True)
    counts = grounding_statistics(annotations=annotations, replays=replays, deltas_s=DELTAS_S)
    intervals = bootstrap(counts, repetitions=100, rng=np.random.default_rng(0))
    assert 0 <= intervals["average_ap"].low < intervals["average_ap"].high <= 1
    assert compare(counts, counts, repetitions=20, rng=np.random.default_rng(0)).p_value["average_ap"] == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda counts, rng: bootstrap([], repetitions=10, rng=rng), "no game"),
        (lambda counts, rng: bootstrap(counts, repetitions=0, rng=rng), "0 repetitions"),
        (lambda counts, rng: compare(counts, counts[:5], repetitions=10, rng=rng), "12 games against 5"),
    ],
)
def test_wrong_arguments_are_named(call, message):
    with pytest.raises(ValueError, match=message):
        call(statistics(0), np.random.default_rng(0))


def test_mean_and_deviation_by_hand():
    assert mean_and_deviation([1.0, 3.0]) == (2.0, 2.0**0.5)
    assert mean_and_deviation([5.0]) == (5.0, None)


def test_equal_rows_are_merged():
    label, level, hits, visible, count = np.array(
        [[1, 7, 1, 1, 2], [0, 7, 1, 1, 3], [1, 7, 1, 1, 4], [1, 8, 1, 1, 5]]
    ).T
    merged = np.array(merge(label, level, hits, visible, count)).T
    assert merged.tolist() == [[0, 7, 1, 1, 3], [1, 7, 1, 1, 6], [1, 8, 1, 1, 5]]


@pytest.mark.parametrize("protocol", ["soccernet", "strict"])
def test_counts_of_grounding_survive_json(protocol):
    level = np.array([3, 9]) if protocol == "soccernet" else np.array([0.25, 0.5])
    whole = GroundingStatistics(protocol, (1, 2.5), level, np.array([1, 3]), np.array([0, 2]), 4, 1)
    again = GroundingStatistics.from_json(json.loads(json.dumps(whole.to_json())))
    assert again.to_json() == whole.to_json()
    assert [again.level.dtype, again.kept.dtype, again.hits.dtype] == [level.dtype, np.int64, np.int64]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_game_without_rows_survives_json_with_its_types(protocol):
    game = statistics(0, protocol)[0]
    empty = replace(game, **{name: getattr(game, name)[:0] for name in ("label", "level", "hits", "visible", "count")})
    again = SpottingStatistics.from_json(json.loads(json.dumps(empty.to_json())))
    assert [column.dtype for column in again.rows()] == [column.dtype for column in game.rows()]
    assert [len(column) for column in again.rows()] == [0] * 5
