"""Which room may import which: the data flows one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "soccerbench"
MAY_IMPORT: dict[str, set[str]] = {
    "metrics": set(),
    "models": set(),
    "specs": set(),
    "data": {"specs"},
    "tasks": {"models", "data", "specs"},
    "runner": {"tasks", "metrics", "specs", "data", "models"},
    "extractors": {"runner", "specs", "data", "models"},
    "report": {"runner", "metrics", "specs", "data"},
    "cli": {"report", "extractors", "runner", "metrics", "specs", "data", "tasks", "models"},
}
WITHOUT_TORCH = ("metrics", "specs", "data", "report", "cli")


def imports(file: Path) -> set[str]:
    """The rooms of ours that a file imports, anywhere in it; other packages under their own name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            parts = module.split(".")
            found.add(parts[1] if parts[0] == "soccerbench" and len(parts) > 1 else parts[0])
    return found


def test_every_room_is_listed() -> None:
    rooms = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    assert rooms == set(MAY_IMPORT)


@pytest.mark.parametrize("room", MAY_IMPORT)
def test_a_room_imports_only_the_rooms_below_it(room: str) -> None:
    files = list((PACKAGE / room).rglob("*.py"))
    assert files
    for file in files:
        above = imports(file) & set(MAY_IMPORT) - MAY_IMPORT[room] - {room}
        assert not above, f"{file.relative_to(PACKAGE)} imports {above}"


@pytest.mark.parametrize("room", WITHOUT_TORCH)
def test_rooms_without_torch_import_none(room: str) -> None:
    for file in (PACKAGE / room).rglob("*.py"):
        assert "torch" not in imports(file), file.relative_to(PACKAGE)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "extractors"], ["show", "table2", "8"], ["evaluate", "--help"]]
)
def test_verbs_that_need_no_torch_do_not_load_it(arguments: list[str]) -> None:
    code = (
        "import sys, soccerbench.cli as cli\n"
        f"sys.argv = ['soccerbench', *{arguments!r}]\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        "assert not {'torch', 'matplotlib', 'lightning_fabric'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
