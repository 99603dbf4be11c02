"""Small valid submissions, and ways to damage their files."""

from __future__ import annotations

import io
import json
import random
import zipfile
from collections.abc import Callable
from typing import Any

GAME = "league/2020-2021/2020-01-01 - 12-00 Home 1 - 0 Away"
EVENTS = ("Penalty", "Kick-off", "Goal")
JUNK: tuple[Any, ...] = (
    None, True, False, 0, 1, 2, 3, -1, -1000, 1.5, -0.0, 1e300, 10**20, -(10**20), 7_199_999, 7_200_001, -7_200_600,
    -20_000_000, "", "1", "2", "3", "-5", " 7 ", "1_000", "1e3", "nan", "inf", "0.5", "٣", "1 - 00:10", "2 - 99:59",
    "9 - 00:00", "00:10", "1:", "\x00", "a" * 3000, "9" * 5000, "not shown", "Goal", "goal", [], {}, [1], {"a": 1},
    [[]], float("nan"), float("inf"), float("-inf"), 10**400, "\ud800", "Corners", "replay",
)  # fmt: skip
ODD: dict[str, tuple[Any, ...]] = {
    "position": (-1, "-1500", -7_200_000, -7_200_500, 7_200_000, "9000000", 1e300, 12.7, True, " 31 ", "1_000"),
    "half": (1, "2", 3, "0", 1.9, True, " 1 "),
    "confidence": (-0.1, "-1", "2", 1.5, "nan", None, True, "inf", float("nan"), 10**20, "1_0", " .5 "),
    "label": ("Corners", "goal", None, 7, "", "Goal"),
    "visibility": ("not shown", "visible", None, 0, "NOT SHOWN", []),
    "gameTime": ("1 - 00:10", "2 - 0:31", "3 - 00:10", "1 - 119:59", "2x-1:-5", "1 00:10"),
    "time": (-1, 0.25, 3499.9, 3500, -3500, "3", "7", True, 12, "00:10", "1:5", "99:99", "00:-5"),
    "score": (-0.1, "2", 1.5, "nan", None, True, float("inf"), "0.5"),
    "end": (10, "20", 30.9, True, -1),
    "start": ("5", 5.5, -1, 10**6),
}
KEYS = (
    "gameTime", "label", "position", "visibility", "half", "confidence", "annotations", "predictions", "link", "time",
    "replay", "Replays", "start", "end", "detection", "score", "UrlLocal",
)  # fmt: skip


def spotting_files(rng: random.Random) -> dict[str, Any]:
    """Labels and predictions of one game, a few events each."""
    labels = [_event(rng) | {"visibility": rng.choice(("visible", "not shown"))} for _ in range(rng.randint(1, 6))]
    predictions = []
    for _ in range(rng.randint(1, 8)):
        near = rng.choice(labels)
        position = max(0, int(near["position"]) + rng.randint(-3000, 3000))
        confidence = rng.choice((str(round(rng.random(), 3)), round(rng.random(), 3)))
        predictions.append(
            {"label": near["label"], "position": str(position), "half": near["gameTime"][0], "confidence": confidence}
        )
    return {
        "Labels-v2.json": {"UrlLocal": GAME + "/", "annotations": labels},
        "results_spotting.json": {"UrlLocal": GAME, "predictions": predictions},
    }


def grounding_files(rng: random.Random) -> dict[str, Any]:
    """Camera annotations and grounded replays of one game."""
    annotations: list[dict[str, Any]] = [{"gameTime": "1 - 00:01", "position": "1000", "replay": "real-time"}]
    replays = []
    for end in sorted(rng.sample(range(10, 90), rng.randint(1, 6))):
        half, event = rng.choice((1, 2)), rng.randint(0, end)
        entry = {"gameTime": f"{half} - 00:{end}", "position": str(end * 1000), "replay": "replay"}
        link = {
            "half": str(half),
            "label": rng.choice(EVENTS),
            "time": f"00:{event:02d}",
            "position": str(event * 1000),
        }
        annotations.append(entry | ({"link": link} if rng.random() < 0.8 else {}))
        times = [max(0, event + rng.randint(-9, 9) / 2) for _ in range(rng.randint(0, 4))]
        detection = [{"time": time, "score": round(rng.random(), 3)} for time in times]
        replays.append({"half": half, "start": end - 5, "end": end, "detection": detection})
    return {
        "Labels-cameras.json": {"UrlLocal": GAME, "annotations": annotations},
        "results_grounding.json": {"UrlLocal:": GAME, "half1_time": 2700, "half2_time": 2700, "Replays": replays},
    }


def _event(rng: random.Random) -> dict[str, Any]:
    position = rng.randint(0, 60_000)
    time = f"{rng.choice((1, 2))} - {position // 60_000:02d}:{position // 1000 % 60:02d}"
    return {"gameTime": time, "label": rng.choice(EVENTS), "position": str(position), "team": "home"}


def encode(document: Any) -> bytes:
    """As Python writes JSON, NaN and all."""
    return json.dumps(document).encode()


def damage_value(document: Any, rng: random.Random) -> bytes:
    """Replace, remove or add something anywhere inside."""
    holders = list(containers(document))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder = rng.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        action = rng.randrange(4)
        if action == 0 and keys:
            del holder[rng.choice(keys)]
        elif action == 1 and isinstance(holder, dict):
            holder[rng.choice(KEYS)] = rng.choice(JUNK)
        elif action == 2 and isinstance(holder, list):
            holder.insert(rng.randint(0, len(holder)), rng.choice([*JUNK, *holder]))
        elif keys:
            holder[rng.choice(keys)] = rng.choice(JUNK)
    return encode(document)


def damage_mildly(document: Any, rng: random.Random) -> bytes:
    """Give a few entries values that are odd but, mostly, still scored."""
    holders = [holder for holder in containers(document) if isinstance(holder, dict) and ODD.keys() & holder.keys()]
    for _ in range(rng.randint(1, 3)):
        if holders:
            holder = rng.choice(holders)
            key = rng.choice(sorted(ODD.keys() & holder.keys()))
            holder[key] = rng.choice(ODD[key])
    return encode(document)


def damage_bytes(document: Any, rng: random.Random) -> bytes:
    """Flip, cut, double or overwrite bytes of the text."""
    return damage_raw(encode(document), rng)


def damage_raw(content: bytes, rng: random.Random) -> bytes:
    """Flip, cut, double or overwrite bytes of any file."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 8))):
        place = rng.randrange(max(len(data), 1))
        action = rng.randrange(4)
        if action == 0 and place < len(data):
            data[place] ^= 1 << rng.randrange(8)
        elif action == 1 and place:
            del data[place:]
        elif action == 2:
            data[place:place] = data[place : place + rng.randint(1, 40)]
        else:
            data[place : place + 1] = rng.choice((b"NaN", b"1e999", b"\xff", b'"', b"{", b"]", b"0", b"-", b"\\u0061"))
    return bytes(data)


def damage_text(document: Any, rng: random.Random) -> bytes:
    """Doubled keys, deep nesting, byte order marks, other encodings, spaces, escaped letters."""
    text = encode(document).decode()
    key = rng.choice([key for key in KEYS if f'"{key}":' in text])
    other = json.dumps(rng.choice(JUNK))
    depth = rng.choice((50, 100_000))
    return rng.choice(
        (
            text.replace(f'"{key}":', f'"{key}": {other}, "{key}":', 1).encode(),
            text.replace(f'"{key}":', f'"{key[:1]}\\u{ord(key[1]):04x}{key[2:]}": {other}, "{key}":', 1).encode(),
            text.replace("{", '{"deep": ' + "[" * depth + "]" * depth + ", ", 1).encode(),
            b"\xef\xbb\xbf" + text.encode(),
            text.encode("utf-16"),
            text.replace(":", " : ").encode(),
            (text + " ").encode() * 2,
            b"",
            b"null",
            b"[" * 300_000,
            b'{"annotations": ' + b"[{}," * 200_000,
        )
    )


WAYS: tuple[Callable[[Any, random.Random], bytes], ...] = (
    damage_mildly,
    damage_mildly,
    damage_value,
    damage_bytes,
    damage_text,
)


LAYOUTS: tuple[Callable[[str], str], ...] = (
    lambda name: name.replace("/", "\\"),
    lambda name: f"./{name}",
    lambda name: f"results/{name}",
    lambda name: f"test/{name.replace(' ', '_')}",
    lambda name: name.partition("/")[2],
    lambda name: name.replace(".json", ".JSON"),
    lambda name: name.replace("results_", "my_"),
)


def pack(files: dict[str, bytes], layout: Callable[[str], str] = str) -> bytes:
    """A zip of one game's files, with names of a layout and with what macOS adds to them."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(layout(f"{GAME}/{name}"), data)
            if layout is not str:
                archive.writestr(f"__MACOSX/{GAME}/._{name}", b"no JSON")
    return stream.getvalue()


def damage_zip(data: bytes, rng: random.Random) -> bytes:
    """Flip or cut bytes of an archive, mostly in its directory."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4))):
        place = rng.randrange(max(0, len(damaged) - rng.choice((60, 200, len(damaged)))), len(damaged))
        damaged[place] = rng.randrange(256)
    if rng.random() < 0.2:
        del damaged[rng.randrange(len(damaged)) :]
    return bytes(damaged)


def containers(value: Any) -> list[Any]:
    """Every mapping and list in a value."""
    if isinstance(value, dict):
        return [value, *(found for item in value.values() for found in containers(item))]
    return [value, *(found for item in value for found in containers(item))] if isinstance(value, list) else []
