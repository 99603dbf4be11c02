"""Spotting predictions: read as the official scorer reads them, or strictly, and written so that nothing is lost."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.spotting_predictions import (
    read_spotting_predictions,
    spotting_bytes,
    write_spotting_predictions,
)

GAME = "league/2020-2021/game"
GOAL = {"gameTime": "1 - 0:31", "label": "Goal", "position": "31500", "half": "1", "confidence": "0.25"}
FOUL = {"gameTime": "2 - 0:02", "label": "Foul", "position": 2000, "half": 2, "confidence": 0.5}


def read(root: Path, entries: Any, *, strict: bool = True, text: str | None = None) -> Events:
    (root / GAME).mkdir(parents=True, exist_ok=True)
    text = json.dumps({"UrlLocal": GAME, "predictions": entries}) if text is None else text
    (root / GAME / "results_spotting.json").write_text(text)
    return read_spotting_predictions(Tree(root), GAME, strict=strict)


def make(position_ms: Any, confidence: Any, half: Any = None, label: Any = None) -> Events:
    position = np.array(position_ms, np.int64)
    return Events(
        np.ones(len(position), np.int64) if half is None else np.array(half),
        np.arange(len(position)) % len(CLASSES) if label is None else np.array(label),
        position,
        confidence=np.array(confidence),
        game=GAME,
    )


@pytest.mark.parametrize("strict", [True, False])
def test_text_and_numbers(tmp_path: Path, strict: bool) -> None:
    predictions = read(tmp_path, [GOAL, FOUL], strict=strict)
    assert predictions.half.tolist() == [1, 2]
    assert [CLASSES[label] for label in predictions.label] == ["Goal", "Foul"]
    assert predictions.position_ms.tolist() == [31500, 2000]
    assert predictions.confidence.tolist() == [0.25, 0.5]
    assert not predictions.warnings


def test_no_predictions(tmp_path: Path) -> None:
    predictions = read(tmp_path, [])
    assert len(predictions.half) == len(predictions.confidence) == 0
    assert predictions.confidence.dtype == np.float64


UNUSUAL: list[tuple[dict[str, Any], tuple[int, int, float] | None, str]] = [
    ({"label": "goal"}, None, "events of the unknown class"),
    ({"half": "3"}, None, "halves other than"),
    ({"half": 0}, None, "halves other than"),
    ({"half": 1.9}, (1, 31500, 0.25), "halves other than"),
    ({"position": -1500}, (1, -1500, 0.25), "before the half"),
    ({"position": "7200001"}, (1, 7_200_001, 0.25), "beyond two hours"),
    ({"position": 31500.7}, (1, 31500, 0.25), "no whole number"),
    ({"confidence": "1.5"}, (1, 31500, 1.5), "above 1"),
    ({"confidence": "inf"}, (1, 31500, math.inf), "above 1"),
    ({"confidence": -0.5}, (1, 31500, -0.5), "below 0"),
    ({"confidence": True}, (1, 31500, 1.0), "true or false"),
]
FATAL: list[tuple[dict[str, Any], str]] = [
    ({"position": "1e3"}, "position '1e3' is no whole number"),
    ({"position": "-7200600"}, "is before the half"),
    ({"half": "first"}, "half 'first'"),
    ({"half": "1.0"}, "half '1.0'"),
    ({"confidence": "sure"}, "confidence 'sure' is no number"),
    ({"confidence": [0.5]}, "is no number"),
    ({"confidence": 10**400}, "is no number"),
    ({"label": {}}, "unknown event"),
]


@pytest.mark.parametrize(("change", "row", "warning"), UNUSUAL)
def test_what_the_official_scorer_takes_is_counted(
    tmp_path: Path, change: dict[str, Any], row: tuple[int, int, float] | None, warning: str
) -> None:
    predictions = read(tmp_path, [FOUL, GOAL | change], strict=False)
    rows = list(zip(predictions.half, predictions.position_ms, predictions.confidence, strict=True))[1:]
    assert rows == ([] if row is None else [row])
    (kind,) = predictions.warnings
    assert warning in kind
    assert predictions.warnings[kind] == 1


@pytest.mark.parametrize("value", ["NaN", "null", '"nan"'])
def test_a_confidence_that_is_no_number_is_kept_as_none(tmp_path: Path, value: str) -> None:
    text = json.dumps({"predictions": [GOAL]}).replace('"0.25"', value)
    predictions = read(tmp_path, None, strict=False, text=text)
    assert math.isnan(predictions.confidence[0])
    assert "never counted" in next(iter(predictions.warnings))
    with pytest.raises(InputError):
        read(tmp_path, None, text=text)


@pytest.mark.parametrize("change", [change for change, *_ in [*UNUSUAL, *FATAL]])
def test_a_strict_reader_names_the_entry(tmp_path: Path, change: dict[str, Any]) -> None:
    with pytest.raises(InputError, match=r"results_spotting\.json: (predictions, entry 2: .*; |line 1 )"):
        read(tmp_path, [FOUL, GOAL | change])


@pytest.mark.parametrize(("change", "problem"), FATAL)
def test_a_lenient_reader_refuses_what_the_official_scorer_fails_on(
    tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    with pytest.raises(InputError, match="predictions, entry 2") as caught:
        read(tmp_path, [FOUL, GOAL | change], strict=False)
    assert problem in str(caught.value)


@pytest.mark.parametrize("key", ["label", "position", "half", "confidence"])
def test_a_missing_key_is_an_error_for_both(tmp_path: Path, key: str) -> None:
    entry = {name: value for name, value in GOAL.items() if name != key}
    for strict in (True, False):
        with pytest.raises(InputError, match=f"entry 1: key '{key}' is missing"):
            read(tmp_path, [entry], strict=strict)


def test_a_second_of_a_class_in_half_a_second(tmp_path: Path) -> None:
    entries = [GOAL, GOAL | {"position": 31999, "confidence": 0.1}, GOAL | {"position": 32000}, GOAL | {"half": 2}]
    predictions = read(tmp_path, entries, strict=False)
    assert len(predictions.half) == 4  # the scorer drops the first, not the reader
    assert list(predictions.warnings.values()) == [1]
    with pytest.raises(InputError, match="entry 2: a second 'Goal' within half a second"):
        read(tmp_path, entries)


def test_the_written_form_is_the_official_one() -> None:
    predictions = make([31500, 2_685_000], [0.0066, 1.0], half=[1, 2], label=[1, 2])
    assert json.loads(spotting_bytes(predictions)) == {
        "UrlLocal": GAME,
        "predictions": [
            {"gameTime": "1 - 00:31", "label": "Kick-off", "position": "31500", "half": "1", "confidence": "0.0066"},
            {"gameTime": "2 - 44:45", "label": "Goal", "position": "2685000", "half": "2", "confidence": "1.0"},
        ],
    }


@given(
    st.lists(
        st.tuples(
            st.integers(1, 2),
            st.integers(0, len(CLASSES) - 1),
            st.integers(0, 7_200_000),
            st.one_of(st.floats(0, 1), st.floats(0, 1, width=32)),
        ),
        max_size=20,
        unique_by=lambda row: (row[0], row[1], row[2] // 1000),
    )
)
def test_what_is_written_reads_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, int, float]]
) -> None:
    columns = np.array([row[:3] for row in rows], np.int64).reshape(-1, 3).T
    written = Events(*columns, confidence=np.array([row[3] for row in rows], np.float64), game=GAME)
    path = tmp_path_factory.mktemp("zip") / "results.zip"
    write_spotting_predictions(path, [written])
    back = read_spotting_predictions(Tree(path), GAME, strict=False)
    for name in ("half", "label", "position_ms", "confidence"):
        assert getattr(back, name).tolist() == getattr(written, name).tolist()


def test_float32_confidences_read_back_the_same(tmp_path: Path) -> None:
    confidence = np.random.default_rng(0).random(50).astype(np.float32)
    path = tmp_path / "results.zip"
    write_spotting_predictions(path, [make(np.arange(50) * 1000, confidence)])
    back = read_spotting_predictions(Tree(path), GAME, strict=True).confidence
    assert np.array_equal(back, confidence.astype(np.float64))


ODD: list[tuple[str, Any]] = [
    *(("position", value) for value in (-1, "-1500", 7.0, "7.0", "1e3", "1_000", " 7 ", "007", True, None, 10**20, [])),
    *(("half", value) for value in (1, 2, 1.0, "3", True, None, {})),
    *(
        ("confidence", value)
        for value in (1, "1", "-0", "nan", "inf", ".5", "5.", "1e400", "1_0", True, None, -0.5, {})
    ),
    *(("label", value) for value in ("goal", "Köln", "a\\u0041", None, 5, [], {"a": 1})),
    *(("gameTime", value) for value in (None, "\\ud800", {"label": "Goal"})),
    ("model", "mine"),
    ("half", ...),
    ("confidence", ...),
    ("gameTime", ...),
]


@pytest.mark.parametrize(("key", "value"), ODD)
@pytest.mark.parametrize("row", [0, 2])
def test_the_fast_way_of_reading_gives_what_the_careful_one_does(
    tmp_path: Path, key: str, value: Any, row: int
) -> None:
    entry = {"gameTime": "1 - 0:1", "label": "Goal", "position": "1500", "half": "1", "confidence": "0.5"}
    entries = [entry | {"position": str(position)} for position in (1500, 2500, 9000, 12000)]
    entries[row][key] = value
    if value is ...:
        del entries[row][key]
    fast = json.dumps({"UrlLocal": GAME, "predictions": entries}, ensure_ascii=False)
    found = []
    for text in (fast, fast.replace('"predictions":', '"predictions" :')):
        (tmp_path / GAME).mkdir(parents=True, exist_ok=True)
        (tmp_path / GAME / "results_spotting.json").write_text(text, "utf-8", errors="surrogatepass")
        try:
            read = read_spotting_predictions(Tree(tmp_path), GAME, strict=False)
        except InputError as error:
            found.append(str(error))
        else:
            columns = (read.half, read.label, read.position_ms, read.confidence)
            found.append(repr(([column.tolist() for column in columns], read.warnings)).replace("-0.0", "0.0"))
    assert found[0] == found[1]


def test_keys_twice_are_counted_in_the_usual_form(tmp_path: Path) -> None:
    text = json.dumps({"predictions": [{"label": "Goal", "position": "1", "half": "1", "confidence": "0.5"}] * 2})
    (tmp_path / GAME).mkdir(parents=True)
    (tmp_path / GAME / "results_spotting.json").write_text(text.replace('"half": "1"', '"half": "2", "half": "1"', 1))
    with pytest.raises(InputError, match=r"keys that appear twice in one object \(1\)"):
        read_spotting_predictions(Tree(tmp_path), GAME, strict=True)
    found = read_spotting_predictions(Tree(tmp_path), GAME, strict=False)
    assert found.warnings["keys that appear twice in one object, the last read"] == 1
