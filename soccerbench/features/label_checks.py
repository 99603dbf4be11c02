"""What `data verify` asks of a game's labels: they are there, they are that game's own, and when their events are.

Source: real label files name their game in `UrlLocal`; copies put into the wrong folder keep the other game's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import HALVES
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS

_GAME = re.compile(r"\d{4}-\d{2}-\d{2} ?- ?.+")  # a game's folder begins with its date


class LabelChecks:
    """The labels of a dataset; problems are reported once a file.

    Args:
        root: the dataset.
        report: takes split, game, file, kind of check and problem.
    """

    def __init__(self, root: Dataset, report: Callable[[str, str, str, str, str], None]) -> None:
        self.root, self._report = root, report
        self._events: dict[str, Mapping[int, NDArray[np.float64]]] = {}

    def check(self, split: str, game: str) -> None:
        """The game is annotated if its split is, and each label file is its own."""
        if self.root.has_labels(split) and f"{game}/{SPOTTING_LABELS}" not in self.root.tree:
            self._report(split, game, SPOTTING_LABELS, "missing", "the file is missing")
        for file in (SPOTTING_LABELS, CAMERA_LABELS, REPLAY_LABELS):
            if f"{game}/{file}" not in self.root.tree:
                continue
            try:
                content = self.root.tree.json(f"{game}/{file}")
            except InputError as error:
                if file != SPOTTING_LABELS:  # `events_s` reports that one
                    self._report(split, game, file, "labels", error.problem)
                continue
            url = content.get("UrlLocal") if isinstance(content, dict) else None
            if isinstance(url, str) and (other := game_in(url)) and other != game_in(game):
                self._report(split, game, file, "labels", f"are those of another game: UrlLocal is {url!r}")

    def events_s(self, split: str, game: str, half: int) -> NDArray[np.float64]:
        """The times of the events of a half; none where its labels are missing or cannot be read."""
        if game not in self._events:
            self._events[game] = self._read_events_s(split, game)
        return self._events[game].get(half, np.empty(0))

    def _read_events_s(self, split: str, game: str) -> Mapping[int, NDArray[np.float64]]:
        if f"{game}/{SPOTTING_LABELS}" not in self.root.tree:
            return {}
        try:
            labels = read_spotting_labels(self.root.tree, game, strict=True)
        except InputError as error:
            self._report(split, game, SPOTTING_LABELS, "labels", error.problem)
            return {}
        return {half: labels.position_ms[labels.half == half] / 1000 for half in HALVES}


def game_in(path: str) -> str | None:
    """The game's own name in a path, without its folders; None where no part of it is named like a game."""
    parts = normalize("NFC", path).replace("\\", "/").replace("_", " ").split("/")
    return next((" ".join(part.split()) for part in parts if _GAME.match(part)), None)
