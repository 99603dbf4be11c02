"""What `data verify` asks of a game's labels: they are there, they are that game's own, and when their events are.

Labels of every version are read, as scoring does: SoccerNet-v2, v1, ball, and a root's own classes.

Source: real label files name their game in `UrlLocal`; copies put into the wrong folder keep the other game's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import cache
from unicodedata import normalize

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import HALVES
from soccerbench.soccernet.classes import LABEL_FILES
from soccerbench.soccernet.labels import label_classes, label_file, read_spotting_labels
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS

_GAME = re.compile(r"\d{4}-\d{2}-\d{2} ?- ?.+")  # a game's folder begins with its date


class LabelChecks:
    """The labels of a dataset; problems are reported once a file.

    Args:
        report: takes the kind of check, the problem, and its place by keyword.
    """

    def __init__(self, root: Dataset, report: Callable[..., None]) -> None:
        self.root, self._report = root, report
        self._read = cache(self._read_events_s)

    def check(self, split: str, game: str) -> None:
        """The game is annotated if its split is, and each label file is its own."""
        tree = self.root.tree
        files = (file for one in self.root.games[split] if (file := label_file(tree, one)))
        if label_file(tree, game) is None and (first := next(files, None)):
            self._report("missing", "the file is missing", split=split, game=game, file=first)
        for file in (*LABEL_FILES, CAMERA_LABELS, REPLAY_LABELS):
            if f"{game}/{file}" not in tree:
                continue
            try:
                content = tree.json(f"{game}/{file}")
            except InputError as error:
                if file != label_file(tree, game):  # `events_s` reports that one
                    self._report("labels", error.problem, split=split, game=game, file=file)
                continue
            url = content.get("UrlLocal") if isinstance(content, dict) else None
            if isinstance(url, str) and (other := game_in(url)) and other != game_in(game):
                problem = f"are those of another game: UrlLocal is {url!r}"
                self._report("labels", problem, split=split, game=game, file=file)

    def events_s(self, split: str, game: str, half: int) -> NDArray[np.float64]:
        """The times of the events of a half; none where its labels are missing or cannot be read."""
        return self._read(split, game).get(half, np.empty(0))

    def _read_events_s(self, split: str, game: str) -> Mapping[int, NDArray[np.float64]]:
        tree = self.root.tree
        if (file := label_file(tree, game)) is None:
            return {}
        try:
            labels = read_spotting_labels(tree, game, strict=True, classes=label_classes(tree, [game]))
        except InputError as error:
            self._report("labels", error.problem, split=split, game=game, file=file)
            return {}
        return {half: labels.position_ms[labels.half == half] / 1000 for half in HALVES}


def game_in(path: str) -> str | None:
    """The game's own name in a path, without its folders; None where no part of it is named like a game."""
    parts = normalize("NFC", path).replace("\\", "/").replace("_", " ").split("/")
    return next((" ".join(part.split()) for part in parts if _GAME.match(part)), None)
