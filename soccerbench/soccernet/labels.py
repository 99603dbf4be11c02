"""Spotting labels: one game's `Labels-v2.json` as arrays.

Source: SoccerNet-v2's annotation files and SoccerNet 0.2.0, Evaluation/ActionSpotting.py, for what is read from them.

Conventions
    half         the first character of `gameTime`
    position_ms  `position`, text in the files; where an entry has none, the whole second of `gameTime`
    visible      false for "not shown" alone; another spelling counts as visible, and is a fault
    order        as in the file; exact duplicates, of which the real files hold 69, are kept
"""

from __future__ import annotations

from itertools import repeat
from operator import ne

import numpy as np

from soccerbench.events import Events
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.columns import before_vectors
from soccerbench.soccernet.row_file import RowFile
from soccerbench.soccernet.rows import MISSING, Table, about

SPOTTING_LABELS = "Labels-v2.json"


def read_spotting_labels(tree: Tree, game: str, *, strict: bool) -> Events:
    """Read the labels of one game.

    Args:
        tree: a folder or zip in the official layout.
        game: "league/season/game".
        strict: refuse an unknown event, a missing key, a half other than 1 and 2, a position that is no whole number
            of milliseconds within two hours, a key written twice. Otherwise what the official scorer would use is
            given, with a count of what it silently skips.

    Raises:
        InputError: the file is missing or no JSON, or an entry is refused: by `strict`, or by the official scorer too.
    """
    file = RowFile.read(tree, f"{game}/{SPOTTING_LABELS}", "annotations", strict=strict)
    table = Table(file.entries, "an event")
    half, second = table.clocks()
    label = table.labels()
    position_ms, given = table.positions()
    position_ms = np.where(given, position_ms, 1000 * second)
    visibility = table.values("visibility")
    table.missing("visibility", visibility, 'give "visible" or "not shown"', "events taken as visible")
    odd = table.where(visibility, lambda value: value not in ("visible", "not shown", MISSING))
    problem = about("visibility {} is neither 'visible' nor 'not shown'", visibility)
    table.add("visibilities spelt otherwise, taken as visible", odd, problem, 'give "visible" or "not shown"')
    visible = np.fromiter(map(ne, visibility, repeat("not shown")), np.bool_, len(table))
    kept = (label >= 0) & (half >= 1) & (half <= 2)
    table.refused |= kept & before_vectors(position_ms)
    file.check(table)
    file.check_repeated_keys(nested=False)
    columns = half, label, position_ms, visible
    if not kept.all():
        columns = half[kept], label[kept], position_ms[kept], visible[kept]
    return Events(*columns, game=game, warnings=file.warnings)
