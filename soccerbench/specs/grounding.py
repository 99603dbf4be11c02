"""Keys of a replay-grounding row: a head and its post-processing steps.

Conventions are those of `base`, and
    run     another row's, of the same seed and data; it is trained first if it is missing
    steps   are applied in the given order
"""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field, computed_field, model_validator
from typing_extensions import Self

from soccerbench.specs.base import BaseRow, Count, Frozen, Seconds, Share, TrainedRow, TransformerSizes

Weight = Annotated[float, Field(ge=0)]
Samples = Annotated[int, Field(ge=0, le=1000)]
Probability = Annotated[float, Field(ge=0, le=1)]


class Run(Frozen):
    """Another row's run, of this table if no table is named."""

    table: str | None = None
    row: Annotated[int, Field(ge=1)]


class PostprocessStep(Frozen):
    """A step after the head; one that uses another row's detections says of which task and under which key."""

    uses: ClassVar[Literal["spotting", "grounding"] | None] = None
    run_key: ClassVar[str] = ""

    @property
    def run(self) -> Run | None:
        """The run whose detections the step uses."""
        return getattr(self, self.run_key) if self.run_key else None


class Filter(PostprocessStep):
    """Keep detections from `before_s` before the end of the replay up to its end."""

    step: Literal["filter"]
    before_s: Seconds


class Fuse(PostprocessStep):
    """Take the spotted events nearest to the replay.

    `combine` says what becomes of the head's detections: "replace" drops those in the window, "append" keeps them all,
    "only" drops them all. Where nothing was spotted in the window they stay in any case.
    """

    uses: ClassVar[Literal["spotting", "grounding"] | None] = "spotting"
    run_key: ClassVar[str] = "spotting"
    step: Literal["fuse"]
    spotting: Run
    window_s: Seconds
    score: Probability
    nearest: Weight
    second: Weight
    labels: Annotated[tuple[str, ...], Field(min_length=1)]
    combine: Literal["replace", "append", "only"] = "replace"


class Suppress(PostprocessStep):
    """Join the detections of another row, both scaled to [0, 1], and keep the most confident of each window."""

    uses: ClassVar[Literal["spotting", "grounding"] | None] = "grounding"
    run_key: ClassVar[str] = "join"
    step: Literal["nms"]
    join: Run
    window_s: Seconds


Step = Annotated[Filter | Fuse | Suppress, Field(discriminator="step")]


class GroundingRow(BaseRow):
    """Keys of all rows of replay grounding; with `strict` they are scored by the strict protocol too."""

    younger_keys: ClassVar[frozenset[str]] = frozenset({"strict"})
    samples_events: ClassVar[bool] = False  # whether its head also trains on annotated events that no replay shows
    task: Literal["grounding"]
    name: str | None = None
    postprocess: tuple[Step, ...] = ()
    strict: bool = False
    runs: Annotated[tuple[BaseRow, ...], Field(exclude=True)] = ()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def needs(self) -> dict[str, str]:
        """The digests of the rows whose runs the steps use."""
        return {f"{run.table} row {run.row}": run.digest() for run in self.runs}

    @property
    def seen_splits(self) -> tuple[str, ...]:
        """As for every row, and the splits that the needed runs have seen."""
        others = [split for run in self.runs for split in run.seen_splits]
        return tuple(dict.fromkeys([*super().seen_splits, *others]))

    def row_of(self, step: Step) -> BaseRow:
        """The row whose detections a step uses."""
        return self.runs[[one for one in self.postprocess if one.run].index(step)]


class LearnedRow(GroundingRow, TrainedRow):
    """Keys of rows with a trained head; `shuffle_links` is a control with random links."""

    younger_keys: ClassVar[frozenset[str]] = GroundingRow.younger_keys | TrainedRow.younger_keys
    shuffle_links: bool = False


class CmnSampling(Frozen):
    """Samples a replay and epoch, one step each; the switches after them reproduce the released code.

    `redraw_validation` draws other validation chunks in each epoch; without it they stay, so that epochs compare.
    """

    positive: Samples
    same_class: Samples
    random: Samples
    skip_half_the_batches: bool
    drop_filling_copy: bool
    redraw_validation: bool = False


class CmnLosses(Frozen):
    """Weights and margins of the two losses; `k_s` are K1 to K4 in seconds."""

    segmentation: Weight
    spotting: Weight
    coordinate: Weight
    no_object: Weight
    hit: Probability
    miss: Probability
    k_s: tuple[float, float, float, float]


class CmnRow(LearnedRow):
    """A row with CALF-more-negative.

    With `select_every` the epoch of the highest average-AP on the games that select it is kept, measured every so many
    epochs and at the end; without it that of the lowest loss.
    """

    samples_events: ClassVar[bool] = True
    younger_keys: ClassVar[frozenset[str]] = LearnedRow.younger_keys | {"select_every"}
    head: Literal["cmn"]
    select_every: Count | None = None
    receptive_field_s: Seconds
    sampling: CmnSampling
    losses: CmnLosses

    @model_validator(mode="after")
    def _lengths_fit(self) -> Self:
        if 2 * self.receptive_field_s >= self.chunk_s:
            raise ValueError(f"receptive_field_s: {self.receptive_field_s:g} is not less than half of chunk_s")
        if self.chunk_s * self.fps < 15:
            raise ValueError(f"chunk_s: {self.chunk_s:g} s is less than 15 feature rows")
        k1, k2, k3, k4 = self.losses.k_s
        if not k1 < k2 < 0 < k3 < k4:
            raise ValueError("losses.k_s: K1 < K2 < 0 < K3 < K4 is needed")
        if not self.sampling.positive + self.sampling.same_class + self.sampling.random:
            raise ValueError("sampling: nothing is sampled")
        return self


class ChunkSamples(Frozen):
    """Chunks a replay and epoch, with its event and without."""

    positive: Count
    negative: Samples


class GroundingTransformerRow(LearnedRow):
    """A row with the grounding transformer; it looks at `before_s` before the replay, chunks `stride_s` apart."""

    head: Literal["grounding-transformer"]
    architecture: TransformerSizes
    before_s: Seconds
    stride_s: Seconds
    samples: ChunkSamples
    offset_loss: Weight

    @model_validator(mode="after")
    def _chunk_fits(self) -> Self:
        if self.chunk_s > self.before_s:
            raise ValueError(f"chunk_s: {self.chunk_s:g} is more than the {self.before_s:g} s before the replay")
        return self


class FasterTadSizes(Frozen):
    """Sizes of the detector of segments."""

    d_model: Count
    layers: Annotated[int, Field(gt=0, le=8)]
    dropout: Share


class FasterTadRow(LearnedRow):
    """A row with the detector of segments; it learns from `chunk_s` before the replay and looks at `before_s`.

    Scores are multiplied by the distribution of the training delays, averaged over `rescore_s`, if that is given.
    """

    head: Literal["faster-tad"]
    architecture: FasterTadSizes
    before_s: Seconds
    segment_s: Seconds
    offset_loss: Weight
    rescore_s: Seconds | None


class NaiveRow(GroundingRow):
    """One detection a fixed time before each replay: what learning has to beat.

    `delay_s` is counted back from the replay's start or end; none is the best one on the training games.
    """

    head: Literal["naive"]
    features: Literal["none"]
    since: Literal["start", "end"]
    delay_s: Seconds | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def blocks(self) -> tuple[str, ...]:
        """No features are read."""
        return ()
