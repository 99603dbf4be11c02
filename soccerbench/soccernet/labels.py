"""Spotting labels: one game's `Labels-v2.json`, or the labels of another version, as arrays.

Source: SoccerNet-v2's annotation files and SoccerNet 0.2.0, Evaluation/ActionSpotting.py, for what is read from them.

Conventions
    half         the first character of `gameTime`
    position_ms  `position`, text in the files; where an entry has none, the whole second of `gameTime`
    visible      false for "not shown" alone; another spelling counts as visible, and is a fault; in version 1 all are
    order        as in the file; exact duplicates, of which the real files hold 69, are kept
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import BALL, LABEL_FILES, LATER_BALL, SOCCERNET_V2, ClassList, own_classes
from soccerbench.soccernet.columns import MISSING, before_vectors
from soccerbench.soccernet.game_files import FileKind
from soccerbench.soccernet.lists.event_files import Entries, EventColumns, EventFiles
from soccerbench.soccernet.row_file import entries_of
from soccerbench.soccernet.rows import Table, about

SPOTTING_LABELS = "Labels-v2.json"
SPOTTING_LABEL_FILES = FileKind(tuple(LABEL_FILES), "annotations")


def label_classes(tree: Tree, games: Sequence[str]) -> ClassList:
    """The classes of some games' labels: a root's own, or those of the labels' version.

    Raises:
        InputError: labels of two versions, a list that is none, or ball labels that cannot be read.
    """
    found = {game: file for game in games if (file := label_file(tree, game)) is not None}
    file = next(iter(found.values()), SPOTTING_LABELS)
    for game, other in found.items():
        if other != file:
            problem = f"{other}, but {file} of {games[0]}"
            raise InputError(tree.path / game, problem, "give labels of one version")
    if (own := own_classes(tree)) is not None:
        return own
    if LABEL_FILES[file] != BALL:
        return LABEL_FILES[file]
    documents = (tree.json(f"{game}/{file}") for game in found)
    entries = (entries_of(document, "annotations", tree.path, strict=False) for document in documents)
    named = {str(entry.get("label")) for part in entries for entry in part if isinstance(entry, dict)}
    return LATER_BALL if named & set(LATER_BALL.names[len(BALL.names) :]) else BALL


def label_file(tree: Tree, game: str) -> str | None:
    """The name of a game's labels, of the newest version that it has."""
    return tree.first(game, LABEL_FILES)


def read_spotting_labels(tree: Tree, game: str, *, strict: bool, classes: ClassList = SOCCERNET_V2) -> Events:
    """Read the labels of one game; see `read_labels_of`."""
    return read_labels_of(tree, [game], strict=strict, classes=classes)[0]


def read_labels_of(
    tree: Tree, games: Sequence[str], *, strict: bool, classes: ClassList = SOCCERNET_V2
) -> list[Events]:
    """Read the labels of some games.

    Args:
        tree: a folder or zip in the official layout.
        games: each "league/season/game".
        classes: of the version of the labels, whose file is read; `Labels-v2.json` for its own.
        strict: refuse an unknown event, a missing key, a half other than 1 and 2, a position that is no whole number
            of milliseconds within two hours, a key written twice. Otherwise what the official scorer would use is
            given, with a count of what it silently skips.

    Raises:
        InputError: a file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    own = classes is not SOCCERNET_V2
    files = EventFiles(tree, "annotations", strict, classes, _label_table)
    return files.read({game: f"{game}/{(own and label_file(tree, game)) or SPOTTING_LABELS}" for game in games})


def _label_table(entries: Entries, classes: ClassList) -> tuple[Table, EventColumns]:
    """A list of labels: its faults and its columns."""
    table = Table(entries, "an event")
    half, second = table.clocks()
    label = table.labels(classes, within=classes.version == 1)
    position_ms, given = table.positions(optional=classes.version == 1)
    position_ms = np.where(given, position_ms, 1000 * second)
    visibility = table.values("visibility")
    shown = table.places(visibility, ("visible", "not shown"))
    if classes.version != 1:
        table.missing("visibility", visibility, 'give "visible" or "not shown"', "events taken as visible")
    if (odd := shown < 0).any():
        odd &= np.fromiter((value is not MISSING for value in visibility), np.bool_, len(table))
    problem = about("visibility {} is neither 'visible' nor 'not shown'", visibility)
    table.add("visibilities spelt otherwise, taken as visible", odd, problem, 'give "visible" or "not shown"')
    kept = (label >= 0) & (half >= 1) & (half <= 2)
    table.refused |= kept & before_vectors(position_ms)
    return table, EventColumns(half, label, position_ms, shown != 1, None, kept)
