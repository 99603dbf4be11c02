"""The options --on, --jobs, --cpus and --gpus."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from commands import command_of

from soccerbench.experiments.executors import machines as module
from soccerbench.experiments.executors.local import Local, gpu_environments
from soccerbench.experiments.executors.machines import Machines
from soccerbench.progress import Progress


@pytest.mark.parametrize("on", ["", "here", "local:8", "kubernetes", "Ray"])
def test_another_place_is_refused(on: str) -> None:
    with pytest.raises(ValueError, match="give local, ray, ray:ADDRESS, slurm or slurm:PARTITION"):
        Machines(on)


@pytest.mark.parametrize(
    "verb",
    [
        ("reproduce", "table2"),
        ("extract", "videos"),
        ("finetune", "vtn", "--snippets", "snippets"),
        ("data", "verify", "root"),
        ("data", "pack", "root", "out"),
    ],
)
@pytest.mark.parametrize(
    ("on", "package", "extra"), [("ray:10.0.0.1:6379", "ray", "ray"), ("slurm", "submitit", "slurm")]
)
def test_without_its_package_one_line_says_what_to_install(
    verb: tuple[str, ...],
    on: str,
    package: str,
    extra: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: None)
    done = command_of(monkeypatch, capsys)(*verb, "--on", on)
    assert done.code == 2
    line = f"No module named '{package}'; this command needs the extra `{extra}`: pip install '.[{extra}]'"
    assert done.err == f"soccerbench: {line} in soccerbench's folder\n"


@pytest.mark.parametrize(
    ("on", "cpus", "threads"), [("local", None, 2), ("local", 3, 3), ("ray", None, 1), ("slurm:gpu", 6, 6)]
)
def test_threads_of_a_task(on: str, cpus: int | None, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda _: object())
    assert Machines(on, cpus=cpus).threads(8, 4) == threads
    assert Machines(on, cpus=cpus).threads(2, 4) == (cpus or 1)


@pytest.mark.parametrize(
    ("visible", "gpus", "groups"),
    [
        (None, 1, ["0", "1", "2", "3", "4"]),
        (None, 0.5, ["0", "1", "2", "3", "4"]),
        ("7,3,5", 1, ["7", "3", "5"]),
        (None, 2, ["0,1", "2,3"]),
    ],
)
def test_which_gpus_a_process_sees(
    visible: str | None, gpus: float, groups: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 5)
    if visible is None:
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    else:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert gpu_environments(gpus) == [{"CUDA_VISIBLE_DEVICES": group} for group in groups]
    with pytest.raises(ValueError, match="--gpus 9: this machine has"):
        gpu_environments(9)


def test_a_local_call_is_a_call(tmp_path: Path) -> None:
    def work(progress: Progress) -> str:
        progress("games", 1, 2)
        return "done"

    seen: list[tuple[object, ...]] = []
    found = Machines().call(work, title="verify", folder=tmp_path, progress=lambda *step: seen.append(step))
    assert (found, seen) == ("done", [("games", 1, 2)])
    executor = Machines().executor(tmp_path, jobs=2, device="cpu")
    assert isinstance(executor, Local)
    executor.close()
