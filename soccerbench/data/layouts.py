"""The two public layouts of SoccerNet: where a game's folder lies.

Conventions
    official   league/season/game, as the SoccerNet package downloads
    by split   split/league/season/game, spaces in it as underscores, as the later releases of the features have it
    game       always named as in the official layout, wherever its folder lies
"""

from __future__ import annotations

from pathlib import Path

from soccerbench.data.files import Tree
from soccerbench.data.games import SPLITS, split_games


class Layout:
    """Where the games of one root lie.

    Args:
        root: the folder above the leagues, or above the splits.
    """

    def __init__(self, root: Path) -> None:
        self._splits: dict[str, str] = {}
        if any((root / split).is_dir() for split in SPLITS):
            tree = Tree(root)
            self._splits = {game: split for split in SPLITS for game in split_games(tree, split)}
        self._root = root

    def folder(self, game: str) -> str:
        """The game's folder below the root; the official one where neither is there."""
        split = self._splits.get(game)
        if split is None or (self._root / game).is_dir():
            return game
        by_split = f"{split}/{game.replace(' ', '_')}"
        return by_split if (self._root / by_split).is_dir() else game


class GameTree(Tree):
    """A tree whose games are named as in the official layout, wherever they lie.

    Args:
        path: a root in either layout.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._layout = Layout(path)

    def has_game(self, game: str) -> bool:
        """Whether the game has a folder."""
        return (self.path / self._layout.folder(game)).is_dir()

    def __contains__(self, name: str) -> bool:
        return super().__contains__(self._place(name))

    def read(self, name: str) -> bytes:
        """The bytes of one file; see `Tree.read`."""
        return super().read(self._place(name))

    def _place(self, name: str) -> str:
        folder, separator, file = name.rpartition("/")
        return f"{self._layout.folder(folder)}{separator}{file}"
