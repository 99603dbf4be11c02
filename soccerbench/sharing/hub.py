"""Push the runs of a row to a model repository of the Hugging Face hub, and pull them from there.

Conventions
    repository  README.md (the model card), `.eval_results/`, `soccerbench.json` (the manifest), and `seed-<S>/` for
                each run with the files of FILES
    pinned      a pull resolves the revision to a commit first; all files are of that commit
    untrusted   what is pulled was written by others. Only files of the manifest with known names are fetched, each must
                have its size and SHA-256, and the scores must follow from the counts of the games. Nothing is
                unpickled: `load_run` later reads tensors only
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Literal, NamedTuple

from pydantic import Field

from soccerbench.errors import InputError, counted
from soccerbench.experiments.results import REMEDY, RESULT, Run, read_report, runs_of_one_row
from soccerbench.features.hub import client, hub_error
from soccerbench.files import sha256, write_json
from soccerbench.report.measured import faults, measure
from soccerbench.scoring.schema import Report
from soccerbench.sharing.card import model_card
from soccerbench.sharing.export import CARD, eval_file, eval_results

MANIFEST, PULLED = "soccerbench.json", "pulled.json"
FILES = re.compile(
    r"(result\.json|identity\.json|spec\.yaml|history\.csv|log\.txt|checkpoint\.pt"
    r"|predictions-(train|valid|test|challenge)\.zip)"
)
NAME = re.compile(rf"seed-\d{{1,10}}/{FILES.pattern}")
FOLDER = re.compile(r"\w[\w .+-]{0,99}")
ADDRESS = re.compile(r"hf://([\w.-]{1,96}/[\w.-]{1,96})(?:@([\w./-]{1,100}))?", re.ASCII)
AGAIN = "run the same command again"


class FileEntry(Report):
    """One file of the manifest."""

    bytes: Annotated[int, Field(ge=0, lt=2**43)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Manifest(Report):
    """The content of `soccerbench.json`: every file of the runs."""

    version: Literal[1] = 1
    files: Annotated[dict[str, FileEntry], Field(max_length=1000)]


class Address(NamedTuple):
    """A model repository of the hub."""

    repository: str  # owner/name
    revision: str | None  # a branch, tag or commit; None for the newest


def address(text: str) -> Address:
    """`hf://owner/name` or `hf://owner/name@revision`."""
    match = ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not hf://OWNER/NAME or hf://OWNER/NAME@REVISION")
    return Address(match[1], match[2])


def push(
    folder: Path, target: str, *, private: bool = False, benchmark: str | None = None, say: Callable[[str], None]
) -> str:
    """Push the runs of one row, one a seed, with a model card; the commit.

    Args:
        target: `hf://owner/name`; the repository is made if there is none.
        benchmark: as in `export`; evaluation results are left out for simulated features without one.

    Raises:
        InputError: no runs, those of several rows, scores that do not follow from the games, or a refused upload.
        ValueError: not such a target.
    """
    where = address(target)
    if where.revision is not None:
        raise ValueError(f"push {target}: leave out @{where.revision}; a push adds a commit to the main branch")
    members = _row(folder)
    hub = client()
    files = {
        f"seed-{run.result.seed}/{file.name}": file
        for run in members
        for file in sorted(run.folder.iterdir())
        if FILES.fullmatch(file.name) and file.is_file()
    }
    manifest = Manifest(files={name: _entry(file) for name, file in files.items()})
    made = {
        CARD: model_card(members, (scores := measure(members)), name=where.repository.partition("/")[2]),
        MANIFEST: manifest.model_dump_json(indent=2).encode(),
    }
    if benchmark or not members[0].result.simulated:
        made[eval_file(members)] = eval_results(members, scores, benchmark=benchmark)
    say(f"{where.repository}: {counted(len(files) + len(made), 'file')}, {_size(manifest)} to upload")
    operations = [hub.CommitOperationAdd(name, content) for name, content in {**files, **made}.items()]
    with _client_errors(where, target, "upload"):
        api = hub.HfApi()
        api.create_repo(where.repository, private=private, exist_ok=True)
        message = f"Results of {members[0].result.title}"
        return str(api.create_commit(where.repository, operations, commit_message=message).oid)


def pull(source: str, out: Path, *, say: Callable[[str], None]) -> list[Path]:
    """Fetch the runs of a repository into a folder of runs, and verify them; their folders, each with `pulled.json`.

    Args:
        source: `hf://owner/name`, with `@revision` if not the newest.

    Raises:
        InputError: a refused or stopped download, files that are not as the manifest says, results whose scores do not
            follow from their games, or runs that are in `out` already.
        ValueError: not such a source.
    """
    where = address(source)
    out.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".pull-", dir=out) as name:
        folder = Path(name)
        commit = _fetch(where, source, folder, say)
        members = _row(folder)
        result = members[0].result
        for part in (result.dataset, result.table):
            if not FOLDER.fullmatch(part):
                problem = f"{part!r} is no name of a dataset or table"
                raise InputError(source, problem, "ask its author to push it again")
        places = [out / result.dataset / result.table / f"row-{result.row:02d}" / run.folder.name for run in members]
        for place in places:
            if place.exists():
                raise InputError(place, "holds a run already", "choose another --out")
        for run, place in zip(members, places, strict=True):
            write_json(run.folder / PULLED, {"repository": where.repository, "revision": commit})
            place.parent.mkdir(parents=True, exist_ok=True)
            run.folder.rename(place)
        say(f"{result.title}, {counted(len(places), 'seed')}: sizes, checksums and scores verified, at commit {commit}")
    return places


def _fetch(where: Address, source: str, folder: Path, say: Callable[[str], None]) -> str:
    """Fetch the files of the manifest into a folder and check them; the commit."""
    with _client_errors(where, source, "download"):
        api = client().HfApi()
        commit = str(api.model_info(where.repository, revision=where.revision).sha)
        api.hf_hub_download(where.repository, MANIFEST, revision=commit, local_dir=folder)
        manifest = read_report(folder / MANIFEST, Manifest, what="manifest", remedy="choose a repository of `push`")
        odd = [name for name in manifest.files if not NAME.fullmatch(name)]
        if odd:
            raise InputError(source, f"its manifest names {odd[0]!r}, which is no file of a run", "do not use it")
        total = sum(entry.bytes for entry in manifest.files.values())
        if total > shutil.disk_usage(folder).free:
            raise InputError(source, f"needs {_size(manifest)}, more than the disk has free", "choose a larger disk")
        say(f"{where.repository}: {counted(len(manifest.files), 'file')}, {_size(manifest)} to download")
        api.snapshot_download(where.repository, revision=commit, local_dir=folder, allow_patterns=list(manifest.files))
    for name, entry in manifest.files.items():
        file = folder / name
        if file.is_symlink() or not file.is_file() or _entry(file) != entry:
            raise InputError(source, f"{name} is not the file that the manifest describes", AGAIN)
    return commit


@contextmanager
def _client_errors(where: Address, text: str, doing: str) -> Iterator[None]:
    """Whatever the client raises as an error of one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        page = f"{client().constants.ENDPOINT}/{where.repository}"
        raise hub_error(text, error, page=page, doing=doing, again=AGAIN) from None


def _row(folder: Path) -> Sequence[Run]:
    """The runs of the one row in a folder, whose scores follow from their games."""
    runs = runs_of_one_row(folder)
    for run in runs:
        wrong = faults(run)
        if wrong:
            raise InputError(run.folder / RESULT, wrong[0], REMEDY)
    return runs


def _entry(file: Path) -> FileEntry:
    return FileEntry(bytes=file.stat().st_size, sha256=sha256(file))


def _size(manifest: Manifest) -> str:
    return f"{sum(entry.bytes for entry in manifest.files.values()) / 1e6:.1f} MB"
