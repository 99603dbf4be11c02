"""Which games are to be scored, and whether labels and predictions hold just these.

Conventions
    split      "all" is every game with labels; else the root's own `splits.json`, or the official lists
    missing    a game of the split without labels or predictions is an error under both protocols
    extra      predictions for other games, never opened: counted, or an error if `strict`
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.games import located, split_games


def open_games(
    labels: Path,
    predictions: Path,
    split: str,
    *,
    label_files: Sequence[str],
    prediction_files: Sequence[str],
    strict: bool,
) -> tuple[Tree, Tree, list[str], Counter[str]]:
    """Open labels and predictions, and check that every game of a split has both.

    Args:
        labels: folder or zip.
        predictions: the same.
        split: "train", "valid", "test", "challenge", or "all" for every game with labels, sorted.
        label_files: names of which a game's labels have one.
        prediction_files: the same for its predictions.
        strict: refuse predictions for other games and names that stand twice in a zip.

    Returns:
        Labels, predictions, the games, and how much is passed over, by kind.

    Raises:
        InputError: neither a folder nor a zip, no game at all, the first missing file and how many there are, or an
            extra one if `strict`.
        ValueError: no such split.
    """
    label_tree, prediction_tree = Tree(labels), Tree(predictions)
    games = _games_with(label_tree, label_files) if split == "all" else split_games(label_tree, split)
    if not games:
        _refuse_another_kind(label_tree, games, label_files, prediction_files)
        raise InputError(labels, f"no games of split {split!r}", f"give a folder or zip of games with {label_files[0]}")
    both = (label_tree, label_files, prediction_files), (prediction_tree, prediction_files, label_files)
    for tree, files, others in both:
        missing = [game for game in games if not any(f"{game}/{file}" in tree for file in files)]
        if len(missing) == len(games):
            _refuse_another_kind(tree, games, files, others)
        if missing:
            problem = f"missing, as for {len(missing)} of {len(games)} games"
            raise InputError(tree.path / missing[0] / files[0], problem, "add the file, or choose another --split")
    extra = sorted(set(_games_with(prediction_tree, prediction_files)) - set(games))
    warnings: Counter[str] = Counter()
    for kind, found, tree in (
        ("games predicted that are not of the split, ignored", extra, prediction_tree),
        ("files that stand twice in the zip of predictions, the last read", prediction_tree.repeated, prediction_tree),
        ("files that stand twice in the zip of labels, the last read", label_tree.repeated, label_tree),
    ):
        if found and strict:
            raise InputError(tree.path / found[0], f"one of {len(found)} {kind.split(',')[0]}", "leave it out")
        if found:
            warnings[kind] = len(found)
    return label_tree, prediction_tree, games, warnings


def _refuse_another_kind(tree: Tree, games: Sequence[str], files: Sequence[str], others: Sequence[str]) -> None:
    """Say what a tree without any of the games' `files` seems to be: `others` are the names in one of the other kind.

    Raises:
        InputError: a folder around the leagues, labels for predictions or the other way round, or a run's folder.
    """
    names = tree.names()
    places = list(map(located, names))
    found = {file for _, _, file in places}
    for game, outside, file in places:
        if outside and file in files and (not games or game in games):
            raise InputError(tree.path / outside, "lies around the leagues", "pack them at the top or give that folder")
    if not found & set(files) and found & set(others):
        problem = f"holds {', '.join(sorted(found & set(others)))} where {files[0]} is looked for"
        raise InputError(tree.path, problem, "labels and predictions seem to be swapped")
    zips = [name for name in names if name.startswith("predictions-") and name.endswith(".zip")]
    if zips:
        raise InputError(tree.path, "the folder of a run", f"give its {' or '.join(zips)}")


def _games_with(tree: Tree, files: Sequence[str]) -> list[str]:
    """Every game that has one of these files, sorted."""
    folders = (name.rpartition("/") for name in tree.names())
    return sorted({folder for folder, _, file in folders if folder and file in files})
