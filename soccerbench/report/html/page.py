"""What the HTML report shows, apart from how it looks.

Conventions
    entry   one row of a table, or one submission: what can be picked on the page
    data    what the scripts draw from; plain JSON, fractions in [0, 1]
    facts   how a number was made, in words, for everybody without a script
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from soccerbench.report.table import Table


@dataclass(frozen=True)
class Picture:
    """A picture, shown as an image: nothing in it can act on the page.

    Args:
        caption: what it shows, with metric and unit.
        svg: the file.
        split: the split that it belongs to; shown with every split if empty.
    """

    caption: str
    svg: bytes
    split: str = ""

    @property
    def address(self) -> str:
        """The file as a data address."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


@dataclass(frozen=True)
class Entry:
    """One row or submission in words and pictures.

    Args:
        name: for people.
        stated: (key, value) as the paper, or the user, states it.
        assumed: (key, value, why) where the paper is silent.
        facts: (what, value): how the numbers were made.
        pictures: its scores and learning curves.
    """

    name: str
    stated: Sequence[tuple[str, str]] = ()
    assumed: Sequence[tuple[str, str, str]] = ()
    facts: Sequence[tuple[str, str]] = ()
    pictures: Sequence[Picture] = ()


@dataclass(frozen=True)
class Page:
    """A whole report.

    Args:
        title: in one line.
        notes: what a reader must know first, such as that features are simulated.
        tables: in order.
        entries: in words, in the order of `data["entries"]`.
        data: what the scripts draw from.
        pictures: of all entries together, and figures of the paper.
    """

    title: str
    notes: Sequence[str]
    tables: Sequence[Table[Any]]
    entries: Sequence[Entry]
    data: Mapping[str, Any]
    pictures: Sequence[Picture] = ()
