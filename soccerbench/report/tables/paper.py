"""The paper's tables, published next to measured; their JSON records and their files.

Conventions
    per cent   in every form for people, mean ± standard deviation over seeds where there are several
    scored     "test", "test tight" and so on: a split with loose tolerances, or with tight ones; with "strict" behind
               it by the strict protocol
    -          not meaningful: the head or its features have seen the split
    N/A        the paper did not evaluate it
    simulated  on simulated features no published number is shown
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from soccerbench.experiments.results import Result, Run, by_row
from soccerbench.files import write_bytes, write_json
from soccerbench.lease import only_writer
from soccerbench.metrics.resampling import mean_and_deviation
from soccerbench.report.table import Column, Mean, Table, table
from soccerbench.scoring.tasks import TASKS
from soccerbench.specs.base import Scored
from soccerbench.specs.features import load_features
from soccerbench.specs.load import load_table, table_names

SPLITS = ("test", "challenge")
SCORED: tuple[Scored, ...] = ("test", "test tight", "challenge", "challenge tight")
STRICT = tuple(f"{scored} strict" for scored in SCORED)
TOLERANCES = "Loose: tolerances 5 to 60 s; tight: 1 to 5 s."
SETUP_TITLES = ("Chunk, steps", "Chunk/NMS")

Record = Mapping[str, Any]


def tables_of_runs(runs: Iterable[Run]) -> list[Table[Record]]:
    """One table for each dataset and paper table, of the rows that were run."""
    tables: dict[tuple[str, str], list[list[Run]]] = {}
    for key, members in by_row(runs).items():
        tables.setdefault(key[:2], []).append(members)
    drawn = []
    for (dataset, name), rows in tables.items():
        results = [run.result for members in rows for run in members]
        specs: list[Any] = [members[0].result.spec for members in rows]
        title = load_table(name).title if name in table_names() else name
        options = {"task": specs[0]["task"], "simulated": any(result.simulated for result in results)}
        records = summarise(specs, results, {})
        drawn.append(paper_table(title, records, dataset=dataset, folder=Path(dataset) / name, **options))
    return drawn


def summarise(
    rows: Sequence[Mapping[str, Any]], results: Sequence[Result], reasons: Mapping[int, str], *, simulated: bool = False
) -> list[dict[str, Any]]:
    """One record a row: what was published, what was measured over the seeds, and the difference.

    Args:
        reasons: row number -> why it could not run.
        simulated: leave out published numbers; also done if a result is simulated.

    Returns:
        JSON-able; scores are fractions, published numbers per cent as printed.
    """
    simulated = simulated or any(result.simulated for result in results)
    records = []
    for row in rows:
        mine = sorted((result for result in results if result.row == row["row"]), key=lambda result: result.seed)
        if not mine and row["row"] not in reasons:
            continue
        record: dict[str, Any] = {key: row[key] for key in ("row", "features", "head", "mode", "mega")}
        record |= {key: row.get(key) for key in ("name", "chunk_s", "nms_s")} | {"setup": setup(row)}
        record["digest"] = [result.digest for result in mine][:1]
        record["unavailable"] = reasons.get(row["row"])
        record["published"] = {} if simulated else row["published"]
        record["published_in"] = None if simulated else row.get("published_in")
        measured = {scored: _measured(mine, scored, TASKS[row["task"]].overall) for scored in (*SCORED, *STRICT)}
        record["measured"] = {scored: found for scored, found in measured.items() if found or scored not in STRICT}
        record["submission"] = {
            split: [f"row-{row['row']:02d}/seed-{result.seed}/{result.submissions[split]}" for result in mine]
            for split in SPLITS
            if any(split in result.submissions and split not in result.scores for result in mine)
        }
        record["difference_points"] = {
            scored: 100 * record["measured"][scored]["mean"] - value
            for scored, value in record["published"].items()
            if isinstance(value, float) and record["measured"][scored]
        }
        record["changed"] = row["changed"]
        record["trained_for"] = row.get("trained_for") if row["mode"] == "regular" else None
        records.append(record)
    return records


def paper_table(
    title: str, records: Sequence[Record], *, dataset: str, task: str, simulated: bool, folder: Path
) -> Table[Record]:
    """The table of some records of `summarise`; the folder of the runs is named below it."""
    named: list[Column[Record]] = [Column("Name", lambda record: record["name"] or "")]
    columns: list[Column[Record]] = [
        Column("Row", lambda record: record["row"], "d"),
        *(named if any(record["name"] for record in records) else ()),
        Column("Features", lambda record: record["features"] + (" mega" if record["mega"] else "")),
        Column("Head", lambda record: record["head"] + (" ultra" if record["mode"] == "ultra" else "")),
        Column(SETUP_TITLES[any(record["nms_s"] for record in records)], lambda record: record["setup"]),
    ]
    for scored in (*SCORED, *(one for one in STRICT if any(one in record["measured"] for record in records))):
        columns += _score_columns(scored, published=any(scored in record["published"] for record in records))
    title = f"{title} on {dataset}{', simulated features' if simulated else ''}: {TASKS[task].metric}, %"
    return table(title, columns, records, _notes(records, simulated=simulated, folder=folder))


def _score_columns(scored: str, *, published: bool) -> list[Column[Record]]:
    title = scored_title(scored)
    measured: Column[Record] = Column(f"{title}, measured" if published else title, partial(_shown, scored), ".2f")
    if not published:
        return [measured]
    return [
        Column(f"{title}, published", lambda record: record["published"].get(scored, ""), ".2f"),
        measured,
        Column(f"{title}, difference", lambda record: record["difference_points"].get(scored, ""), "+.2f"),
    ]


def scored_title(scored: str) -> str:
    """The title of a column: the split and the tolerances, and the protocol if it is the strict one."""
    split, tolerances = _split_and_tolerances(scored)
    return f"{split} {tolerances}".capitalize()


def _split_and_tolerances(scored: str) -> tuple[str, str]:
    """The keys of a result's scores: ("test", "loose") for "test", ("test", "tight strict") for "test tight strict"."""
    split, _, rest = scored.partition(" ")
    return split, rest if rest.startswith("tight") else f"loose {rest}".strip()


def setup(row: Mapping[str, Any]) -> str:
    """Chunk and suppression window of a spotting row, or chunk and steps, in seconds."""
    chunk = [f"{row['chunk_s']:g}"] if "chunk_s" in row else []
    if row.get("nms_s"):
        return "/".join([*chunk, f"{row['nms_s']:g}"])
    return ", ".join([*chunk, *map(step_text, row["postprocess"])])


def step_text(step: Mapping[str, Any]) -> str:
    """The name of a step and the first of its keys that is a number, or one a class."""
    value = next((value for value in step.values() if isinstance(value, (int, float, list, tuple))), "")
    value = "per class" if isinstance(value, Sequence) and value else f"{value:g}" if value else ""
    return " ".join(filter(None, (step.get("decay"), step["step"], value)))


def legend(features: Iterable[str]) -> list[str]:
    """What the names of feature sets and the numbers of the settings mean, one line each."""
    sets = load_features().sets
    used = {part for text in features for part in text.split("+")}
    lines = [f"{name}: {', '.join(blocks)}." for name, blocks in sets.items() if name in used and blocks != (name,)]
    return ["Chunk: seconds of features the head sees at once; NMS and other steps: window in seconds.", *lines]


def published_in(rows: Iterable[tuple[int, str | None]]) -> list[str]:
    """A line for each source of published numbers, with the rows whose they are."""
    sources: dict[str, list[str]] = {}
    for row, source in rows:
        if source is not None:
            sources.setdefault(source, []).append(str(row))
    return [f"Rows {', '.join(found)}, published: {source}." for source, found in sources.items()]


def _naive_note(records: Sequence[Record]) -> list[str]:
    """A line for each split on which a naive row scores more than a learned one."""
    notes = []
    for split in SPLITS:
        means = {record["row"]: found["mean"] for record in records if (found := record["measured"][split])}
        naive = [record["row"] for record in records if record["head"] == "naive" and record["row"] in means]
        best = max((means[row] for row in naive), default=0.0)
        below = [str(row) for row, mean in means.items() if row not in naive and mean < best]
        if below:
            notes.append(
                f"On {split} a naive row scores above rows {', '.join(below)}: at tolerances of up to 60 s a fixed "
                "delay hits most events, and one detection a replay costs no precision. Tight tolerances separate them."
            )
    return notes


def write_table(
    folder: Path, drawn: Table[Any], *, about: Mapping[str, Any], rows: Sequence[Any] | None = None
) -> None:
    """Write `table.csv`, `table.md`, `table.tex` and `table.json` into a folder; `rows` are its items as plain data."""
    with only_writer(folder):
        write_bytes(folder / "table.csv", drawn.to_csv().encode())
        write_bytes(folder / "table.md", drawn.to_markdown().encode())
        write_bytes(folder / "table.tex", drawn.to_latex().encode())
        found = list(drawn.items if rows is None else rows)
        write_json(folder / "table.json", {**about, "rows": found, "notes": list(drawn.notes)})


def _measured(results: Sequence[Result], scored: str, overall: str) -> dict[str, Any] | None:
    """Mean and deviation over seeds of one split; None where it was not or must not be scored."""
    split, tolerances = _split_and_tolerances(scored)
    found = [scores.get(tolerances) for result in results if (scores := result.scores.get(split))]
    values = [getattr(one, overall) for one in found if one is not None]
    if not values:
        return None
    mean, deviation = mean_and_deviation(values)
    return {"mean": mean, "standard_deviation": deviation, "n": len(values), "values": values}


def _shown(scored: str, record: Record) -> Mean | str | None:
    measured = record["measured"].get(scored)
    if record["unavailable"]:
        return "not run"
    if measured is None:
        return ", ".join(record["submission"].get(scored, ())) or None
    deviation = measured["standard_deviation"]
    return Mean(100 * measured["mean"], None if deviation is None else 100 * deviation)


def _notes(records: Sequence[Mapping[str, Any]], *, simulated: bool, folder: Path) -> list[str]:
    notes = [*legend(record["features"] for record in records), f"Files of this table and its runs: {folder}"]
    if simulated:
        notes.insert(0, "Simulated features: these numbers are not comparable with the paper's, which are not shown.")
    notes.append(TOLERANCES)
    if any(scored in record["measured"] for record in records for scored in STRICT):
        notes.append("Strict: by the strict protocol, which counts a replay that is left out as missed.")
    notes += published_in((record["row"], record["published_in"]) for record in records if record["published"])
    notes += _naive_note(records)
    counts = {measured["n"] for record in records for measured in record["measured"].values() if measured}
    if counts - {1}:
        notes.append(f"Mean ± standard deviation over {'/'.join(map(str, sorted(counts)))} seeds.")
    notes += [f"Row {record['row']} not run: {record['unavailable']}." for record in records if record["unavailable"]]
    shared = [str(record["row"]) for record in records if record["trained_for"] == "test"]
    if shared:
        notes.append(
            f"Challenge of row{'s' * (len(shared) > 1)} {', '.join(shared)}: by the head for test (trained on train, "
            "best epoch on valid). --for both trains another one for it, on train and valid, best epoch on test."
        )
    changed = sorted({setting for record in records for setting in record["changed"]})
    if changed:
        notes.append(f"Not the paper's settings: {', '.join(changed)}.")
    return notes
