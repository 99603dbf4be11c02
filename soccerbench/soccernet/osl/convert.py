"""Labels and predictions from one format into another: SoccerNet's folders and zips, and OSL-JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import orjson

from soccerbench.errors import InputError
from soccerbench.files import write_bytes, write_json, write_zip
from soccerbench.soccernet.archive import Tree, is_inside, parse_json
from soccerbench.soccernet.classes import CLASS_LIST, CLASSES
from soccerbench.soccernet.game_files import GameFiles
from soccerbench.soccernet.labels import SPOTTING_LABEL_FILES, label_classes
from soccerbench.soccernet.osl.document import GameFile, classes_of, from_osl, osl_documents, to_osl
from soccerbench.soccernet.replays import GROUNDING_LABEL_FILES
from soccerbench.soccernet.submission import RESULTS

Format = Literal["osl", "soccernet"]


def convert(source: Path, out: Path, *, to: Format) -> int:
    """Write the labels or the predictions of `source` in another format.

    Args:
        source: OSL-JSON of version 1 or 2, or a folder, a zip or one file as SoccerNet has it.
        out: for "osl" a file; for "soccernet" a zip if it is called that, else a folder.
        to: "osl" (version 2) or "soccernet".

    Returns:
        How many games were written.

    Raises:
        InputError: a source with no games, or with both labels and predictions, or an entry that cannot be converted.
    """
    games, classes = _read(source)
    if to == "osl":
        write_json(out, to_osl(games, classes))
        return len(games)
    files: dict[str, Any] = {f"{game.game}/{game.file}": game.document for game, _ in games}
    for name in files:
        if not is_inside(name):
            raise InputError(source, f"{name!r} leaves the folder", "name games by relative paths")
    if not set(classes) <= set(CLASSES) and any(game.file == "Labels-v2.json" for game, _ in games):
        files[CLASS_LIST] = classes
    members = ((name, orjson.dumps(document, option=orjson.OPT_INDENT_2) + b"\n") for name, document in files.items())
    if out.suffix.lower() == ".zip":
        write_zip(out, members)
    else:
        for name, data in members:
            write_bytes(out / name, data)
    return len(games)


def _read(source: Path) -> tuple[list[tuple[GameFile, Path]], list[str]]:
    """The games with where each is, and the classes that they declare."""
    tree = Tree(source)
    found = [files for kind in (SPOTTING_LABEL_FILES, RESULTS["spotting"]) if (files := GameFiles(tree, kind))]
    if not found and (documents := osl_documents(tree)):
        games = [(game, path) for path, document in documents for game in from_osl(document, path)]
        return games, classes_of(documents[0][1])
    if not found and any(GameFiles(tree, kind) for kind in (GROUNDING_LABEL_FILES, RESULTS["grounding"])):
        problem = "holds replays, and OSL-JSON has no form for replay grounding"
        raise InputError(source, problem, "convert labels or predictions of action spotting")
    if len(found) != 1:
        problem = "holds labels and predictions" if found else "holds no labels or predictions of action spotting"
        raise InputError(source, problem, "give the folder, zip or file of one of them")
    (files,) = found
    names, games = files.games(), []
    for name in names:
        place = files.alone or files.place(name) or ""
        document = parse_json(tree.read(place), tree.where(place))
        if not isinstance(document, dict):
            raise InputError(tree.where(place), "no object", f'write {{"{files.kind.key}": [{{…}}, …]}}')
        games.append((GameFile(name, files.give(name, place), document), tree.where(place)))
    return games, list(label_classes(tree, names).names)
