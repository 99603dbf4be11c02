"""A table: columns over items, as a pandas DataFrame and as text for the terminal, Markdown, LaTeX and CSV.

Conventions
    column   a title, the value of an item, and a format if the value is a number
    numbers  stay numbers until they are shown; None is shown as "-", text as it is
    per cent scores are fractions in files and per cent in tables; the title names metric and unit
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T")


class Mean(NamedTuple):
    """A mean over seeds and its standard deviation, None for one seed."""

    mean: float
    deviation: float | None

    def __format__(self, form: str) -> str:
        return f"{self.mean:{form}}" + ("" if self.deviation is None else f" ± {self.deviation:{form}}")


class Range(NamedTuple):
    """The ends of an interval."""

    low: float
    high: float

    def __format__(self, form: str) -> str:
        return f"{self.low:{form}} to {self.high:{form}}"


@dataclass(frozen=True)
class Column(Generic[T]):
    """One column."""

    title: str  # above it
    value: Callable[[T], Any]  # of an item: text, a number, a `Mean`, a `Range`, or None
    form: str | None = None  # format of numbers, such as ".2f"; None for a column of text


@dataclass(frozen=True)
class Table(Generic[T]):
    """A title, a row for each item, and notes below."""

    title: str  # names metric and unit where the cells do not
    columns: tuple[Column[T], ...]  # with titles that differ
    items: tuple[T, ...]  # in the order of the rows
    notes: tuple[str, ...] = ()  # one line each

    @property
    def header(self) -> tuple[str, ...]:
        """The titles of the columns."""
        return tuple(column.title for column in self.columns)

    @property
    def numeric(self) -> tuple[bool, ...]:
        """Which columns hold numbers: they are aligned on the right."""
        return tuple(column.form is not None for column in self.columns)

    @property
    def lines(self) -> tuple[tuple[str, ...], ...]:
        """The cells as text, row by row."""
        return tuple(tuple(_text(column.value(item), column.form) for column in self.columns) for item in self.items)

    def frame(self) -> pd.DataFrame:
        """The values; a mean or a range becomes two columns."""
        import pandas as pd

        found: dict[str, list[Any]] = {}
        for column in self.columns:
            values = [column.value(item) for item in self.items]
            kind = next((type(value) for value in values if isinstance(value, Mean | Range)), None)
            if kind is None:
                found[column.title] = values
                continue
            for place, name in enumerate(kind._fields):
                found[f"{column.title}, {name}"] = [
                    value[place] if isinstance(value, kind) else value for value in values
                ]
        frame: pd.DataFrame = pd.DataFrame(found)
        return frame

    def to_csv(self) -> str:
        """Header and cells as they are shown, without title and notes."""
        return str(_shown(self).to_csv(index=False, lineterminator="\n"))

    def to_markdown(self) -> str:
        """A pipe table between its title and its notes."""
        escaped = "\\|"
        lines = [
            f"| {' | '.join(cell.replace('|', escaped) for cell in line)} |" for line in (self.header, *self.lines)
        ]
        lines.insert(1, f"|{'---|' * len(self.columns)}")
        notes = "".join(f"\n- {note}" for note in self.notes)
        return f"**{self.title}**\n\n" + "\n".join(lines) + f"\n{notes}\n"

    def to_latex(self) -> str:
        """A booktabs table, special characters escaped, notes as comments above it."""
        styled = _shown(self, _latex).style.hide(axis="index")
        notes = "".join(f"% {note}\n" for note in self.notes)
        return notes + styled.to_latex(
            hrules=True,
            caption=_latex(self.title),
            position_float="centering",
            column_format="".join("r" if number else "l" for number in self.numeric),
        )


def table(title: str, columns: Iterable[Column[T]], items: Iterable[T], notes: Iterable[str] = ()) -> Table[T]:
    """A table from any iterables."""
    return Table(title, tuple(columns), tuple(items), tuple(notes))


def tuple_columns(*columns: tuple[str, str | None]) -> tuple[Column[tuple[Any, ...]], ...]:
    """Columns, as title and format, of items that are tuples of their values."""
    return tuple(Column(title, itemgetter(place), form) for place, (title, form) in enumerate(columns))


def percent(value: float | None) -> float | None:
    """A fraction in per cent."""
    return None if value is None else 100 * value


def percent_range(low: float | None, high: float | None) -> Range | None:
    """An interval of fractions in per cent."""
    return None if low is None or high is None else Range(100 * low, 100 * high)


def _text(value: Any, form: str | None) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else format(value, form or "")


def _shown(drawn: Table[Any], escape: Callable[[str], str] = str) -> pd.DataFrame:
    import pandas as pd

    cells = [[escape(cell) for cell in line] for line in drawn.lines]
    frame: pd.DataFrame = pd.DataFrame(cells, columns=pd.Index([escape(title) for title in drawn.header]), dtype=object)
    return frame


def _latex(text: str) -> str:
    special = {"&": "\\&", "%": "\\%", "_": "\\_", "#": "\\#", "$": "\\$", "{": "\\{", "}": "\\}", "±": "$\\pm$"}
    special |= {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(character, character) for character in text)
