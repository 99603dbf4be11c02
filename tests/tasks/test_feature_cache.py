"""Clips gathered on a device are the clips that are read from the files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.specs.load import load_table
from soccerbench.tasks import windows
from soccerbench.tasks.spotting import Clips, SpottingTask
from soccerbench.tasks.windows import CachedRows, has_room, load, stored_type, whole_half

CPU = torch.device("cpu")
WAYS: dict[str, Callable[[Clips], None]] = {
    "hold": lambda clips: clips.windows.hold(clips.games, CPU),
    "stream": lambda clips: clips.windows.stream(),
}


def task_of(root: Dataset, number: int, **changes: object) -> SpottingTask:
    row = load_table("table2", mini=True).rows[number - 1].model_copy(update={"batch_size": 8, **changes})
    return SpottingTask(row, root.store(row.blocks), train=root.labels("train"), valid=root.labels("valid"))


@pytest.fixture(params=["plain", "float16", "float32"])
def root(request: pytest.FixtureRequest, shared_tiny_root: Path, tmp_path: Path) -> Dataset:
    if request.param == "plain":
        return Dataset(shared_tiny_root)
    pack(shared_tiny_root, tmp_path / "packed", dtype=request.param)
    return Dataset(tmp_path / "packed")


@pytest.mark.parametrize(("number", "changes"), [(8, {}), (7, {}), (3, {}), (8, {"chunk_s": 40})])
def test_the_same_batches(root: Dataset, number: int, changes: dict[str, object]) -> None:
    plain, *others = (task_of(root, number, **changes) for _ in range(3))
    for task, begin in zip(others, WAYS.values(), strict=True):
        for clips in (task.train, task.valid):
            begin(clips)
        batches = zip(*(each.batches(np.random.default_rng(5)) for each in (plain, task)), strict=True)
        for one, other in [*batches, *zip(plain.valid_batches(), task.valid_batches(), strict=True)]:
            assert torch.equal(one.features, other.features.float())
            assert torch.equal(one.targets, other.targets)
        assert other.features.dtype == stored_type(plain.store)  # of validation clips, which are never mixed up


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_a_value_that_is_not_finite_is_named(tiny_root: Path, way: str, value: float) -> None:
    game = Dataset(tiny_root).games["train"][1]
    file = tiny_root / game / "2_baidu_soccer_embeddings.npy"
    values = np.load(file)
    values[77, 3] = value
    np.save(file, values)
    task = task_of(Dataset(tiny_root), 8)

    def read() -> None:
        WAYS[way](task.train)
        list(task.batches(np.random.default_rng(0)))

    with pytest.raises(InputError, match="row 77: a value is not finite") as caught:
        read()
    assert caught.value.path == file


@pytest.mark.parametrize("kind", [">f2", ">f4", ">f8", "<f8"])
def test_files_of_any_byte_order_and_width(tiny_root: Path, kind: str) -> None:
    for file in tiny_root.rglob("*_baidu_soccer_embeddings.npy"):
        np.save(file, np.load(file).astype(kind))
    store, game = Dataset(tiny_root).store(("gta", "vtn")), Dataset(tiny_root).games["test"][0]
    there = torch.empty(store.length(game, 2), store.width)
    load(store, game, 2, there)
    assert torch.equal(there, whole_half(store, game, 2, CPU))


def test_half_precision_stays_half(shared_tiny_root: Path, tmp_path: Path) -> None:
    pack(shared_tiny_root, tmp_path / "packed")
    for path, expected in ((tmp_path / "packed", torch.float16), (shared_tiny_root, torch.float32)):
        root = Dataset(path)
        store = root.store(("vtn", "gta"))
        held = CachedRows(store, root.games["train"], CPU)
        assert held.rows.dtype == stored_type(store) == expected
        assert held.rows.shape == (2 * 2 * 150, 10)


def test_room(shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = Dataset(shared_tiny_root)
    store, games = root.store(("vtn",)), root.games["train"]
    needed, emptied = 600 * 4 * 4, []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: emptied.append(1))
    for free, expected in ((needed / 0.7 + 1, True), (needed / 0.7 - 1, False)):
        monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device, free=free: (free, 10**12))
        assert has_room(torch.device("cuda"), store, games) is expected
    for few, expected in ((needed, True), (needed - 1, False)):
        monkeypatch.setattr(windows, "CPU_BYTES", few)
        assert has_room(CPU, store, games) is expected
    assert emptied == [1, 1]  # what was let go is room


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_clips_go_to_a_gpu_that_has_room(root: Dataset) -> None:
    streamed, held = task_of(root, 8), task_of(root, 8)
    held.hold(torch.device("cuda"))
    for one, other in zip(*(task.batches(np.random.default_rng(5)) for task in (streamed, held)), strict=True):
        assert other.features.device.type == "cuda"
        assert torch.equal(one.features, other.features.float().cpu())


def test_without_room_on_a_gpu_windows_are_streamed_in_the_stored_type(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(shared_tiny_root, tmp_path / "packed")
    task = task_of(Dataset(tmp_path / "packed"), 8)
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: None)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (0, 1))
    task.hold(torch.device("cuda"))
    assert next(iter(task.valid_batches())).features.dtype == torch.float16
