"""A planned table opens, hashes and loads each thing once."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments import experiment as module
from soccerbench.experiments.table import plan, run
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting
from soccerbench.training import checkpoint


def count(patch: pytest.MonkeyPatch, counts: Counter[str], place: Any, name: str) -> None:
    original = getattr(place, name)

    def counted(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        return original(*arguments, **options)

    patch.setattr(place, name, counted)


def test_stores_fingerprints_and_checkpoints_of_a_table(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: Counter[str] = Counter()
    for place, name in (
        (FeatureStore, "__init__"), (module, "data_fingerprint"), (checkpoint, "read_torch_file"),
    ):  # fmt: skip
        count(monkeypatch, counts, place, name)
    table = load_table(
        "table3", mini=True, settings=[parse_setting(text) for text in ("max_epochs=1", "batch_size=16")]
    )

    def reproduce(*rows: int) -> Counter[str]:
        counts.clear()
        planned = plan(table, rows=rows, seeds=[0], root=Dataset(shared_tiny_root), out=tmp_path)
        run(planned, device="cpu", force=False, progress=lambda _: silent, on_done=lambda *_: None)
        return +counts

    one_block_set_and_two_kinds_of_labels = {"__init__": 1, "data_fingerprint": 2}
    assert reproduce(8) == one_block_set_and_two_kinds_of_labels  # and needs two other rows
    assert reproduce(7, 8) == {**one_block_set_and_two_kinds_of_labels, "read_torch_file": 2}  # takes the head of 8
    assert reproduce(7, 8) == one_block_set_and_two_kinds_of_labels  # all are finished
