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
    """A picture, shown as an image: nothing in it can act on the page."""

    caption: str  # what it shows, with metric and unit
    svg: bytes  # the file
    split: str = ""  # the split that it belongs to; shown with every split if empty

    @property
    def address(self) -> str:
        """The file as a data address."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


@dataclass(frozen=True)
class Entry:
    """One row or submission in words and pictures."""

    name: str  # for people
    stated: Sequence[tuple[str, str]] = ()  # (key, value) as the paper, or the user, states it
    assumed: Sequence[tuple[str, str, str]] = ()  # (key, value, why) where the paper is silent
    facts: Sequence[tuple[str, str]] = ()  # (what, value): how the numbers were made
    pictures: Sequence[Picture] = ()  # its scores and learning curves


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str  # in one line
    notes: Sequence[str]  # what a reader must know first, such as that features are simulated
    tables: Sequence[Table[Any]]  # in order
    entries: Sequence[Entry]  # in words, in the order of `data["entries"]`
    data: Mapping[str, Any]  # what the scripts draw from
    pictures: Sequence[Picture] = ()  # of all entries together, and figures of the paper
