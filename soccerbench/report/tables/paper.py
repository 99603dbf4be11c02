"""A paper's table, published beside measured: for the terminal, as CSV, Markdown, LaTeX and JSON.

Conventions
    per cent   in every form for people, mean ± standard deviation over seeds where there are several
    -          not meaningful: the head or its features have seen the split
    N/A        the paper did not evaluate it
    simulated  on simulated features no published number is shown at all
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soccerbench.files import write_bytes, write_json
from soccerbench.metrics import mean_and_deviation
from soccerbench.scoring.tasks import TASKS

SPLITS = ("test", "challenge")
SETUP_TITLES = ("Chunk, steps", "Chunk/NMS")


@dataclass(frozen=True)
class Grid:
    """A table as text: a title, a header, lines of cells, and notes below."""

    title: str
    header: tuple[str, ...]
    lines: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def summarise(
    rows: Sequence[Mapping[str, Any]],
    results: Sequence[Mapping[str, Any]],
    reasons: Mapping[int, str],
    *,
    simulated: bool = False,
) -> list[dict[str, Any]]:
    """One record a row: what was published, what was measured over the seeds, and the difference.

    Args:
        rows: the specs, as plain data.
        results: contents of `result.json`, any order.
        reasons: row number -> why it could not run.
        simulated: nothing published is told; also where a result says so of itself.

    Returns:
        JSON-able; scores are fractions, published numbers per cent as printed.
    """
    simulated = simulated or any(result["simulated"] for result in results)
    records = []
    for row in rows:
        mine = sorted((result for result in results if result["row"] == row["row"]), key=lambda result: result["seed"])
        if not mine and row["row"] not in reasons:
            continue
        record: dict[str, Any] = {key: row[key] for key in ("row", "features", "head", "mode", "mega")}
        record |= {key: row.get(key) for key in ("name", "chunk_s", "nms_s")} | {"setup": setup(row)}
        record["digest"] = [result["digest"] for result in mine][:1]
        record["unavailable"] = reasons.get(row["row"])
        record["published"] = {} if simulated else row["published"]
        key = TASKS[row["task"]].overall
        record["measured"] = {split: _measured(mine, split, key) for split in SPLITS}
        record["submission"] = {
            split: [f"row-{row['row']:02d}/seed-{result['seed']}/{result['submissions'][split]}" for result in mine]
            for split in SPLITS
            if any(split in result["submissions"] and split not in result["scores"] for result in mine)
        }
        record["difference_points"] = {
            split: 100 * record["measured"][split]["mean"] - value
            for split, value in record["published"].items()
            if isinstance(value, float) and record["measured"][split]
        }
        record["changed"] = row["changed"]
        records.append(record)
    return records


def grid(title: str, records: Sequence[Mapping[str, Any]], *, simulated: bool, folder: Path) -> Grid:
    """The table as text."""
    header = ["Row", "Features", "Head", SETUP_TITLES[any(record["nms_s"] for record in records)]]
    for split in SPLITS:
        header += [split.capitalize()] if simulated else [f"{split.capitalize()}, published", "measured", "difference"]
    lines = []
    for record in records:
        cells = [str(record["row"]), record["features"] + (" mega" if record["mega"] else "")]
        cells += [record["head"] + (" ultra" if record["mode"] == "ultra" else ""), record["setup"]]
        for split in SPLITS:
            measured = _shown(record, split)
            if simulated:
                cells.append(measured)
                continue
            published = record["published"].get(split, "")
            difference = record["difference_points"].get(split)
            cells += [published if isinstance(published, str) else f"{published:.2f}", measured]
            cells.append("" if difference is None else f"{difference:+.2f}")
        lines.append(tuple(cells))
    return Grid(title, tuple(header), tuple(lines), tuple(_notes(records, simulated=simulated, folder=folder)))


def setup(row: Mapping[str, Any]) -> str:
    """Chunk and suppression window of a spotting row, or chunk and steps of a grounding row, in seconds."""
    chunk = [f"{row['chunk_s']:g}"] if "chunk_s" in row else []
    if "nms_s" in row:
        return "/".join([*chunk, f"{row['nms_s']:g}"])
    steps = [f"{step['step']} {step.get('before_s', step.get('window_s')):g}" for step in row["postprocess"]]
    return ", ".join([*chunk, *steps])


def write_table(folder: Path, table: Grid, records: Sequence[Mapping[str, Any]], *, about: Mapping[str, Any]) -> None:
    """Write `table.csv`, `table.md`, `table.tex` and `table.json` into a folder."""
    write_bytes(folder / "table.csv", to_csv(table).encode())
    write_bytes(folder / "table.md", to_markdown(table).encode())
    write_bytes(folder / "table.tex", to_latex(table).encode())
    write_json(folder / "table.json", {**about, "rows": list(records), "notes": list(table.notes)})


def to_csv(table: Grid) -> str:
    """Header and lines, without title and notes."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([table.header, *table.lines])
    return text.getvalue()


def to_markdown(table: Grid) -> str:
    """A pipe table between its title and its notes."""

    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    rule = "|" + "|".join(["---"] * len(table.header)) + "|"
    notes = "".join(f"\n- {note}" for note in table.notes)
    return f"**{table.title}**\n\n" + "\n".join([line(table.header), rule, *map(line, table.lines)]) + f"\n{notes}\n"


def to_latex(table: Grid) -> str:
    """A booktabs table, special characters escaped."""
    body = "".join(" & ".join(map(_escape, line)) + " \\\\\n" for line in table.lines)
    notes = "".join(f"% {note}\n" for note in table.notes)
    return (
        f"{notes}\\begin{{table}}\n\\centering\n\\caption{{{_escape(table.title)}}}\n"
        f"\\begin{{tabular}}{{{'l' * len(table.header)}}}\n\\toprule\n"
        + " & ".join(map(_escape, table.header))
        + f" \\\\\n\\midrule\n{body}\\bottomrule\n\\end{{tabular}}\n\\end{{table}}\n"
    )


def _measured(results: Sequence[Mapping[str, Any]], split: str, key: str) -> dict[str, Any] | None:
    """Mean and spread over seeds of one split; none where it was not or must not be scored."""
    values = [result["scores"][split]["loose"][key] for result in results if result["scores"].get(split)]
    if not values:
        return None
    mean, deviation = mean_and_deviation(values)
    return {"mean": mean, "standard_deviation": deviation, "n": len(values), "values": values}


def _shown(record: Mapping[str, Any], split: str) -> str:
    measured = record["measured"][split]
    if record["unavailable"]:
        return "not run"
    if measured is None:
        return ", ".join(record["submission"][split]) if split in record["submission"] else "-"
    spread = "" if measured["n"] < 2 else f" ± {100 * measured['standard_deviation']:.2f}"
    return f"{100 * measured['mean']:.2f}{spread}"


def _notes(records: Sequence[Mapping[str, Any]], *, simulated: bool, folder: Path) -> list[str]:
    notes = [f"Files of this table and its runs: {folder}"]
    if simulated:
        notes.insert(0, "Simulated features: these numbers say nothing about the paper's, so none of those is shown.")
    counts = {measured["n"] for record in records for measured in record["measured"].values() if measured}
    if counts - {1}:
        notes.append(f"Mean ± standard deviation over {'/'.join(map(str, sorted(counts)))} seeds.")
    notes += [f"Row {record['row']}: {record['name']}." for record in records if record["name"]]
    notes += [f"Row {record['row']} not run: {record['unavailable']}." for record in records if record["unavailable"]]
    changed = sorted({setting for record in records for setting in record["changed"]})
    if changed:
        notes.append(f"Not the paper's settings: {', '.join(changed)}.")
    return notes


def _escape(text: str) -> str:
    special = {"&": "\\&", "%": "\\%", "_": "\\_", "#": "\\#", "$": "\\$", "{": "\\{", "}": "\\}", "±": "$\\pm$"}
    special |= {"\\": "\\textbackslash{}", "~": "\\textasciitilde{}", "^": "\\textasciicircum{}"}
    return "".join(special.get(character, character) for character in text)
