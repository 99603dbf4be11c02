"""What all halves of one extraction share, and what the features of a half depend on."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch

from soccerbench.errors import InputError
from soccerbench.experiments.fingerprint import code_hash
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.video.extraction.checkpoints import Weights
from soccerbench.video.extraction.joining import JOINED_BLOCKS, JOINED_FILE
from soccerbench.video.extraction.npy_writer import Normalise
from soccerbench.video.extraction.record import HalfRecord, read_record
from soccerbench.video.extraction.sliding import Compute
from soccerbench.video.extraction.videos import Half

ROOMS = ("video",)


@dataclass(frozen=True)
class Job:
    """One extraction: which models over the halves of which root, and how.

    Args:
        root: holds the videos.
        out: takes the features, in the folders of the same games.
        rows: the models' specs.
        weights: their checkpoints, by model.
        mega: the models were fine-tuned on the mega set: blocks and files of that name.
        normalise: how each block's row is scaled before it is written.
        device: "cpu", or "cuda" for as many GPUs as there are workers.
        half_precision: bfloat16 on a GPU.
        step_s: seconds of video a step.
        plugin: the file of models of one's own.
        force: replace what was extracted otherwise.
    """

    root: Path
    out: Path
    rows: tuple[ExtractorRow, ...]
    weights: dict[str, Weights]
    mega: bool
    normalise: Normalise
    device: str
    half_precision: bool
    step_s: int
    plugin: Path | None
    force: bool

    @property
    def untrained(self) -> bool:
        """Whether any model has random weights."""
        return any(weights.file is None for weights in self.weights.values())

    def device_of(self, worker: int) -> torch.device:
        """Where the worker of that number computes."""
        on_gpu = self.device == "cuda"
        return torch.device("cuda", worker % torch.cuda.device_count()) if on_gpu else torch.device("cpu")

    def compute(self, device: torch.device) -> Compute:
        """How finely and precisely a device computes."""
        return Compute(device, self.step_s, self.half_precision)

    def block(self, model: str) -> str:
        """The feature block that a model makes."""
        return f"mega-{model}" if self.mega else model

    def file(self, model: str) -> str:
        """The name of its files, below the half's number."""
        return f"{self.block(model).replace('-', '_')}.npy"

    def identity(self, row: ExtractorRow) -> dict[str, str]:
        """All that a model's features depend on beside the video."""
        return {
            "spec": row.digest(),
            "weights": self.weights[row.model].digest,
            "normalisation": self.normalise,
            "precision": "bfloat16" if self.half_precision else "float32",
            "code": code_hash(self.plugin, rooms=ROOMS),
        }

    def record(self, half: Half) -> HalfRecord | None:
        """What was extracted of a half before.

        Raises:
            InputError: a record that is none; with `force` there is none then.
        """
        try:
            return read_record(self.out / half.game, half.half)
        except InputError:
            if self.force:
                return None
            raise

    def check_free(self, half: Half, *, video: dict[str, str] | None = None) -> None:
        """Refuse to replace features that this extraction did not make.

        Args:
            half: to be extracted.
            video: the key of identity that tells its video; where it is not known yet, it is not compared.

        Raises:
            InputError: a feature file of unknown origin, or one of another identity.
        """
        if self.force:
            return
        record, folder = self.record(half), self.out / half.game
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
            wanted = self.identity(row) | (video or {})
            changed = [key for key, value in wanted.items() if known and known.identity.get(key) != value]
            if changed:
                problem = f"was extracted with another {' and '.join(changed)}"
                raise InputError(path, problem, "extract it again with --force, or give another --out")
