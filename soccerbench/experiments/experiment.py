"""One experiment, (row, seed, data), and its folder.

A folder is complete when `result.json` is there; until then the same command goes on where it stopped. What a folder
holds is never overwritten by another spec, other data or other code unless that is asked for.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from soccerbench.errors import InputError
from soccerbench.experiments import run_folder
from soccerbench.experiments.fingerprint import code_hash, data_fingerprint, joint_hash, peak_memory_bytes, versions
from soccerbench.experiments.job import Job, job_of
from soccerbench.experiments.results import RESULT, Result, read_result
from soccerbench.features.dataset import Dataset
from soccerbench.files import write_bytes, write_json
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.specs.base import BaseRow, TrainedRow
from soccerbench.specs.dump import spec_text
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.spotting import Row, SpottingRow
from soccerbench.training import checkpoint
from soccerbench.training.loop import train, uses_gpu

SCORED_SPLITS = ("test", "challenge")
NARROW = 512  # features below this width are computed by one thread

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Experiment:
    """One row, trained once from one seed on one root.

    Args:
        row: the spec.
        seed: of weights and draws.
        root: the data.
        out: the folder of all runs.
        head: the class of a user's own head.
        plugin: the file that it, or the head of a row that this one needs, comes from.
    """

    row: Row
    seed: int
    root: Dataset
    out: Path
    head: type[nn.Module] | None = None
    plugin: Path | None = None

    @property
    def folder(self) -> Path:
        """Where everything of this experiment lies."""
        return self.out / self.root.name / self.row.table / f"row-{self.row.row:02d}" / f"seed-{self.seed}"

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.row.table} row {self.row.row}, seed {self.seed}"

    @cached_property
    def job(self) -> Job:
        """The row's work on the root."""
        return job_of(
            self.row, self.root, head=self.head, folder_of=lambda run: replace(self, row=cast("Row", run)).folder
        )

    @cached_property
    def needed(self) -> list[Experiment]:
        """Those whose predictions this one takes, of the same seed and data."""
        rows = cast("tuple[Row, ...]", self.row.runs) if isinstance(self.row, GroundingRow) else ()
        return [experiment_of(row, self.seed, root=self.root, out=self.out, plugin=self.plugin) for row in rows]

    @property
    def head_key(self) -> tuple[str, str, int] | None:
        """The same for experiments on one root whose weights are the same; none where they are not shared."""
        row = self.row
        return (row.table, row.model_digest(), self.seed) if isinstance(row, GroundingRow) else None

    def games(self) -> dict[str, list[str]]:
        """The games that this experiment reads, by split; the challenge only where there is something to predict."""
        splits = [*dict.fromkeys((*self.row.training_splits, "valid", *SCORED_SPLITS))]
        games = {split: self.root.games[split] for split in splits}
        if not self.job.can_predict("challenge") or not any(map(self.root.has_features, games["challenge"])):
            games["challenge"] = []
        return games

    def identity(self) -> dict[str, str]:
        """What the outcome depends on: spec, data and code.

        Raises:
            InputError: features or labels that no run could use.
        """
        data = [self._fingerprint(), *(run.identity()["data"] for run in self.needed)]
        return {"spec": self.row.digest(), "data": joint_hash(data), "code": code_hash(self.plugin)}

    def changed(self, identity: dict[str, str]) -> list[str]:
        """Which of spec, data and code differ from those that the folder's run, finished or begun, was made with.

        All do where its result cannot be read.
        """

        def identity_of(record: Path) -> dict[str, str]:
            result = read_result(record)
            return {"spec": result.digest, "data": result.data_fingerprint, "code": result.code}

        return run_folder.changed(self.folder, identity, record=self.folder / RESULT, identity_of=identity_of)

    def finished(self, identity: dict[str, str]) -> Result | None:
        """The result of an earlier, complete run of the same identity; none if there is none.

        Raises:
            InputError: the folder holds a run of another identity, or a result that cannot be read.
        """
        result = read_result(self.folder / RESULT) if (self.folder / RESULT).exists() else None
        run_folder.refuse_another(self.folder, self.changed(identity))
        return result

    def is_complete(self) -> bool:
        """Whether an earlier run of the same identity has a result.

        Raises:
            InputError: as `identity`.
        """
        return (self.folder / RESULT).exists() and not self.changed(self.identity())

    def prepare(self, *, force: bool) -> None:
        """Find out now what would stop `run` later.

        Raises:
            InputError: as `identity`; without `force` also as `finished`; labels that cannot be trained on; no
                games to train on, or none to see a plateau on.
            SpecError: lengths that are no whole number of feature rows.
        """
        for run in self.needed:
            run.prepare(force=force)
        if isinstance(self.row, TrainedRow):
            self._check_trainable(self.row)
        identity = self.identity()
        for split, games in self.games().items():
            if games:
                self.job.check_labels(split)
        if not force:
            self.finished(identity)

    def run(self, *, device: str, progress: Progress, force: bool = False) -> Result:
        """Train, predict and score, or go on with it; the content of `result.json`.

        Raises:
            InputError: as `identity` and `finished`, or a full disk.
        """
        identity = self.identity()
        if force and self.changed(identity):
            run_folder.set_aside(self.folder)
        done = self.finished(identity)
        if done is not None:
            return done
        for run in self.needed:
            run.run(device=device, progress=progress, force=force)
        self.folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with _logging_to(self.folder / "log.txt"), _threads_for(self.is_narrow), self._letting_go():
            write_bytes(self.folder / "spec.yaml", spec_text(self.row).encode())
            log.info("%s: %s", self.title, identity)
            model, before_s = self._model(identity, device, progress)
            predicted = [split for split, games in self.games().items() if split in SCORED_SPLITS and games]
            for split in predicted:
                self._predict(model, split, progress)
            result = self._result(identity, predicted, device, before_s + time.monotonic() - started)
            write_json(self.folder / RESULT, result.to_json())
            log.info("done: %.1f s in all", result.seconds)
        run_folder.forget(self.folder)
        return result

    @property
    def is_narrow(self) -> bool:
        """Whether one thread computes it."""
        return not self.row.blocks or self.root.store(self.row.blocks).width < NARROW

    @contextmanager
    def _letting_go(self) -> Iterator[None]:
        """Let the job go in the end, and with it all that its task holds: a GPU has no room for those of two rows."""
        try:
            yield
        finally:
            vars(self).pop("job", None)

    def _check_trainable(self, row: TrainedRow) -> None:
        splits, file = row.training_splits, self.root.path / "splits.json"
        if not any(self.root.games[split] for split in splits):
            raise InputError(file, f"{splits[0]}: no games to train {self.title} on", "give it training games")
        if row.plateau is not None and not self.root.games["valid"]:
            problem = f"valid: no games to see the plateau of {self.title} on"
            raise InputError(file, problem, "give it validation games, or --set plateau=null")
        row.check_lengths(self.root.store(row.blocks).fps)

    def _fingerprint(self) -> str:
        games = self.games()
        store = self.root.store(self.row.blocks) if self.row.blocks else None
        if store is not None:
            store.check(game for members in games.values() for game in members)
        return data_fingerprint(self.root.tree, store, games, self.job.label_files)

    def _model(self, identity: dict[str, str], device: str, progress: Progress) -> tuple[nn.Module | None, float]:
        """The trained head, none for a row without one, and the seconds that its training had taken before."""
        if not isinstance(self.row, TrainedRow):
            return None, 0.0
        self._adopt(identity)
        before_s = (checkpoint.load(self.folder) or {}).get("seconds", 0.0)
        model = train(
            self.job.task(), self.row,
            seed=self.seed, folder=self.folder, device=device, identity=identity, progress=progress,
        )  # fmt: skip
        return model, before_s

    def _model_identity(self) -> str | None:
        """What the weights depend on, where rows may share them."""
        if not isinstance(self.row, GroundingRow):
            return None
        return joint_hash([self.row.model_digest(), self._fingerprint(), code_hash()])

    def _adopt(self, identity: dict[str, str]) -> None:
        """Begin with the weights of another row of the table that has trained the same head on the same data."""
        wanted = self._model_identity()
        if wanted is None or checkpoint.load(self.folder) is not None:
            return
        for file in sorted(self.folder.parents[1].glob(f"row-*/{self.folder.name}/{RESULT}")):
            try:
                state = checkpoint.load(file.parent) if read_result(file).model == wanted else None
            except InputError as error:
                log.warning("passed over: %s", error)
                continue
            if state is not None:
                log.info("the head is that of %s", file.parent)
                checkpoint.save(self.folder, state | {"identity": identity})
                return

    def _predict(self, model: nn.Module | None, split: str, progress: Progress) -> None:
        device = torch.device("cpu") if model is None else next(model.parameters()).device
        found = self.job.predict(model, self.games()[split], split, device, progress)
        self.job.write(self.folder / f"predictions-{split}.zip", found)

    def _result(self, identity: dict[str, str], predicted: list[str], device: str, seconds: float) -> Result:
        scores: dict[str, Any] = {}
        counts: dict[str, Any] = {}
        for split in predicted:
            if split in self.row.seen_splits:
                scores[split] = None
            elif self.job.can_score(split):
                scored = self.job.score(self.folder / f"predictions-{split}.zip", self.games()[split], split)
                scores[split] = {name: evaluation.report() for name, evaluation in scored.items()}
                counts[split] = {name: evaluation.games for name, evaluation in scored.items()}
        return Result.model_validate(
            {
                "version": 1,
                "table": self.row.table,
                "row": self.row.row,
                "seed": self.seed,
                "dataset": self.root.name,
                "simulated": self.root.is_simulated,
                "spec": self.row.model_dump(mode="json"),
                "digest": identity["spec"],
                "model": self._model_identity(),
                "scores": scores,
                "submissions": {split: f"predictions-{split}.zip" for split in predicted},
                "games": counts,
                "data_fingerprint": identity["data"],
                "code": identity["code"],
                "versions": versions(),
                "device": torch.cuda.get_device_name() if uses_gpu(device) else "cpu",
                "threads": torch.get_num_threads(),
                "seconds": round(seconds, 3),
                "peak_memory_bytes": peak_memory_bytes(),
            }
        )


@contextmanager
def _threads_for(is_narrow: bool) -> Iterator[None]:
    """One thread for narrow features, which more only slow down; all that torch was given for others."""
    given = torch.get_num_threads()
    torch.set_num_threads(1 if is_narrow else given)
    try:
        yield
    finally:
        torch.set_num_threads(given)


def experiment_of(row: Row, seed: int, *, root: Dataset, out: Path, plugin: Path | None) -> Experiment:
    """The experiment of a row, with its head where that is one's own, and the file where a row that it needs has one.

    Raises:
        SpecError, InputError: as `load_class`.
    """
    head = None
    if isinstance(row, SpottingRow) and ":" in row.head:
        head = load_class(row.head, plugin, of=nn.Module)
    return Experiment(row, seed, root, out, head, plugin if _reads_plugin(row) else None)


def _reads_plugin(row: BaseRow) -> bool:
    """Whether the head of a row, or of one that it needs, is one's own."""
    needed = row.runs if isinstance(row, GroundingRow) else ()
    return ":" in row.head or any(map(_reads_plugin, needed))


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
