"""Which folder may import which: the data flow one way."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
PACKAGE = TESTS.parent / "soccerbench"
NOT_OF_A_FOLDER = {Path("fuzz"), Path("light"), Path("report/browser")}  # every kind of file; no torch; a browser
BASE = {"errors", "events", "files", "lease", "processes", "progress"}  # single files that any folder may import
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "progress": set(),
    "processes": set(),
    "files": {"errors", "processes"},
    "lease": {"errors", "processes"},
    "torch_files": {"errors"},
    "specs": BASE,
    "metrics": {"events", "progress"},
    "models": {"errors", "torch_files"},
    "soccernet": BASE,
    "features": BASE | {"soccernet", "specs"},
    "simulation": BASE | {"features", "soccernet", "specs"},
    "tasks": BASE | {"models", "features", "soccernet", "specs"},
    "training": BASE | {"torch_files", "specs"},
    "scoring": BASE | {"metrics", "soccernet"},
    "plugins": {"errors"},
    "experiments": BASE
    | {"plugins", "tasks", "training", "scoring", "metrics", "models", "simulation", "features", "soccernet", "specs"},
    "video": BASE | {"torch_files", "plugins", "experiments", "training", "features", "soccernet", "specs"},
    "inference": BASE
    | {"plugins", "tasks", "training", "models", "experiments", "video", "report", "scoring", "features", "soccernet"}
    | {"specs"},
    "report": BASE | {"experiments", "scoring", "metrics", "features", "soccernet", "specs", "video"},
}
MAY_IMPORT["sharing"] = MAY_IMPORT["report"] | {"report", "training"}
MAY_IMPORT["api"] = {*MAY_IMPORT}
MAY_IMPORT["cli"] = {*MAY_IMPORT}
MAY_IMPORT["__main__"] = {"cli"}
WITHOUT_TORCH = ("metrics", "specs", "soccernet", "features", "simulation", "scoring", "report", "sharing", "cli")
MOST_FILES = 14  # in one folder, `__init__.py` not counted


def imports(file: Path) -> set[str]:
    """The folders and single files of ours that a file imports, anywhere in it; other packages under their own name."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        modules += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        for module in modules:
            parts = module.split(".")
            found.add(parts[1] if parts[0] == "soccerbench" and len(parts) > 1 else parts[0])
    return found


def module_of(file: Path) -> str:
    """The dotted name of a source file, of a package for its `__init__.py`."""
    return ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


def ours(file: Path) -> set[str]:
    """The modules of ours that a file imports, anywhere in it, but not those for types alone."""
    tree = ast.parse(file.read_text("utf-8"))
    for node in [node for node in ast.walk(tree) if isinstance(node, ast.If)]:
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            node.body = []
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found - {module_of(file)}


def name_of(path: Path) -> str:
    """The folder or single file at the top of the package that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def sources() -> list[Path]:
    return [file for file in PACKAGE.rglob("*.py") if file != PACKAGE / "__init__.py"]


def test_everything_at_the_top_is_listed() -> None:
    assert {name_of(file) for file in sources()} == set(MAY_IMPORT)


def test_the_allowed_imports_have_no_cycle() -> None:
    order = tuple(TopologicalSorter(MAY_IMPORT).static_order())
    assert len(order) == len(MAY_IMPORT)


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_a_folder_imports_only_what_is_below_it(folder: str) -> None:
    files = [file for file in sources() if name_of(file) == folder]
    assert files
    for file in files:
        above = imports(file) & set(MAY_IMPORT) - MAY_IMPORT[folder] - {folder}
        assert not above, f"{file.relative_to(PACKAGE)} imports {above}"


def test_no_two_files_import_each_other() -> None:
    """Not in a circle either, wherever in the file the import is."""
    graph = {module_of(file): ours(file) for file in sources()}
    TopologicalSorter({name: used & set(graph) for name, used in graph.items()}).prepare()


def test_no_folder_is_a_warehouse() -> None:
    for folder in {file.parent for file in sources()} - {PACKAGE, PACKAGE / "cli"}:
        files = [file.name for file in folder.glob("*.py") if file.name != "__init__.py"]
        assert len(files) <= MOST_FILES, folder


def test_tests_are_in_the_folders_of_their_code() -> None:
    for folder in {file.parent for file in TESTS.rglob("test_*.py")} - {TESTS}:
        name = folder.relative_to(TESTS)
        assert (PACKAGE / name).is_dir() or name in NOT_OF_A_FOLDER, name


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_folders_without_torch_import_none(folder: str) -> None:
    for file in (PACKAGE / folder).rglob("*.py"):
        assert "torch" not in imports(file), file.relative_to(PACKAGE)


@pytest.mark.parametrize(
    "arguments", [["--help"], ["list"], ["list", "extractors"], ["show", "table2", "8"], ["evaluate", "--help"]]
)
def test_verbs_that_need_no_torch_do_not_load_it(arguments: list[str]) -> None:
    without = {"torch", "matplotlib", "pandas"} | ({"pydantic"} if arguments in (["list"], ["--help"]) else set())
    code = (
        "import sys, soccerbench.cli as cli\n"
        f"sys.argv = ['soccerbench', *{arguments!r}]\n"
        "try:\n    cli.main()\n"
        "except SystemExit as end:\n    assert not end.code, end.code\n"
        f"assert not {without!r} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
