"""The paper's tables from finished runs, published beside measured; as Markdown and LaTeX for a paper of one's own."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from soccerbench.experiments.results import Run, by_row
from soccerbench.report.tables.paper import Grid, grid, summarise, to_latex, to_markdown
from soccerbench.specs import load_table, table_names


def tables_of_runs(runs: Iterable[Run]) -> list[Grid]:
    """One grid for each dataset and table, of the rows that were run.

    Raises:
        InputError: runs of a row that are no seeds of one another.
    """
    rows = by_row(runs)
    tables = list(dict.fromkeys(key[:2] for key in rows))
    return [
        _table(dataset, name, [rows[key] for key in rows if key[:2] == (dataset, name)]) for dataset, name in tables
    ]


def paper_tables(runs: Iterable[Run]) -> str:
    """Every table as Markdown and, after it, as LaTeX (booktabs)."""
    return "\n".join(f"{to_markdown(table)}\n{to_latex(table)}" for table in tables_of_runs(runs))


def _table(dataset: str, name: str, rows: list[list[Run]]) -> Grid:
    results = [run.result.to_json() for members in rows for run in members]
    records = summarise([members[0].result.spec for members in rows], results, {})
    simulated = any(result["simulated"] for result in results)
    title = load_table(name).title if name in table_names() else name
    return grid(f"{title} — on {dataset}", records, simulated=simulated, folder=Path(dataset) / name)
