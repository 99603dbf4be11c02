"""The table of the paper's claims: stated, printed in its tables, measured, and the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from soccerbench.report.claims import Judged
from soccerbench.report.table import Column, Range, Table, table
from soccerbench.report.tables.paper import TOLERANCES
from soccerbench.specs.claims import Claim, Claims


def claims_table(claims: Claims, lines: Sequence[Judged], *, dataset: str, simulated: bool) -> Table[Judged]:
    """One line a pair of rows and split."""
    columns: list[Column[Judged]] = [
        Column("#", lambda line: line.claim.claim, "d"),
        Column("Rows", _rows),
        Column("On", lambda line: line.scored or ""),
        Column("Stated", lambda line: _stated(line.claim)),
        Column("Printed", lambda line: _printed(line), ".2f"),
        Column("Measured", lambda line: line.points, ".2f"),
        Column("95 % interval", lambda line: line.interval, ".2f"),
        Column("Verdict", lambda line: line.verdict),
        Column("Why", lambda line: line.reason),
    ]
    notes = [
        f"# {claim.claim}, {claim.about}: {claim.text}{f' ({claim.note})' if claim.note else ''}."
        for claim in claims.sentences
    ]
    notes += [f"Margin of {kind}: {one.points:g} points; {one.why}." for kind, one in claims.margins.items()]
    notes += ["Stated: by the sentence. Printed: the difference of the numbers in the paper's tables."]
    coverages = [line.coverage for line in lines if line.coverage is not None]
    if coverages:
        known = dict.fromkeys(f"{share:.0%}" for share in (min(coverages), max(coverages)))
        notes += [f"In simulations {' to '.join(known)} of such intervals of a difference contain the truth."]
    notes += ["On: loose tolerances, 5 to 60 s, unless tight, 1 to 5 s."]
    where = f"{dataset}, simulated features" if simulated else dataset
    if simulated:
        notes.insert(0, "Simulated features: the verdicts are about the simulation. They say nothing about the paper.")
    metric = "average-mAP (spotting: table2) or average-AP (grounding), per cent"
    return table(f"{claims.title} on {where}: {metric}", columns, lines, notes)


def claims_json(line: Judged) -> dict[str, Any]:
    """A line as plain data."""
    interval = None if line.interval is None else line.interval._asdict()
    rest = {
        "points": line.points, "interval": interval, "interval_coverage": line.coverage,
        "verdict": line.verdict, "reason": line.reason,
    }  # fmt: skip
    pair = None if line.pair is None else line.pair.model_dump(mode="json", exclude={"scored"})
    return {"claim": line.claim.model_dump(mode="json", exclude={"pairs"}), "pair": pair, "scored": line.scored, **rest}


def table_of_claims(claims: Claims) -> Table[Claim]:
    """One line a claim, for `list claims`."""
    columns: list[Column[Claim]] = [
        Column("Claim", lambda claim: claim.claim, "d"),
        Column("About", lambda claim: claim.about),
        Column("Text", lambda claim: claim.text),
        Column("Stated", _stated),
        Column("In its tables", lambda claim: ", ".join(_all_printed(claim))),
        Column("Rows", lambda claim: ", ".join(dict.fromkeys(map(_pair_text, claim.pairs)))),
    ]
    return table(
        f"{claims.title}: points of average-mAP or average-AP",
        columns,
        claims.sentences,
        [f"Source: {claims.source}.", TOLERANCES],
    )


def _all_printed(claim: Claim) -> list[str]:
    values = [pair.printed(scored) for pair in claim.pairs for scored in pair.scored]
    return [f"{value:+.2f}" if claim.kind != "score" else f"{value:.2f}" for value in values if value is not None]


def _rows(line: Judged) -> str:
    return "" if line.pair is None else _pair_text(line.pair)


def _pair_text(pair: Any) -> str:
    return f"{pair.table} {pair.a}" + ("" if pair.b is None else f" - {pair.b}")


def _stated(claim: Claim) -> str:
    if isinstance(claim.stated, tuple):
        return format(Range(*claim.stated), "g")
    return "" if claim.stated is None else f"{claim.stated:g}"


def _printed(line: Judged) -> float | None:
    return None if line.pair is None or line.scored is None else line.pair.printed(line.scored)
