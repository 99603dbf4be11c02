"""What the simulated roots have in common: teams, dates and splits, and a folder that is complete or not there."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from soccerbench.errors import InputError
from soccerbench.files import folder_next_to, remove, write_json
from soccerbench.lease import only_writer
from soccerbench.progress import Progress

G = TypeVar("G")
SPLITS = ("train", "valid", "test", "challenge")
TEAMS = ("Aldermoor", "Brackenford", "Cresswick", "Dunharrow", "Eastlode", "Fernby", "Greywater", "Holmestead")
GAMES_A_DAY = len(TEAMS) // 2
FIRST_DAY = datetime(2020, 8, 15, 15, 0)  # on the league's own clock


def check_season(seed: int, games: int) -> None:
    """Raise ValueError for a negative seed, or too few games for the splits."""
    if seed < 0:
        raise ValueError(f"seed {seed} is negative; seeds count from 0")
    if games < len(SPLITS):
        raise ValueError(f"{games} games cannot fill {len(SPLITS)} splits; at least {len(SPLITS)} are needed")


def split_sizes(games: int, held_out: Mapping[str, int], *, of: int) -> dict[str, int]:
    """Games in each split: `held_out` of every `of` games, at least one a split; the rest trains."""
    sizes = {split: max(1, games * share // of) for split, share in held_out.items()}
    return {"train": games - sum(sizes.values()), **sizes}


def kick_off(index: int) -> datetime:
    """When a game of the season begins."""
    matchday, pair = divmod(index, GAMES_A_DAY)
    return FIRST_DAY + timedelta(days=7 * matchday, hours=pair)


def game_folder(league: str, index: int, home: str, away: str, score: tuple[int, int]) -> str:
    """A game's folder, named as SoccerNet names it: league/season/date - time home h - a away."""
    return f"{league}/{kick_off(index):%Y-%m-%d - %H-%M} {home} {score[0]} - {score[1]} {away}"


def each_game(games: Sequence[G], write: Callable[[G], None], workers: int, progress: Progress) -> None:
    """Write every game, several at once; `progress` is called with the games written and all of them."""
    with ThreadPoolExecutor(min(workers, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(write, games), start=1):
            progress("games", done, len(games))


def describe(folder: Path, games: Sequence[Any], simulated: Mapping[str, Any], blocks: Mapping[str, Any]) -> None:
    """Write `splits.json` and `features.json`."""
    write_json(
        folder / "splits.json", {split: [game.path for game in games if game.split == split] for split in SPLITS}
    )
    write_json(folder / "features.json", {"simulated": simulated, "blocks": blocks})


def made_once(
    out: Path, is_complete: Callable[[], bool], write: Callable[[Path], None], *, what: str, replace: bool = False
) -> None:
    """Write a root into a temporary folder next to `out` and rename it, unless `out` is complete.

    Raises:
        InputError: `out` holds something else than this `what` and may not be replaced, or cannot be written.
    """
    with only_writer(out):
        if is_complete():
            return
        if not replace and out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise InputError(out, f"exists and is not this {what}", "name an empty or a new folder")
        with folder_next_to(out) as folder:
            write(folder)
            if replace:
                remove(out)
            elif out.exists():
                out.rmdir()
            folder.rename(out)
