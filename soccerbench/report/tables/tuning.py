"""What `tune` prints: its trials, and the steps of the best one as a row names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from soccerbench.report.table import Column, Table, percent, table
from soccerbench.report.tables.paper import TOLERANCES, step_text

Trial = Mapping[str, Any]


def tuning_table(content: Mapping[str, Any]) -> Table[Trial]:
    """The trials of `tuning.json`, the best one marked."""
    chosen, best = content["tolerances"], content["best"]
    columns: list[Column[Trial]] = [
        Column("Steps", lambda trial: ", ".join(map(step_text, trial["steps"]))),
        Column("Valid loose", lambda trial: percent(trial["loose"]), ".2f"),
        Column("Valid tight", lambda trial: percent(trial["tight"]), ".2f"),
        Column("", lambda trial: "best" if trial["steps"] == best else ""),
    ]
    where = f"{content['dataset']}{', simulated features' if content['simulated'] else ''}"
    title = f"Post-processing of {content['run']} on the {content['games']} valid games of {where}: average-mAP, %"
    notes = (f"The best is chosen by {chosen} average-mAP on valid; no game of test or challenge was read.", TOLERANCES)
    return table(title, columns, content["trials"], notes)


def as_yaml(content: Mapping[str, Any]) -> str:
    """The keys of a row with the best steps."""
    keys = {"nms_s": None, "postprocess": content["best"]}
    return str(yaml.safe_dump(keys, sort_keys=False, default_flow_style=None, width=110))
