"""One experiment, (row, seed, data), and its folder.

A folder is complete when `result.json` is there; until then the same command goes on where it stopped. What a folder
holds is never overwritten by another spec, other data or other code unless that is asked for.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from soccerbench.data.errors import InputError
from soccerbench.data.files import Tree, write_bytes, write_json
from soccerbench.data.labels import SPOTTING_LABELS
from soccerbench.data.predictions import read_spotting_predictions, write_spotting_predictions
from soccerbench.data.root import Root
from soccerbench.metrics import LOOSE_S, TIGHT_S
from soccerbench.runner import checkpoint
from soccerbench.runner.environment import code_hash, data_fingerprint, peak_memory_bytes, versions
from soccerbench.runner.progress import Progress
from soccerbench.runner.results import RESULT, read_result
from soccerbench.runner.scoring import SpottingEvaluation, score_spotting_games
from soccerbench.runner.training import train, uses_gpu
from soccerbench.specs.dump import spec_text
from soccerbench.specs.types import SpottingRow
from soccerbench.tasks.spotting import SpottingTask

SCORED_SPLITS = ("test", "challenge")

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
        plugin: the file it comes from.
    """

    row: SpottingRow
    seed: int
    root: Root
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

    def games(self) -> dict[str, list[str]]:
        """The games that this experiment reads, by split; the challenge only where its features are there."""
        store = self.root.store(self.row.blocks)
        splits = [*dict.fromkeys((*self.row.training_splits, "valid", *SCORED_SPLITS))]
        games = {split: self.root.games[split] for split in splits}
        if not any((store.root / game).is_dir() for game in games["challenge"]):
            games["challenge"] = []
        return games

    def identity(self) -> dict[str, str]:
        """What the outcome depends on: spec, data and code.

        Raises:
            InputError: features or labels that no run could use.
        """
        store, games = self.root.store(self.row.blocks), self.games()
        store.check(game for members in games.values() for game in members)
        fingerprint = data_fingerprint(self.root.tree, store, games, (SPOTTING_LABELS,))
        return {"spec": self.row.digest(), "data": fingerprint, "code": code_hash(self.plugin)}

    def changed(self, identity: dict[str, str]) -> list[str]:
        """Which of spec, data and code differ from those that the folder's run, finished or begun, was made with."""
        if (self.folder / RESULT).exists():
            result = read_result(self.folder / RESULT)
            was = {"spec": result["digest"], "data": result["data_fingerprint"], "code": result["code"]}
        else:
            state = checkpoint.load(self.folder)
            was = identity if state is None else state["identity"]
        return [key for key, value in identity.items() if was.get(key) != value]

    def finished(self, identity: dict[str, str]) -> dict[str, Any] | None:
        """The result of an earlier, complete run of the same identity; none if there is none.

        Raises:
            InputError: the folder holds a run of another identity, or a result that cannot be read.
        """
        changed = self.changed(identity)
        if changed:
            raise InputError(
                self.folder,
                f"holds a run of another {' and '.join(changed)}",
                "run it again with --force, or keep it and choose another --out",
            )
        return read_result(self.folder / RESULT) if (self.folder / RESULT).exists() else None

    def prepare(self, *, force: bool) -> None:
        """Find out now what would stop `run` later.

        Raises:
            InputError: as `identity`; without `force` also as `finished`; labels that cannot be trained on.
        """
        identity = self.identity()
        for split, games in self.games().items():
            if games and (split != "challenge" or self.root.has_labels(split)):
                self.root.labels(split)
        if not force:
            self.finished(identity)

    def run(self, *, device: str, progress: Progress, force: bool = False) -> dict[str, Any]:
        """Train, predict and score, or go on with it; the content of `result.json`.

        Raises:
            InputError: as `identity` and `finished`, or a full disk.
        """
        identity = self.identity()
        replaced = self.folder.with_name(f"{self.folder.name}.replaced")
        if force and self.changed(identity):
            shutil.rmtree(replaced, ignore_errors=True)
            self.folder.rename(replaced)
        done = self.finished(identity)
        if done is not None:
            return done
        self.folder.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        with _logging_to(self.folder / "log.txt"):
            write_bytes(self.folder / "spec.yaml", spec_text(self.row).encode())
            log.info("%s: %s", self.title, identity)
            task = self._task()
            model = train(
                task, self.row, seed=self.seed, folder=self.folder, device=device, identity=identity, progress=progress
            )
            predicted = [split for split in SCORED_SPLITS if self.games()[split]]
            for split in predicted:
                self._predict(task, model, split, progress)
            result = self._result(identity, predicted, device, time.monotonic() - started)
            write_json(self.folder / RESULT, result)
            log.info("done after %.1f s", result["seconds"])
        shutil.rmtree(replaced, ignore_errors=True)
        return result

    def _task(self) -> SpottingTask:
        train = {game: labels for split in self.row.training_splits for game, labels in self.root.labels(split).items()}
        valid = self.root.labels("valid") if self.row.mode == "regular" else {}
        return SpottingTask(self.row, self.root.store(self.row.blocks), train=train, valid=valid, head=self.head)

    def _predict(self, task: SpottingTask, model: nn.Module, split: str, progress: Progress) -> None:
        device = next(model.parameters()).device
        games = self.games()[split]

        def detections() -> Iterator[Any]:
            for number, game in enumerate(games, start=1):
                yield task.detect(model, game, device)
                progress(f"{split} games", number, len(games))

        write_spotting_predictions(self.folder / f"predictions-{split}.zip", detections())

    def _score(self, split: str) -> dict[str, SpottingEvaluation]:
        """The predictions of a split, read back from the file that was written."""
        tree = Tree(self.folder / f"predictions-{split}.zip")
        predictions = [read_spotting_predictions(tree, game, strict=False) for game in self.games()[split]]
        return {
            name: score_spotting_games(
                labels=list(self.root.labels(split).values()),
                predictions=predictions,
                split=split,
                deltas_s=deltas_s,
                protocol="soccernet",
            )
            for name, deltas_s in (("loose", LOOSE_S), ("tight", TIGHT_S))
        }

    def _result(self, identity: dict[str, str], predicted: list[str], device: str, seconds: float) -> dict[str, Any]:
        scores: dict[str, Any] = {}
        statistics: dict[str, Any] = {}
        for split in predicted:
            if split in self.row.seen_splits:
                scores[split] = None
            elif self.root.has_labels(split):
                scored = self._score(split)
                scores[split] = {name: evaluation.report() for name, evaluation in scored.items()}
                statistics[split] = {name: evaluation.games for name, evaluation in scored.items()}
        return {
            "table": self.row.table,
            "row": self.row.row,
            "seed": self.seed,
            "dataset": self.root.name,
            "simulated": self.root.is_simulated,
            "spec": self.row.model_dump(mode="json"),
            "digest": identity["spec"],
            "scores": scores,
            "submissions": {split: f"predictions-{split}.zip" for split in predicted},
            "games": statistics,
            "data_fingerprint": identity["data"],
            "code": identity["code"],
            "versions": versions(),
            "device": torch.cuda.get_device_name() if uses_gpu(device) else "cpu",
            "threads": torch.get_num_threads(),
            "seconds": round(seconds, 3),
            "peak_memory_bytes": peak_memory_bytes(),
        }


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
