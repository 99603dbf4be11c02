"""Spotting labels: what a strict reader refuses, and what a lenient one makes of it, as the official scorer does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.games import official_games
from soccerbench.soccernet.labels import read_spotting_labels

REFERENCE = SHARED / "soccernet_v2_labels.zip"
GAME = "league/2020-2021/game"
GOAL = {"gameTime": "1 - 02:13", "label": "Goal", "position": "133295", "team": "home", "visibility": "visible"}
FOUL = {"gameTime": "2 - 00:01", "label": "Foul", "position": "1500", "team": "away", "visibility": "not shown"}


def read(root: Path, annotations: Any, *, strict: bool = True, text: str | None = None) -> Events:
    (root / GAME).mkdir(parents=True, exist_ok=True)
    text = json.dumps({"UrlLocal": f"{GAME}/", "annotations": annotations}) if text is None else text
    (root / GAME / "Labels-v2.json").write_text(text)
    return read_spotting_labels(Tree(root), GAME, strict=strict)


@pytest.mark.parametrize("strict", [True, False])
def test_clean_labels(tmp_path: Path, strict: bool) -> None:
    labels = read(tmp_path, [GOAL, FOUL, GOAL], strict=strict)
    assert labels.game == GAME
    assert labels.half.tolist() == [1, 2, 1]
    assert [CLASSES[label] for label in labels.label] == ["Goal", "Foul", "Goal"]  # a duplicate is kept
    assert labels.position_ms.tolist() == [133295, 1500, 133295]
    assert labels.visible.tolist() == [True, False, True]
    assert not labels.warnings
    assert (labels.half.dtype, labels.position_ms.dtype, labels.visible.dtype) == (np.int64, np.int64, np.bool_)


@pytest.mark.parametrize("strict", [True, False])
def test_no_events(tmp_path: Path, strict: bool) -> None:
    labels = read(tmp_path, [], strict=strict)
    assert len(labels.half) == len(labels.visible) == 0
    assert (labels.half.dtype, labels.visible.dtype) == (np.int64, np.bool_)


def test_the_careful_reader_gives_what_the_fast_one_does(tmp_path: Path) -> None:
    fast = read(tmp_path, [GOAL, FOUL])
    careful = read(tmp_path, [{**GOAL, "gameTime": "1 - 002:13"}, FOUL])  # three digits: not for the fast path
    for name in ("half", "label", "position_ms", "visible"):
        assert getattr(fast, name).tolist() == getattr(careful, name).tolist()
        assert getattr(fast, name).dtype == getattr(careful, name).dtype


UNUSUAL = [
    ({"label": "goal"}, None, "events of the unknown class"),
    ({"label": None}, None, "events of the unknown class"),
    ({"gameTime": "3 - 00:10"}, None, "halves other than"),
    ({"position": "-1500"}, (1, -1500, True), "positions before the half"),
    ({"position": 7_300_000}, (1, 7_300_000, True), "positions beyond two hours"),
    ({"position": 10**15}, (1, 10**12, True), "positions beyond two hours"),
    ({"position": 1500.9}, (1, 1500, True), "no whole number"),
    ({"position": True}, (1, 1, True), "no whole number"),
    ({"gameTime": "1x02:13"}, (1, 133295, True), "oddly written gameTimes"),
]
FATAL: list[tuple[Any, str]] = [
    (GOAL | {"position": "soon"}, "position 'soon' is no whole number"),
    (GOAL | {"position": None}, "position None is no whole number"),
    (GOAL | {"position": [1]}, "is no whole number"),
    (GOAL | {"position": "-7200600"}, "is before the half"),
    (GOAL | {"position": "9" * 400}, "is beyond two hours"),  # the official division overflows
    (GOAL | {"gameTime": "x - 02:13"}, "gameTime 'x - 02:13'"),
    (GOAL | {"gameTime": 213}, "gameTime 213"),
    (GOAL | {"label": []}, "unknown event"),
    ({key: value for key, value in GOAL.items() if key != "gameTime"}, "key 'gameTime' is missing"),
    ({key: value for key, value in GOAL.items() if key != "label"}, "key 'label' is missing"),
    ("event", "'event' is no object"),
    (None, "None is no object"),
]


@pytest.mark.parametrize(("change", "row", "warning"), UNUSUAL)
def test_what_the_official_scorer_takes_is_counted(
    tmp_path: Path, change: dict[str, Any], row: tuple[int, int, bool] | None, warning: str
) -> None:
    labels = read(tmp_path, [FOUL, GOAL | change], strict=False)
    rows = list(zip(labels.half, labels.position_ms, labels.visible, strict=True))[1:]
    assert rows == ([] if row is None else [row])
    (kind,) = labels.warnings
    assert warning in kind
    assert labels.warnings[kind] == 1


@pytest.mark.parametrize("entry", [GOAL | change for change, _, _ in UNUSUAL] + [entry for entry, _ in FATAL])
def test_a_strict_reader_names_the_entry(tmp_path: Path, entry: Any) -> None:
    with pytest.raises(InputError, match=r"Labels-v2\.json: annotations, entry 2: .*; ") as caught:
        read(tmp_path, [FOUL, entry])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("entry", "problem"), FATAL)
def test_a_lenient_reader_refuses_what_the_official_scorer_fails_on(tmp_path: Path, entry: Any, problem: str) -> None:
    with pytest.raises(InputError, match="annotations, entry 2") as caught:
        read(tmp_path, [FOUL, entry], strict=False)
    assert problem in str(caught.value)


def test_without_a_position_the_clock_counts(tmp_path: Path) -> None:
    entry = {key: value for key, value in GOAL.items() if key != "position"}
    assert read(tmp_path, [entry], strict=False).position_ms.tolist() == [133_000]
    with pytest.raises(InputError, match="key 'position' is missing"):
        read(tmp_path, [entry])


def test_anything_but_not_shown_is_visible(tmp_path: Path) -> None:
    entries = [GOAL | {"visibility": value} for value in ("NOT SHOWN", None, 0, "not shown")]
    bare = {key: value for key, value in GOAL.items() if key != "visibility"}
    assert read(tmp_path, [*entries, bare], strict=False).visible.tolist() == [True, True, True, False, True]
    with pytest.raises(InputError, match="key 'visibility' is missing"):
        read(tmp_path, [bare])


@pytest.mark.parametrize(
    "document", ["[]", "1", "null", '"annotations"', "{}", '{"annotations": 1}', '{"annotations": "x"}']
)
def test_no_list_of_annotations(tmp_path: Path, document: str) -> None:
    for strict in (True, False):
        with pytest.raises(InputError, match="no list under 'annotations'"):
            read(tmp_path, None, strict=strict, text=document)


def test_repeated_keys_are_counted_or_refused(tmp_path: Path) -> None:
    text = json.dumps({"annotations": [GOAL]}).replace('"position":', '"position": "5", "position":')
    labels = read(tmp_path, None, strict=False, text=text)
    assert labels.position_ms.tolist() == [133295]
    assert list(labels.warnings.values()) == [1]
    with pytest.raises(InputError, match=r"keys that appear twice in one object \(1\)"):
        read(tmp_path, None, text=text)


def test_a_missing_file_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"Labels-v2\.json: missing"):
        read_spotting_labels(Tree(tmp_path), GAME, strict=True)


def test_all_real_labels_are_clean() -> None:
    """Counts of FACTS: 110,458 actions of 500 games, 19,677 of them not shown."""
    if not REFERENCE.exists():
        pytest.skip(f"reference data is not there: {REFERENCE.name}")
    tree = Tree(REFERENCE)
    games = [game for split in ("train", "valid", "test") for game in official_games(split)]
    labels = [read_spotting_labels(tree, game, strict=True) for game in games]
    assert len(labels) == 500
    assert sum(len(game.label) for game in labels) == 110_458
    assert sum(int((~game.visible).sum()) for game in labels) == 19_677
    counts = np.bincount(np.concatenate([game.label for game in labels]))
    assert counts.tolist() == [
        173, 2566, 1703, 2839, 2098, 5820, 5256, 7896, 31810, 18918, 11674, 10521, 2200, 4836, 2047, 55, 46,
    ]  # fmt: skip
    assert max(int(game.position_ms.max()) for game in labels) == 3_231_909
