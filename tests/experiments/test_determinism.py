"""The same bytes whatever the hash seed, locale, time zone, umask, folder, and threads where features are narrow.

Not promised: equal bits on wide features with another number of threads, on another processor or with other versions
of the libraries.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import hashlib, os, sys
from pathlib import Path
os.umask(int(sys.argv[3], 8))
import torch
from soccerbench.experiments.experiment import Planner
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.progress import silent
from soccerbench.specs.load import load_table, parse_setting

root, out = Path(sys.argv[1]), Path(sys.argv[2])
pack(root, out / "packed")
for name in ("table2", "table3"):
    for row in load_table(name).rows:
        print(name, row.row, row.digest())
table = load_table("table2", mini=True, settings=[parse_setting("max_epochs=1"), parse_setting("batch_size=16")])
made = Planner(Dataset(root), out).experiment(table.row(8), 0)
result = made.run(device="cpu", progress=silent)
print(vars(made.identity), result.scores["test"], [list(counts) for counts in result.games["test"].values()])
for name, value in torch.load(made.folder / "checkpoint.pt", weights_only=True)["model"].items():
    print(name, hashlib.sha256(value.numpy().tobytes()).hexdigest())
for file in sorted(out.rglob("*")):
    if file.suffix in {".zip", ".csv", ".yaml", ".npy"} or file.name == "pack.json":
        print(file.relative_to(out).as_posix(), hashlib.sha256(file.read_bytes()).hexdigest())
"""
PLAIN = {"PYTHONHASHSEED": "0", "LC_ALL": "C.UTF-8", "TZ": "UTC"}
OTHERS = {
    "hash seed, time zone, umask": ({"PYTHONHASHSEED": "4242", "TZ": "Pacific/Apia"}, "077"),
    "two threads": ({"OMP_NUM_THREADS": "2", "MKL_NUM_THREADS": "2", "OPENBLAS_NUM_THREADS": "2"}, "022"),
    "Turkish": ({"LC_ALL": "tr_TR.UTF-8", "LANG": "tr_TR.UTF-8"}, "022"),
    "ASCII": ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "latin-1"}, "022"),
}


def made(root: Path, out: Path, environment: dict[str, str], umask: str) -> str:
    out.mkdir(parents=True)
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(root), str(out), umask],
        env=os.environ | PLAIN | {"OMP_NUM_THREADS": "1"} | environment,
        cwd=out,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.decode("latin-1")


@pytest.mark.parity
def test_the_same_whatever_the_environment(shared_tiny_root: Path, tmp_path: Path) -> None:
    expected = made(shared_tiny_root, tmp_path / "plain", {}, "022")
    assert len(expected.splitlines()) > 40
    for name, (environment, umask) in OTHERS.items():
        assert made(shared_tiny_root, tmp_path / name / "ö folder", environment, umask) == expected, name
