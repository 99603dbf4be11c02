"""The score of a submission, from files or from games in memory.

Conventions
    soccernet   reads files as the official scorer does; what that ignores silently is counted in `warnings`
    strict      all of that is an error
    statistics  of each game, in the order of the split: the score of any set of games needs only their sum
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from soccerbench import __version__
from soccerbench.events import Protocol
from soccerbench.metrics.resampling import Interval, bootstrap, check_repetitions
from soccerbench.metrics.signature import TaskName, signature
from soccerbench.metrics.tolerances import NAMED_S, parse_tolerances
from soccerbench.scoring.tasks import TASKS, Task
from soccerbench.soccernet.archive import MAX_MIB, reading_at_most
from soccerbench.soccernet.classes import CLASSES, SOCCERNET_V2, ClassList
from soccerbench.soccernet.open_games import open_games
from soccerbench.soccernet.row_file import OF_UNKNOWN

if TYPE_CHECKING:
    import pandas as pd

MOST_NAMES = 20  # of unknown classes


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The score of one submission and the statistics behind it.

    Args:
        task: what was submitted to.
        statistics: by game.
        score: of all games together.
        classes: (C,) names of those scored; none for replay grounding.
        signature: everything that changes the number.
        warnings: what was ignored in labels and predictions, counted.
        intervals: by field of the score; empty unless asked for.
    """

    task: Task
    statistics: dict[str, Any]
    score: Any
    classes: tuple[str, ...]
    signature: str
    warnings: Counter[str]
    intervals: dict[str, Interval]

    @property
    def games(self) -> dict[str, Any]:
        """The statistics as JSON can hold them."""
        return {game: statistics.to_json() for game, statistics in self.statistics.items()}

    def report(self) -> dict[str, Any]:
        """The object that `evaluate --json` prints."""
        counted, overall = next(iter(self.statistics.values())), self.task.overall
        report: dict[str, Any] = {
            "task": self.task.name,
            "protocol": counted.protocol,
            "signature": self.signature,
            "tolerances_s": list(counted.deltas_s),
        }
        for name, value in vars(self.score).items():
            interval = self.intervals.get(name)
            if name.startswith(overall):
                report[name] = number(value)
                if interval is not None:
                    report[name.replace(overall, "interval")] = interval_of(interval)
            elif name.startswith("per_class"):
                report[name] = dict(zip(self.classes, map(number, value), strict=True))
                if interval is not None:
                    places = enumerate(self.classes)
                    report[f"interval_{name}"] = {label: interval_of(interval, place) for place, label in places}
            else:
                report[name] = list(map(number, value)) if name == self.task.per_tolerance else value
        return report | {"warnings": dict(sorted(self.warnings.items()))}

    @property
    def average_map(self) -> float:
        """Spotting: a fraction."""
        return float(self.score.average_map)

    @property
    def average_ap(self) -> float:
        """Replay grounding: a fraction."""
        return float(self.score.average_ap)

    @property
    def per_class(self) -> pd.DataFrame:
        """Spotting: the score of each class, of all events and of those shown and not shown; with `bootstrap` its ends.

        Raises:
            ValueError: replay grounding, which is not scored by class.
        """
        import pandas as pd

        if not self.classes:
            raise ValueError("replay grounding is not scored by class")
        fields = {"score": "per_class", "visible": "per_class_visible", "unshown": "per_class_unshown"}
        columns = {name: getattr(self.score, field) for name, field in fields.items()}
        if self.intervals:
            columns |= {"low": self.intervals["per_class"].low, "high": self.intervals["per_class"].high}
        made: pd.DataFrame = pd.DataFrame(columns, index=pd.Index(self.classes, name="label"))
        return made

    def bootstrap(self, repetitions: int = 1000, *, seed: int = 0) -> Evaluation:
        """The same with confidence intervals over games."""
        counted = list(self.statistics.values())
        return replace(self, intervals=bootstrap(counted, repetitions=repetitions, rng=np.random.default_rng(seed)))


def evaluate(
    *,
    task: TaskName,
    labels: str | Path,
    predictions: str | Path,
    split: str = "test",
    tolerances: str | Sequence[float] = "loose",
    protocol: Protocol = "soccernet",
    classes: Sequence[str] | None = None,
    bootstrap: int = 0,
    seed: int = 0,
    max_mib: float = MAX_MIB,
) -> Evaluation:
    """Score a submission, with the number that the official scorer gives.

    Args:
        task: what was submitted to.
        labels: folder or zip with a label file a game, or one such file: `Labels-v2.json`; `Labels-cameras.json` or
            `Labels-replays.json`.
        predictions: folder, zip or file, with a file a game: `results_spotting.json`; `results_grounding.json` or
            `Detection-replays.json`; another name if it is the only one.
        split: train, valid, test, challenge, or all games with labels.
        tolerances: "loose", "tight", or window widths in seconds, increasing.
        protocol: "soccernet" gives the official scorer's numbers, "strict" refuses what that ignores.
        classes: score only these (spotting); None for all that the labels' version has.
        bootstrap: resamples of the games, for confidence intervals; 0 for none.
        seed: of the resampling.
        max_mib: largest JSON file to read, in MiB; the limits of values and entries grow with it.

    Raises:
        InputError: files that are missing or cannot be used, withheld links, or predictions for other games under
            `strict`.
        ValueError: an unknown split, class, protocol or tolerance, or no replay of any game.

    Examples:
        >>> score = sb.evaluate(task="spotting", labels="labels.zip", predictions="mine.zip")
        >>> 0 <= score.average_map <= 1
        True
        >>> score.per_class.columns.tolist()
        ['score', 'visible', 'unshown']
    """
    return evaluate_each(
        [predictions], task=task, labels=labels, split=split, tolerances=tolerances, protocol=protocol,
        classes=classes, bootstrap=bootstrap, seed=seed, max_mib=max_mib,
    )[0]  # fmt: skip


def evaluate_each(
    submissions: Sequence[str | Path], *, task: TaskName, labels: str | Path, split: str,
    tolerances: str | Sequence[float], protocol: Protocol, classes: Sequence[str] | None = None, bootstrap: int = 0,
    seed: int = 0, max_mib: float = MAX_MIB,
) -> list[Evaluation]:  # fmt: skip
    """Score several submissions, reading the labels once; the other arguments and errors are those of `evaluate`."""
    kind, strict, deltas_s = TASKS[task], protocol == "strict", parse_tolerances(tolerances)
    if bootstrap:
        check_repetitions(bootstrap)
    truth, known, evaluations = list[Any](), SOCCERNET_V2, []
    for path in submissions:
        with reading_at_most(max_mib):
            opened = open_games(
                Path(labels), Path(path), split, label_kind=kind.labels, prediction_kind=kind.predictions,
                strict=strict,
            )  # fmt: skip
            if [game.game for game in truth] != opened.games:
                known = kind.class_list(opened.labels, opened.games)
                kind.classes(classes, known)  # before anything is read
                truth = kind.read_labels(opened.labels, opened.games, strict=strict, classes=known)
            found = kind.read_predictions(opened.predictions, opened.games, strict=strict, classes=known)
        evaluation = evaluate_games(
            task, labels=truth, predictions=found, split=opened.split, deltas_s=deltas_s, protocol=protocol,
            classes=classes, known=known, repetitions=bootstrap, seed=seed,
        )  # fmt: skip
        evaluation.warnings.update(opened.warnings)
        evaluations.append(evaluation)
    return evaluations


def evaluate_games(
    task: TaskName,
    *,
    labels: Sequence[Any],
    predictions: Sequence[Any],
    split: str,
    deltas_s: Sequence[float],
    protocol: Protocol,
    classes: Sequence[str] | None = None,
    known: ClassList = SOCCERNET_V2,
    repetitions: int = 0,
    seed: int = 0,
) -> Evaluation:
    """Score games in memory; the arguments are those of `evaluate`, labels and predictions in one order.

    `known` are the classes that labels and predictions number, `repetitions` the resamples of the games.

    Raises:
        InputError: a submitted replay is matched with an annotation that the official scorer fails on.
        ValueError: no games, games that differ, or values that the protocol refuses.
    """
    kind = TASKS[task]
    names = kind.classes(classes, known)
    if not labels or [game.game for game in labels] != [game.game for game in predictions]:
        raise ValueError(f"labels of {len(labels)} games, predictions of {len(predictions)}: both need the same games")
    counted = kind.count(labels, predictions, deltas_s=deltas_s, protocol=protocol, classes=names, known=known)
    warnings: Counter[str] = Counter()
    for game in chain(labels, predictions):
        warnings.update(game.warnings)
    _warn_of_other_classes(warnings, predictions, names)
    score = kind.score(counted)
    intervals = bootstrap(counted, repetitions=repetitions, rng=np.random.default_rng(seed)) if repetitions else {}
    if known.version == 1:  # as the official scorer: these labels have no visibility
        parts = [name for name in vars(score) if name.endswith(("_visible", "_unshown"))]
        score = replace(score, **{name: np.full_like(getattr(score, name), np.nan)[()] for name in parts})
        intervals = {name: interval for name, interval in intervals.items() if name not in parts}
    return Evaluation(
        task=kind,
        statistics={game.game: statistics for game, statistics in zip(labels, counted, strict=True)},
        score=score,
        classes=names,
        signature=signature(
            task=task,
            protocol=protocol,
            split=split,
            games=len(labels),
            deltas_s=deltas_s,
            version=__version__,
            classes=len(CLASSES) if names in (CLASSES, ()) else names,
        ),
        warnings=warnings,
        intervals=intervals,
    )


def _warn_of_other_classes(warnings: Counter[str], predictions: Sequence[Any], classes: Sequence[str]) -> None:
    """List at most `MOST_NAMES` unknown classes, and say where no prediction is of a known one."""
    unknown = Counter({kind: count for kind, count in warnings.items() if kind.startswith(OF_UNKNOWN)})
    for kind, count in unknown.most_common()[MOST_NAMES:]:
        warnings["events of other unknown classes, skipped"] += count
        del warnings[kind]
    skipped = sum(
        sum(game.warnings[kind] for kind in game.warnings if kind.endswith("skipped")) for game in predictions
    )
    if classes and skipped and not any(map(len, predictions)):
        few = ", ".join(classes[:3]) + (", …" if len(classes) > 3 else "")
        warnings[f"predictions, which is all of them, skipped: the classes scored are {few}"] = skipped


def evaluate_loose_and_tight(
    task: TaskName, *, labels: Sequence[Any], predictions: Sequence[Any], split: str, protocol: Protocol = "soccernet"
) -> dict[str, Evaluation]:
    """Score games in memory, as `evaluate_games`, with loose and with tight tolerances."""
    return {
        name: evaluate_games(
            task, labels=labels, predictions=predictions, split=split, deltas_s=deltas_s, protocol=protocol
        )
        for name, deltas_s in NAMED_S.items()
    }


def number(value: float) -> float | None:
    """A plain float, None for NaN."""
    return None if math.isnan(value) else float(value)


def interval_of(interval: Interval, place: int | None = None) -> dict[str, Any]:
    """The interval of a single score, or of one among several."""
    low, high = (number(float(values if place is None else values[place])) for values in (interval.low, interval.high))
    return {"level": interval.level, "low": low, "high": high, "repetitions": interval.repetitions}
