"""`reproduce` from end to end on a tiny root, and what it says to input it cannot use."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import yaml
from commands import Command, Done
from custom_head import HEAD
from forked import command_line
from interruption import wait_for

from soccerbench.simulation.matches.write import cached_mini

QUICK = ("--set", "max_epochs=1")


@pytest.fixture
def reproduce(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command) -> Command:
    """Runs the command in `tmp_path`, one experiment after the other in this process unless it names `--jobs`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOCCERNET_ROOT", "")

    def run(*arguments: str | Path) -> Done:
        sys.modules.pop("my_heads", None)  # a plugin of the run before
        return command("reproduce", *arguments, *(() if "--jobs" in arguments else ("--jobs", "1")))

    return run


def test_all_ten_rows(reproduce: Command, shared_tiny_root: Path, tmp_path: Path) -> None:
    done = reproduce("table2", "--data", shared_tiny_root, *QUICK)
    assert done.code == 0, done.err
    lines = [line for line in done.err.splitlines() if ": finished, " in line]  # any may end first
    assert {line.partition(":")[0] for line in lines} == {f"table2 row {row}, seed 0" for row in range(1, 11)}
    assert [line.partition(": ")[2] for line in lines] == [f"finished, {count} of 10" for count in range(1, 11)]
    table = tmp_path / "runs" / "tiny" / "table2"
    assert len(list(table.glob("row-*/seed-0/result.json"))) == 10
    records = json.loads((table / "table.json").read_text())["rows"]
    assert [record["row"] for record in records] == list(range(1, 11))
    assert [record["measured"]["test"] is None for record in records] == [row in (4, 5, 9, 10) for row in range(1, 11)]
    assert all(record["measured"]["challenge"] for record in records)
    assert "not comparable with the paper" in done.out
    assert done.out.splitlines()[-1].startswith("Next: soccerbench report ")

    before = {file: file.stat().st_mtime_ns for file in table.rglob("seed-0/*")}
    repeated = reproduce("table2", "--data", shared_tiny_root, *QUICK)
    assert (repeated.out, repeated.err) == (done.out, "")
    assert {file: file.stat().st_mtime_ns for file in table.rglob("seed-0/*")} == before

    seeds = reproduce("table2", "--data", shared_tiny_root, *QUICK, "--rows", "2", "--seeds", "0-1")
    assert "±" in seeds.out
    last = json.loads((table / "table.json").read_text())["rows"]
    assert [(record["row"], record["measured"]["test"]["n"]) for record in last] == [(2, 2)]  # those of the last call


@pytest.fixture
def real(tiny_root: Path) -> Path:
    """A root without simulated features, without challenge labels and without what was never released."""
    about = json.loads((tiny_root / "features.json").read_text())
    (tiny_root / "features.json").write_text(json.dumps({"blocks": about["blocks"]}))
    for file in {*tiny_root.rglob("*_mega_*.npy"), *tiny_root.rglob("*_tpn_r50.npy")}:
        file.unlink()
    for game in json.loads((tiny_root / "splits.json").read_text())["challenge"]:
        (tiny_root / game / "Labels-v2.json").unlink()
    return tiny_root


def test_on_real_features_published_numbers_submissions_and_reasons_are_shown(
    reproduce: Command, real: Path, tmp_path: Path
) -> None:
    done = reproduce("table2", "--data", real, "--rows", "1-6,8", *QUICK)
    assert done.code == 0, done.err
    records = {
        record["row"]: record for record in json.loads((tmp_path / "runs/tiny/table2/table.json").read_text())["rows"]
    }
    assert records[6]["published"] == {"test": 72.64, "challenge": 71.08}
    assert records[6]["difference_points"].keys() == {"test"}
    assert records[6]["submission"] == {"challenge": ["row-06/seed-0/predictions-challenge.zip"]}
    assert (tmp_path / "runs/tiny/table2/row-06/seed-0/predictions-challenge.zip").exists()
    for row, file in ((2, "tpn_r50.npy"), (3, "tpn_r50.npy"), (5, "mega_gta.npy")):
        assert "never released" in records[row]["unavailable"]
        assert file in records[row]["unavailable"]
        assert f"Row {row} not run" in done.out
    assert "72.64" in done.out


def test_without_a_root_it_says_that_the_data_are_simulated(
    reproduce: Command, shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cached_mini()
    assert "SIMULATED" in reproduce("table2", "--rows", "99").err
    monkeypatch.setenv("SOCCERNET_ROOT", str(shared_tiny_root))
    done = reproduce("table2", "--rows", "99")
    assert f"Data: {shared_tiny_root} (from SOCCERNET_ROOT)" in done.err
    assert done.code == 2


def test_interrupted_by_the_keyboard_it_says_how_to_resume(
    shared_tiny_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = ("reproduce", "table2", "--data", shared_tiny_root, "--rows", "7", "--set", "max_epochs=100000")
    with command_line(*arguments) as running:
        history = tmp_path / "runs/tiny/table2/row-07/seed-0/history.csv"
        wait_for(lambda: history.exists() or running.returncode is not None)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate()
    assert running.returncode == 130
    assert "the same command resumes" in said
    assert "Traceback" not in said


def write_custom_head(folder: Path) -> None:
    """`my_heads.py`, and `mine.yaml` with a row that names its head."""
    (folder / "my_heads.py").write_text(HEAD)
    row = {
        "row": 1, "features": "five", "mega": False, "head": "my_heads:Last", "mode": "regular", "chunk_s": 7,
        "nms_s": 20, "learning_rate": 0.001, "batch_size": 8, "max_epochs": 1, "plateau": None, "weight_decay": 0.0,
        "shift_s": 0.0, "standardise": False, "architecture": {"hidden": 8},
    }  # fmt: skip
    (folder / "mine.yaml").write_text(yaml.safe_dump({"table": "mine", "task": "spotting", "rows": [row]}))


def test_a_custom_head(reproduce: Command, shared_tiny_root: Path, tmp_path: Path) -> None:
    write_custom_head(tmp_path)
    with_plugin = ("mine.yaml", "--data", shared_tiny_root, "--plugin", "my_heads.py")
    done = reproduce(*with_plugin)
    assert done.code == 0, done.err
    assert (tmp_path / "runs/tiny/mine/row-01/seed-0/result.json").exists()
    without = reproduce("mine.yaml", "--data", shared_tiny_root)
    assert without.code == 2
    assert "--plugin my_heads.py" in without.err
    (tmp_path / "my_heads.py").write_text(HEAD + "\nother = 1\n")
    changed = reproduce(*with_plugin)
    assert "another code" in changed.err


@pytest.mark.parametrize("jobs", [pytest.param(1, marks=pytest.mark.parity), 2])
def test_fusing_with_a_custom_head(reproduce: Command, shared_tiny_root: Path, tmp_path: Path, jobs: int) -> None:
    write_custom_head(tmp_path)
    fuse = {
        "step": "fuse", "spotting": {"table": "mine.yaml", "row": 1}, "window_s": 42, "score": 0.02, "nearest": 1.25,
        "second": 0.8, "labels": ["Foul"],
    }  # fmt: skip
    row = {
        "row": 1, "features": "none", "mega": False, "head": "naive", "mode": "regular", "shift_s": 0.0, "since": "end",
        "delay_s": 30, "postprocess": [fuse],
    }  # fmt: skip
    (tmp_path / "fused.yaml").write_text(yaml.safe_dump({"table": "fused", "task": "grounding", "rows": [row]}))
    command = ("fused.yaml", "--data", shared_tiny_root, "--jobs", str(jobs))
    without = reproduce(*command)
    assert without.code == 2
    assert "--plugin my_heads.py" in without.err
    done = reproduce(*command, "--plugin", "my_heads.py")
    assert done.code == 0, done.err
    assert (tmp_path / "runs/tiny/mine/row-01/seed-0/result.json").exists()
    (tmp_path / "my_heads.py").write_text(HEAD + "\nother = 1\n")
    assert "another code" in reproduce(*command, "--plugin", "my_heads.py").err


def first(root: Path, pattern: str) -> Path:
    return next(iter(sorted(root.rglob(pattern))))


def spoil_label(root: Path, **change: str) -> None:
    file = first(root, "*train*/Labels-v2.json")
    content = json.loads(file.read_text())
    content["annotations"][3] |= change
    file.write_text(json.dumps(content))


def drop_label_key(root: Path) -> None:
    file = first(root, "*train*/Labels-v2.json")
    content = json.loads(file.read_text())
    del content["annotations"][3]["label"]
    file.write_text(json.dumps(content))


def spoil_features(root: Path) -> None:
    file = first(root, "*train*/1_baidu*.npy")
    values = np.load(file)
    values[17, 3] = np.nan
    np.save(file, values)


BAD_ROOTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "a missing half": (lambda root: first(root, "2_baidu*.npy").unlink(), "2_baidu_soccer_embeddings.npy: missing"),
    "a missing label file": (lambda root: first(root, "*valid*/Labels-v2.json").unlink(), "Labels-v2.json: missing"),
    "a truncated file": (
        lambda root: first(root, "1_baidu*.npy").write_bytes(first(root, "1_baidu*.npy").read_bytes()[:-9]),
        "1_baidu_soccer_embeddings.npy: not a readable feature file",
    ),
    "a width that is another": (
        lambda root: np.save(first(root, "1_baidu*.npy"), np.ones((150, 3), np.float32)), "has shape (150, 3)",
    ),
    "values that are not finite": (spoil_features, "row 17: a value is not finite"),
    "labels that are no JSON": (lambda root: first(root, "*train*/Labels-v2.json").write_text("{"), "no JSON"),
    "labels that lack a key": (drop_label_key, "entry 4: key 'label' is missing"),
    "an unknown event": (lambda root: spoil_label(root, label="Goall"), "entry 4"),
    "a time beyond the half": (lambda root: spoil_label(root, position="3000000"), "an event at 3000 s"),
    "a time that is none": (lambda root: spoil_label(root, position="late"), "entry 4"),
    "splits that are none": (lambda root: (root / "splits.json").write_text("[]"), "splits.json"),
    "no SoccerNet root": (lambda root: (root / "splits.json").unlink(), "holds none of the SoccerNet games"),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_ROOTS)
def test_data_that_cannot_be_used(tiny_root: Path, tmp_path: Path, reproduce: Command, kind: str) -> None:
    spoil, said = BAD_ROOTS[kind]
    spoil(tiny_root)
    done = reproduce("table2", "--data", "tiny", "--rows", "8", *QUICK)
    assert done.code == 2
    assert said in done.err
    assert done.err.count("\n") == 1
    assert not list(tmp_path.rglob("result.json"))
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("table9",), "table9: no such table"),
        (("table2", "--rows", "11"), "no row 11"),
        (("table2", "--rows", "a-b"), "--rows 'a-b'"),
        (("table2", "--rows", "8-6"), "not a range from low to high"),
        (("table2", "--seeds", ""), "--seeds ''"),
        (("table2", "--set", "epochs=1"), "epochs"),
        (("table2", "--set", "chunk_s=-1"), "chunk_s"),
        (("table2", "--rows", "8", "--device", "tpu"), "unknown device 'tpu'"),
        (("table2", "--data", "nowhere"), "nowhere: no such folder"),
        (("table2", "--features-root", "nowhere"), "nowhere"),
        (("figure3", "--device", "tpu", "--jobs", "2"), "figure3 trains nothing: leave out --device, --jobs; it"),
        (("figure3", "--rows", "1", "--seeds", "0-2"), "leave out --rows, --seeds;"),
        (
            ("table2", "--rows", "8", "--out", "/dev/null"),
            "row-08/.seed-0.lease: cannot be written (Not a directory); choose another path",
        ),
        (
            ("table2", "--rows", "7,8", "--out", "/dev/null", "--jobs", "2"),
            "/.seed-0.lease: cannot be written (Not a directory)",
        ),
    ],
)
def test_arguments_that_cannot_be_used(
    shared_tiny_root: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: Command,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOCCERNET_ROOT", str(shared_tiny_root))
    done = command("reproduce", *arguments)
    assert done.code == 2
    assert said in done.err
