"""The embedding: the five blocks of one half side by side in one file, in the order of `features.yaml`."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from soccerbench.errors import InputError
from soccerbench.files import replacing
from soccerbench.specs.features import load_features
from soccerbench.video.extraction.npy_writer import RowsFile, pieces, read_back
from soccerbench.video.extraction.record import HalfRecord, JoinedFile, write_record

JOINED_FILE = "baidu_soccer_embeddings.npy"
JOINED_BLOCKS = tuple(name for name, block in load_features().blocks.items() if block.file == JOINED_FILE)


def join(folder: Path, half: int, record: HalfRecord) -> HalfRecord:
    """Write the joined file of a half whose five blocks are there, unless it is there and whole; the record with it.

    Raises:
        InputError: blocks of different videos, a damaged block, a full disk.
    """
    blocks = {name: record.features[name] for name in JOINED_BLOCKS if name in record.features}
    if len(blocks) < len(JOINED_BLOCKS):
        return record
    path, of = folder / f"{half}_{JOINED_FILE}", {name: file.sha256 for name, file in blocks.items()}
    if record.joined is not None and record.joined.of == of and record.joined.is_whole(folder):
        return record
    if len({file.identity["video"] for file in blocks.values()}) > 1:
        raise InputError(path, "its blocks come from different videos", "extract the five together with --force")
    widths = {name: file.width for name, file in blocks.items()}
    with replacing(path) as stream:
        joined = RowsFile(stream, sum(widths.values()))
        for parts in zip(*(pieces(folder / file.file) for file in blocks.values()), strict=True):
            joined.append(np.concatenate(parts, axis=1))
        written = joined.finish()
        made = JoinedFile(file=path.name, rows=written.rows, widths=widths, sha256=written.sha256, of=of)
        if read_back(Path(stream.name)) != written:
            raise InputError(path, "does not hold what was written", "check the disk and run the same command again")
        record = record.model_copy(update={"joined": made})
        write_record(folder, half, record)
    return record
