"""Rows of a table on the tiny root, and what a folder of runs holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import torch

from soccerbench.experiments.executors.machines import Machines
from soccerbench.experiments.table import Plan, plan, run
from soccerbench.features.dataset import Dataset
from soccerbench.progress import Progress, silent
from soccerbench.specs.load import load_table, parse_setting


def planned(
    root: Path, out: Path, rows: Iterable[int], *, table: str = "table3", epochs: int = 1, seeds: Iterable[int] = (0,)
) -> Plan:
    """Some rows of a table with few epochs."""
    pairs = [parse_setting(text) for text in (f"max_epochs={epochs}", "batch_size=16")]
    specs = load_table(table, mini=True, settings=pairs)
    return plan(specs, rows=rows, seeds=list(seeds), root=Dataset(root), out=out)


def run_on(
    made: Plan, machines: Machines, *, progress: Callable[[str], Progress] = lambda _: silent
) -> list[tuple[str, int, int]]:
    """Run them; what was reported at the end of each."""
    ended: list[tuple[str, int, int]] = []
    run(
        made, device="cpu", force=False, progress=progress, machines=machines,
        on_done=lambda *reported: ended.append(reported),
    )  # fmt: skip
    return ended


def outcomes(out: Path) -> dict[str, object]:
    """What a folder of runs holds, without what depends on time and place."""
    found: dict[str, object] = {}
    for file in sorted(out.rglob("*")):
        name = str(file.relative_to(out))
        if file.suffix in {".zip", ".csv", ".yaml"}:
            found[name] = file.read_bytes()
        elif file.name == "checkpoint.pt":
            weights = torch.load(file, weights_only=True)["model"]
            found[name] = {key: value.tolist() for key, value in weights.items()}
    return found
