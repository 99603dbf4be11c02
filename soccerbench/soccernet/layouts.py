"""The two public layouts of SoccerNet: where a game's folder lies.

Conventions
    official   league/season/game, as the SoccerNet package downloads
    by split   split/league/season/game, spaces in it as underscores, as the later releases of the features have it
    game       always named as in the official layout, wherever its folder lies
    both       a game may have a folder in each: a file is looked for in the official one first
"""

from __future__ import annotations

from pathlib import Path

from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import SPLITS, split_games


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
        """The game's folder below the root; the official one where both or neither are there."""
        return next((folder for folder in self.folders(game) if (self._root / folder).is_dir()), game)

    def place(self, game: str, file: str) -> str:
        """Where one file of a game lies below the root; where it should lie if it is missing."""
        for folder in self.folders(game):
            if (self._root / folder / file).exists():
                return f"{folder}/{file}"
        return f"{self.folder(game)}/{file}"

    def folders(self, game: str) -> list[str]:
        """Where the game's files may lie below the root, the folder to look in first before the other."""
        split = self._splits.get(game)
        return [game] if split is None else [game, f"{split}/{game.replace(' ', '_')}"]


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
        game, separator, file = name.rpartition("/")
        return self._layout.place(game, file) if separator else name
