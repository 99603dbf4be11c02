"""The pipeline of a grounding row: its replays, its head's detections, and the steps after them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import torch
from torch import nn

from soccerbench.errors import InputError, SpecError
from soccerbench.experiments.pipeline import Pipeline
from soccerbench.progress import Progress
from soccerbench.scoring.tasks import TASKS
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions, write_grounding_predictions
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS, read_camera_annotations
from soccerbench.specs.grounding import Fuse, GroundingRow, Step
from soccerbench.specs.heads import load_head
from soccerbench.tasks.grounding_postprocess import postprocess
from soccerbench.training.loop import Selection


class GroundingPipeline(Pipeline):
    """A `Pipeline` for replay grounding."""

    row: GroundingRow
    label_files: ClassVar[tuple[str, ...]] = (CAMERA_LABELS, REPLAY_LABELS)
    write = staticmethod(write_grounding_predictions)

    def check_labels(self, split: str) -> None:
        """Read the replays of a split; those of training and scoring need links."""
        for step in self.row.postprocess:
            unknown = sorted(set(step.labels) - set(CLASSES)) if isinstance(step, Fuse) else []
            if unknown:
                place = f"{self.row.table}: row {self.row.row}: postprocess.labels"
                raise SpecError(place, f"{unknown[0]!r} is none of {', '.join(CLASSES)}")
        replays = [replay for game in self.root.replays(split).values() for replay in game.replays]
        if split != "challenge" and not any(replay.same_half for replay in replays):
            raise InputError(
                self.root.path,
                f"no replay of the {split} games has a link to an event of its half",
                f"put the {CAMERA_LABELS} with links into the game folders",
            )

    def can_predict(self, split: str) -> bool:
        """Whether any game of the split has its replays marked."""
        return any(f"{game}/{file}" in self.root.tree for game in self.root.games[split] for file in self.label_files)

    def can_score(self, split: str) -> bool:
        """Whether any game of the split has its replays linked."""
        return any(f"{game}/{CAMERA_LABELS}" in self.root.tree for game in self.root.games[split])

    def detect(
        self, model: nn.Module | None, split: str, games: Sequence[str], device: torch.device, progress: Progress
    ) -> list[GroundingPredictions]:
        """Look for every replay, and take the steps of the row."""
        replays, found = self.root.replays(split), []
        for number, game in enumerate(games, start=1):
            found.append(self.trainable.detect(model, replays[game], device))
            progress(f"{split} games", number, len(games))
        for step in self.row.postprocess:
            found = postprocess(step, found, self._detections_for(step, split, games))
        return found

    def truth(self, split: str) -> list[Any]:
        """The links of the replays of a split."""
        return [read_camera_annotations(self.root.tree, game, strict=False) for game in self.root.games[split]]

    @property
    def selection(self) -> Selection | None:
        """By the validation score, if the row says how often it is measured."""
        every = getattr(self.row, "select_every", None)
        return Selection(every, self.validation_score) if every and self.training.selects else None

    def validation_score(self, model: nn.Module, device: torch.device) -> float:
        """The average-AP (loose) of the head alone on the split that its best epoch is chosen on."""
        assert self.training.selects is not None
        replays = self.root.replays(self.training.selects)
        found = [self.trainable.detect(model, read, device) for read in replays.values()]
        with TemporaryDirectory() as folder:
            file = Path(folder) / "predictions.zip"
            self.write(file, found)
            scored = self.score(file, self.training.selects)
        return float(scored["loose"].report()["average_ap"] or 0.0)

    @cached_property
    def trainable(self) -> Any:
        """Samples, head and loss."""
        train = {game: read for split in self.training.learns for game, read in self.root.replays(split).items()}
        valid = self.root.replays(self.training.selects) if self.training.selects else {}
        events = {"events": self.root.events([*train, *valid])} if self.row.samples_events else {}
        return load_head(self.row)(self.row, self.store, train=train, valid=valid, **events)

    def _detections_for(self, step: Step, split: str, games: Sequence[str]) -> list[Any]:
        """What the run that a step uses detected in some games; nothing for a step that uses none."""
        if step.uses is None:
            return []
        row = self.row.row_of(step)
        tree = Tree(self.folders[self.row.runs.index(row)] / f"predictions-{split}.zip")
        return TASKS[step.uses].read_predictions(tree, games, strict=False)
