"""Files that are written alike are read together, and give what reading each entry by itself gives."""

from __future__ import annotations

import json
import random
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree, reading_at_most
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.labels import read_labels_of
from soccerbench.soccernet.lists import event_files
from soccerbench.soccernet.lists.uniform import body_of, uniform_entries
from soccerbench.soccernet.spotting_predictions import read_predictions_of

ENTRY = {"gameTime": "1 - 00:10", "label": "Goal", "position": "10000", "half": "1", "confidence": "0.5"}
ODD: dict[str, tuple[Any, ...]] = {
    "gameTime": ("1 - 0:9", "3 - 00:10", "", "1, 2", 5),
    "label": ("Corners", "Foul", "Göal", "a" * 99, "", 7, None, '"', "\\"),
    "position": (
        "-500",
        "-",
        "-0",
        "007",
        "+7",
        "12345678",
        "123456789",
        "7200001",
        "1.0",
        "1e3",
        " 7",
        "1_0",
        "1,2",
        "[1",
        "1]",
        "",
        10000,
        2.0,
        10**30,
        [1],
        True,
    ),
    "half": ("2", "3", "1.0", "12", "", 1, 2.0, None, {}),
    "confidence": ("nan", "1e999", "1.5", "-0", ".5", "0.12345678901234567", "9" * 50, 0.25, -1, True, None),
    "model": ("mine", 3, 'x", "half": "2', "}, {", "a:b", [1, {}], "\t"),
}


def made(rng: random.Random, *, odd: float) -> list[dict[str, Any]]:
    """Some predictions, of which a share has an odd value."""
    entries = []
    for _ in range(rng.randint(1, 6)):
        entry: dict[str, Any] = ENTRY | {"label": rng.choice(CLASSES), "position": str(rng.randint(0, 2_700_000))}
        entry |= {"half": rng.choice("12"), "confidence": repr(rng.random()), "visibility": "visible"}
        if rng.random() < odd:
            key = rng.choice(list(ODD))
            entry[key] = rng.choice(ODD[key])
        if rng.random() < odd / 4:
            del entry[rng.choice(list(entry))]
        entries.append(entry)
    return entries


def read(tree: Tree, games: list[str], *, labels: bool, strict: bool) -> list[Events] | str:
    try:
        return (read_labels_of if labels else read_predictions_of)(tree, games, strict=strict)
    except InputError as error:
        return str(error)


def assert_same(found: list[Events] | str, expected: list[Events] | str) -> None:
    assert isinstance(found, str) == isinstance(expected, str), f"{found}, but by itself {expected}"
    if isinstance(found, str) or isinstance(expected, str):
        assert found == expected
        return
    for one, other in zip(found, expected, strict=True):
        assert (one.game, one.warnings) == (other.game, other.warnings)
        for name in ("half", "label", "position_ms", "visible", "confidence"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("labels", [True, False])
def test_files_give_what_each_entry_gives_by_itself(
    tmp_path: Path, labels: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, key = ("Labels-v2.json", "annotations") if labels else ("results_spotting.json", "predictions")
    together = 0
    for case in range(120):
        rng = random.Random(f"{labels} {case}")
        games, options = [], rng.choice(({}, {"indent": 2}, {"separators": (",", ":")}, {"ensure_ascii": False}))
        odd = rng.choice((0, 0, 0.1, 0.5))
        for game in (f"{case}-{number}" for number in range(rng.randint(1, 4))):
            document = {"UrlLocal": game, key: made(rng, odd=odd), "after": [1]}
            text = json.dumps(document, **options)
            if rng.random() < odd / 4:
                text = text.replace('"half"', '"label"', 1)
            (tmp_path / game).mkdir()
            (tmp_path / game / file).write_text(text, "utf-8")
            games.append(game)
        tree, strict = Tree(tmp_path), rng.random() < 0.3
        found = read(tree, games, labels=labels, strict=strict)
        with monkeypatch.context() as patch:
            patch.setattr(event_files, "body_of", lambda *_: None)
            assert_same(found, read(tree, games, labels=labels, strict=strict))
        bodies = [body_of((tmp_path / game / file).read_bytes(), key) for game in games]
        together += all(body is not None and uniform_entries([body]) is not None for body in bodies)
    assert 30 < together < 115


@pytest.mark.parametrize("change", [
    ("]}", "], \"predictions\": []}"), ("]}", "]"), ("{\"gameTime", "{ \"gameTime"), ("}, {", "},, {"), ("}, {", "} {"),
    ("\"half\": \"1\"", "\"half\": 1,2"), ("\"half\": \"1\"", "\"half\": 01"), ("\"half\": \"1\"", "\"half\": \"1"),
    ("0.5", "0.5\x01"), ("Goal", "Go\\u0061l"), ("Goal", "\udc80"), ("}]", "},]"), ("[{", "[,{"), ("[{", "[[{"),
])  # fmt: skip
def test_text_that_is_odd_is_not_taken_for_a_list(change: tuple[str, str]) -> None:
    text = json.dumps({"UrlLocal": "a", "predictions": [ENTRY] * 3})
    assert change[0] in text
    good, odd = (
        body_of(data.encode("utf-8", "surrogateescape"), "predictions") for data in (text, text.replace(*change, 1))
    )
    assert good is not None
    entries = uniform_entries([good, good])
    assert entries is not None
    assert entries.bounds.tolist() == [0, 3, 6]
    assert odd is None or uniform_entries([odd]) is None


def test_an_entry_that_ends_in_the_next_file_is_none() -> None:
    body = body_of(json.dumps({"predictions": [ENTRY] * 2}).encode(), "predictions")
    assert body is not None
    start, end = body.text[: body.text.index(b', "half"')], body.text[body.text.index(b'"half"') :]
    assert uniform_entries([body, body._replace(text=start + b", " + end)]) is not None
    assert uniform_entries([body, body._replace(text=start), body._replace(text=end)]) is None


def test_a_large_zip_is_unpacked_by_another_thread_alike(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the same limits, and the error of the first file that has one."""
    games = [f"league/season/{number}" for number in range(5)]
    entries = [[ENTRY | {"position": str(1000 * number)}] * 3 for number in range(5)]
    entries[3] = [ENTRY | {"position": None}]
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for game, found in zip(games, entries, strict=True):
            archive.writestr(f"{game}/results_spotting.json", json.dumps({"predictions": found}))
    tree = Tree(tmp_path / "all.zip")
    expected = read(tree, games[:3], labels=False, strict=False), read(tree, games, labels=False, strict=False)
    threads = threading.active_count()
    monkeypatch.setattr(event_files, "LARGE_BYTES", 0)
    monkeypatch.setattr(event_files, "BATCH_BYTES", 1)
    assert_same(read(tree, games[:3], labels=False, strict=False), expected[0])
    assert_same(read(tree, games, labels=False, strict=False), expected[1])
    with reading_at_most(1e-5):
        assert "at most 10 are read" in str(read(tree, games, labels=False, strict=False))
    assert threading.active_count() == threads
