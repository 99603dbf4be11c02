"""What a row of the spotting tables may say, and a table.

Conventions are those of `base`.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Annotated, Any, ClassVar, Literal, cast

from pydantic import Field, ValidationError, model_validator
from typing_extensions import Self

from soccerbench.errors import SpecError, did_you_mean, first_error
from soccerbench.specs.base import Frozen, Seconds, TableName, TrainedRow
from soccerbench.specs.dense import DenseKeys
from soccerbench.specs.grounding import CmnRow, FasterTadRow, GroundingTransformerRow, NaiveRow
from soccerbench.specs.heads import HEADS, heads_for
from soccerbench.specs.spotting_steps import CLASS_COUNT, Nms, SpottingStep


class SpottingRow(TrainedRow):
    """One row of an action-spotting table; `nms_s` is short for a single step of hard NMS.

    Attributes:
        task_class: "module:Class" of what samples its windows, minimises and predicts.
    """

    task_class: ClassVar[str] = "soccerbench.tasks.spotting:SpottingTask"
    younger_keys: ClassVar[frozenset[str]] = TrainedRow.younger_keys | {"name", "postprocess"}
    task: Literal["spotting"]
    name: str | None = None
    nms_s: Seconds | None = None
    postprocess: tuple[SpottingStep, ...] = ()
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
        return self

    @model_validator(mode="after")
    def _steps_can_be_taken(self) -> Self:
        if (self.nms_s is None) == (not self.postprocess):
            raise ValueError("nms_s: give either nms_s, for hard NMS alone, or postprocess, a list of steps")
        if any(step.step == "resample" for step in self.steps[1:]):
            raise ValueError("postprocess: resample is not the first step: there is nothing between what others leave")
        windows = [step.window_s for step in self.steps if isinstance(step, Nms)]
        narrowest = min(min(window) if isinstance(window, tuple) else window for window in [self.chunk_s, *windows])
        if narrowest * self.fps < 2:
            raise ValueError(
                f"chunk_s and the windows of hard NMS must span at least two feature rows at {self.fps} per second"
            )
        return self

    def outputs(self, rows: int) -> tuple[int, ...]:  # noqa: ARG002
        """The shape of the logits of a chunk of some feature rows."""
        return (CLASS_COUNT + 1,)

    @property
    def steps(self) -> tuple[SpottingStep, ...]:
        """What is done with the scores, in order."""
        return self.postprocess or (Nms(step="nms", window_s=cast("float", self.nms_s)),)


class DenseRow(SpottingRow, DenseKeys):
    """A row of an action-spotting table whose head scores every frame of a chunk."""

    task_class: ClassVar[str] = "soccerbench.tasks.dense.task:DenseTask"

    def grid(self, fps: int) -> tuple[int, float]:
        """Scores a second, and the second of the first one: `frames_per_row` scores fill the time of a feature row."""
        frames_per_s = fps * self.frames_per_row
        return frames_per_s, self.shift_s - 0.5 / fps + 0.5 / frames_per_s

    def outputs(self, rows: int) -> tuple[int, ...]:
        """The shape of the logits of a chunk of some feature rows."""
        return rows * self.frames_per_row, CLASS_COUNT + (self.loss.kind != "balanced-binary")

    def check_lengths(self, fps: int) -> None:
        """Check that all lengths are integer numbers of feature rows."""
        for key in ("chunk_s", "stride_s", "border_s"):
            self.whole_rows(key, fps)

    @model_validator(mode="after")
    def _chunks_leave_no_gap(self) -> Self:
        if self.stride_s > self.chunk_s - 2 * self.border_s:
            raise ValueError(
                f"stride_s: chunks of {self.chunk_s:g} s without borders of {self.border_s:g} s, {self.stride_s:g} s "
                "apart, leave gaps; it must be at most chunk_s - 2 border_s"
            )
        if self.mixup_alpha is not None and self.mixup_queue is not None:
            raise ValueError("mixup_queue: the row has mixup_alpha already; set one of them to null")
        return self


def is_dense(head: object, keys: Collection[str]) -> bool:
    """Whether a spotting head scores every frame: as the registry says, a custom head if its row has dense keys."""
    return HEADS[str(head)].is_dense if head in HEADS else bool(set(DenseKeys.model_fields) & set(keys))


def _checked(sizes: type[Frozen], given: dict[str, Any]) -> dict[str, Any]:
    """The sizes as numbers of their kind; refuses what the head does not know or cannot have."""
    try:
        return sizes.model_validate(given).model_dump()
    except ValidationError as error:
        raise ValueError(first_error(error, sizes, under="architecture.")) from None


Row = DenseRow | SpottingRow | CmnRow | GroundingTransformerRow | FasterTadRow | NaiveRow


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
