"""Mutation testing: which small faults in metrics, tasks and scoring do the tests find?

Usage: python benchmarks/mutation.py MUTANTS RESULTS.jsonl [SEED [PART PARTS]]

Each mutant is one changed expression, compiled in a fork of this process; files stay as they are. A mutant is killed
when a test of its module that enters the changed function fails, or takes more than a minute of processor time.
RESULTS.jsonl gets one line a mutant, and a later call skips those. A seed chooses the same expressions as long as they
stay as they are. Annotations, messages, decorators and `strict=` of `zip` are not changed.
"""

from __future__ import annotations

import ast
import hashlib
import importlib
import importlib.machinery
import json
import os
import re
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parents[1]
WARM = (
    "SoccerNet.Evaluation.ActionSpotting hypothesis.extra.numpy orjson pandas pydantic pytest scipy.sparse "
    "scipy.stats torch typer yaml"
)
TESTS = {  # of a module, the fastest first; each is a file of the same folder of tests/, or a path in tests/
    "metrics/average_precision": "spotting grounding_strict resampling",
    "metrics/error_breakdown": "error_breakdown",
    "metrics/grounding": "grounding_strict resampling",
    "metrics/matching": "matching spotting",
    "metrics/replay_matching": "grounding_strict",
    "metrics/resampling": "resampling",
    "metrics/signature": "signature",
    "metrics/spotting": "spotting resampling",
    "metrics/spotting_counts": "spotting",
    "metrics/statistics": "resampling spotting signature",
    "metrics/tolerances": "signature spotting grounding_strict",
    "scoring/compare": "evaluate cli/test_compare",
    "scoring/evaluate": "evaluate schema soccernet/test_classes",
    "scoring/schema": "schema evaluate",
    "scoring/tasks": "evaluate schema",
    "tasks/block_statistics": "spotting cmn",
    "tasks/cmn": "cmn cmn_sampling",
    "tasks/faster_tad": "faster_tad",
    "tasks/frame_task": "spotting feature_cache",
    "tasks/grounding_postprocess": "grounding_postprocess suppression",
    "tasks/grounding_transformer": "grounding_transformer cmn_sampling",
    "tasks/naive": "naive grounding_postprocess",
    "tasks/replay_queries": "replay_queries cmn_sampling cmn",
    "tasks/spotting": "spotting",
    "tasks/spotting_steps": "suppression spotting_steps spotting",
    "tasks/windows": "feature_cache spotting cmn_sampling",
    "tasks/dense/inference": "inference",
    "tasks/dense/losses": "losses",
    "tasks/dense/mixup_queue": "mixup_queue",
    "tasks/dense/targets": "targets",
    "tasks/dense/task": "task",
}
COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.Gt), ast.LtE: (ast.Lt,), ast.Gt: (ast.GtE, ast.Lt), ast.GtE: (ast.Gt,), ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,), ast.In: (ast.NotIn,), ast.NotIn: (ast.In,), ast.Is: (ast.IsNot,), ast.IsNot: (ast.Is,),
}  # fmt: skip
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Div, ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any"}
CPU_S, WALL_S, EXAMPLES = 60, 600, 25


def faults(node: ast.AST) -> Iterator[ast.AST | None]:
    """What a node may become; None removes it."""
    match node:
        case ast.Compare(ops=[one]):
            for other in COMPARISONS[type(one)]:
                yield ast.Compare(node.left, [other()], node.comparators)
        case ast.BinOp(op=operator) if type(operator) in OPERATORS:
            yield ast.BinOp(node.left, OPERATORS[type(operator)](), node.right)
        case ast.BoolOp(op=both):
            yield ast.BoolOp(ast.Or() if isinstance(both, ast.And) else ast.And(), node.values)
        case ast.UnaryOp(op=ast.Not() | ast.USub() | ast.Invert()):
            yield node.operand
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value) | float(value)):
            yield ast.Constant(value + 1)
        case ast.keyword(arg=str(name)) if name != "strict":
            yield None
        case ast.IfExp():
            yield ast.IfExp(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            yield ast.Call(ast.Name(FUNCTIONS[name], ast.Load()), node.args, node.keywords)
        case ast.stmt():
            yield from faults_of_statement(node)


def faults_of_statement(node: ast.stmt) -> Iterator[ast.AST]:
    """What a statement may become."""
    if isinstance(node, ast.AugAssign) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        yield ast.Pass()
    if isinstance(node, ast.Return) and node.value is not None and not isinstance(node.value, ast.Constant):
        yield ast.Return(ast.Constant(None))


def sites(tree: ast.Module) -> list[tuple[ast.AST, ast.AST | None]]:
    """Every node that may change, with what it becomes."""
    skipped: set[int] = set()
    for node in ast.walk(tree):
        parts = [getattr(node, "annotation", None), getattr(node, "returns", None)]
        if isinstance(node, ast.keyword) and node.arg == "strict":
            parts.append(node)
        parts += getattr(node, "decorator_list", ())
        if isinstance(node, ast.Raise | ast.JoinedStr):
            parts.append(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            parts.append(node)
        skipped.update(id(inner) for part in parts if part is not None for inner in ast.walk(part))
    return [(node, new) for node in ast.walk(tree) if id(node) not in skipped for new in faults(node)]


def what_of(source: str) -> list[str]:
    """What each mutant of a module changes, without its line; the same change again has a number."""
    seen: dict[str, int] = {}
    found = []
    for old, new in sites(ast.parse(source)):
        change = f"{ast.unparse(old)[:90]} -> {ast.unparse(new)[:90] if new else 'removed'}"
        seen[change] = seen.get(change, 0) + 1
        found.append(f"{change} ({seen[change]})" if seen[change] > 1 else change)
    return found


def mutant(source: str, index: int) -> tuple[ast.Module, int, str]:
    """A changed module, the line, and the function that it is in."""
    tree = ast.parse(source)
    old, new = sites(tree)[index]
    around = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and any(inner is old for part in node.body for inner in ast.walk(part))
    ]

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return new if node is old else self.generic_visit(node)

    line = getattr(old, "lineno", getattr(getattr(old, "value", None), "lineno", 0))
    return ast.fix_missing_locations(Replace().visit(tree)), line, around[-1] if around else ""


def outcome(file: Path, tree: ast.Module, tests: list[str], function: str = "", entered: Path | None = None) -> int:
    """The exit status of pytest with a module's source replaced: 0 where the mutant survives."""
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os._exit(int(run_tests(file, tree, tests, Functions(file, entered, function))))
    end_s, status = time.monotonic() + WALL_S, (0, 0)
    while not (status := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end_s:
        time.sleep(0.02)
    if not status[0]:
        os.killpg(child, signal.SIGKILL)
        status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status[1])


class Functions:
    """Records which functions of a module each test enters, with its time; or runs only the tests of one, by time."""

    def __init__(self, file: Path, entered: Path | None, function: str) -> None:
        self.file, self.path, self.function = str(file), entered, function
        self.found: dict[str, list[Any]] = {}
        self.names, self.shared = set[str](), set[str]()

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self.path and self.path.exists():
            known = json.loads(self.path.read_text("utf-8"))
            chosen = [item for item in items if self.function in known.get(item.nodeid, [0])[1:] or not self.function]
            items[:] = sorted(chosen or items, key=lambda item: known.get(item.nodeid, [0])[0])

    def pytest_runtest_protocol(self) -> None:
        if self.path and not self.path.exists():
            self.begun_s, self.names = time.process_time(), set[str]()
            sys.settrace(self.enter)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        if self.path and not self.path.exists():
            self.found[nodeid] = [time.process_time() - self.begun_s, *self.names]

    def pytest_sessionfinish(self) -> None:
        if self.path and not self.path.exists():
            self.path.write_text(json.dumps({test: [*one, *self.shared] for test, one in self.found.items()}), "utf-8")

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any) -> Generator[None, Any, Any]:
        mine = self.names
        if fixturedef.scope != "function":  # other tests use the same
            self.names = self.shared
        try:
            return (yield)
        finally:
            self.names = mine

    def enter(self, frame: Any, *_: Any) -> None:
        if frame.f_code.co_filename == self.file:
            self.names.update(re.findall(r"\w+", frame.f_code.co_qualname))


def run_tests(file: Path, tree: ast.Module, tests: list[str], functions: Functions) -> int:
    """Run tests in this process, with few examples of each property."""
    loaded, made = importlib.machinery.SourceFileLoader.get_code, hypothesis.settings.__init__

    def get_code(self: Any, name: str) -> Any:
        return compile(tree, file, "exec") if self.path == str(file) else loaded(self, name)

    def few(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options | {"max_examples": EXAMPLES})

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    hypothesis.settings.__init__ = few  # type: ignore[method-assign]
    unrewritten = "ignore::pytest.PytestAssertRewriteWarning"
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-W", unrewritten, *tests], [functions])


def tests_of(name: str) -> list[str]:
    """The test files of a module."""
    folder = name.rpartition("/")[0]
    return [f"tests/{one}.py" if "/" in one else f"tests/{folder}/test_{one}.py" for one in TESTS[name].split()]


def main() -> None:
    results = Path(sys.argv[2]).resolve()
    count, seed, part, parts = map(int, [sys.argv[1], *sys.argv[3:], *("20", "0", "1")[len(sys.argv) - 3 :]])
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    for name in WARM.split():
        importlib.import_module(name)
    sources = {name: (ROOT / f"soccerbench/{name}.py").read_text("utf-8") for name in TESTS}
    every = [(name, at, what) for name, source in sources.items() for at, what in enumerate(what_of(source))]
    every.sort(key=lambda one: hashlib.sha256(f"{seed} {one[0]} {one[2]}".encode()).digest())
    lines = map(json.loads, results.read_text("utf-8").splitlines() if results.exists() else ())
    done = {(line["module"], line["what"]) for line in lines}
    folder = Path(tempfile.mkdtemp())
    for name, at, what in every[part:count:parts]:
        if (name, what) in done:
            continue
        begun_s, file, entered = time.monotonic(), ROOT / f"soccerbench/{name}.py", folder / f"{name.replace('/', '.')}"
        if not entered.exists() and (status := outcome(file, ast.parse(sources[name]), tests_of(name), "", entered)):
            raise SystemExit(f"{name}: the tests fail without a fault (exit status {status})")
        tree, line, function = mutant(sources[name], at)
        killed = outcome(file, tree, tests_of(name), function, entered) != 0
        found = {"module": name, "line": line, "what": what, "killed": killed}
        with results.open("a") as stream:
            stream.write(json.dumps(found | {"seconds": round(time.monotonic() - begun_s, 1)}) + "\n")
    print(f"{len(every)} possible mutants, {count} chosen")


if __name__ == "__main__":
    main()
