"""One experiment, (row, seed, data), and its folder.

A folder is complete when `result.json` is there; until then the same command resumes it. What a folder holds is never
overwritten by another spec, other data or other code unless that is asked for.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from soccerbench.errors import InputError, SpecError
from soccerbench.experiments.fingerprint import code_hash, data_fingerprint, joint_hash, peak_memory_bytes, versions
from soccerbench.experiments.grounding import GroundingPipeline
from soccerbench.experiments.pipeline import Pipeline
from soccerbench.experiments.results import RESULT, Result, read_result
from soccerbench.experiments.run_folder import RunFolder, read_identity
from soccerbench.experiments.spotting import SpottingPipeline
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.files import write_bytes
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.base import SCORED_SPLITS, BaseRow, TrainedRow, Training
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.heads import HEADS
from soccerbench.specs.load import spec_text
from soccerbench.specs.spotting import Row, SpottingRow
from soccerbench.training import checkpoint
from soccerbench.training.loop import train, uses_gpu

PIPELINES: dict[str, type[Pipeline]] = {"spotting": SpottingPipeline, "grounding": GroundingPipeline}
NARROW = 512  # features below this width are computed by one thread

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Identity:
    """What the outcome of an experiment depends on, as hashes."""

    spec: str  # of the row
    data: str  # of labels and features
    code: str  # of the code that makes its numbers
    model: str  # of all that its weights depend on; rows of a table with equal ones share a training

    @property
    def compared(self) -> dict[str, str]:
        """What makes a run another one."""
        return {"spec": self.spec, "data": self.data, "code": self.code}


@dataclass(frozen=True)
class Experiment:
    """One row, trained from one seed on one dataset; all that it is made from, as values. `Planner` makes it."""

    row: Row  # the spec
    seed: int  # of weights and draws
    root: Dataset = field(repr=False)  # the data
    out: Path  # the folder of all runs
    plugin: Path | None  # the file of a custom head, of this row or of one that it needs
    store: FeatureStore | None = field(repr=False)  # the row's features; None for a row that reads none
    games: Mapping[str, Sequence[str]] = field(repr=False)  # split -> the games that it reads
    identity: Identity  # what its outcome depends on
    needed: tuple[Experiment, ...]  # the experiments whose predictions this one takes, of the same seed and data

    @property
    def folder(self) -> Path:
        """The folder of this run."""
        return self.out / self.root.name / self.row.table / f"row-{self.row.row:02d}" / f"seed-{self.seed}"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.row.table} row {self.row.row}, seed {self.seed}"

    @property
    def is_narrow(self) -> bool:
        """Whether one thread computes it."""
        return self.store is None or self.store.width < NARROW

    @property
    def trainings(self) -> tuple[Training, ...]:
        """The row's trainings whose head has games to predict; the first in any case."""
        first, *others = self.row.trainings
        return first, *(one for one in others if any(self.games[split] for split in one.predicts))

    def pipeline(self, training: Training | None = None) -> Pipeline:
        """The row's work on the data for one of its trainings; it holds features, so that it is made for one run."""
        folders, kind = [run.folder for run in self.needed], PIPELINES[self.row.task]
        return kind(self.row, self.root, self.store, plugin=self.plugin, folders=folders, training=training)

    @property
    def kept(self) -> RunFolder[Result]:
        """What the folder holds."""
        noted = {"model": self.identity.model}
        return RunFolder(self.folder, RESULT, read_result, self.identity.compared, noted)

    def prepare(self, *, force: bool) -> None:
        """Find out now what would stop `run` later.

        Raises:
            InputError: without `force`, a run of another identity or a damaged one; labels that cannot be trained on;
                no games to train on, or none to see a plateau on.
            SpecError: lengths that are not a whole number of feature rows.
        """
        for run in self.needed:
            run.prepare(force=force)
        if isinstance(self.row, TrainedRow):
            self._check_trainable(self.row)
        pipeline = self.pipeline()
        for split, games in self.games.items():
            if games:
                pipeline.check_labels(split)
        if not force:
            self.kept.finished()

    def run(self, *, device: str, progress: Progress, force: bool = False) -> Result:
        """Train, predict and score, or resume; the content of `result.json`.

        Where another process runs the same, its end is waited for.

        Raises:
            InputError: without `force`, a run of another identity or a damaged one; a full disk.
        """
        if self.needed and (force or self.kept.finished() is None):
            for run in self.needed:
                run.run(device=device, progress=progress, force=force)
        return self.kept.complete(partial(self._run, device, progress), force=force)

    def _run(self, device: str, progress: Progress) -> Result:
        with _logging_to(self.folder / "log.txt"), threads_for(self.is_narrow):
            write_bytes(self.folder / "spec.yaml", spec_text(self.row).encode())
            log.info("%s: %s", self.title, asdict(self.identity))
            result = self._result(device, progress)
            log.info("done: %.1f s in all", result.seconds)
        return result

    def _check_trainable(self, row: TrainedRow) -> None:
        file = self.root.path / "splits.json"
        for training in self.trainings:
            splits, selects = training.learns, training.selects
            if not any(self.games[split] for split in splits):
                raise InputError(file, f"{splits[0]}: no games to train {self.title} on", "give it training games")
            if row.plateau is not None and selects is not None and not self.games[selects]:
                problem = f"{selects}: no games to see the plateau of {self.title} on"
                raise InputError(file, problem, f"give it {selects} games, or --set plateau=null")
        assert self.store is not None
        row.check_lengths(self.store.fps)
        check_batch_memory(row, self.store)

    def _train(
        self, training: Training, pipeline: Pipeline, device: str, progress: Progress
    ) -> tuple[nn.Module | None, float]:
        """The trained head, None for a row without one, and the seconds that training took in all sessions."""
        if not isinstance(self.row, TrainedRow):
            return None, 0.0
        base = self.folder / training.folder
        task, before_s = pipeline.trainable, 0.0
        train_part = partial(train, seed=self.seed, device=device, identity=self.identity.compared, progress=progress)
        first = getattr(task, "trained_first", None)
        if not checkpoint.exists(base):
            self._share_head(training, [first.name] if first is not None else [])
        if first is not None:  # a network trained before, which the model then holds as it is
            own = {"recipe": first.row.optimiser, "annealing": first.row.annealing}
            before_s = train_part(first, first.row, folder=base / first.name, **own).seconds
        trained = train_part(
            task, self.row, folder=base, about=self._about(training), recipe=self.row.optimiser,
            annealing=self.row.annealing, select=pipeline.selection,
        )  # fmt: skip
        return trained.model, before_s + trained.seconds

    def _share_head(self, training: Training, parts: Sequence[str]) -> None:
        """Start from the weights of another row of the table that has trained the same head on the same data.

        Args:
            parts: folders, in that of the training, of networks that were trained before the head.
        """
        base = self.folder / training.folder
        for folder in sorted(self.folder.parents[1].glob(f"row-*/{self.folder.name}")):
            if read_identity(folder).get("model") != self.identity.model or not (folder / RESULT).exists():
                continue
            states = {part: checkpoint.load(folder / training.folder / part) for part in (*parts, "")}
            if None not in states.values():
                log.info("the head is that of %s", folder)
                for part, state in states.items():
                    about = None if part else self._about(training)
                    checkpoint.save(base / part, (state or {}) | {"identity": self.identity.compared, "about": about})
                return

    def _about(self, training: Training) -> dict[str, Any]:
        """What the checkpoint says of itself."""
        assert self.store is not None
        return checkpoint.Description(
            spec=self.row.model_dump(mode="json", round_trip=True),
            fps=self.store.fps,
            blocks=self.store.file_blocks,
            classes=CLASSES,
            dataset=self.root.name,
            simulated=self.root.is_simulated,
            trained_on={split: len(self.games[split]) for split in training.learns},
        ).model_dump(mode="json")

    def _result(self, device: str, progress: Progress) -> Result:
        scores: dict[str, Any] = {}
        counts: dict[str, Any] = {}
        submissions: dict[str, str] = {}
        seconds = 0.0
        for training in self.trainings:
            pipeline = self.pipeline(training)
            model, trained_s = self._train(training, pipeline, device, progress)
            started = time.monotonic()
            where = torch.device("cpu") if model is None else next(model.parameters()).device
            for split in training.predicts:
                games = self.games[split]
                if not games:
                    continue
                submissions[split] = f"predictions-{split}.zip"
                file = self.folder / submissions[split]
                pipeline.write(file, pipeline.detect(model, split, games, where, progress))
                if split in self.row.seen_splits:
                    scores[split] = None
                elif pipeline.can_score(split):
                    scored = pipeline.score(file, split)
                    scores[split] = {name: evaluation.report() for name, evaluation in scored.items()}
                    counts[split] = {name: evaluation.games for name, evaluation in scored.items()}
            seconds += trained_s + time.monotonic() - started
        return Result(
            table=self.row.table, row=self.row.row, seed=self.seed, dataset=self.root.name,
            simulated=self.root.is_simulated, spec=self.row.model_dump(mode="json"), digest=self.identity.spec,
            model=self.identity.model, scores=scores, submissions=submissions, games=counts,
            data_fingerprint=self.identity.data, code=self.identity.code, versions=versions(),
            device=torch.cuda.get_device_name() if uses_gpu(device) else "cpu", threads=torch.get_num_threads(),
            seconds=round(seconds, 3), peak_memory_bytes=peak_memory_bytes(),
        )  # fmt: skip


@dataclass
class Planner:
    """Makes the experiments of one call. What several of them depend on is opened and hashed once."""

    root: Dataset  # the data
    out: Path  # the folder of all runs
    plugin: Path | None = None  # a Python file with custom heads
    _fingerprints: dict[Any, str] = field(default_factory=dict)
    _made: dict[tuple[str, int, str, int], Experiment] = field(default_factory=dict)

    def experiment(self, row: Row, seed: int) -> Experiment:
        """The experiment of a row.

        Raises:
            InputError: features or labels that no run could use; a plugin that fails on import.
            SpecError: a custom head that the plugin does not have.
        """
        digest = row.digest()
        key = (row.table, row.row, digest, seed)
        if key in self._made:
            return self._made[key]
        if ":" in row.head:
            load_class(row.head, self.plugin, of=nn.Module)
        rows = cast("tuple[Row, ...]", row.runs) if isinstance(row, GroundingRow) else ()
        needed = tuple(self.experiment(one, seed) for one in rows)
        store = self.root.store(row.blocks) if row.blocks else None
        plugin = self.plugin if _reads_plugin(row) else None
        pipeline = PIPELINES[row.task](row, self.root, store)
        games = self._games(pipeline)
        data, own = self._fingerprint(store, games, pipeline), plugin if ":" in row.head else None
        identity = Identity(
            spec=digest,
            data=joint_hash([data, *(run.identity.data for run in needed)]),
            code=joint_hash([_code_of(row, plugin), *(run.identity.code for run in needed)]),
            model=joint_hash([row.model_digest(), data, _code_of(row, own)]),
        )
        made = Experiment(row, seed, self.root, self.out, plugin, store, games, identity, needed)
        self._made[key] = made
        return made

    def _games(self, pipeline: Pipeline) -> dict[str, list[str]]:
        """The games that a row reads, by split; the challenge only where there is something to predict."""
        splits = ("train", "valid", *SCORED_SPLITS)
        games = {split: self.root.games[split] for split in splits}
        if not pipeline.can_predict("challenge") or not any(map(self.root.has_features, games["challenge"])):
            games["challenge"] = []
        return games

    def _fingerprint(self, store: FeatureStore | None, games: dict[str, list[str]], pipeline: Pipeline) -> str:
        blocks = None if store is None else store.blocks
        key = (blocks, tuple((split, *members) for split, members in games.items()), pipeline.label_files)
        if key not in self._fingerprints:
            if store is not None:
                store.check(game for members in games.values() for game in members)
            self._fingerprints[key] = data_fingerprint(self.root.tree, store, games, pipeline.label_files)
        return self._fingerprints[key]


def _code_of(row: Row, plugin: Path | None = None) -> str:
    """The hash of the code that makes a row's numbers; the files of other heads are left out."""
    kind = PIPELINES[row.task]
    modules = [kind.__module__, __name__, train.__module__]
    modules += [row.task_class.partition(":")[0]] if isinstance(row, SpottingRow) else []
    return code_hash(*modules, *([HEADS[row.head].module] if row.head in HEADS else []), plugin=plugin)


def _reads_plugin(row: BaseRow) -> bool:
    """Whether the head of a row, or of one that it needs, is a custom one."""
    needed = row.runs if isinstance(row, GroundingRow) else ()
    return ":" in row.head or any(map(_reads_plugin, needed))


@contextmanager
def threads_for(is_narrow: bool) -> Iterator[None]:
    """One thread for narrow features, which more threads only slow down; all that torch has for others."""
    given = torch.get_num_threads()
    torch.set_num_threads(1 if is_narrow else given)
    try:
        yield
    finally:
        torch.set_num_threads(given)


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """Append the package's log to a file."""
    package = logging.getLogger("soccerbench")
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    level = package.level
    package.addHandler(handler)
    package.setLevel(logging.INFO)
    try:
        yield
    finally:
        package.removeHandler(handler)
        package.setLevel(level)
        handler.close()


def check_batch_memory(row: TrainedRow, store: FeatureStore) -> None:
    """Refuse a batch of features that this machine's memory cannot hold, before it is allocated.

    Raises:
        SpecError: names the row, what a batch needs and what there is.
    """
    needed = 4 * row.batch_size * row.whole_rows("chunk_s", store.fps) * store.width
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if needed > memory:
        problem = (
            f"a batch of {row.batch_size} chunks of {row.chunk_s:g} s takes {needed / 1e9:.0f} GB and this machine has "
            f"{memory / 1e9:.0f} GB; set a smaller batch_size or chunk_s"
        )
        raise SpecError(f"{row.table} row {row.row}", problem)
