"""OSL-JSON: the events of many games in one file, read as SoccerNet's files and written from them.

Source: the v2 files of OpenSportsLib (`data`, each with `inputs` and `events`) and its annotation tool
(`confidence_score`); v1 has `videos`, each with `annotations`, whose entries are as in SoccerNet's files.

Conventions
    item      one entry of `data`: the events of one half, whose video's name begins with 1 or 2, or of a whole game
    game      the folder of the item's first input, spelled as the official one if it is that
    head      the events of "action" if there are any, else of all heads
    exact     what the other format cannot say is kept: the rest of SoccerNet's file in an item's `soccernet`; items and
              the file's keys in the `osl` of SoccerNet's document
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.classes import CLASSES, LABEL_FILES
from soccerbench.soccernet.columns import OFFICIAL_ERRORS
from soccerbench.soccernet.game_files import official_spelling
from soccerbench.soccernet.games import GAME_DEPTH
from soccerbench.soccernet.osl.entries import FPS, HEAD, Document, entry_of, event_of, half_of, placed

FILES = {"annotations": "Labels-v2.json", "predictions": "results_spotting.json"}
_LISTS = ("events", "annotations", "predictions")
_HALF = re.compile(r"([12])(?:[_.]|$)")
_REMEDY = 'write {"data": [{"inputs": [{"path": "…/1_224p.mkv"}], "events": [{"label": …, "position_ms": …}]}]}'


class GameFile(NamedTuple):
    """One game's file as SoccerNet has it.

    Args:
        game: "league/season/game".
        file: such as "Labels-v2.json".
        document: its JSON.
    """

    game: str
    file: str
    document: Document

    @property
    def key(self) -> str:
        """Of the list of entries."""
        return "predictions" if "predictions" in self.document else "annotations"


def osl_documents(tree: Tree) -> list[tuple[Path, Document]]:
    """The OSL-JSON among a tree's JSON files, with where each is; a file that is no JSON is none."""
    found = []
    for name in tree.names():
        with suppress(InputError):
            data = tree.read(name) if name.lower().endswith(".json") else b""
            if b'"data"' in data or b'"videos"' in data:
                document = parse_json(data, tree.where(name))
                if isinstance(document, dict) and any(
                    isinstance(document.get(key), list) for key in ("data", "videos")
                ):
                    found.append((tree.where(name), document))
    return found


def classes_of(document: Document) -> list[str]:
    """The labels that a file declares, of its head "action" or its only one; none if they are not clear."""
    declared = document.get("labels")
    if isinstance(declared, dict):
        head = declared.get(HEAD, next(iter(declared.values()), None) if len(declared) == 1 else None)
        declared = head.get("labels") if isinstance(head, dict) else None
    return [name for name in declared if isinstance(name, str)] if isinstance(declared, list) else []


def to_osl(games: Iterable[tuple[GameFile, Path]], classes: Sequence[str] = CLASSES) -> Document:
    """SoccerNet's files as one v2 document.

    Args:
        games: labels or predictions, and where each is, for errors.
        classes: to declare, where the games do not come from a document that did.

    Raises:
        InputError: an entry without label, half or position.
    """
    head, items = _head(classes), list[tuple[float, Document]]()
    for game, path in games:
        kept = game.document.get("osl")
        if isinstance(kept, dict) and isinstance(kept.get("file"), dict):
            head = kept["file"]
        items += _items_of(game, kept if isinstance(kept, dict) else {}, path)
    return head | {"data": [item for _, item in sorted(items, key=lambda item: item[0])]}


def from_osl(document: Document, path: Path) -> list[GameFile]:
    """The games of a document of either version as SoccerNet's files: predictions if events have confidences.

    Raises:
        InputError: an item or an event without what is needed of it.
    """
    version_2 = isinstance(document.get("data"), list)
    items = [_Item.read(given, row, path) for row, given in enumerate(document["data" if version_2 else "videos"])]
    key = "predictions" if any("confidence" in entry for item in items for entry in item.entries) else "annotations"
    by_game: dict[str, list[_Item]] = {}
    for item in items:
        by_game.setdefault(item.game, []).append(item)
    games = [_game_of(game, parts, key) for game, parts in by_game.items()]
    head = {name: value for name, value in document.items() if name != "data"}
    if games and version_2 and head != _head(classes_of(document)):
        games[0].document.setdefault("osl", {})["file"] = head
    return games


def _head(classes: Sequence[str]) -> Document:
    labels = {HEAD: {"type": "single_label", "labels": list(classes)}}
    return {"version": "2.0", "task": "localization", "labels": labels}


class _Item(NamedTuple):
    """One item: its place in the file, itself without its events, all of these, and the entries of those that count."""

    game: str
    row: int
    given: Document
    events: list[Document]
    entries: list[Document]

    @classmethod
    def read(cls, given: Any, row: int, path: Path) -> _Item:
        """Read an item; `path` and its place in the file are named in errors."""
        place = f"item {row + 1}"
        key = next((key for key in _LISTS if key in given), "events") if isinstance(given, dict) else ""
        events = given.get(key, []) if key else None
        if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
            raise InputError(path, f"{place}: no object with a list of events", _REMEDY)
        inputs = given.get("inputs")
        first = inputs[0] if isinstance(inputs, list) and inputs and isinstance(inputs[0], dict) else given
        video = next((first[name] for name in ("path", "path_video") if isinstance(first.get(name), str)), "")
        *folders, file = str(video).replace("\\", "/").strip("/").split("/")
        game = (
            official_spelling(str(video)) or "/".join(folders[-GAME_DEPTH:]) or str(given.get("id") or Path(file).stem)
        )
        half = _HALF.match(file)
        counted = [event for event in events if event.get("head") == HEAD] or events
        entries = []
        for number, event in enumerate(counted, 1):
            with placed(path, f"{place}, {key}, entry {number}"):
                entries.append(entry_of(event, half and int(half[1]), first.get("fps", FPS)))
        return cls(game, row, {name: value for name, value in given.items() if name != key}, events, entries)


def _game_of(game: str, items: Sequence[_Item], key: str) -> GameFile:
    """The file of one game, with its items if they cannot be made from it again."""
    entries = [entry for item in items for entry in item.entries]
    kept = items[0].given.get("soccernet")
    if isinstance(kept, dict) and isinstance(kept.get("document"), dict):
        rows = kept.get("rows")
        if isinstance(rows, list) and sorted(map(str, rows)) == sorted(map(str, range(len(entries)))):
            entries = [entry for _, entry in sorted(zip(rows, entries, strict=True), key=lambda pair: pair[0])]
        file = str(kept.get("file", FILES[key]))
        key = "annotations" if file in LABEL_FILES else "predictions"
        return GameFile(game, file, kept["document"] | {key: entries})
    document = {"UrlLocal": game, key: entries}
    found = GameFile(game, FILES[key], document)
    parts = [
        {"row": item.row, "count": len(item.entries), "item": item.given, "others": _others(item)} for item in items
    ]
    return found._replace(document=document | {"osl": {"items": parts}})


def _others(item: _Item) -> list[tuple[int, Document]]:
    """The events of an item that are none of the game's entries, with their places."""
    if len(item.entries) == len(item.events):
        return []
    return [(row, event) for row, event in enumerate(item.events) if event.get("head") != HEAD]


def _items_of(game: GameFile, kept: Document, path: Path) -> list[tuple[float, Document]]:
    """The items of one game, with their places in the file: those that it came from, or one a half."""
    entries = game.document.get(game.key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise InputError(path, f"no list of objects under {game.key!r}", f'write {{"{game.key}": [{{…}}, …]}}')
    events, halves = [], []
    for number, entry in enumerate(entries, 1):
        with placed(path, f"{game.key}, entry {number}"):
            events.append(event_of(entry))
            halves.append(half_of(entry))
    if parts := _kept_parts(kept, len(entries)):
        items, start = list[tuple[float, Document]](), 0
        for row, count, item, others in parts:
            found = events[start : start + count]
            for place, event in others:
                found.insert(place, event)
            items.append((row, item | {"events": found}))
            start += count
        return items
    order = [row for half in (1, 2) for row in range(len(entries)) if halves[row] == half]
    rest = {name: value for name, value in game.document.items() if name != game.key}
    soccernet = {"file": game.file, "document": rest} | ({} if order == sorted(order) else {"rows": order})
    return [
        (
            math.inf,
            {
                "id": f"{game.game}/{half}",
                "inputs": [{"path": f"{game.game}/{half}_224p.mkv", "type": "video", "fps": FPS}],
                "events": [event for event, of in zip(events, halves, strict=True) if of == half],
            }
            | ({"soccernet": soccernet} if half == 1 else {}),
        )
        for half in (1, 2)
    ]


def _kept_parts(kept: Document, entries: int) -> list[tuple[int, int, Document, list[Any]]]:
    """The items that a game came from; none if it did not, or has more or fewer entries now."""
    try:
        parts = [
            (
                int(part["row"]),
                int(part["count"]),
                dict(part["item"]),
                [(int(row), event) for row, event in part["others"]],
            )
            for part in kept["items"]
        ]
    except OFFICIAL_ERRORS:
        return []
    return parts if sum(count for _, count, _, _ in parts) == entries else []
