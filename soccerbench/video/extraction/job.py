"""One extraction: its models and their weights, its settings, and what the features of a half depend on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from soccerbench.errors import InputError
from soccerbench.experiments.fingerprint import code_hash
from soccerbench.files import sha256, walked
from soccerbench.specs.features import single_file
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.specs.yaml_file import read_yaml, split
from soccerbench.training.checkpoint import CHECKPOINT
from soccerbench.video.extraction.feature_files import JOINED_BLOCKS, JOINED_FILE, HalfRecord, Normalise, read_record
from soccerbench.video.extraction.sliding import Compute, channels_last
from soccerbench.video.extraction.videos import Half
from soccerbench.video.models.base import Extractor
from soccerbench.video.models.build import build
from soccerbench.video.models.weights import load_weights

SEED = 0
SPEC = "spec.yaml"
NOT_OF_THE_MODEL = {
    "table", "row", "task", "model", "width", "parameters", "published", "assumed", "changed", "architecture",
    "pretraining", "note", "augmentation", "dropout", "learning_rate", "weight_decay", "batch_size", "max_epochs",
    "plateau", "annealing", "network",
}  # fmt: skip
CODE = "soccerbench.video.extraction.half"  # and all that it imports makes the features


@dataclass(frozen=True)
class Weights:
    """The checkpoint of one model, or None for random weights; and its hash."""

    file: Path | None
    digest: str


@dataclass(frozen=True)
class Job:
    """One extraction: which models over the halves of which root, and how."""

    root: Path  # holds the videos
    out: Path  # takes the features, in the folders of the same games
    rows: tuple[ExtractorRow, ...]  # the models' specs
    weights: dict[str, Weights]  # their checkpoints, by model
    mega: bool  # the models were fine-tuned on the mega set: blocks and files of that name
    normalise: Normalise  # how each block's row is scaled before it is written
    compute: Compute  # where, how finely and how much at a time
    plugin: Path | None  # the file of custom models
    force: bool  # replace features of another identity

    @property
    def untrained(self) -> bool:
        """Whether any model has random weights."""
        return any(weights.file is None for weights in self.weights.values())

    def block(self, model: str) -> str:
        """The feature block that a model makes."""
        return f"mega-{model}" if self.mega else model

    def file(self, model: str) -> str:
        """The name of its files, after the half's number."""
        return single_file(self.block(model))

    def identity(self, row: ExtractorRow) -> dict[str, str]:
        """All that a model's features depend on except the video."""
        return {
            "spec": row.digest(),
            "weights": self.weights[row.model].digest,
            "normalisation": self.normalise,
            "precision": "bfloat16" if self.compute.half_precision else "float32",
            "code": code_hash(CODE, plugin=self.plugin),
        }

    def check_free(self, half: Half, *, video: Mapping[str, str] | None = None) -> HalfRecord | None:
        """Refuse to replace features that this extraction did not make; the record of an earlier one of the half.

        The video is compared where `video`, its key of identity, is given.
        """
        folder = self.out / half.game
        try:
            record = read_record(folder, half.half)
        except InputError:
            if not self.force:
                raise
            return None
        if self.force:
            return record
        known_files = dict(record.features) if record else {}
        joined = folder / f"{half.half}_{JOINED_FILE}"
        blocks = known_files.keys() | {self.block(row.model) for row in self.rows}
        if blocks.issuperset(JOINED_BLOCKS) and joined.exists() and not (record and record.joined):
            raise InputError(joined, "was not extracted here", "give another --out, or replace it with --force")
        for row in self.rows:
            path = folder / f"{half.half}_{self.file(row.model)}"
            known = known_files.get(self.block(row.model))
            if known is None and path.exists():
                raise InputError(path, "was not extracted here", "give another --out, or replace it with --force")
            wanted = {**self.identity(row), **(video or {})}
            changed = [key for key, value in wanted.items() if known and known.identity.get(key) != value]
            if changed:
                problem = f"was extracted with another {' and '.join(changed)}"
                raise InputError(path, problem, "extract it again with --force, or give another --out")
        return record


def find_weights(models: Sequence[str], given: Sequence[str], *, untrained: bool) -> dict[str, Weights]:
    """A checkpoint for each model; with `untrained`, random weights for those without one.

    Args:
        given: `MODEL=FILE`, or a folder that holds `MODEL/…/checkpoint.pt`; a named file goes before a folder.
    """
    named, folders = {}, []
    for text in given:
        model, equals, file = text.partition("=")
        if equals and model in models:
            named[model] = Path(file)
        else:
            folders.append(Path(text))
    for folder in folders:
        if not folder.is_dir():
            raise InputError(folder, "no such folder", f"give a folder, or MODEL=FILE for one of {', '.join(models)}")
    found = {}
    for model in models:
        file_of = named.get(model) or _checkpoint_in(model, folders)
        if file_of is not None:
            found[model] = Weights(file_of, _hash(file_of))
        elif untrained:
            found[model] = Weights(None, f"untrained-{SEED}")
        else:
            raise ValueError(
                f"no checkpoint for {model}: give --checkpoints {model}=FILE, a folder with {model}/…/{CHECKPOINT}, "
                "or --untrained for random weights"
            )
    return found


def settings_of(row: ExtractorRow, weights: Weights) -> list[tuple[str, Any]]:
    """What the `spec.yaml` next to a checkpoint says of its model and clip and `row` does not, as settings."""
    file = None if weights.file is None else weights.file.with_name(SPEC)
    if file is None or not file.is_file():
        return []
    values, _ = split(str(file), {key: value for key, value in read_yaml(file).items() if key != "changed"})
    if values.get("model") != row.model:
        raise InputError(file, f"its model is {values.get('model')}, not {row.model}", f"name {row.model}'s checkpoint")
    own = row.model_dump(mode="json", exclude=NOT_OF_THE_MODEL)
    return [(f"{row.model}.{key}", values[key]) for key in own if key in values and values[key] != own[key]]


def load_models(
    rows: Sequence[ExtractorRow], weights: Mapping[str, Weights], device: torch.device, *, plugin: Path | None = None
) -> dict[str, Extractor]:
    """The models by name, in evaluation mode on a device; random weights always are those of SEED."""
    if device.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False  # --precision float32 means float32
    models = {}
    for row in rows:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            model = build(row, plugin=plugin)
        file = weights[row.model].file
        model.source = f"random weights of seed {SEED}" if file is None else load_weights(model, file, row)
        model.eval().requires_grad_(False).to(device)
        if channels_last(model, device):
            for weight in model.parameters():
                if weight.ndim in (4, 5):
                    order = torch.channels_last if weight.ndim == 4 else torch.channels_last_3d
                    weight.data = weight.data.contiguous(memory_format=order)
        models[row.model] = model
    return models


def _checkpoint_in(model: str, folders: Sequence[Path]) -> Path | None:
    below = (walked(folder / model) for folder in folders)
    found = sorted(place / CHECKPOINT for places in below for place, files in places if CHECKPOINT in files)
    if len(found) > 1:
        places = ", ".join(str(file.parent) for file in found)
        raise InputError(found[0], f"one of {len(found)} checkpoints of {model} ({places})", f"name it: {model}=FILE")
    return found[0] if found else None


def _hash(file: Path) -> str:
    try:
        return sha256(file)[:16]
    except OSError as error:
        raise InputError(file, f"cannot be read ({error.strerror})", "give a checkpoint's file") from None
