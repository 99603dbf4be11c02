"""A whole table: every row and seed planned and checked first, then run one after the other."""

from __future__ import annotations

import importlib.util
import logging
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from soccerbench.data.errors import InputError
from soccerbench.data.root import Root
from soccerbench.runner.experiment import Experiment
from soccerbench.runner.progress import Progress
from soccerbench.specs.base import BaseRow
from soccerbench.specs.errors import SpecError
from soccerbench.specs.grounding import GroundingRow
from soccerbench.specs.types import Row, Table

log = logging.getLogger(__name__)


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
    root: Root,
    out: Path,
    plugin: Path | None = None,
    force: bool = False,
) -> Plan:
    """Choose rows, open every file they need, and find what is in the way before any training.

    Args:
        table: the specs.
        rows: row numbers; all if none.
        seeds: one experiment each.
        root: the data.
        out: the folder of all runs.
        plugin: a Python file with a user's own heads.
        force: a run of another spec, other data or code is no obstacle.

    Raises:
        InputError: missing or unusable features or labels, or a run that would have to be overwritten.
        SpecError: no such row, or a head that the plugin does not have.
    """
    by_number = {row.row: row for row in table.rows}
    wanted = list(by_number) if rows is None else list(rows)
    for number in wanted:
        if number not in by_number:
            raise SpecError(table.table, f"no row {number}; it has {', '.join(map(str, by_number))}")
    experiments, unavailable = [], []
    for number in wanted:
        row = by_number[number]
        absent = absent_files(row, root)
        if absent:
            unavailable.append(Unavailable(row, absent))
            continue
        head = load_head(row.head, plugin) if ":" in row.head else None
        experiments += [Experiment(row, seed, root, out, head, plugin if head else None) for seed in seeds]
    for experiment in experiments:
        experiment.prepare(force=force)
    return Plan(tuple(experiments), tuple(unavailable))


def absent_files(row: BaseRow, root: Root) -> tuple[str, ...]:
    """Files never released and not in the root either, that a row or one whose run it needs would read."""
    games = [game for members in root.games.values() for game in members]
    needed = row.runs if isinstance(row, GroundingRow) else ()
    read = [one.blocks for one in (row, *needed) if one.blocks]
    return tuple(dict.fromkeys(file for blocks in read for file in root.store(blocks).absent_files(games)))


def run(
    planned: Plan, *, device: str, force: bool, progress: Callable[[str], Progress], on_done: Callable[[int, int], None]
) -> list[dict[str, Any]]:
    """Run what was planned; the results in order.

    Args:
        planned: from `plan`.
        device: "auto", "cpu" or "cuda".
        force: overwrite runs of another spec, other data or code.
        progress: an experiment's title -> what it reports its steps to.
        on_done: called with the experiments done and in all.
    """
    results = []
    for number, experiment in enumerate(planned.experiments, start=1):
        results.append(experiment.run(device=device, progress=progress(experiment.title), force=force))
        on_done(number, len(planned.experiments))
    return results


def load_head(name: str, plugin: Path | None) -> type[nn.Module]:
    """The class `module:Class` out of a plugin file whose name is `module.py`.

    Raises:
        SpecError: no plugin given, another module's name, or no such class in it.
        InputError: the file is missing or fails while it is imported.
    """
    module_name, _, class_name = name.partition(":")
    if plugin is None:
        raise SpecError(f"head {name}", f"give the file that holds it with --plugin {module_name}.py")
    if plugin.stem != module_name:
        raise SpecError(f"head {name}", f"--plugin is {plugin.name}, but the head says module {module_name}")
    spec = importlib.util.spec_from_file_location(module_name, plugin)
    if spec is None or spec.loader is None or not plugin.is_file():
        raise InputError(plugin, "no such Python file", "give the file that holds the head")
    module = importlib.util.module_from_spec(spec)
    sys.modules[module_name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # whatever the user's own code raises
        raise InputError(plugin, f"fails on import ({type(error).__name__}: {error})", "mend the file") from error
    head = getattr(module, class_name, None)
    if not (isinstance(head, type) and issubclass(head, nn.Module)):
        raise SpecError(f"head {name}", f"{plugin} has no torch module called {class_name}")
    return head
