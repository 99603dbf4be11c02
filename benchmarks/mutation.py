"""Mutation testing: which small faults in metrics, tasks and scoring do the tests find?

Usage: python benchmarks/mutation.py MUTANTS RESULTS.jsonl [SEED [PART PARTS]]

Each mutant is one changed expression, compiled in a fork of this process; files stay as they are. A mutant is killed
when a test of its module fails, or takes more than a minute of processor time. RESULTS.jsonl gets one line a mutant,
and a later call skips those. Annotations, messages, decorators and `strict=` of `zip` are not changed.
"""

from __future__ import annotations

import ast
import importlib
import importlib.machinery
import json
import os
import random
import resource
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
WARM = (
    "SoccerNet.Evaluation.ActionSpotting hypothesis.extra.numpy msgspec orjson pandas pydantic pytest scipy.sparse "
    "scipy.stats torch typer yaml"
)
TESTS = {  # of a module, the fastest first; each is a file of the same folder of tests/, or a path in tests/
    "metrics/average_precision": "spotting grounding_strict",
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
    "scoring/evaluate": "evaluate schema",
    "scoring/schema": "schema evaluate",
    "scoring/tasks": "evaluate schema",
    "tasks/block_statistics": "spotting cmn",
    "tasks/cmn": "cmn cmn_sampling",
    "tasks/feature_cache": "feature_cache",
    "tasks/frame_scores": "spotting_steps spotting",
    "tasks/grounding_postprocess": "grounding_postprocess",
    "tasks/grounding_transformer": "grounding_transformer cmn_sampling",
    "tasks/naive": "naive grounding_postprocess",
    "tasks/postprocess": "postprocess spotting_steps",
    "tasks/replay_queries": "replay_queries cmn_sampling",
    "tasks/spotting": "spotting",
    "tasks/spotting_steps": "spotting_steps",
    "tasks/windows": "spotting cmn_sampling",
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
        parts += getattr(node, "decorator_list", ())
        if isinstance(node, ast.Raise | ast.JoinedStr):
            parts.append(node)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            parts.append(node)
        skipped.update(id(inner) for part in parts if part is not None for inner in ast.walk(part))
    return [(node, new) for node in ast.walk(tree) if id(node) not in skipped for new in faults(node)]


def mutant(source: str, index: int) -> tuple[ast.Module, str]:
    """A changed module, and what was changed."""
    tree = ast.parse(source)
    old, new = sites(tree)[index]

    class Replace(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> Any:
            return new if node is old else self.generic_visit(node)

    what = f"line {getattr(old, 'lineno', 0)}: {ast.unparse(old)[:90]} -> {ast.unparse(new)[:90] if new else 'removed'}"
    return ast.fix_missing_locations(Replace().visit(tree)), what


def outcome(file: Path, tree: ast.Module, tests: list[str]) -> int:
    """The exit status of pytest with a module's source replaced: 0 where the mutant survives."""
    child = os.fork()
    if not child:
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
        for stream in (1, 2):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
        os._exit(int(run_tests(file, tree, tests)))
    end_s, status = time.monotonic() + WALL_S, (0, 0)
    while not (status := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end_s:
        time.sleep(0.02)
    if not status[0]:
        os.killpg(child, signal.SIGKILL)
        status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status[1])


def run_tests(file: Path, tree: ast.Module, tests: list[str]) -> int:
    """Run tests in this process, with few examples of each property."""
    import hypothesis
    import pytest

    loaded, made = importlib.machinery.SourceFileLoader.get_code, hypothesis.settings.__init__

    def get_code(self: Any, name: str) -> Any:
        return compile(tree, file, "exec") if self.path == str(file) else loaded(self, name)

    def few(self: Any, *arguments: Any, **options: Any) -> None:
        made(self, *arguments, **options | {"max_examples": EXAMPLES})

    importlib.machinery.SourceFileLoader.get_code = get_code  # type: ignore[method-assign]
    hypothesis.settings.__init__ = few  # type: ignore[method-assign]
    unrewritten = "ignore::pytest.PytestAssertRewriteWarning"
    return pytest.main(["-x", "-q", "-p", "no:cacheprovider", "--tb=no", "-W", unrewritten, *tests])


def tests_of(name: str) -> list[str]:
    """The test files of a module."""
    folder = name.rpartition("/")[0]
    return [f"tests/{one}.py" if "/" in one else f"tests/{folder}/test_{one}.py" for one in TESTS[name].split()]


def main() -> None:
    results = Path(sys.argv[2]).resolve()
    count, seed, part, parts = map(int, [sys.argv[1], *sys.argv[3:], 20, 0, 1][:4])
    os.chdir(ROOT)
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
    os.environ |= {"OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg", "PYTHONPATH": str(ROOT)}
    for name in WARM.split():
        importlib.import_module(name)
    files = {name: ROOT / "soccerbench" / f"{name}.py" for name in TESTS}
    every = [(name, at) for name, file in files.items() for at in range(len(sites(ast.parse(file.read_text("utf-8")))))]
    random.Random(seed).shuffle(every)
    lines = results.read_text("utf-8").splitlines() if results.exists() else ()
    done = {(line["module"], line["index"]) for line in map(json.loads, lines)}
    for name in sorted({name for name, _ in every[:count]})[part::parts]:
        if not lines and (status := outcome(files[name], ast.parse(files[name].read_text("utf-8")), tests_of(name))):
            raise SystemExit(f"{name}: the tests fail without a fault (exit status {status})")
    for name, at in every[part:count:parts]:
        if (name, at) not in done:
            begun_s = time.monotonic()
            tree, what = mutant(files[name].read_text("utf-8"), at)
            killed = outcome(files[name], tree, tests_of(name)) != 0
            line = {"module": name, "index": at, "what": what, "killed": killed}
            line["seconds"] = round(time.monotonic() - begun_s, 1)
            with results.open("a") as stream:
                stream.write(json.dumps(line) + "\n")
    print(f"{len(every)} possible mutants, {count} chosen")


if __name__ == "__main__":
    main()
