"""Table 1 as data: one row is one video model, what it looks at and how it is fine-tuned.

Conventions
    clip        `frames` frames taken at `fps` a second, `size` pixels square
    mean, std   of red, green and blue as fractions of 255
    parameters  with 18 classes, as is the width of the feature; none once a setting may have changed them
    published   top-1 on Kinetics-400 in per cent, as the paper prints it
    digest      hash of what a model and its fine-tuning come from: equal digests train equal models
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, cast

from pydantic import Field, model_validator
from typing_extensions import Self

from soccerbench.errors import SpecError, did_you_mean
from soccerbench.specs.base import Count, Frozen, Plateau, Precision, Share, TableName, hash_of
from soccerbench.specs.shipped import table_file
from soccerbench.specs.yaml_file import checked, overlay, read_table, read_yaml, split, with_settings

RECOGNITION = "recognition"
Colour = tuple[float, float, float]
Deviation = Annotated[float, Field(gt=0, le=1)]
Frames = Annotated[int, Field(gt=0, le=256)]
ResNet = Annotated[str, Field(pattern=r"^resnet\d+[a-z]?$")]
ViT = Annotated[str, Field(pattern=r"^(vit|deit)_[a-z0-9_]+$")]

_UNDIGESTED = {
    "table", "row", "architecture", "pretraining", "note", "width", "parameters", "published", "assumed", "changed",
}  # fmt: skip
_TABLE_KEYS = {"table", "title", "source", "task", "finetuned_percent", "defaults", "rows"}
_FIXED = {"table", "row", "task", "model", "width", "parameters", "published", "assumed", "changed"}
_SHAPELESS = {
    "mean", "std", "dropout", "augmentation", "learning_rate", "weight_decay", "batch_size", "max_epochs", "plateau",
    "annealing", "precision", "architecture", "pretraining", "note",
}  # fmt: skip


class ClipSampling(Frozen):
    """How many frames a model sees at once, and how many frames there are in a second."""

    frames: Frames
    fps: Annotated[int, Field(gt=0, le=60)]


class Augmentation(Frozen):
    """Augmentation of training clips, drawn again for every clip and epoch.

    The clip's centre moves by up to `jitter_s`; the square cut out has at least the share `crop` of the short side;
    left and right are swapped with the chance `flip`; brightness, contrast and saturation change by up to `colour`.
    """

    jitter_s: Annotated[float, Field(ge=0, le=10)]
    crop: Annotated[float, Field(gt=0, le=1)]
    flip: Annotated[float, Field(ge=0, le=1)]
    colour: Share


class Published(Frozen):
    """What the paper quotes of a model; `network` where that is another backbone than the row's."""

    kinetics400: Annotated[float, Field(gt=0, le=100)]
    network: str | None = None


class ExtractorRow(Frozen):
    """What rows of every video model say."""

    table: TableName
    row: Annotated[int, Field(ge=1)]
    task: Literal["recognition"]
    model: str
    architecture: str
    backbone: str
    pretraining: str
    note: str | None = None
    width: Count | None
    parameters: Annotated[int, Field(gt=0)] | None
    clip: ClipSampling
    size: Annotated[int, Field(ge=16, le=1024)]
    mean: Colour
    std: tuple[Deviation, Deviation, Deviation]
    dropout: Share
    augmentation: Augmentation
    learning_rate: Annotated[float, Field(gt=0, lt=10)]
    weight_decay: Annotated[float, Field(ge=0)]
    batch_size: Count
    max_epochs: Count
    plateau: Plateau | None
    annealing: Literal["cosine"] | None
    precision: Precision = "auto"
    assumed: dict[str, str]
    changed: tuple[str, ...] = ()
    published: Published | None = None

    def digest(self) -> str:
        """Sixteen hex digits over all that a model and its fine-tuning come from."""
        usual = {"precision"} if self.precision == "auto" else set()
        return hash_of(self.model_dump(mode="json", exclude=_UNDIGESTED | usual))

    @model_validator(mode="after")
    def _one_schedule(self) -> Self:
        if self.annealing is not None and self.plateau is not None:
            raise ValueError(f"annealing: {self.annealing} sets the rate itself; set plateau: null")
        return self


class SlowOnlyRow(ExtractorRow):
    """I3D-Slow: the slow pathway of SlowFast alone."""

    model: Literal["i3d-slow"]
    backbone: ResNet


class IrCsnRow(ExtractorRow):
    """irCSN: every 3 x 3 x 3 convolution is depthwise."""

    model: Literal["ircsn"]
    backbone: ResNet


class TpnRow(ExtractorRow):
    """TPN: two levels of a SlowOnly, each at another tempo.

    `pools` are the frames that each level's last step joins, `flows` whether the second flow starts from what the
    first one made, `auxiliary_weight` the share of the loss of the classifier on the first level.
    """

    model: Literal["tpn-r50", "tpn-r101"]
    backbone: ResNet
    pools: tuple[Frames, Frames]
    flows: Literal["cascade", "parallel"]
    auxiliary_weight: Annotated[float, Field(ge=0, le=10)]

    @model_validator(mode="after")
    def _pools_nest(self) -> Self:
        if self.pools[1] % self.pools[0]:
            raise ValueError(f"pools: the second, {self.pools[1]}, is no multiple of the first, {self.pools[0]}")
        return self


class GtaRow(ExtractorRow):
    """GTA: spatial attention, then a learned attention over time, by pixel and by region, in `temporal_heads` heads."""

    model: Literal["gta"]
    backbone: ResNet
    temporal_heads: Count
    regions: Count


class VtnRow(ExtractorRow):
    """VTN: a ViT a frame, a transformer over time; `hidden` is the width of the feature, inside the head."""

    model: Literal["vtn"]
    backbone: ViT
    layers: Annotated[int, Field(gt=0, le=100)]
    heads: Count
    feedforward: Count
    positions: Annotated[int, Field(gt=1, le=10_000)]
    encoder_dropout: Share
    hidden: Count

    @model_validator(mode="after")
    def _positions_suffice(self) -> Self:
        if self.positions <= self.clip.frames:
            raise ValueError(f"positions: {self.positions} for {self.clip.frames} frames and the class token")
        return self


class OwnRow(ExtractorRow):
    """A custom video model, called `own-…`: `network` is `module:Class`, an `Extractor` in the file of --plugin.

    The class takes `width`, `dropout`, `mean`, `std`, `size`, `frames` and whatever `options` hold, all by name.
    """

    model: Annotated[str, Field(pattern=r"^own(-[a-z0-9]+)+$")]
    network: Annotated[str, Field(pattern=r"^[A-Za-z_]\w*:[A-Za-z_]\w*$")]
    options: dict[str, Any] = Field(default_factory=dict)
    width: Count


_ROW_TYPES: dict[str, type[ExtractorRow]] = {
    "tpn-r50": TpnRow,
    "tpn-r101": TpnRow,
    "gta": GtaRow,
    "vtn": VtnRow,
    "ircsn": IrCsnRow,
    "i3d-slow": SlowOnlyRow,
}
MODELS = tuple(_ROW_TYPES)


class ExtractorTable(Frozen):
    """The video models in order, and the top-1 accuracy, in per cent, that the paper fine-tunes them to."""

    table: TableName
    title: str
    source: str
    finetuned_percent: tuple[float, float] | None = None
    rows: Annotated[tuple[ExtractorRow, ...], Field(min_length=1)]

    def of(self, model: str) -> ExtractorRow:
        """The row of a model."""
        rows = {row.model: row for row in self.rows}
        _check_known(model, list(rows))
        return rows[model]

    @model_validator(mode="after")
    def _rows_are_distinct(self) -> Self:
        if len({row.row for row in self.rows}) < len(self.rows):
            raise ValueError("rows: two rows have the same number")
        if len({row.model for row in self.rows}) < len(self.rows):
            raise ValueError("rows: two rows have the same model")
        return self


def is_extractor_table(file: Path) -> bool:
    """Whether a YAML file holds video models, not heads."""
    return file.exists() and read_yaml(file).get("task") == RECOGNITION


def load_extractors(
    name: str = "table1", *, models: Sequence[str] = (), settings: Sequence[tuple[str, Any]] = ()
) -> ExtractorTable:
    """Read the shipped table of video models, or a user's own by its path.

    Args:
        name: "table1", or the path of a YAML file.
        models: those that are wanted, in the table's order; all where none is named.
        settings: (dotted key, value) pairs, as `--set` gives them: `size` for every row that knows the key,
            `vtn.backbone` for the row of one model.
    """
    file = table_file(name)
    content, raw_rows = read_table(file, _TABLE_KEYS)
    for model in models:
        _check_known(model, [str(row.get("model")) for row in raw_rows])
    wanted = [(index, row) for index, row in enumerate(raw_rows, start=1) if not models or row.get("model") in models]
    rows = tuple(_row(file, content, index, raw, settings) for index, raw in wanted)
    for key, value in settings:
        if not any(f"{key}={value}" in row.changed for row in rows):
            keys = {field for row in rows for field in type(row).model_fields} - _FIXED
            raise SpecError(f"--set {key}={value}", f"no row of {name} has this key{did_you_mean(key, keys)}")
    about = {key: content[key] for key in _TABLE_KEYS - {"task", "defaults", "rows"} if key in content}
    return checked(ExtractorTable, {**about, "rows": rows}, file)


def _check_known(model: str, known: Sequence[str]) -> None:
    if model not in known:
        raise SpecError(model, f"no such model{did_you_mean(model, known)}; known: {', '.join(known)}")


def _row(
    file: Path, content: Mapping[str, Any], index: int, raw: Mapping[str, Any], settings: Sequence[tuple[str, Any]]
) -> ExtractorRow:
    place = f"{file}: row {raw.get('row', f'number {index} of the list')}"
    values, reasons = overlay(split(place, content.get("defaults") or {}), split(place, raw))
    for key in values.pop("left_open", {}):
        raise SpecError(place, f"assumed: {key}: write {{value: …, why: …}}")
    row_type = OwnRow if "network" in values else _ROW_TYPES.get(str(values.get("model")))
    if row_type is None:
        near = did_you_mean(values.get("model"), MODELS)
        known = f"known: {', '.join(MODELS)}; a custom one gives network: module:Class"
        raise SpecError(place, f"model: unknown model {values.get('model')!r}{near}; {known}")
    values |= {"table": content.get("table", file.stem), "task": content.get("task"), "assumed": reasons}
    row = checked(row_type, values, place)
    settable, taken, keys = row_type.model_fields.keys() - _FIXED, [], set()
    for key, value in settings:
        dotted = key.removeprefix(f"{row.model}.")
        if (first := dotted.partition(".")[0]) in settable:
            taken.append((key, dotted, value))
            keys.add(first)
    if not taken:
        return row
    unknown = {} if row_type is OwnRow or keys <= _SHAPELESS else {"width": None, "parameters": None}
    return cast("ExtractorRow", with_settings(row, taken, **unknown))
