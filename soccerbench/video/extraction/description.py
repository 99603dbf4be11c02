"""What a root of extracted features says of itself in `features.json`, where it has to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.features.store import root_blocks, simulation
from soccerbench.files import write_json
from soccerbench.soccernet.archive import parse_json
from soccerbench.specs.features import file_of
from soccerbench.video.extraction.record import read_record
from soccerbench.video.extraction.videos import Half

DESCRIPTION = "features.json"


def describe(root: Path, out: Path, widths: Mapping[str, int], *, untrained: bool) -> bool:
    """Write `features.json` where a block's width is not that of `features.yaml`, or the features mean nothing.

    They mean nothing beside the paper's where the videos are simulated or the weights are random: such a root is marked
    as simulated, so that nothing measured on it is set against a published number.

    Args:
        root: holds the videos.
        out: holds the features.
        widths: of the blocks that were extracted.
        untrained: with random weights.

    Returns:
        Whether the root is marked as simulated.

    Raises:
        InputError: a `features.json` that is none, or a full disk.
    """
    simulated = simulation(root) | simulation(out)
    random = set(simulated.pop("untrained", [])) - set(widths) | (set(widths) if untrained else set())
    if random:
        simulated["untrained"] = sorted(random)
    blocks = root_blocks(out)
    own = {
        name: {"file": file_of(name), "width": width, "fps": 1}
        for name, width in widths.items()
        if name not in blocks or (blocks[name].width, blocks[name].fps) != (width, 1)
    }
    if own or simulated != simulation(out):
        said = _read(out)
        content = {"simulated": simulated} if simulated else {}
        write_json(out / DESCRIPTION, {**said, **content, "blocks": said.get("blocks", {}) | own})
    return bool(simulated)


def check_unmixed(out: Path, halves: Iterable[Half]) -> None:
    """Refuse random weights where other features lie: the whole root would be marked as simulated.

    Raises:
        InputError: there are such features, and the root is not marked yet.
    """
    if simulation(out):
        return
    known = {block.file for block in root_blocks(out).values()}
    for half in halves:
        record = read_record(out / half.game, half.half)
        ours = set() if record is None else {file.file for file in record.features.values()}
        ours |= {record.joined.file} if record is not None and record.joined is not None else set()
        for path in sorted((out / half.game).glob(f"{half.half}_*.npy")):
            if path.name not in ours and path.name[2:] in known:
                raise InputError(path, "was not extracted here", "give untrained features a folder of their own: --out")


def _read(out: Path) -> dict[str, Any]:
    file = out / DESCRIPTION
    return dict(parse_json(file.read_bytes(), file)) if file.exists() else {}
