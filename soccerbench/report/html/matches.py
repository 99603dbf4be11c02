"""A match on the page: its name, and the videos that its timeline can show."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from soccerbench.report.html.render import Page
from soccerbench.video.decoding.half_file import address, videos_of

_OFFICIAL = re.compile(r"(?:.*/)?(\d{4}-\d\d-\d\d) - \d\d-\d\d (.+)")
PLAYABLE = (".mp4", ".webm", ".mkv")  # what browsers play, the safest first


def match_name(game: str) -> str:
    """Teams, result and date of a game's folder, such as "Chelsea 1 - 1 Burnley, 2015-02-21"; other names whole."""
    found = _OFFICIAL.fullmatch(game)
    return f"{found[2]}, {found[1]}" if found else game


def with_videos(page: Page, folder: Path | None, out: Path) -> Page:
    """The page with the addresses of the videos of its games, relative to the page; nothing is copied.

    `folder` holds the games' folders; it is None, or a zip, where there are labels alone.
    """
    arcs = [split.get("arcs", []) for entry in page.data["entries"] for split in entry["splits"].values()]
    games = dict.fromkeys(game["folder"] for members in (*page.data["games"].values(), *arcs) for game in members)
    videos = {game: _videos(folder / game, out.parent) for game in games} if folder and folder.is_dir() else {}
    return replace(page, data={**page.data, "videos": {game: found for game, found in videos.items() if found}})


def _videos(folder: Path, page: Path) -> dict[str, str]:
    """Half -> address."""
    found = {}
    for half in (1, 2):
        files = [file for file in videos_of(folder, half) if file.suffix.lower() in PLAYABLE]
        if files:
            best = min(files, key=lambda file: (PLAYABLE.index(file.suffix.lower()), "_224p" in file.name))
            found[str(half)] = address(best, page)
    return found
