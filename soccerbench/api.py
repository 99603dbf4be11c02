"""Public functions over several folders of the package; `import soccerbench as sb` gives them.

In their examples `runs`, `labels.zip`, `mine.zip` and `theirs.zip` are files of yours.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from soccerbench.progress import Progress, silent

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from soccerbench.events import Protocol
    from soccerbench.experiments.results import Result
    from soccerbench.metrics.signature import TaskName
    from soccerbench.report.table import Table
    from soccerbench.scoring.schema import ComparisonReport


class Dataset:
    """A SoccerNet folder: its games, their labels and their features.

    Args:
        data: a folder, or "mini" for the embedded simulated dataset; None for the folder in $SOCCERNET_ROOT, else mini.
        features_root: where the features are, if elsewhere.

    Attributes:
        root: the folder as the rest of the package reads it.

    Raises:
        InputError: no SoccerNet folder.

    Examples:
        >>> data = sb.Dataset("mini")
        >>> data.name, list(data.splits)
        ('mini', ['train', 'valid', 'test', 'challenge'])
        >>> game = data.splits["test"][0]
        >>> data.labels(game).columns.tolist()
        ['half', 'time_s', 'label', 'visible']
        >>> rows, width = data.features(game, 1, "vtn").shape
    """

    def __init__(self, data: str | Path | None = None, *, features_root: str | Path | None = None) -> None:
        from soccerbench.experiments.default_dataset import open_root

        self.root = open_root(data, features_root)

    @property
    def name(self) -> str:
        """Of the runs' folder."""
        return self.root.name

    @property
    def splits(self) -> dict[str, list[str]]:
        """Train, valid, test and challenge -> games."""
        return self.root.games

    def __iter__(self) -> Iterator[str]:
        """Every game, split by split."""
        return (game for games in self.splits.values() for game in games)

    def __len__(self) -> int:
        return sum(map(len, self.splits.values()))

    def labels(self, game: str) -> pd.DataFrame:
        """The events of a game, one row each: half, time_s, label, visible.

        Raises:
            InputError: no label file, or one that cannot be used.
        """
        from soccerbench.inference.events import frame
        from soccerbench.soccernet.labels import read_spotting_labels

        return frame(read_spotting_labels(self.root.tree, game, strict=True))

    def features(self, game: str, half: int, blocks: str | Sequence[str] = "five") -> NDArray[Any]:
        """The features of a half, float32 (T, C).

        Args:
            game: one of the dataset.
            half: 1 or 2.
            blocks: a set of `features.yaml` such as "five", a block such as "vtn", several with `+` between, or names.

        Raises:
            InputError: no such file, or one that cannot be read.
            ValueError: an unknown set or block.
        """
        import numpy as np

        from soccerbench.specs.features import blocks_of

        names = blocks_of(blocks, mega=False) if isinstance(blocks, str) else blocks
        store = self.root.store(names)
        return store.take(game, half, np.arange(store.length(game, half)))


@dataclass(frozen=True)
class Results:
    """What `reproduce` gave: one result for each row and seed, and their table.

    Attributes:
        results: the content of each `result.json`.
        drawn: the table; files of it are in `folder`.
        folder: of the table's runs.
    """

    results: tuple[Result, ...]
    drawn: Table[Any]
    folder: Path

    def table(self) -> pd.DataFrame:
        """The table: one line a row, mean and standard deviation over seeds in per cent."""
        return self.drawn.frame()


def reproduce(
    table: str | Path,
    *,
    data: str | Path | None = None,
    features_root: str | Path | None = None,
    rows: Sequence[int] | None = None,
    seeds: Sequence[int] = (0,),
    out: str | Path = "runs",
    device: str = "auto",
    on: str = "local",
    jobs: int | None = None,
    cpus: int | None = None,
    gpus: float | None = None,
    settings: Mapping[str, Any] | None = None,
    plugin: str | Path | None = None,
    log: str | None = None,
    force: bool = False,
    stage: str | Path | None = None,
    results_to: str | None = None,
    progress: bool = False,
) -> Results:
    """Train and score the rows of a table; finished ones are read, interrupted ones resume.

    Args:
        table: a table's name, such as "table2", or your YAML file.
        data: a SoccerNet folder, or "mini"; None for the folder in $SOCCERNET_ROOT, else mini.
        features_root: where the features are, if not in `data`.
        rows: row numbers; all if None.
        seeds: one run a row each.
        out: the folder of all runs.
        device: "auto", "cpu" or "cuda".
        on: "local", "ray", "ray:ADDRESS", "slurm" or "slurm:PARTITION"; elsewhere all paths are on shared storage.
        jobs: experiments run at once; None for one for each core where features are narrow, else one; elsewhere all.
        cpus: cores that each takes; None for one, or here for its share.
        gpus: GPUs that each takes, such as 0.5; None for one if the device is "cuda".
        settings: dotted key -> value, to override in every row.
        plugin: a Python file with heads that rows name as module:Class.
        log: learning curves to "tensorboard" or "wandb" too.
        force: run again what was run with another spec, other data or other code.
        stage: a folder on a fast disk; each machine copies `data`, a packed root or the address of one, there once.
        results_to: the address of a folder, such as "s3://bucket/runs", that the table's runs are copied to at the end.
        progress: bars and notes on standard error.

    Raises:
        InputError: data or runs that cannot be used.
        SpecError: no such table, row or key.

    Examples:
        >>> done = sb.reproduce("table2", rows=[8], data="mini", out="runs", settings={"max_epochs": 1})
        >>> done.table().columns.tolist()[:4]
        ['Row', 'Features', 'Head', 'Chunk/NMS']
    """
    from soccerbench.experiments.executors.machines import Machines

    machines = Machines(on, jobs, cpus, gpus)
    from soccerbench.experiments.default_dataset import open_root
    from soccerbench.features.stage import copied_to, staged
    from soccerbench.processes import preload
    from soccerbench.report.console import bars, note
    from soccerbench.report.tables.paper import paper_table, summarise, write_table
    from soccerbench.specs.load import load_table
    from soccerbench.specs.shipped import is_file_name, shipped

    name, pairs = str(table), list((settings or {}).items())
    load_table(name, settings=pairs, rows=rows)
    if stage is not None and data in (None, "mini"):
        raise ValueError("--stage copies packed data: give --data too")
    copied = None if stage is None else (str(data), Path(stage).resolve())
    data = data if copied is None else staged(*copied)
    root = open_root(data, features_root, say=note if progress else lambda _: None)
    specs = load_table(name, mini=root.is_mini, settings=pairs, rows=rows)
    if machines.is_here and (root.is_mini if jobs is None else jobs > 1) and len(specs.rows) * len(seeds) > 1:
        preload("soccerbench.experiments.executors.experiment_tasks", "torch._dynamo")  # the latter for Adam
    from soccerbench.experiments.executors.experiment_tasks import in_order, weights
    from soccerbench.experiments.table import plan, run

    if progress and root.is_mini and is_file_name(name):
        note(f"{name} runs as it is: the smaller settings of the embedded dataset are for shipped tables only.")
    planned = plan(
        specs, rows=rows, seeds=seeds, root=root, out=Path(out), plugin=None if plugin is None else Path(plugin),
        force=force, device=device if machines.is_here else "cpu",
    )  # fmt: skip
    work = weights(in_order(planned.experiments), shipped("results")) if progress else {}
    with bars(len(planned.experiments), work) if progress else nullcontext() as shown:
        results = run(
            planned, device=device, force=force, machines=machines, curves=log, stage=copied,
            progress=shown.of if shown else lambda _: silent, on_done=shown.rows_done if shown else lambda *_: None,
        )  # fmt: skip
    reasons = {row.row.row: row.reason for row in planned.unavailable}
    records = summarise(
        [row.model_dump(mode="json") for row in specs.rows], results, reasons, simulated=root.is_simulated
    )
    folder = Path(out) / root.name / specs.table
    drawn = paper_table(
        specs.title, records, dataset=root.name, task=specs.rows[0].task, simulated=root.is_simulated, folder=folder
    )
    about = {"table": specs.table, "dataset": root.name, "simulated": root.is_simulated}
    write_table(folder, drawn, about=about)
    if results_to is not None:
        copied_to(folder, results_to)
    return Results(tuple(results), drawn, folder)


def load_results(runs: str | Path) -> pd.DataFrame:
    """The scores of all finished runs in a folder and below, as fractions.

    Returns:
        One row for each dataset, table, row, seed, split and tolerances.

    Raises:
        InputError: there is none, or one that cannot be read.

    Examples:
        >>> found = sb.load_results("runs").query("split == 'test'")
        >>> found[["table", "row", "seed", "tolerances"]].values.tolist()
        [['table2', 8, 0, 'loose'], ['table2', 8, 0, 'tight']]
    """
    import pandas as pd

    from soccerbench.experiments.results import read_runs
    from soccerbench.scoring.tasks import TASKS

    lines = []
    for run in read_runs(Path(runs)):
        result, spec = run.result, run.result.spec
        for split, scores in result.scores.items():
            for tolerances, report in (scores or {}).items():
                overall = TASKS[report.task].overall
                lines.append({
                    "dataset": result.dataset, "table": result.table, "row": result.row, "seed": result.seed,
                    "split": split, "tolerances": tolerances, "metric": TASKS[report.task].metric,
                    "score": getattr(report, overall), "visible": getattr(report, f"{overall}_visible", None),
                    "unshown": getattr(report, f"{overall}_unshown", None), "features": spec["features"],
                    "head": spec["head"], "mode": spec["mode"], "simulated": result.simulated,
                    "seconds": result.seconds, "folder": str(run.folder),
                })  # fmt: skip
    found: pd.DataFrame = pd.DataFrame(lines)
    return found


def compare(
    a: str | Path,
    b: str | Path,
    *,
    labels: str | Path | None = None,
    task: TaskName | None = None,
    split: str = "test",
    tolerances: str | Sequence[float] = "loose",
    protocol: Protocol = "soccernet",
    repetitions: int = 1000,
    seed: int = 0,
    progress: Progress = silent,
    max_mib: float = 128,
) -> ComparisonReport:
    """Whether one submission is better than another, or one row's runs than another's, game by game.

    Args:
        a: a submission, folder or zip, or a row's folder of runs.
        b: the other one.
        labels: of submissions; runs need none.
        task: of submissions; runs know it.
        split: the games to compare on.
        tolerances: "loose", "tight", or for submissions window widths in seconds.
        protocol: of submissions.
        repetitions: resamples and exchanges of the games.
        seed: of these draws.
        progress: called as the work proceeds.
        max_mib: as for `evaluate`.

    Raises:
        InputError: files that cannot be used, or that are of different games.
        ValueError: labels without a task or the other way round.

    Examples:
        >>> found = sb.compare("mine.zip", "theirs.zip", labels="labels.zip", task="spotting", repetitions=100)
        >>> found.difference, found.games
        (0.0, 100)
    """
    from soccerbench.experiments.compare_runs import compare_runs
    from soccerbench.scoring.compare import compare_submissions

    if labels is None or task is None:
        if labels or task or protocol != "soccernet" or not isinstance(tolerances, str):
            raise ValueError("compare: give labels and task for submissions; for runs leave out both, and the protocol")
        return compare_runs(
            a=Path(a), b=Path(b), split=split, tolerances=tolerances, repetitions=repetitions, seed=seed,
            progress=progress,
        )  # fmt: skip
    return compare_submissions(
        task=task, labels=Path(labels), a=Path(a), b=Path(b), split=split, tolerances=tolerances, protocol=protocol,
        repetitions=repetitions, seed=seed, progress=progress, max_mib=max_mib,
    )  # fmt: skip
