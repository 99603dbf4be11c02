"""Which games are to be scored, and whether labels and predictions hold just these.

Conventions
    split      "all" is every game with labels; else the root's own `splits.json`, or the official lists
    missing    a game of the split without labels or predictions is an error under both protocols
    extra      predictions for other games, never opened: counted, or an error if `strict`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from soccerbench.data.errors import InputError
from soccerbench.data.files import Tree
from soccerbench.data.games import split_games


def labelled_games(tree: Tree, split: str, files: Sequence[str]) -> list[str]:
    """The games of a split.

    Args:
        tree: of labels.
        split: "train", "valid", "test", "challenge", or "all" for every game with labels, sorted.
        files: names of the label files, of which a game has one.

    Raises:
        InputError: no game at all.
        ValueError: no such split.
    """
    games = games_with(tree, files) if split == "all" else split_games(tree, split)
    if not games:
        raise InputError(tree.path, f"no games of split {split!r}", f"give a folder or zip of games with {files[0]}")
    return games


def games_with(tree: Tree, files: Sequence[str]) -> list[str]:
    """Every game that has one of these files, sorted."""
    folders = (name.rpartition("/") for name in tree.names())
    return sorted({folder for folder, _, file in folders if folder and file in files})


def check_games(
    *,
    games: Sequence[str],
    labels: Tree,
    label_files: Sequence[str],
    predictions: Tree,
    prediction_files: Sequence[str],
    strict: bool,
) -> Counter[str]:
    """Check that every game has labels and predictions, and count what else is there.

    Args:
        games: those of the split.
        labels: where the labels are.
        label_files: names of which a game needs one.
        predictions: where the predictions are.
        prediction_files: the same for them.
        strict: refuse predictions for other games and names that stand twice in a zip.

    Returns:
        How much is passed over, by kind.

    Raises:
        InputError: the first missing file and how many there are, or an extra one if `strict`.
    """
    for tree, files in ((labels, label_files), (predictions, prediction_files)):
        missing = [game for game in games if not any(f"{game}/{file}" in tree for file in files)]
        if missing:
            problem = f"missing, as for {len(missing)} of {len(games)} games"
            raise InputError(tree.path / missing[0] / files[0], problem, "add the file, or choose another --split")
    wanted = set(games)
    extra = [game for game in games_with(predictions, prediction_files) if game not in wanted]
    warnings: Counter[str] = Counter()
    for kind, found, tree in (
        ("games predicted that are not of the split, ignored", extra, predictions),
        ("files that stand twice in the zip of predictions, the last read", predictions.repeated, predictions),
        ("files that stand twice in the zip of labels, the last read", labels.repeated, labels),
    ):
        if found and strict:
            raise InputError(tree.path / found[0], f"one of {len(found)} {kind.split(',')[0]}", "leave it out")
        if found:
            warnings[kind] = len(found)
    return warnings
