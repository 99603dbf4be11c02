"""soccerbench: reproduce and benchmark the Baidu soccer embeddings paper on SoccerNet-v2.

`import soccerbench as sb` is quick: each name below is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from soccerbench.api import Dataset, Results, compare, load_results, reproduce
    from soccerbench.errors import InputError, SpecError
    from soccerbench.inference.run import Run, load_run
    from soccerbench.inference.spotted import spot
    from soccerbench.scoring.evaluate import Evaluation, evaluate
    from soccerbench.scoring.schema import ComparisonReport
    from soccerbench.specs.load import load_table
    from soccerbench.specs.spotting import Table

__version__ = "0.1.0"
__all__ = [
    "ComparisonReport",
    "Dataset",
    "Evaluation",
    "InputError",
    "Results",
    "Run",
    "SpecError",
    "Table",
    "compare",
    "evaluate",
    "load_results",
    "load_run",
    "load_table",
    "reproduce",
    "spot",
]

_HOME = {
    "ComparisonReport": "scoring.schema",
    "Evaluation": "scoring.evaluate",
    "InputError": "errors",
    "Run": "inference.run",
    "SpecError": "errors",
    "Table": "specs.spotting",
    "evaluate": "scoring.evaluate",
    "load_run": "inference.run",
    "load_table": "specs.load",
    "spot": "inference.spotted",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME.get(name, 'api')}"), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
