"""The model card of a row: a `README.md` whose YAML header has the scores as the hub's `model-index`."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import orjson

from soccerbench import __version__
from soccerbench.experiments.results import Run
from soccerbench.report.measured import Measured, scores_table
from soccerbench.report.table import Table, table, tuple_columns
from soccerbench.scoring.tasks import TASKS

FEATURES = "SoccerNet/SN-Features"
SIMULATED = "**Simulated features: these numbers are not comparable with the paper's.**\n\n"


def model_card(members: Sequence[Run], scores: Sequence[Measured], *, name: str) -> bytes:
    """The card."""
    result = members[0].result
    spec: dict[str, Any] = {key: value for key, value in result.spec.items() if key != "published"}  # the table has it
    reasons = [*spec.pop("assumed").items(), *spec.pop("left_open", {}).items()]
    task = TASKS[spec["task"]]
    text = (
        f"---\n{_header(scores, name=name, simulated=result.simulated)}---\n\n"
        f"# {_plain(result.title)}\n\n"
        f"{task.title} on {_plain(result.dataset)}, trained and scored by soccerbench {__version__}.\n\n"
        f"{SIMULATED if result.simulated else ''}"
        f"{_scores(scores) if scores else 'No split of this row may be scored.'}\n"
        "## Use\n\n```bash\nsoccerbench pull hf://OWNER/NAME\n"
        f"soccerbench spot {members[0].folder.name} MATCH\n```\n\n"
        f"## Spec\n\n```json\n{orjson.dumps(spec, option=orjson.OPT_INDENT_2).decode()}\n```\n\n"
        f"{_grid('Assumed, where the paper gives no value', ('Key', 'Why'), reasons)}\n"
        f"{_grid('How the numbers were made', ('What', 'Value'), _facts(members, scores))}"
    )
    return text.encode()


def _scores(scores: Sequence[Measured]) -> str:
    drawn = scores_table(scores)
    return replace(drawn, title=_plain(drawn.title)).to_markdown()


def _header(scores: Sequence[Measured], *, name: str, simulated: bool) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    found = [
        EvalResult(
            task_type="video-classification",
            task_name=TASKS[score.task].title,
            dataset_type="soccerbench-simulated" if score.simulated else "SoccerNet/SN-Labels",
            dataset_name=_plain(score.dataset) if score.simulated else "SoccerNet-v2",
            dataset_split=score.split,
            metric_type=score.metric,
            metric_name=score.unit,
            metric_value=round(100 * score.score, 2),
        )
        for score in scores
    ]
    tags = ("action-spotting" if score.task == "spotting" else "replay-grounding" for score in scores)
    data = ModelCardData(
        library_name="soccerbench",
        tags=["soccernet", *dict.fromkeys(tags)],
        datasets=None if simulated else [FEATURES],
        model_name=name if found else None,
        eval_results=found or None,
    )
    return f"{data.to_yaml()}\n"


def _facts(members: Sequence[Run], scores: Sequence[Measured]) -> list[tuple[str, str]]:
    result = members[0].result
    return [
        *((f"signature, {score.split}, {score.tolerances}", score.signature) for score in scores),
        ("digest of the spec", result.digest),
        ("data fingerprint", result.data_fingerprint),
        ("hash of the code", result.code),
        ("seeds", ", ".join(str(run.result.seed) for run in members)),
        ("versions", ", ".join(f"{name} {version}" for name, version in result.versions.items())),
        ("device, threads", f"{result.device}, {result.threads}"),
        ("seconds", ", ".join(f"{run.result.seconds:.0f}" for run in members)),
    ]


def _grid(title: str, header: tuple[str, str], lines: Sequence[tuple[str, object]]) -> str:
    if not lines:
        return ""
    cells: list[tuple[str, ...]] = [(_plain(key), _plain(str(value))) for key, value in lines]
    drawn: Table[tuple[str, ...]] = table(title, tuple_columns(*((name, None) for name in header)), cells)
    return drawn.to_markdown()


def _plain(text: str) -> str:
    """A name in one line that is no markup."""
    return html.escape(" ".join(text.split()), quote=False)
