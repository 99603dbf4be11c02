"""Keys of every table row.

Conventions
    *_s         seconds
    assumed     key -> why: the value of that key is our choice, not the paper's
    left_open   the same, for a value stated in the row, or for a part of it without a key ("postprocess.nms")
    published   per cent, loose unless tight; "-" not meaningful, "N/A" not evaluated; `published_in` says where, and
                what differs there
    precision   of the loss and its gradients; "auto" is bfloat16 on a GPU and float32 on a CPU
    trained_for regular mode has two trainings: for "test" it learns from train and keeps the best epoch on valid; for
                the "challenge" it learns from train and valid and keeps the best epoch on test, as the reference code
    digest      hash of all but `published…`, `left_open` and younger keys at their default
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated, ClassVar, Literal, NamedTuple

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field, model_validator
from typing_extensions import Self

from soccerbench.errors import SpecError
from soccerbench.specs.features import blocks_of, fps_of


def _plain(name: str) -> str:
    """A name that is safe as the name of a folder."""
    if not re.fullmatch(r"[\w-]+", name):
        raise ValueError(f"{name!r} is not a plain name; use letters, digits, - and _ alone")
    return name


TableName = Annotated[str, AfterValidator(_plain)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
Count = Annotated[int, Field(gt=0, le=10**6)]
Share = Annotated[float, Field(ge=0, lt=1)]
Precision = Literal["auto", "bfloat16", "float32"]
TrainedFor = Literal["test", "challenge", "both"]
SCORED_SPLITS = ("test", "challenge")
Published = float | Literal["-", "N/A"]
Scored = Literal["test", "test tight", "challenge", "challenge tight"]

CUT_OUT = ("chunk_s", "receptive_field_s", "before_s", "segment_s")
UNDIGESTED_KEYS = {"published", "published_in", "left_open"}
NOT_OF_THE_MODEL = {
    "table",
    "row",
    "name",
    "assumed",
    "changed",
    "nms_s",
    "postprocess",
    "rescore_s",
    "strict",
    "needs",
}


class Training(NamedTuple):
    """One training of a row."""

    learns: tuple[str, ...]  # the splits that it learns from
    selects: str | None  # the split that its best epoch is chosen on; None where the last one is kept
    predicts: tuple[str, ...] = SCORED_SPLITS  # the splits that its head predicts
    folder: str = ""  # where it is kept in the folder of the run


class Frozen(BaseModel):
    """Immutable; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def hash_of(content: object) -> str:
    """Sixteen hex digits over plain data, whatever the order of its keys."""
    return hashlib.sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


class Plateau(Frozen):
    """Learning rate times `factor` after `patience` epochs without a better validation loss.

    Training stops once the rate is below `stop_below` and another `patience` epochs brought no improvement.
    """

    factor: Annotated[float, Field(gt=0, lt=1)]
    patience: Annotated[int, Field(ge=0)]
    stop_below: Annotated[float, Field(ge=0)]


class Optimiser(Frozen):
    """What takes the steps; a row without one takes plain Adam.

    `weight_decay` of the row is added to the gradient by "adam" and multiplied by the rate by "adamw". With
    `decay_per_step` it is the share of a weight that a step at the full rate takes off. `sam_rho` is the radius of
    sharpness-aware minimisation (Foret et al., 2021).
    """

    name: Literal["adam", "adamw"]
    amsgrad: bool = False
    epsilon: Annotated[float, Field(gt=0, lt=1)] = 1e-8
    decay_per_step: bool = False
    sam_rho: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _decay_is_decoupled(self) -> Self:
        if self.decay_per_step and self.name != "adamw":
            raise ValueError("decay_per_step: only adamw has a decay apart from the gradient")
        return self


class Annealing(Frozen):
    """The rate after each epoch: up during `warm_up_epochs`, then down to `final_share` of it when training ends."""

    shape: Literal["linear", "cosine"]
    warm_up_epochs: Annotated[int, Field(ge=0)] = 0
    final_share: Annotated[float, Field(ge=0, le=1)] = 0.0


class TransformerSizes(Frozen):
    """Sizes of a transformer encoder."""

    d_model: Count
    heads: Count
    layers: Count
    feedforward: Count
    dropout: Share

    @model_validator(mode="after")
    def _heads_divide_width(self) -> Self:
        if self.d_model % self.heads or self.d_model % 2:
            raise ValueError(f"d_model {self.d_model} must be even and divisible by its {self.heads} heads")
        return self


class BaseRow(Frozen):
    """Keys of the rows of every task and head; `younger_keys` are younger than records, whose digests lack them."""

    younger_keys: ClassVar[frozenset[str]] = frozenset()
    table: TableName
    row: Annotated[int, Field(ge=1)]
    features: str
    mega: bool
    head: str
    mode: Literal["regular", "ultra"]
    shift_s: Annotated[float, Field(ge=-60, le=60)]
    assumed: dict[str, str] = {}
    left_open: dict[str, str] = {}
    changed: tuple[str, ...] = ()
    published: dict[Scored, Published] = {}
    published_in: str | None = None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def blocks(self) -> tuple[str, ...]:
        """The feature blocks, in the order in which they are joined."""
        return blocks_of(self.features, mega=self.mega)

    @property
    def fps(self) -> int:
        """Feature rows per second unless the dataset's `features.json` gives another rate."""
        return fps_of(self.blocks[0])

    @property
    def seen_splits(self) -> tuple[str, ...]:
        """Splits that the head or its features were trained on, so that a score there is meaningless."""
        (training,) = (one for one in self.trainings if "test" in one.predicts)
        is_seen = self.mega or "test" in (*training.learns, training.selects)
        return ("train", "valid", "test") if is_seen else ("train", "valid")

    @property
    def trainings(self) -> tuple[Training, ...]:
        """The trainings that the row's predictions come from; the first is the run's own."""
        if self.mode == "ultra":
            return (Training(("train", "valid", "test"), None),)
        return (Training(("train",), "valid"),)

    def digest(self) -> str:
        """Sixteen hex digits over the whole row without `published` and `left_open`."""
        return self.digest_without(UNDIGESTED_KEYS)

    def digest_without(self, keys: set[str]) -> str:
        """Sixteen hex digits over the row without some keys, and without younger ones that have their default."""
        fields = type(self).model_fields
        usual = {key for key in self.younger_keys if getattr(self, key) == fields[key].default}
        return hash_of(self.model_dump(mode="json", exclude=keys | usual))

    def model_digest(self) -> str:
        """Sixteen hex digits over what the weights depend on: rows with equal ones share a training."""
        return self.digest_without(UNDIGESTED_KEYS | NOT_OF_THE_MODEL)

    @model_validator(mode="after")
    def _keys_are_known(self) -> Self:
        _ = self.blocks
        keys = (*self.assumed, *(key.partition(".")[0] for key in self.left_open))
        unknown = [key for key in keys if key not in type(self).model_fields]
        if unknown:
            raise ValueError(f"assumed: unknown key {unknown[0]!r}")
        return self


class TrainedRow(BaseRow):
    """Keys of rows whose head is trained."""

    younger_keys: ClassVar[frozenset[str]] = frozenset({"precision", "optimiser", "annealing", "trained_for"})
    chunk_s: Seconds
    learning_rate: Annotated[float, Field(gt=0, lt=10)]
    batch_size: Count
    max_epochs: Count
    plateau: Plateau | None
    weight_decay: Annotated[float, Field(ge=0)]
    standardise: bool
    precision: Precision = "auto"
    optimiser: Optimiser | None = None
    annealing: Annealing | None = None
    trained_for: TrainedFor = "test"

    @property
    def trainings(self) -> tuple[Training, ...]:
        """As for every row; in regular mode those that `trained_for` names.

        A head for one split predicts the other one too. Mega features have seen the test games, so their rows of "both"
        need the training for the challenge only.
        """
        if self.mode == "ultra" or self.trained_for == "test":
            return super().trainings
        if self.trained_for == "challenge" or self.mega:
            return (Training(("train", "valid"), "test"),)
        return (
            Training(("train",), "valid", ("test",)),
            Training(("train", "valid"), "test", ("challenge",), "challenge"),
        )

    def whole_rows(self, key: str, fps: int) -> int:
        """How many feature rows a length in seconds spans."""
        seconds: float = getattr(self, key)
        rows = seconds * fps
        if abs(rows - round(rows)) > 1e-6:
            problem = (
                f"{key}: {seconds:g} s is {rows:g} feature rows at {fps} per second; give a multiple of {1 / fps:g} s"
            )
            raise SpecError(f"{self.table} row {self.row}", problem)
        return round(rows)

    def check_lengths(self, fps: int) -> None:
        """Check that all lengths cut out of features are integer numbers of rows."""
        for key in CUT_OUT:
            if key in type(self).model_fields:
                self.whole_rows(key, fps)

    @model_validator(mode="after")
    def _mode_allows_the_schedule(self) -> Self:
        if self.annealing is not None and self.plateau is not None:
            raise ValueError("annealing: the rate falls by plateau already; set one of them to null")
        if self.mode == "ultra" and self.plateau is not None:
            raise ValueError(
                "plateau: ultra mode trains on valid too, so there is no validation loss; set plateau: null"
            )
        return self
