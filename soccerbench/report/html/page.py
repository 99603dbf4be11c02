"""What the HTML report shows, apart from how it looks.

Conventions
    entry   one row of a table, or one submission: what can be picked on the page
    data    what the scripts draw from; plain JSON, fractions in [0, 1]
    facts   how a number was made, in words, for everybody without a script
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from soccerbench.report.table import Table


@dataclass(frozen=True)
class Entry:
    """One row or submission in words.

    Args:
        name: for people.
        stated: (key, value) as the paper, or the user, says it.
        assumed: (key, value, why) where the paper is silent.
        facts: (what, value): how the numbers were made.
    """

    name: str
    stated: Sequence[tuple[str, str]] = ()
    assumed: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: in one line.
        notes: what a reader must know first, such as that features are simulated.
        tables: in order.
        entries: in words, in the order of `data["entries"]`.
        data: what the scripts draw from.
        figures: (caption, SVG text), drawn by us.
    """

    title: str
    notes: Sequence[str]
    tables: Sequence[Table[Any]]
    entries: Sequence[Entry]
    data: Mapping[str, Any]
    figures: Sequence[tuple[str, str]] = field(default=())
