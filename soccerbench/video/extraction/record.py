"""What is known of the feature files of one half: how they were made, and which second each row stands for.

It lies beside them, as `{half}_extraction.json`. It is written after the files are complete and before they take their
names: a file that it does not describe was not made here, and one that differs from it is not whole.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from soccerbench.errors import InputError
from soccerbench.files import write_json
from soccerbench.soccernet.archive import parse_json
from soccerbench.video.extraction.npy_writer import NORMALISATIONS, Written, is_whole

RECORD = "extraction.json"
ALIGNMENT = (
    "Row i stands for second i of the half's video, counted from its first picture. It is the feature of one clip, "
    "centred there: frame k of the clip is the picture on screen at i + (k - frames // 2) / fps seconds; times before "
    "the first picture or after the last one stand for that picture. A video of d seconds has max(1, floor(d)) rows."
)


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class VideoFacts(_Frozen):
    """The video that a half was extracted from."""

    file: str
    width: int
    height: int
    duration_s: float
    fps: float


class FeatureFile(_Frozen):
    """One model's features of one half.

    `identity` is all that the values depend on: the hashes of spec, weights, video and code, normalisation, precision.
    `pass_s` are the seconds that one pass took for all models that were extracted together.
    """

    file: str
    rows: int
    width: int
    sha256: str
    clip: dict[str, int]
    weights: str
    identity: dict[str, str]
    device: str
    versions: dict[str, str]
    pass_s: float

    def is_whole(self, folder: Path) -> bool:
        """Whether the file is there as it was written."""
        return is_whole(folder / self.file, Written(self.rows, self.width, self.sha256))


class JoinedFile(_Frozen):
    """The blocks of one file side by side; `of` are the hashes of the files that it was joined from."""

    file: str
    rows: int
    widths: dict[str, int]
    sha256: str
    of: dict[str, str]

    def is_whole(self, folder: Path) -> bool:
        """Whether the file is there as it was written."""
        return is_whole(folder / self.file, Written(self.rows, sum(self.widths.values()), self.sha256))


class HalfRecord(_Frozen):
    """All feature files of one half, by block, and the joined one."""

    alignment: str = ALIGNMENT
    rows_per_second: int = 1
    first_row_s: float = 0.0
    normalisations: dict[str, str] = dict(NORMALISATIONS)
    video: VideoFacts
    features: dict[str, FeatureFile] = {}
    joined: JoinedFile | None = None


def record_path(folder: Path, half: int) -> Path:
    """Where the record of a half lies."""
    return folder / f"{half}_{RECORD}"


def read_record(folder: Path, half: int) -> HalfRecord | None:
    """The record of a half; none where there is none.

    Raises:
        InputError: a file of that name that is none.
    """
    path = record_path(folder, half)
    try:
        content: Any = parse_json(path.read_bytes(), path)
        return HalfRecord.model_validate(content)
    except FileNotFoundError:
        return None
    except ValidationError as error:
        key = ".".join(map(str, error.errors()[0]["loc"]))
        problem = f"no record of an extraction ({key}: {error.errors()[0]['msg']})"
        raise InputError(path, problem, "extract the half again with --force") from None


def write_record(folder: Path, half: int, record: HalfRecord) -> None:
    """Write the record of a half, all at once or not at all."""
    write_json(record_path(folder, half), record.model_dump(mode="json"))
