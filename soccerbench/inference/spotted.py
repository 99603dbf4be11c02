"""`spot`: the events of a match, from features or video, by one run or the average of several."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from soccerbench.errors import InputError
from soccerbench.inference.events import Found, chosen, frame
from soccerbench.inference.match import Features, Match, find_match, read_features
from soccerbench.inference.run import Run, load_run
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.replays import GameReplays, read_replays
from soccerbench.tasks.spotting_steps import FrameScores, mean_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Spotted:
    """What was found in a match."""

    match: Match  # its files
    runs: tuple[Run, ...]  # that looked for it
    found: Found  # the detections, of events or of the events behind replays
    lengths_s: dict[int, float]  # half -> seconds of its features


def spot(
    run: Run | str | Path | Sequence[Run | str | Path],
    inputs: str | Path | Sequence[str | Path],
    *,
    replays: str | Path | None = None,
    min_confidence: float = 0.0,
    classes: Sequence[str] | None = None,
) -> pd.DataFrame:
    """The events of a match.

    Args:
        run: from `load_run`, or where it is; several give the average of their scores.
        inputs: a game's folder, or one or two feature files, half 1 first.
        replays: the list of replays that a grounding run looks for, as `Labels-cameras.json`.
        min_confidence: leave out less confident events.
        classes: only events of these.

    Returns:
        One row an event, by half and time: half, time_s, label, confidence. Of a grounding run one row a detection:
        half, start_s and end_s of the replay, time_s, confidence.

    Raises:
        InputError: files that are missing or cannot be used.
        ValueError: an unknown class, runs that cannot be averaged, or a run of the other task.

    Examples:
        >>> events = sb.spot("runs/mini/table2/row-08/seed-0", "match", min_confidence=0.1, classes=["Goal"])
        >>> events.columns.tolist(), set(events.label) <= {"Goal"}
        (['half', 'time_s', 'label', 'confidence'], True)
    """
    many = [run] if isinstance(run, (Run, str, Path)) else run
    paths = [inputs] if isinstance(inputs, (str, Path)) else inputs
    runs = [one if isinstance(one, Run) else load_run(one) for one in many]
    match = find_match([Path(path) for path in paths])
    spotted = spot_match(runs, match, replays=None if replays is None else Path(replays))
    return frame(chosen(spotted.found, min_confidence=min_confidence, classes=classes))


def spot_match(runs: Sequence[Run], match: Match, *, replays: Path | None = None) -> Spotted:
    """Find the events of a match."""
    if not runs:
        raise ValueError("give at least one run")
    first, features = runs[0], [read_features(match, run.about, run.row.blocks, title=run.title) for run in runs]
    lengths_s = {half: len(rows) / first.fps for half, rows in features[0].halves.items()}
    if replays is not None:
        if len(runs) > 1:
            raise ValueError(f"{len(runs)} runs with a list of replays; give one grounding run")
        return Spotted(match, (first,), first.ground(features[0], _read_list(replays, match.name)), lengths_s)
    for run in runs[1:]:
        _check_alike(first, run)
    averaged = first.events(_average(runs, features), game=match.name)
    return Spotted(match, tuple(runs), averaged, lengths_s)


def _check_alike(first: Run, other: Run) -> None:
    """Refuse to average runs whose rows do not stand for the same times or whose maxima are chosen otherwise."""
    for key in ("nms_s", "postprocess", "shift_s", "frames_per_row"):
        one, two = (getattr(run.row, key, None) for run in (first, other))
        if one != two:
            raise ValueError(f"{first.title} has {key} {one} and {other.title} {two}: only runs of one can be averaged")
    if first.fps != other.fps:
        raise ValueError(f"{first.title} reads {first.fps} rows a second and {other.title} {other.fps}: give one rate")


def _average(runs: Sequence[Run], features: Sequence[Features]) -> dict[int, FrameScores]:
    """Half -> the mean of the scores of all runs, as far as all have features."""
    scores = [run.scores(given) for run, given in zip(runs, features, strict=True)]
    halves = set.intersection(*map(set, scores))
    return scores[0] if len(scores) == 1 else {half: mean_of([one[half] for one in scores]) for half in halves}


def _read_list(file: Path, name: str) -> GameReplays:
    """The replays in a list; links are not read."""
    if not file.is_file():
        raise InputError(file, "no such file", "give a list of replays such as Labels-cameras.json")
    found = read_replays(Tree(file.parent), ".", strict=False, file=file.name)
    if not found.replays:
        raise InputError(file, "holds no replay", 'mark them with "replay": "replay", as Labels-cameras.json does')
    return GameReplays(name, found.replays, found.warnings)
