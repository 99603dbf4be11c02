"""A trained head, ready for other matches: from a run's folder, its checkpoint, or an official checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import torch
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor, nn

from soccerbench.errors import InputError, SpecError, first_error
from soccerbench.events import Events
from soccerbench.experiments.experiment import NARROW, threads_for
from soccerbench.inference.events import frame
from soccerbench.inference.match import Features, array_features
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.official import from_official
from soccerbench.models.shapes import shapes_only
from soccerbench.models.sliding import Standardised
from soccerbench.plugins import load_class
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions
from soccerbench.soccernet.replays import GameReplays
from soccerbench.specs.features import load_features
from soccerbench.specs.grounding import CmnRow, LearnedRow
from soccerbench.specs.heads import load_head, load_source
from soccerbench.specs.load import load_table, row_type
from soccerbench.specs.spotting import SpottingRow
from soccerbench.tasks.grounding_postprocess import postprocess
from soccerbench.tasks.spotting_steps import FrameScores, detections
from soccerbench.training.checkpoint import CHECKPOINT, Description, read
from soccerbench.training.loop import uses_gpu

if TYPE_CHECKING:
    import pandas as pd

TrainedRow = SpottingRow | LearnedRow
OFFICIAL = {2048: "resnet", 512: "resnet-pca512", 8576: "five"}  # width -> features
OFFICIAL_REMEDY = "give a checkpoint of ResNet, PCA512 or Baidu features"


@dataclass(frozen=True, eq=False)
class Run:
    """A trained head and what it needs to know. `load_run` makes it.

    Attributes:
        path: where it was loaded from.
        row: its spec.
        about: what its checkpoint says of itself.
        model: the head, in evaluation mode.
    """

    path: Path
    row: TrainedRow
    about: Description
    model: nn.Module

    @property
    def title(self) -> str:
        """For people."""
        return f"{self.row.table} row {self.row.row}"

    @property
    def task(self) -> str:
        """Spotting or grounding."""
        return self.row.task

    @property
    def fps(self) -> int:
        """Feature rows a second that it reads."""
        return self.about.fps

    @property
    def width(self) -> int:
        """Columns of the features that it reads."""
        return sum(_widths(self.row, self.about))

    @cached_property
    def device(self) -> torch.device:
        """Where it computes."""
        return next(self.model.parameters()).device

    def scores(self, features: Features) -> dict[int, FrameScores]:
        """Half -> the scores of each class, of a spotting run."""
        if not isinstance(self.row, SpottingRow):
            raise ValueError(f"{self.title} grounds replays; give the list of them with --replays")
        task = load_source(self.row.task_class)
        with threads_for(self.width < NARROW):
            return {
                half: task.scores(self.row, self.model, torch.from_numpy(rows).to(self.device), self.fps)
                for half, rows in features.halves.items()
            }

    def ground(self, features: Features, replays: GameReplays) -> GroundingPredictions:
        """Where the event of each replay is, of a grounding run."""
        if isinstance(self.row, SpottingRow):
            raise ValueError(f"{self.title} spots events; leave out --replays, or give a grounding run")
        if any(step.uses for step in self.row.postprocess):
            remedy = "give the run of a row without them, such as row 6 of table3"
            raise InputError(self.path, "its steps need the predictions of other runs", remedy)
        absent = {replay.half for replay in replays.replays} - set(features.halves)
        if absent:
            raise InputError(features.root, f"no features of half {min(absent)}, which has replays", "give both halves")
        task = load_head(self.row)(self.row, features, train={}, valid={})
        with threads_for(self.width < NARROW):
            found: list[GroundingPredictions] = [task.detect(self.model, replays, self.device)]
        for step in self.row.postprocess:
            found = postprocess(step, found, [])
        return found[0]

    def predict(
        self, features: NDArray[Any] | Mapping[int, NDArray[Any]], fps: float, *, replays: GameReplays | None = None
    ) -> pd.DataFrame:
        """The events in features that are in memory.

        Args:
            features: (T, C) of one half, or half -> (T, C).
            fps: their rows a second.
            replays: what a grounding run looks for.

        Returns:
            One row an event, as `soccerbench.spot` returns them.

        Raises:
            ValueError: features of another rate or shape, or values that are not finite.

        Examples:
            >>> run = sb.load_run("runs/mini/table2/row-08/seed-0")
            >>> data = sb.Dataset("mini")
            >>> rows = data.features(data.splits["test"][0], 1, run.row.blocks)
            >>> run.predict(rows, fps=1).columns.tolist()
            ['half', 'time_s', 'label', 'confidence']
        """
        given = array_features(features, fps=fps, width=self.width, rate=self.fps)
        if replays is not None:
            return frame(self.ground(given, replays))
        return frame(self.events(self.scores(given), game=""))

    def events(self, scores: Mapping[int, FrameScores], *, game: str) -> Events:
        """What the steps of the row leave of `scores`."""
        assert isinstance(self.row, SpottingRow)
        return detections(scores, self.row.steps, game=game)


def load_run(path: str | Path, *, plugin: str | Path | None = None, device: str = "auto") -> Run:
    """Load a trained run for inference.

    Args:
        path: a run's folder, its `checkpoint.pt`, or an official NetVLAD++ or Cmn checkpoint (`.pth.tar`).
        plugin: the Python file of a custom head.
        device: "auto", "cpu" or "cuda".

    Raises:
        InputError: no checkpoint, or one that cannot be used.
        SpecError: a custom head that the plugin does not have.
        ValueError: no such device here.

    Examples:
        >>> run = sb.load_run("runs/mini/table2/row-08/seed-0")
        >>> run.task, run.row.head, run.fps, len(run.about.classes)
        ('spotting', 'netvlad++', 1, 17)
    """
    path, where = Path(path), "cuda" if uses_gpu(device) else "cpu"
    file = path / CHECKPOINT if path.is_dir() else path
    if file.suffix == ".tar":
        run = _official(file)
    else:
        about, weights = read(file)
        row = _row(file, about)
        run = Run(path, row, about, _with_weights(file, row, about, weights, Path(plugin) if plugin else None))
    run.model.requires_grad_(False).eval().to(where)
    return run


def _row(file: Path, about: Description) -> TrainedRow:
    """The row of a description."""
    try:
        kind: Any = row_type(str(file), about.spec.get("task"), about.spec.get("head"), about.spec)
        found: Any = kind.model_validate(about.spec)
    except ValidationError as error:
        raise SpecError(file, first_error(error)) from None
    absent = [name for name in found.blocks if name not in about.blocks]
    if absent or about.classes != CLASSES or not isinstance(found, TrainedRow):
        problem = f"no block {absent[0]!r}" if absent else "no trained head of the 17 classes"
        raise InputError(file, problem, "give a run of `soccerbench reproduce`")
    return found


def _widths(row: TrainedRow, about: Description) -> list[int]:
    return [about.blocks[name].width for name in row.blocks]


def _with_weights(
    file: Path, row: TrainedRow, about: Description, weights: dict[str, Tensor], plugin: Path | None
) -> nn.Module:
    """The head with its weights; their shapes are compared before any memory is taken."""
    remedy = "train its row again with --force"
    try:
        if ":" not in row.head:
            with shapes_only():
                _load(_head(row, about, plugin), {name: value.to("meta") for name, value in weights.items()})
        with torch.random.fork_rng(devices=[]):
            return _load(_head(row, about, plugin), weights)
    except RuntimeError as error:
        lines = str(error).splitlines()
        raise InputError(file, f"its weights do not fit its description ({lines[-1].strip()})", remedy) from None


def _load(head: nn.Module, weights: Mapping[str, Tensor]) -> nn.Module:
    head.load_state_dict(weights, strict=True, assign=True)
    return head


def _head(row: TrainedRow, about: Description, plugin: Path | None) -> nn.Module:
    """The head of a row with weights of no meaning."""
    widths = _widths(row, about)
    if isinstance(row, SpottingRow):
        kind = load_class(row.head, plugin, of=nn.Module) if ":" in row.head else load_head(row)
        spotter: nn.Module = load_source(row.task_class).build(row, widths, about.fps, kind)
        return _standardised(spotter, widths) if row.standardise else spotter
    store = SimpleNamespace(fps=about.fps, width=sum(widths))  # all that a grounding task asks of it to make its head
    head: Any = load_head(row)(row.model_copy(update={"standardise": False}), store, train={}, valid={}).model()
    if row.standardise:
        head.set_submodule("embed", _standardised(head.embed, widths))
    assert isinstance(head, nn.Module)
    return head


def _standardised(head: nn.Module, widths: list[int]) -> nn.Module:
    return Standardised(head, widths=widths, means=[0.0] * len(widths), deviations=[1.0] * len(widths))


def _official(file: Path) -> Run:
    """An official checkpoint; what it does not say is as its code has it."""
    model: Any = from_official(file)
    is_spotting = isinstance(model, NetVLADpp)
    if is_spotting:
        first = model.past.assign if isinstance(model.project, nn.Identity) else model.project
    else:
        first = model.embed[0]
    width = first.in_features
    if width not in OFFICIAL:
        raise InputError(file, f"a head of {width} columns, whose features are not known", OFFICIAL_REMEDY)
    features = OFFICIAL[width]
    known = load_features()
    fps = known.blocks[known.sets[features][0]].fps
    if is_spotting:
        if len(model.classify.bias) != len(CLASSES) + 1:
            raise InputError(file, f"{len(model.classify.bias)} outputs, not 18", OFFICIAL_REMEDY)
        base: Any = load_table("table2").row(1)
        sizes = {"clusters": 2 * len(model.past.centres), "projection": model.past.centres.shape[1], "dropout": 0.4}
        changed: dict[str, Any] = {"features": features, "architecture": sizes}
    else:
        base = next(row for row in load_table("table3").rows if isinstance(row, CmnRow))
        field_s = max(one.kernel_size[0] for one in model.pyramid) / fps
        changed = {"features": features, "chunk_s": model.chunk_frames / fps, "receptive_field_s": field_s}
        changed |= {"standardise": False, "postprocess": ()}
    plain = base.model_dump(mode="json", round_trip=True) | changed | {"table": "official"}
    row: Any = type(base).model_validate(plain)
    files = {known.blocks[name].file for name in row.blocks}
    blocks = {name: block for name, block in known.blocks.items() if block.file in files}
    about = Description(
        spec=row.model_dump(mode="json", round_trip=True), fps=fps, blocks=blocks, classes=CLASSES,
        dataset="SoccerNet", simulated=False, trained_on={},
    )  # fmt: skip
    return Run(file, row, about, model)
