"""`import soccerbench as sb`: its surface, its types, its start-up time, and the examples in its docstrings."""

from __future__ import annotations

import doctest
import inspect
import os
import re
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import soccerbench as sb
from soccerbench.cli import app
from soccerbench.simulation.matches import write

ROOT = Path(__file__).resolve().parents[1]
SURFACE = {
    "Dataset": "(data: 'str | Path | None' = None, *, features_root: 'str | Path | None' = None) -> 'None'",
    "Dataset.features": "(self, game: 'str', half: 'int', blocks: 'str | Sequence[str]' = 'five') -> 'NDArray[Any]'",
    "Dataset.labels": "(self, game: 'str') -> 'pd.DataFrame'",
    "Evaluation.bootstrap": "(self, repetitions: 'int' = 1000, *, seed: 'int' = 0) -> 'Evaluation'",
    "Results.table": "(self) -> 'pd.DataFrame'",
    "Run.predict": "(self, features: 'NDArray[Any] | Mapping[int, NDArray[Any]]', fps: 'float', *, "
    "replays: 'GameReplays | None' = None) -> 'pd.DataFrame'",
    "Table.row": "(self, number: 'int') -> 'Row'",
    "compare": "(a: 'str | Path', b: 'str | Path', *, labels: 'str | Path | None' = None, "
    "task: 'TaskName | None' = None, split: 'str' = 'test', tolerances: 'str | Sequence[float]' = 'loose', "
    "protocol: 'Protocol' = 'soccernet', repetitions: 'int' = 1000, seed: 'int' = 0, "
    "progress: 'Progress' = silent, max_mib: 'float' = 128) -> 'ComparisonReport'",
    "evaluate": "(*, task: 'TaskName', labels: 'str | Path', predictions: 'str | Path', split: 'str' = 'test', "
    "tolerances: 'str | Sequence[float]' = 'loose', protocol: 'Protocol' = 'soccernet', "
    "classes: 'Sequence[str] | None' = None, bootstrap: 'int' = 0, seed: 'int' = 0, "
    "max_mib: 'float' = 128) -> 'Evaluation'",
    "load_results": "(runs: 'str | Path') -> 'pd.DataFrame'",
    "load_run": "(path: 'str | Path', *, plugin: 'str | Path | None' = None, device: 'str' = 'auto') -> 'Run'",
    "load_table": "(name: 'str', *, mini: 'bool' = False, settings: 'Sequence[tuple[str, Any]]' = (), "
    "rows: 'Collection[int] | None' = None, inside: 'tuple[str, ...]' = ()) -> 'Table'",
    "reproduce": "(table: 'str | Path', *, data: 'str | Path | None' = None, "
    "features_root: 'str | Path | None' = None, rows: 'Sequence[int] | None' = None, seeds: 'Sequence[int]' = (0,), "
    "out: 'str | Path' = 'runs', device: 'str' = 'auto', on: 'str' = 'local', "
    "jobs: 'int | None' = None, cpus: 'int | None' = None, gpus: 'float | None' = None, "
    "settings: 'Mapping[str, Any] | None' = None, plugin: 'str | Path | None' = None, log: 'str | None' = None, "
    "force: 'bool' = False, stage: 'str | Path | None' = None, results_to: 'str | None' = None, "
    "progress: 'bool' = False) -> 'Results'",
    "spot": "(run: 'Run | str | Path | Sequence[Run | str | Path]', inputs: 'str | Path | Sequence[str | Path]', *, "
    "replays: 'str | Path | None' = None, min_confidence: 'float' = 0.0, "
    "classes: 'Sequence[str] | None' = None) -> 'pd.DataFrame'",
}
NAMES = {
    "ComparisonReport", "Dataset", "Evaluation", "InputError", "Results", "Run", "SpecError", "Table", "compare",
    "evaluate", "load_results", "load_run", "load_table", "reproduce", "spot",
}  # fmt: skip


def test_the_surface() -> None:
    assert set(sb.__all__) == NAMES
    assert set(dir(sb)) == {*NAMES, "__version__"}
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        sb.nothing  # noqa: B018
    found = {}
    for name in SURFACE:
        value = sb
        for part in name.split("."):
            value = getattr(value, part)
        found[name] = re.sub(r"<function (\w+) at \w+>", r"\1", str(inspect.signature(value)))
    assert found == SURFACE


def test_importing_is_quick_and_loads_nothing_heavy() -> None:
    script = (
        "import sys, time; start = time.process_time(); import soccerbench; took = time.process_time() - start\n"
        "assert not {'torch', 'pandas', 'numpy', 'pydantic'} & set(sys.modules)\nprint(took)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = [
        subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
        for _ in range(3)
    ]
    assert min(float(one.stdout) for one in done) < 0.1


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soccerbench", "--version"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout == f"soccerbench {sb.__version__}\n"
    assert app.registered_commands


@pytest.mark.parity  # `tox -e type` checks the right one, with what it knows of all packages
def test_a_users_script_passes_strict_types(tmp_path: Path) -> None:
    pytest.importorskip("mypy")
    assert (ROOT / "soccerbench" / "py.typed").is_file()

    def checked(text: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "script.py").write_text(text)
        return subprocess.run(
            [sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", f"--cache-dir={tmp_path}/cache",
             f"--config-file={ROOT}/pyproject.toml", str(tmp_path / "script.py")],
            capture_output=True, text=True, check=False, cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)},
        )  # fmt: skip

    done = checked((ROOT / "tests" / "users_script.py").read_text())
    assert done.returncode == 0, done.stdout
    wrong = checked('import soccerbench as sb\nsb.evaluate(task="goals", labels="a", predictions="b")\n')
    assert 'Argument "task" to "evaluate" has incompatible type' in wrong.stdout


@pytest.fixture(scope="module")
def folder(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the examples name: a run, a match without labels, and submissions."""
    from test_docs import write_zips

    place = tmp_path_factory.mktemp("examples")
    write_zips(place)
    game = sb.Dataset(shared_tiny_root).splits["test"][0]
    shutil.copytree(shared_tiny_root / game, place / "match", ignore=shutil.ignore_patterns("Labels*"))
    return place


@pytest.mark.xdist_group("api")
@pytest.mark.parametrize(
    "module",
    ["api", "inference.run", "inference.spotted", "scoring.evaluate", "specs.load"],
)
def test_the_examples_of_docstrings(
    folder: Path, shared_tiny_root: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(write, "cached_mini", lambda: shared_tiny_root)
    settings = {"max_epochs": 1}
    sb.reproduce("table2", rows=[8], data="mini", out="runs", settings=settings, jobs=1)
    done = doctest.testmod(
        import_module(f"soccerbench.{module}"), extraglobs={"sb": sb}, optionflags=doctest.REPORT_NDIFF
    )
    assert done.attempted > 1
    assert not done.failed
