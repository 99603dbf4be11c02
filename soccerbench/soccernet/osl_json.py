"""OSL-JSON: the events of many games in one file, read as SoccerNet's files and written from them.

Source: the v2 files of OpenSportsLib (`data`, each with `inputs` and `events`) and its annotation tool
(`confidence_score`); v1 has `videos`, each with `annotations`, whose entries are as in SoccerNet's files.

Conventions
    item      one entry of `data`: the events of one half, whose video's name begins with 1 or 2, or of a whole game
    game      the folder of the item's first input, spelled as the official one if it is that
    half      from the video's name, else from an event's `gameTime`
    position  `position_ms`, else `frame` at the input's `fps`, else the second of `gameTime`; in a video of both halves
              the second of `gameTime` where the position counts on through them
    head      the events of "action" if there are any, else of all heads
    exact     what the other format cannot say is kept: SoccerNet's entry in the event's `soccernet`, the rest of its
              file in the item's; an event in the entry's `osl`, items and the file's keys in the `osl` of a document
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree, parse_json
from soccerbench.soccernet.classes import CLASSES, LABEL_FILES
from soccerbench.soccernet.columns import OFFICIAL_ERRORS
from soccerbench.soccernet.game_files import official_spelling
from soccerbench.soccernet.games import GAME_DEPTH

Document = dict[str, Any]
FILES = {"annotations": "Labels-v2.json", "predictions": "results_spotting.json"}
HEAD = "action"
FPS = 25  # of SoccerNet's videos
_LISTS = ("events", "annotations", "predictions")
_HALF = re.compile(r"([12])(?:[_.]|$)")
_CLOCK = re.compile(r"([12]) - ([0-9]{1,3}):([0-9]{1,2})", re.ASCII)
_TAKEN = ("head", "label", "gameTime", "position_ms", "position", "half", "confidence", "confidence_score")
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
            with _placed(path, f"{place}, {key}, entry {number}"):
                entries.append(_entry(event, half and int(half[1]), first.get("fps", FPS)))
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
        with _placed(path, f"{game.key}, entry {number}"):
            events.append(_event(entry))
            halves.append(_half_of(entry))
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


@contextmanager
def _placed(path: Path, place: str) -> Iterator[None]:
    """Name the file and the place of an entry that cannot be converted."""
    try:
        yield
    except _UnclearError as error:
        raise InputError(path, f"{place}: {error.args[0]}", error.args[1]) from None


class _UnclearError(ValueError):
    """What is wrong with an entry or an event, and what to do."""


def _entry(event: Document, half: int | None, fps: Any) -> Document:
    """An event as SoccerNet's entry."""
    kept = event.get("soccernet")
    if isinstance(kept, dict):
        with suppress(_UnclearError):
            if _plain_event(kept) == _without(event, "soccernet"):
                return kept
    entry = _plain_entry(event, half, fps)
    return entry if _plain_event(entry) == event else entry | {"osl": {"event": event, "half": half, "fps": fps}}


def _event(entry: Document) -> Document:
    """SoccerNet's entry as an event."""
    kept = entry.get("osl")
    if isinstance(kept, dict) and isinstance(kept.get("event"), dict):
        event: Document = kept["event"]
        with suppress(_UnclearError):
            if _plain_entry(event, kept.get("half"), kept.get("fps")) == _without(entry, "osl"):
                return event
    event = _plain_event(entry)
    return event if _plain_entry(event, _half_of(entry), FPS) == entry else event | {"soccernet": entry}


def _plain_entry(event: Document, half: int | None, fps: Any) -> Document:
    if not isinstance(event.get("label"), str):
        raise _UnclearError("no label", "name one class")
    clock = _CLOCK.fullmatch(str(event.get("gameTime", "")))
    position = _position(event, fps)
    if half is None:
        if clock is None:
            raise _UnclearError("no half", 'name the video 1_… or 2_…, or give gameTime as "1 - 02:13"')
        half, clock_ms = int(clock[1]), 1000 * (60 * int(clock[2]) + int(clock[3]))
        position = clock_ms if abs(position - clock_ms) > 1000 else position
    time = event.get("gameTime", f"{half} - {position // 60000:02d}:{position // 1000 % 60:02d}")
    entry = {"gameTime": time, "label": event["label"], "position": str(position)}
    confidence = event.get("confidence", event.get("confidence_score"))
    if confidence is None:
        entry["visibility"] = "visible"
    else:
        entry |= {"half": str(half), "confidence": confidence if isinstance(confidence, str) else repr(confidence)}
    return entry | {name: value for name, value in event.items() if name not in (*_TAKEN, "osl")}


def _plain_event(entry: Document) -> Document:
    if not isinstance(entry.get("label"), str):
        raise _UnclearError("no label", "name one class")
    _half_of(entry)
    event = {"head": HEAD, "label": entry["label"], "position_ms": _position(entry, FPS)}
    event |= {name: entry[name] for name in ("gameTime",) if name in entry}
    if "confidence" in entry:
        event["confidence"] = _number(entry["confidence"])
    return event | {name: value for name, value in entry.items() if name not in (*_TAKEN, "soccernet")}


def _position(event: Document, fps: Any) -> int:
    """Milliseconds, of an event or an entry."""
    clock = _CLOCK.fullmatch(str(event.get("gameTime", "")))
    try:
        for key in ("position_ms", "position"):
            if key in event:
                return int(event[key])
        if "frame" in event:
            return round(1000 * int(event["frame"]) / float(fps))
        return 1000 * (60 * int(clock[2]) + int(clock[3]))  # type: ignore[index]
    except (*OFFICIAL_ERRORS, ZeroDivisionError):
        raise _UnclearError("no position", 'give milliseconds as "position_ms"') from None


def _half_of(entry: Document) -> int:
    half = str(entry.get("half", str(entry.get("gameTime", ""))[:1])).removesuffix(".0")
    if half not in ("1", "2"):
        raise _UnclearError(f"half {half!r} is neither 1 nor 2", 'give the half, or gameTime as "1 - 02:13"')
    return int(half)


def _number(confidence: Any) -> Any:
    """A confidence as a number, if it is one that JSON has."""
    if not isinstance(confidence, str):
        return confidence
    for kind in (int, float):
        with suppress(ValueError):
            number = kind(confidence)
            return number if math.isfinite(number) and abs(number) < 2**53 else confidence
    return confidence


def _without(document: Document, key: str) -> Document:
    return {name: value for name, value in document.items() if name != key}
