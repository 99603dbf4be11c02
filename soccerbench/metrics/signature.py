"""The signature of a score: everything that changes the number, which shows whether two numbers are comparable."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

from soccerbench.events import FPS, Protocol
from soccerbench.metrics.tolerances import check_protocol, check_tolerances

TaskName = Literal["spotting", "grounding"]


def signature(
    *,
    task: TaskName,
    protocol: Protocol,
    split: str,
    games: int,
    deltas_s: Sequence[float],
    version: str,
    classes: int | Sequence[str] = 17,
) -> str:
    """Describe how a score was computed.

    For instance
    `average-map|task:spotting|protocol:soccernet|split:test|games:100|classes:17|delta:5-60/5s|fps:2|thr:200|ap:11pt|mean:trapezoid|v:0.1.0`.

    Args:
        task: "spotting" or "grounding".
        protocol: "soccernet" or "strict".
        split: name of the split, or "all".
        games: how many games were scored.
        deltas_s: the tolerances in seconds; equal steps are abbreviated, others listed.
        version: of the package that computed the score.
        classes: how many were scored, or the names of those that were where it is a choice.

    Raises:
        ValueError: an unknown protocol, or impossible tolerances.
    """
    check_protocol(protocol)
    spotting, strict = task == "spotting", protocol == "strict"
    terms = {
        "task": task,
        "protocol": protocol,
        "split": split,
        "games": games,
        "classes": classes if isinstance(classes, int) else "+".join(classes),
        "delta": tolerances_term(deltas_s),
        "fps": FPS,
        **({} if spotting else {"nms": "delta"}),
        "thr": "distinct" if strict else 200,
        "ap": "step" if strict else "11pt",
        "mean": "trapezoid",
        "v": version,
    }
    return "|".join(["average-map" if spotting else "average-ap", *(f"{key}:{value}" for key, value in terms.items())])


def tolerances_term(deltas_s: Sequence[float]) -> str:
    """The tolerances, abbreviated: `5s`, `5-60/5s` for equal steps, or a list such as `1,2,5s`."""
    deltas = check_tolerances(deltas_s)
    steps = {later - earlier for earlier, later in pairwise(deltas)}
    if len(steps) == 1:
        return f"{deltas[0]}-{deltas[-1]}/{steps.pop()}s"
    return ",".join(map(str, deltas)) + "s"
