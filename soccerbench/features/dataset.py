"""A SoccerNet folder: its games by split, its labels and the folder of its features."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.features.store import FeatureStore, is_simulated, simulation
from soccerbench.soccernet.games import SPLITS, GameTree, Layout, split_games
from soccerbench.soccernet.labels import SPOTTING_LABELS, read_spotting_labels
from soccerbench.soccernet.replays import CAMERA_LABELS, REPLAY_LABELS, GameReplays, read_replays


class Dataset:
    """A SoccerNet folder, official or simulated, plain or packed.

    Args:
        path: holds `<league>/<season>/<game>/` (or the other layout of `layouts`), and `splits.json` where the splits
            are not the official ones.
        features: folder of the features, if another.
        name: name of its runs' folder; the folder's own name if not given.

    Raises:
        InputError: no such folder, or none of the games of any split in it.
    """

    def __init__(self, path: Path, *, features: Path | None = None, name: str | None = None) -> None:
        if not path.is_dir():
            raise InputError(path, "no such folder", "give the folder that holds the SoccerNet games")
        self.path, self.features_path = path, features or path
        self.name = name or path.resolve().name
        self.tree = GameTree(path)
        self.games = {split: split_games(self.tree, split) for split in SPLITS}
        if not any(self.tree.has_game(game) for games in self.games.values() for game in games):
            raise InputError(
                path,
                "holds none of the SoccerNet games and no splits.json",
                "give the folder above the leagues (england_epl, …)",
            )
        self._labels: dict[str, Events] = {}
        self._replays: dict[str, GameReplays] = {}
        self._stores: dict[tuple[str, ...], FeatureStore] = {}

    @cached_property
    def is_simulated(self) -> bool:
        """Whether labels or features are simulated: its scores are never shown next to published ones."""
        return is_simulated(self.path) or is_simulated(self.features_path)

    @cached_property
    def is_mini(self) -> bool:
        """Whether the features have the small widths of the embedded dataset."""
        return simulation(self.features_path).get("scale") == "mini"

    def store(self, blocks: Iterable[str]) -> FeatureStore:
        """The features of some blocks; one store for all that use the same ones."""
        key = tuple(blocks)
        if key not in self._stores:
            self._stores[key] = FeatureStore(self.features_path, key)
        return self._stores[key]

    def has_features(self, game: str) -> bool:
        """Whether the game has a folder where the features are."""
        return (self.features_path / self._features_layout.folder(game)).is_dir()

    @cached_property
    def _features_layout(self) -> Layout:
        return Layout(self.features_path)

    def has_labels(self, split: str) -> bool:
        """Whether any game of the split is annotated; the real challenge is not."""
        return any(f"{game}/{SPOTTING_LABELS}" in self.tree for game in self.games[split])

    def labels(self, split: str) -> dict[str, Events]:
        """The annotations of every game of a split, read strictly.

        Raises:
            InputError: a missing label file, or one that could not be trained on; names file, entry and remedy.
        """
        return {game: self._events(game) for game in self.games[split]}

    def events(self, games: Iterable[str]) -> dict[str, Events]:
        """The annotations of those of some games that have a label file."""
        return {game: self._events(game) for game in games if f"{game}/{SPOTTING_LABELS}" in self.tree}

    def _events(self, game: str) -> Events:
        if game not in self._labels:
            self._labels[game] = read_spotting_labels(self.tree, game, strict=True)
        return self._labels[game]

    def replays(self, split: str) -> dict[str, GameReplays]:
        """The replays of every game of a split, read strictly.

        Those of the challenge come from the file without links where there is one, so that only scoring sees links.
        """
        for game in self.games[split]:
            if game not in self._replays:
                withheld = split == "challenge" and f"{game}/{REPLAY_LABELS}" in self.tree
                file = REPLAY_LABELS if withheld else CAMERA_LABELS
                self._replays[game] = read_replays(self.tree, game, strict=True, file=file)
        return {game: self._replays[game] for game in self.games[split]}
