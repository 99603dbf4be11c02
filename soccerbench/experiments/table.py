"""A whole table: every row and seed planned and checked first, then run one after another or several at once."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import nn

from soccerbench.errors import InputError
from soccerbench.experiments.executors.experiment_tasks import RunExperiment, in_order, tasks_of, weights
from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.executors.task import run_tasks
from soccerbench.experiments.experiment import Experiment, Planner
from soccerbench.experiments.results import RESULT, Result, read_result
from soccerbench.features.dataset import Dataset
from soccerbench.plugins import load_class
from soccerbench.progress import Progress
from soccerbench.specs.base import BaseRow
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.heads import load_source
from soccerbench.specs.shipped import shipped
from soccerbench.specs.spotting import Row, SpottingRow, Table
from soccerbench.training.loggers import curves_to
from soccerbench.training.loop import uses_gpu
from soccerbench.training.precision import autocast

ONE_AT_A_TIME = Machines(jobs=1)


@dataclass(frozen=True)
class Unavailable:
    """A row that this root cannot run, and what would enable it."""

    row: Row
    files: tuple[str, ...]

    @property
    def reason(self) -> str:
        """For people."""
        names = ", ".join(f"{{1,2}}_{file}" for file in self.files)
        return f"needs features that were never released; {names} in every game folder would enable it"


@dataclass(frozen=True)
class Plan:
    """What a call will run, in order, and what it cannot."""

    experiments: tuple[Experiment, ...]
    unavailable: tuple[Unavailable, ...]


def plan(
    table: Table,
    *,
    rows: Iterable[int] | None,
    seeds: Sequence[int],
    root: Dataset,
    out: Path,
    plugin: Path | None = None,
    force: bool = False,
    device: str = "auto",
) -> Plan:
    """Choose rows, open every file they need, and find every obstacle before any training.

    Args:
        rows: row numbers; all if none.
        out: the folder of all runs.
        force: a run of another spec, other data or code is no obstacle.
        device: "auto", "cpu" or "cuda": where custom heads are tried.

    Raises:
        InputError: missing or unusable features or labels, a run that would have to be overwritten, or a custom head
            that cannot be trained.
        SpecError: no such row, or a head that the plugin does not have.
    """
    wanted = list(table.rows) if rows is None else [table.row(number) for number in rows]
    planner = Planner(root, out, plugin)
    experiments, unavailable = [], []
    for row in wanted:
        absent = absent_files(row, root)
        if absent:
            unavailable.append(Unavailable(row, absent))
        else:
            experiments += [planner.experiment(row, seed) for seed in seeds]
    for experiment in experiments:
        experiment.prepare(force=force)
    custom = [one for one in in_order(experiments) if ":" in one.row.head and not one.kept.is_complete]
    for one in {one.row.digest(): one for one in custom}.values():
        try_head(one, device=device)
    return Plan(tuple(experiments), tuple(unavailable))


def absent_files(row: BaseRow, root: Dataset) -> tuple[str, ...]:
    """Files never released and not in the root either, that a row or one whose run it needs would read."""
    games = [game for members in root.games.values() for game in members]
    needed = row.runs if isinstance(row, GroundingRow) else ()
    read = [one.blocks for one in (row, *needed) if one.blocks]
    return tuple(dict.fromkeys(file for blocks in read for file in root.store(blocks).absent_files(games)))


def run(
    planned: Plan,
    *,
    device: str,
    force: bool,
    progress: Callable[[str], Progress],
    on_done: Callable[[str, int, int], None],
    machines: Machines = ONE_AT_A_TIME,
    curves: str | None = None,
    stage: tuple[str, Path] | None = None,
) -> list[Result]:
    """Run what was planned; the results in order.

    Args:
        device: "auto", "cpu" or "cuda".
        force: overwrite runs of another spec, other data or code.
        progress: an experiment's title -> what it reports its steps to.
        on_done: called with the title of a finished experiment, and how many of the planned ones are, out of how many.
        machines: where experiments run, and how many at once; their numbers are those of one after another.
        curves: where learning curves go besides `history.csv`, as for `curves_to`.
        stage: as of `RunExperiment`; every machine has its copy under the same path.
    """
    left = [experiment for experiment in in_order(planned.experiments) if not experiment.kept.is_complete]
    unfinished, total = {experiment.folder for experiment in left}, len(planned.experiments)

    def ended(experiment: Experiment) -> None:
        unfinished.discard(experiment.folder)
        on_done(experiment.title, sum(one.folder not in unfinished for one in planned.experiments), total)

    jobs = machines.jobs or (default_jobs(planned, device) if machines.is_here else total)
    if (left and not machines.is_here) or min(jobs, len(left)) > 1:
        threads = machines.threads(torch.get_num_threads(), jobs)
        work = partial(RunExperiment, device=device, force=force, curves=curves, threads=threads, stage=stage)
        by_folder = {experiment.folder: experiment for experiment in left}
        kind = "cuda" if machines.is_here and uses_gpu(device) else device
        executor = machines.executor(planned.experiments[0].out, jobs=jobs, device=kind)
        weight = weights(left, shipped("results"))  # the longest first, so that no process idles in the end
        tasks = sorted(tasks_of(left, work), key=lambda task: weight[task.title], reverse=True)
        for task, end in run_tasks(tasks, executor, progress=progress):
            end.raise_failure(task)
            ended(by_folder[task.folder])
        return [read_result(experiment.folder / RESULT) for experiment in planned.experiments]
    results = []
    with curves_to(curves):
        for experiment in planned.experiments:
            results.append(experiment.run(device=device, progress=progress(experiment.title), force=force))
            ended(experiment)
    return results


def default_jobs(planned: Plan, device: str) -> int:
    """One for each core where every experiment computes on one; else one, which takes all cores or the GPU.

    Raises:
        ValueError: no such device here.
    """
    if uses_gpu(device) or not all(experiment.is_narrow for experiment in planned.experiments):
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def try_head(experiment: Experiment, *, device: str) -> None:
    """Build a custom head and run it on two clips of zeros, so that its errors come before any training.

    Args:
        experiment: one with a custom head; any other is passed over.
        device: "auto", "cpu" or "cuda", as it will be trained.

    Raises:
        InputError: a head that fails on the clips, or whose logits cannot be trained.
    """
    row, plugin, store = experiment.row, experiment.plugin, experiment.store
    if ":" not in row.head or plugin is None or store is None or not isinstance(row, SpottingRow):
        return
    head = load_class(row.head, plugin, of=nn.Module)
    device = "cuda" if uses_gpu(device) else "cpu"
    clips = torch.zeros(2, row.whole_rows("chunk_s", store.fps), store.width, device=device)  # (B, T, C)
    given = ", ".join([str(store.width), *(f"{key}={value!r}" for key, value in row.architecture.items())])
    try:
        with autocast(row.precision, device):
            build = load_source(row.task_class).build
            logits = build(row, store.widths, store.fps, head).to(device)(clips)
    except torch.OutOfMemoryError:  # depends on what else uses the GPU
        return
    except Exception as error:  # whatever the user's code raises
        raise InputError(
            _place(error, plugin),
            f"{row.head}({given}) fails on features {tuple(clips.shape)} ({type(error).__name__}: {error})",
            "fix the file, or `architecture` of the row",
        ) from error
    logits = getattr(logits, "scores", logits)  # of a dense head
    shape, wanted = tuple(getattr(logits, "shape", ())), (len(clips), *row.outputs(clips.shape[1]))
    if shape != wanted:
        problem = f"{row.head}({given}) makes {shape or type(logits).__name__} of features {tuple(clips.shape)}"
        columns = ", ".join(map(str, wanted[1:]))
        raise InputError(plugin, problem, f"give logits (B, {columns}): the background, then the classes")
    if not logits.requires_grad:
        problem = f"{row.head}({given}) makes {logits.dtype} that no weight of it can be trained by"
        raise InputError(plugin, problem, "give logits that depend on its parameters")


def _place(error: Exception, file: Path) -> str:
    """The last line of the file on the way to an error; the file alone where none of its lines is."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.resolve()]
    return f"{file}:{lines[-1]}" if lines else str(file)
