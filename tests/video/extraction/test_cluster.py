"""Extraction on Ray and as jobs: a node or a job that ends in the middle changes no byte."""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.executors.machines import Machines
from soccerbench.video.extraction.half import Outcome
from soccerbench.video.extraction.plan import plan, run

pytestmark = pytest.mark.filterwarnings("ignore")  # of Ray's and submitit's own
SETTINGS = (("size", 32), ("clip.frames", 4), ("vtn.backbone", "vit_tiny_patch16_224"), ("vtn.layers", 1))


@pytest.fixture
def machines(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Machines]:
    """Three nodes of Ray, or submitit's executor for one machine."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    if find_spec({"ray": "ray", "slurm": "submitit"}[request.param]) is None:
        pytest.skip(f"needs the extra `{request.param}`: tox -e cluster")
    if request.param == "slurm":
        monkeypatch.setattr("soccerbench.experiments.executors.slurm.CLUSTER", "local")
        yield Machines("slurm", jobs=2)
        return
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(sys.path))
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield Machines(f"ray:{cluster.address}")
    cluster.shutdown()


def killed_with_its_node(process: int) -> None:
    """Kill a process, and what started it where that is a node of Ray, at once."""
    parent = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
    node = [parent] if "raylet" in Path(f"/proc/{parent}/comm").read_text() else []
    for number in (*node, process):
        os.kill(number, signal.SIGKILL)


@pytest.mark.parametrize("machines", ["ray", "slurm"], indirect=True)
def test_what_ends_in_the_middle_changes_no_byte(
    machines: Machines,
    one_thread: None,
    tmp_path: Path,
    write_noise: Callable[..., Path],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for half in (1, 2):
        write_noise(tmp_path / "videos" / "game" / f"{half}.mkv", 60, fps=12)
    options: dict[str, Any] = {"models": ["vtn"], "untrained": True, "device": "cpu", "settings": SETTINGS}
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert {one.state for one in run(plan(tmp_path / "videos", out=whole, **options))} == {"done"}
    lost: list[int] = []

    def step(stage: str, done: int, total: int) -> None:
        for lease in out.rglob(".*_extraction.json.lease") if not lost else ():
            lost.append(int(lease.read_text().split()[0].rpartition(".")[2]))
            killed_with_its_node(lost[0])
            return

    with caplog.at_level(logging.WARNING):
        ended: list[Outcome] = list(
            run(plan(tmp_path / "videos", out=out, machines=machines, **options), progress=step)
        )
    assert lost
    assert "it runs again (1 of 3)" in caplog.text
    assert {one.state for one in ended} <= {"done", "there"}
    assert len(ended) == 2
    files = sorted(path.relative_to(whole) for path in whole.rglob("*.npy"))
    assert len(files) == 2
    assert [(out / file).read_bytes() for file in files] == [(whole / file).read_bytes() for file in files]
    assert not list(out.rglob("*.part"))
