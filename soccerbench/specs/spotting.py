"""What a row of the spotting tables may say, and a table.

Conventions are those of `base`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator
from typing_extensions import Self

from soccerbench.errors import SpecError, did_you_mean, first_error
from soccerbench.specs.base import Frozen, Seconds, TableName, TrainedRow
from soccerbench.specs.grounding import CmnRow, GroundingTransformerRow, NaiveRow
from soccerbench.specs.heads import heads_for


class SpottingRow(TrainedRow):
    """One row of an action-spotting table."""

    task: Literal["spotting"]
    nms_s: Seconds
    mixup_alpha: Annotated[float, Field(gt=0)] | None = None
    shuffle_labels: bool = False
    architecture: dict[str, Any]

    @model_validator(mode="after")
    def _head_has_its_sizes(self) -> Self:
        heads = heads_for(self.task)
        if self.head in heads:
            object.__setattr__(self, "architecture", _checked(heads[self.head].keys, self.architecture))
        elif ":" not in self.head:
            known, near = ", ".join(heads), did_you_mean(self.head, heads)
            raise ValueError(f"head: unknown head {self.head!r}{near}; known: {known}, or module:Class with --plugin")
        if self.nms_s * self.fps < 2 or self.chunk_s * self.fps < 2:
            raise ValueError(f"chunk_s and nms_s must span at least two feature rows at {self.fps} per second")
        return self


def _checked(sizes: type[Frozen], given: dict[str, Any]) -> dict[str, Any]:
    """The sizes as numbers of their kind; refuses what the head does not know or cannot have."""
    try:
        return sizes.model_validate(given).model_dump()
    except ValidationError as error:
        raise ValueError(first_error(error, sizes, under="architecture.")) from None


Row = SpottingRow | CmnRow | GroundingTransformerRow | NaiveRow


class Table(Frozen):
    """A table of the paper, or a user's own: rows in order."""

    table: TableName
    title: str
    source: str
    rows: tuple[Row, ...]

    def row(self, number: int) -> Row:
        """The row of that number.

        Raises:
            SpecError: there is none.
        """
        for row in self.rows:
            if row.row == number:
                return row
        raise SpecError(self.table, f"no row {number}; it has {', '.join(str(row.row) for row in self.rows)}")

    @model_validator(mode="after")
    def _rows_are_distinct(self) -> Self:
        numbers = [row.row for row in self.rows]
        if not numbers:
            raise ValueError("rows: a table needs at least one row")
        if len(set(numbers)) < len(numbers):
            raise ValueError("rows: two rows have the same number")
        return self
