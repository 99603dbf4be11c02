"""The verb `snippets`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.simulation.videos.write import write_videos
from soccerbench.video.finetuning.manifest import read_manifest


@pytest.fixture(scope="module")
def videos(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("data") / "videos"
    write_videos(root, seed=0, games=4, minutes=0.5)
    return root


@pytest.fixture
def root(videos, tmp_path) -> Path:
    """The same root, to be damaged: its files are linked, not copied."""
    for path in videos.rglob("*"):
        target = tmp_path / "root" / path.relative_to(videos)
        if path.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.hardlink_to(path)
    return tmp_path / "root"


def invoke(*arguments: object):
    return CliRunner().invoke(app, ["snippets", *map(str, arguments)])


def test_writes_a_manifest_and_prints_the_counts(videos, tmp_path):
    result = invoke(videos, tmp_path / "out", "--background-per-half", 2, "--seed", 5)
    assert result.exit_code == 0, result.output
    manifest = read_manifest(tmp_path / "out")
    assert (manifest.seed, manifest.background_per_half, manifest.mega) == (5, 2, False)
    assert set(manifest.counts) == {"train", "valid", "test"}
    assert f"{len(manifest.snippets)} snippets of 3 games, 6 halves" in result.output
    for word in ("background", "Yellow->red card", "of them ambiguous", "Wrote"):
        assert word in result.output


def test_the_same_seed_gives_the_same_bytes(videos, tmp_path):
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert invoke(videos, tmp_path / name, "--seed", seed).exit_code == 0
    first, again, other = ((tmp_path / name / "snippets.json").read_bytes() for name in "abc")
    assert first == again != other


def test_splits_are_chosen_and_mega_pools(videos, tmp_path):
    assert invoke(videos, tmp_path / "out", "--split", "test", "--split", "train").exit_code == 0
    assert set(read_manifest(tmp_path / "out").counts) == {"train", "test"}
    assert invoke(videos, tmp_path / "out", "--mega").exit_code == 0
    manifest = read_manifest(tmp_path / "out")
    assert set(manifest.counts) == {"train"}
    assert len({snippet.game for snippet in manifest.snippets}) == 3


def test_what_is_left_out_is_said_and_the_exit_code_is_one(root, tmp_path):
    broken = sorted(root.rglob("1.mkv"))[0]
    broken.unlink()
    broken.write_bytes(b"no video")
    result = invoke(root, tmp_path / "out", "--split", "train")
    assert result.exit_code == 1
    assert f"{broken}: no readable video file" in result.output
    assert "left out, see above: 1" in result.output
    assert {snippet.half for snippet in read_manifest(tmp_path / "out").snippets} == {2}


def refused(command, *arguments: object) -> str:
    done = command("snippets", *arguments)
    assert done.code == 2
    return done.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--mega", "--split", "challenge"], "the challenge set is never trained on"),
        (["--mega", "--split", "train"], "leave --split out"),
        (["--extra", "x"], "add --mega"),
        (["--mega", "--extra", "nowhere"], "nowhere: no such folder"),
        (["--split", "trian"], "unknown split 'trian'"),
    ],
)
def test_what_makes_no_sense_is_refused(videos, tmp_path, command, options, said):
    error = refused(command, videos, tmp_path / "out", *options)
    assert said in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_nothing_usable_is_an_error(root, tmp_path, command):
    for path in root.rglob("*.mkv"):
        path.unlink()
    error = refused(command, root, tmp_path / "out")
    assert error.splitlines()[-1].endswith("no half with labels and a readable video; see the lines above")
    assert error.count("no video of half") == 6
    assert not (tmp_path / "out").exists()


def test_a_game_in_two_splits_is_refused(root, tmp_path, command):
    splits = json.loads((root / "splits.json").read_text())
    splits["test"] = splits["train"]
    (root / "splits.json").unlink()
    (root / "splits.json").write_text(json.dumps(splits))
    assert "listed in train and in test" in refused(command, root, tmp_path / "out")


def test_the_verb_needs_no_torch(videos, tmp_path):
    script = (
        "import sys\nfrom soccerbench.cli import app\n"
        f"app(['snippets', {str(videos)!r}, {str(tmp_path)!r}], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False, capture_output=True).returncode == 0
