"""The GitHub Action, the example workflow and the Dockerfile agree with the project; their shell steps run."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from soccerbench.cli import app

ROOT = Path(__file__).resolve().parents[1]
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS = {step["name"]: step for step in ACTION["runs"]["steps"] if "run" in step}
DEFAULTS = {name: about["default"] for name, about in ACTION["inputs"].items()}


def run_step(folder: Path, name: str, *, code: int = 0, **inputs: str) -> tuple[int, list[str]]:
    """The exit code of a step's script as GitHub runs it, and the words of the soccerbench command in it."""
    said = folder / "said.json"
    stub = folder / "soccerbench"
    stub.write_text(
        f"#!{sys.executable}\nimport json, sys\njson.dump(sys.argv[1:], open({str(said)!r}, 'w'))\nprint('a table')\n"
        f"sys.exit({code})\n"
    )
    stub.chmod(0o755)
    values = DEFAULTS | inputs
    variables = {
        key: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: values[match[1]], value)
        for key, value in STEPS[name].get("env", {}).items()
    }
    variables |= {"GITHUB_STEP_SUMMARY": str(folder / "summary.md"), "PATH": f"{folder}:{os.environ['PATH']}"}
    done = subprocess.run(
        ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS[name]["run"]],
        cwd=folder, env=variables, check=False, capture_output=True,
    )  # fmt: skip
    return done.returncode, json.loads(said.read_text())


def parsed(words: list[str]) -> dict[str, Any]:
    """The parameters of a soccerbench command as its parser reads them."""
    group: Any = typer.main.get_command(app)
    found: dict[str, Any] = group.commands[words[0]].make_context(words[0], words[1:]).params
    return found


def test_the_training_step_is_a_command_that_parses(tmp_path: Path) -> None:
    code, words = run_step(tmp_path, "Train", rows="8", seeds="0-1")
    found = parsed(words)
    assert code == 0
    assert (found["table"], found["rows"], found["seeds"], found["out"]) == ("table2", "8", "0-1", Path("drift-runs"))


@pytest.mark.parametrize(
    ("inputs", "runs", "baseline"),
    [({}, "drift-runs", None), ({"runs": "my runs", "baseline": "my records"}, "my runs", Path("my records"))],
)
def test_the_check_step_reads_the_runs_and_the_records(
    tmp_path: Path, inputs: dict[str, str], runs: str, baseline: Path | None
) -> None:
    code, words = run_step(tmp_path, "Check", **inputs)
    found = parsed(words)
    assert code == 0
    assert (found["runs"], found["baseline"]) == (Path(runs), baseline)
    assert (tmp_path / "summary.md").read_text() == "```\na table\n```\n"


def test_drift_fails_the_step_and_its_table_is_shown(tmp_path: Path) -> None:
    code, _ = run_step(tmp_path, "Check", code=1)
    assert code == 1
    assert (tmp_path / "summary.md").read_text() == "```\na table\n```\n"


def test_inputs_reach_the_shell_as_variables_only(tmp_path: Path) -> None:
    assert not [name for name, step in STEPS.items() if "${{" in step["run"]]
    code, words = run_step(tmp_path, "Check", runs="$(touch evil); `touch evil`")
    assert (code, words[1]) == (0, "$(touch evil); `touch evil`")
    assert not (tmp_path / "evil").exists()


def test_the_example_workflow_uses_the_action_with_inputs_that_it_has() -> None:
    workflow = yaml.safe_load((ROOT / "examples/drift-workflow.yml").read_text("utf-8"))
    (step,) = [step for step in workflow["jobs"]["check"]["steps"] if step["uses"].startswith("./")]
    assert set(step["with"]) <= set(ACTION["inputs"])
    assert workflow["permissions"] == {"contents": "read"}


def test_the_dockerfile_copies_all_that_the_wheel_is_made_of() -> None:
    lines = (ROOT / "Dockerfile").read_text("utf-8").splitlines()
    sources = [word for line in lines if line.startswith("COPY ") for word in line.split()[1:-1]]
    assert all((ROOT / source).exists() for source in sources)
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has no parser of TOML")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    build = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    needed = {"pyproject.toml", project["project"]["readme"], *project["project"]["license-files"]}
    assert set(sources) == needed | {*build["packages"], *build["force-include"]}


def test_the_container_runs_the_readmes_first_command() -> None:
    text = (ROOT / "Dockerfile").read_text("utf-8")
    words = [
        word for name in ("ENTRYPOINT", "CMD") for word in json.loads(re.findall(rf"^{name} (.*)$", text, re.M)[0])
    ]
    readme = (ROOT / "README.md").read_text("utf-8")
    assert f"pip install '.[train]' && {' '.join(words)}\n" in readme
    assert parsed(words[1:])["table"] == "table2"
    assert "ARG EXTRA=train" in text
