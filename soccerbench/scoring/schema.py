"""The objects that `evaluate --json` and `compare --json` print and that `result.json` contains.

Conventions
    fraction    in [0, 1]; null where there is no value, since JSON has no NaN
    interval    `interval` belongs to the overall score, `interval_per_class` to `per_class`, and so on; a key is
                absent, not null, where no interval was asked for
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from soccerbench.events import Protocol
from soccerbench.metrics.tolerances import check_tolerances

Fraction = float | None
PerClass = dict[str, Fraction]


class Report(BaseModel):
    """Base of these objects: unknown keys are an error, and values are immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)  # each is built when it is used

    def to_json(self) -> dict[str, Any]:
        """Plain values in the order of the contract, without the keys that were not set."""
        return self.model_dump(mode="json", exclude_unset=True)


class IntervalReport(Report):
    """A confidence interval of one score over games."""

    level: float
    low: Fraction
    high: Fraction
    repetitions: int


class SpottingScores(Report):
    """The object of `evaluate spotting --json`."""

    task: Literal["spotting"]
    protocol: Protocol
    signature: str
    tolerances_s: tuple[int | float, ...]
    average_map: Fraction
    interval: IntervalReport | None = None
    average_map_visible: Fraction
    interval_visible: IntervalReport | None = None
    average_map_unshown: Fraction
    interval_unshown: IntervalReport | None = None
    per_class: PerClass
    interval_per_class: dict[str, IntervalReport] | None = None
    per_class_visible: PerClass
    interval_per_class_visible: dict[str, IntervalReport] | None = None
    per_class_unshown: PerClass
    interval_per_class_unshown: dict[str, IntervalReport] | None = None
    map_per_tolerance: tuple[Fraction, ...]
    warnings: dict[str, int] | None = None


class GroundingScores(Report):
    """The object of `evaluate grounding --json`."""

    task: Literal["grounding"]
    protocol: Protocol
    signature: str
    tolerances_s: tuple[int | float, ...]
    average_ap: Fraction
    interval: IntervalReport | None = None
    ap_per_tolerance: tuple[Fraction, ...]
    replays_scored: int
    replays_missing: int
    warnings: dict[str, int] | None = None


Scores = Annotated[SpottingScores | GroundingScores, Field(discriminator="task")]


class Difference(Report):
    """The score of a minus the score of b, overall or of one class; `p_value_holm` is adjusted for all classes."""

    difference: Fraction
    interval: IntervalReport
    p_value: Fraction
    p_value_holm: Fraction = None


class ComparisonReport(Report):
    """The object of `compare --json`: of two submissions, or (with `seeds`) of the runs of two rows.

    Attributes:
        names: of a and b, as short as they can be told apart.
        seeds: of the runs of each.
        smallest_p: the smallest p-value that this number of games allows.
        interval_coverage: how often such an interval of so few games contains the true difference, as simulated.
    """

    task: Literal["spotting", "grounding"]
    protocol: Protocol
    signature: str
    names: tuple[str, str]
    seeds: tuple[tuple[int, ...], tuple[int, ...]] | None = None
    a: Fraction
    b: Fraction
    difference: Fraction
    interval: IntervalReport
    interval_coverage: float
    p_value: Fraction
    smallest_p: float
    method: str
    games: int
    per_class: dict[str, Difference] | None = None
    warnings: dict[str, int] = {}


def _check_widths(deltas_s: tuple[int | float, ...]) -> tuple[int | float, ...]:
    check_tolerances(deltas_s)
    return deltas_s


Whole = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Level = Whole | Annotated[float, Field(ge=-(2**53), le=2**53, allow_inf_nan=False)]
Widths = Annotated[tuple[int | float, ...], AfterValidator(_check_widths)]


class SpottingCounts(Report):
    """What one game contributes to the score, from which scores of any set of games are made; `result.json` has it.

    Equal detections of a class are one row of the columns `label` to `count`. Bit d of `hits` and `visible` is the
    tolerance `deltas_s[d]`; see `SpottingStatistics`.
    """

    protocol: Protocol
    deltas_s: Widths
    label: list[Whole]
    level: list[Level]
    hits: list[Whole]
    visible: list[Whole]
    count: list[Whole]
    events_visible: list[Whole]
    events_unshown: list[Whole]


class GroundingCounts(Report):
    """The same for replay grounding, one row a detection; see `GroundingStatistics`."""

    protocol: Protocol
    deltas_s: Widths
    level: list[Level]
    kept: list[Whole]
    hits: list[Whole]
    scored: Whole
    missing: Whole
