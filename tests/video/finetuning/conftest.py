from __future__ import annotations

from pathlib import Path

import pytest

from soccerbench.simulation.videos.write import write_videos
from soccerbench.video.finetuning.annotated_games import games_of_splits, look_through
from soccerbench.video.finetuning.manifest import manifest_of, write_manifest


@pytest.fixture(scope="module")
def snippets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The manifest of a root of videos a few seconds long."""
    root = tmp_path_factory.mktemp("run") / "small"
    write_videos(root, games=4, minutes=0.4)
    found = look_through(games_of_splits(root, ["train", "valid", "test"]))
    write_manifest(root.parent / "snippets.json", manifest_of(found, background_per_half=1, seed=0))
    return root.parent / "snippets.json"
