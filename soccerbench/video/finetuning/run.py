"""One fine-tuning, (model, snippets, seed), and its folder.

    <out>/<dataset>/finetuned/<model>/seed-<S>/  spec.yaml, checkpoint.pt, history.csv, accuracy.json
    <out>/<dataset>/finetuned-shuffled/…         the same with shuffled training labels: a control, kept apart

A folder is complete when `accuracy.json` is there; until then the same command resumes it. What a folder
holds is never overwritten by another spec, other snippets or other code unless that is asked for.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import torch

from soccerbench.errors import InputError
from soccerbench.experiments.fingerprint import code_hash, joint_hash, peak_memory_bytes, versions
from soccerbench.experiments.results import ACCURACY, Accuracy, SplitAccuracy, read_accuracy
from soccerbench.experiments.run_folder import RunFolder
from soccerbench.features.store import is_simulated
from soccerbench.files import write_bytes
from soccerbench.progress import Progress, silent
from soccerbench.specs.base import Annealing
from soccerbench.specs.load import spec_text
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.training.loop import Trained, train, uses_gpu
from soccerbench.training.parallel import several
from soccerbench.video.decoding.clips import Clip
from soccerbench.video.extraction.videos import fingerprint
from soccerbench.video.finetuning.clip_cache import Room, SnippetClips
from soccerbench.video.finetuning.manifest import Manifest
from soccerbench.video.finetuning.task import FineTuning, confusion, top1, top1_per_class
from soccerbench.video.models.base import Extractor

ROOM_BYTES = 4 * 2**30  # of decoded frames kept in memory
SHUFFLE_STREAM = 1


@dataclass(frozen=True)
class FineTuneRun:
    """One model, fine-tuned once from one seed on one set of snippets."""

    row: ExtractorRow  # the spec
    manifest: Manifest  # the snippets
    seed: int  # of weights and draws
    out: Path  # the folder of all runs
    init: Path | None = None  # a checkpoint to begin with
    shuffled: bool = False  # the training labels: a control that can learn nothing but how often each is
    plugin: Path | None = None  # the file of a custom model
    room_bytes: int = ROOM_BYTES  # of decoded frames kept in memory; what is beyond is decoded again in every epoch
    processes: int = 1  # each trains on a share of every batch, on a GPU of its own where there are GPUs

    @property
    def folder(self) -> Path:
        """Where everything of this run is written."""
        kind = "finetuned-shuffled" if self.shuffled else "finetuned"
        return self.out / self.dataset / kind / self.row.model / f"seed-{self.seed}"

    @property
    def dataset(self) -> str:
        """What runs on these videos are filed under: the name of their folder, the first one's of several."""
        return Path(self.manifest.roots[0]).name

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.row.model}, seed {self.seed}" + (", shuffled labels" if self.shuffled else "")

    def identity(self) -> dict[str, str]:
        """What the outcome depends on."""
        return {
            "spec": self.row.digest(),
            "data": self._data_fingerprint,
            "labels": "shuffled" if self.shuffled else "annotated",
            "init": "none" if self.init is None else _hash(self.init),
            "code": code_hash(__name__, plugin=self.plugin),
        }

    def run(self, *, device: str, progress: Progress, force: bool = False) -> Accuracy:
        """Train and measure, or resume; the content of `accuracy.json`.

        Where another process does the same, its end is waited for.

        Raises:
            InputError: without `force`, a run of another identity or a damaged one; a file that cannot be read, a video
                that cannot be decoded; a full disk.
            ValueError: no training snippets, or no validation snippets for a plateau.
        """
        identity = self.identity()
        kept = RunFolder(self.folder, ACCURACY, read_accuracy, identity)
        return kept.complete(partial(self._run, identity, device=device, progress=progress), force=force)

    def _run(self, identity: dict[str, str], *, device: str, progress: Progress) -> Accuracy:
        write_bytes(self.folder / "spec.yaml", spec_text(self.row).encode())
        begun_s, begun_cpu_s = time.monotonic(), time.process_time()
        room = Room(self.room_bytes)
        task = self._task(room)
        with several(self.processes, partial(self.follow, identity, device=device), on_gpu=uses_gpu(device)):
            trained = self._train(task, identity, device=device, progress=progress)
        model = trained.model
        assert isinstance(model, Extractor)
        on_valid = self._measure(model, self._clips("valid", room), "valid", progress)
        on_test = self._measure(model, self._clips("test", room), "test", progress)
        return Accuracy(
            version=1,
            model=self.row.model,
            dataset=self.dataset,
            simulated=any(is_simulated(Path(root)) for root in self.manifest.roots),
            seed=self.seed,
            labels="shuffled" if self.shuffled else "annotated",
            started_from=model.source,
            view="one clip at the snippet's centre, the centred square",
            top1=on_test.top1,
            per_class=on_test.per_class,
            splits={"valid": on_valid, "test": on_test},
            trained_on=sum(snippet.split == "train" for snippet in self.manifest.snippets),
            classes=self.manifest.classes,
            spec=self.row.model_dump(mode="json"),
            digest=identity["spec"],
            identity=identity,
            versions=versions(),
            device=torch.cuda.get_device_name() if uses_gpu(device) else "cpu",
            threads=torch.get_num_threads(),
            resumed_after_epoch=trained.resumed_after,
            seconds=round(time.monotonic() - begun_s, 1),
            processor_seconds=round(time.process_time() - begun_cpu_s, 1),
            peak_memory_bytes=peak_memory_bytes(),
        )

    def follow(self, identity: dict[str, str], *, device: str) -> None:
        """Train with the process that runs this, which alone writes."""
        self._train(self._task(Room(self.room_bytes)), identity, device=device, progress=silent)

    def _task(self, room: Room) -> FineTuning:
        spare = int(self.row.augmentation.jitter_s * self.row.clip.fps)  # frames that the jitter may move a clip by
        training, valid = self._clips("train", room, spare=spare, crop=False), self._clips("valid", room)
        if not len(training):
            raise ValueError("no training snippets: make snippets of games of the train split")
        if not len(valid) and self.row.plateau is not None:
            raise ValueError("no validation snippets to see a plateau on: --set plateau=null trains all epochs")
        if min(self.row.batch_size, len(training)) < self.processes:
            raise ValueError(f"--gpus {self.processes}: a batch has fewer clips; set a larger batch_size")
        targets = training.labels
        if self.shuffled:
            targets = np.random.default_rng([self.seed, SHUFFLE_STREAM]).permutation(targets)
        return FineTuning(
            self.row, training, targets, valid if len(valid) else None,
            init=self.init, plugin=self.plugin,
        )  # fmt: skip

    def _train(self, task: FineTuning, identity: dict[str, str], *, device: str, progress: Progress) -> Trained:
        return train(
            task, self.row,
            seed=self.seed, folder=self.folder, device=device, identity=identity, progress=progress,
            annealing=None if self.row.annealing is None else Annealing(shape=self.row.annealing),
        )  # fmt: skip

    @cached_property
    def _data_fingerprint(self) -> str:
        """Sixteen hex digits over the snippets and a sample of each of their videos."""
        of_snippets = hashlib.sha256(repr(self.manifest.halves).encode()).hexdigest()[:16]
        return joint_hash([of_snippets, *(_hash(half.path) for half in self.manifest.videos)])

    def _clips(self, split: str, room: Room, *, spare: int = 0, crop: bool = True) -> SnippetClips:
        return SnippetClips(
            [snippet for snippet in self.manifest.snippets if snippet.split == split],
            clip=Clip(self.row.clip.frames, self.row.clip.fps),
            spare=spare,
            size=self.row.size,
            crop=crop,
            room=room,
            threads=torch.get_num_threads(),
        )

    def _measure(self, model: Extractor, clips: SnippetClips, split: str, progress: Progress) -> SplitAccuracy:
        classes = self.manifest.classes
        counts = confusion(
            model, clips, classes=len(classes), batch_size=self.row.batch_size, precision=self.row.precision,
            progress=progress, stage=split,
        )  # fmt: skip
        per_class = dict(zip(classes, top1_per_class(counts), strict=True))
        return SplitAccuracy(snippets=len(clips), top1=top1(counts), per_class=per_class, confusion=counts.tolist())


def _hash(file: Path) -> str:
    try:
        return fingerprint(file)
    except OSError as error:
        problem = f"cannot be read ({error.strerror})"
        raise InputError(file, problem, "put the file there that was there, or name another") from None
