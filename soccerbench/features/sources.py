"""The feature files of a root, plain or packed, and where in them each block is.

A plain root has one `{1,2}_<file>.npy` a half and file, in the game's folder; a packed one has one file a split.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from soccerbench.errors import InputError, first_error
from soccerbench.features.packed import INDEX, JOURNAL, PackedFiles
from soccerbench.features.rows import StoredRows, stored_rows
from soccerbench.soccernet.archive import parse_json
from soccerbench.soccernet.games import Layout
from soccerbench.specs.features import Block, file_of, fps_of, load_features, single_file


@dataclass(frozen=True)
class Part:
    """Neighbouring columns of one file."""

    file: str
    start: int
    stop: int
    file_width: int


class PlainFiles:
    """The feature files of a plain root."""

    def __init__(self, root: Path, blocks: dict[str, Block]) -> None:
        self.root, self.blocks = root, blocks
        self._layout = Layout(root)

    def path(self, game: str, half: int, file: str) -> Path:
        """The path of one feature file of one half."""
        return self.root / self._layout.place(game, f"{half}_{file}")

    def has(self, game: str, half: int, file: str) -> bool:
        """Whether that file is there."""
        return self.path(game, half, file).exists()

    def rows(self, game: str, half: int, file: str, width: int) -> StoredRows:
        """The rows of one feature file, as its header describes them."""
        path = self.path(game, half, file)
        released = any(block.file == file and block.released for block in self.blocks.values())
        get = "download the features of this half" if released else "it was never released: extract it"
        stored = stored_rows(path, remedy=f"{get}, or leave the game out")
        if stored.width != width:
            problem = f"has shape {(stored.rows, stored.width)}, expected (rows, {width})"
            raise InputError(path, problem, "use the file of these blocks, or say its widths in features.json")
        return stored


Source = PlainFiles | PackedFiles


def open_source(root: Path) -> Source:
    """The feature files of a root, plain or packed."""
    if (root / INDEX).exists():
        return PackedFiles(root)
    if (root / JOURNAL).exists():
        raise InputError(root, "an unfinished pack", "run the same `data pack` again to resume it")
    return PlainFiles(root, root_blocks(root))


def root_blocks(root: Path) -> dict[str, Block]:
    """Every block, with the widths and rates of the root's `features.json` where it has one."""
    known = dict(load_features().blocks)
    file = root / "features.json"
    if not file.exists():
        return known
    try:
        content = parse_json(file.read_bytes(), file)
        for name, entry in content["blocks"].items():
            base = {"file": file_of(name), "fps": fps_of(name), "released": False}
            known[name] = Block.model_validate({**(known[name].model_dump() if name in known else base), **entry})
    except ValidationError as error:
        raise InputError(file, f"{name}: {first_error(error, Block)}", "correct that value") from None
    except KeyError as error:
        raise InputError(file, f"no or unknown key {error}", f"known blocks: {', '.join(known)}") from None
    except (AttributeError, TypeError, OSError) as error:
        raise InputError(
            file, f"not a description of blocks ({error})", 'write {"blocks": {"vtn": {"width": …}}}'
        ) from None
    return known


def files_of(blocks: dict[str, Block]) -> dict[str, dict[str, Block]]:
    """Every file that may hold some blocks: joined ones, with their blocks in order, and one of each block alone."""
    files: dict[str, dict[str, Block]] = {}
    for name, block in blocks.items():
        files.setdefault(block.file, {})[name] = block
    return {single_file(name): {name: block} for name, block in blocks.items()} | files


def located(source: Source, halves: Collection[tuple[str, int]], names: Iterable[str]) -> dict[str, Block]:
    """The blocks of a source; those of a joined file that no half has are in their single files where one has these."""

    def exists(file: str) -> bool:
        return any(source.has(game, half, file) for game, half in halves)

    known = dict(source.blocks)
    for name in names:
        if not exists(known[name].file) and exists(single_file(name)):
            known[name] = known[name].model_copy(update={"file": single_file(name)})
    return known


def parts_of(known: dict[str, Block], blocks: Sequence[str]) -> tuple[Part, ...]:
    """The columns of `blocks` in their files, neighbours in one file merged."""
    parts: list[Part] = []
    for name in blocks:
        file = known[name].file
        columns = [(other, block.width) for other, block in known.items() if block.file == file]
        start = sum(width for other, width in columns[: [other for other, _ in columns].index(name)])
        stop = start + known[name].width
        if parts and parts[-1].file == file and parts[-1].stop == start:
            parts[-1] = Part(file, parts[-1].start, stop, parts[-1].file_width)
        else:
            parts.append(Part(file, start, stop, sum(width for _, width in columns)))
    return tuple(parts)
