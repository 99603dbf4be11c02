"""A custom video model: its row, its class, and the errors when they do not fit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.features.store import FeatureStore
from soccerbench.simulation.videos.write import write_videos
from soccerbench.specs.features import blocks_of
from soccerbench.specs.video_models import OwnRow, load_extractors
from soccerbench.video.extraction.plan import plan, run
from soccerbench.video.models.build import build

NETWORK = """
from torch import nn

from soccerbench.video.models.base import Extractor


class Difference(Extractor):
    def __init__(self, *, width, dropout, mean, std, size, frames, scale=1.0):
        super().__init__(width=width, classes=18, dropout=dropout, mean=mean, std=std)
        self.scale = scale
        self.see = nn.Conv2d(3, width, 3, stride=4)

    def per_frame(self, images):
        return self.see(self.normalise(images)).mean((2, 3))

    def per_clip(self, frames):
        return self.scale * (frames[:, 1:] - frames[:, :-1]).abs().mean(1)


class NoExtractor(nn.Module):
    pass
"""
TABLE = """
table: mine
title: A model of my own
source: no paper
task: recognition
rows:
  - row: 1
    model: own-net
    network: my_net:Difference
    options: {scale: 2.0}
    architecture: frame differences
    backbone: one convolution
    pretraining: none
    width: 12
    parameters: null
    clip: {frames: 4, fps: 3}
    size: 32
    mean: [0.5, 0.5, 0.5]
    std: [0.25, 0.25, 0.25]
    dropout: 0.0
    augmentation: {jitter_s: 0.0, crop: 1.0, flip: 0.5, colour: 0.0}
    learning_rate: 1.0e-3
    weight_decay: 0.0
    batch_size: 4
    max_epochs: 2
    plateau: null
    annealing: null
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "my_net.py").write_text(NETWORK, "utf-8")
    (tmp_path / "mine.yaml").write_text(TABLE, "utf-8")
    return tmp_path / "mine.yaml"


def test_a_row_names_a_class_in_a_file(table: Path) -> None:
    row = load_extractors(str(table), settings=[("options.scale", 3.0)]).of("own-net")
    assert isinstance(row, OwnRow)
    assert row.width == 12
    assert row.digest() != load_extractors(str(table)).of("own-net").digest()
    model = build(row, plugin=table.parent / "my_net.py")
    assert model.scale == 3.0
    clips = torch.rand(2, 4, 3, 32, 32) * 255
    assert model(clips).shape == (2, 18)
    assert model.per_clip(model.frames(clips)).shape == (2, 12)


@pytest.mark.parametrize(
    ("was", "instead", "said"),
    [
        ("my_net:Difference", "my_net:NoExtractor", "has no Extractor called NoExtractor"),
        ("my_net:Difference", "other:Difference", "the row says module other"),
        ("{scale: 2.0}", "{speed: 2.0}", "unexpected keyword argument 'speed'"),
        ("my_net:Difference", "my_net", "network"),
        ("model: own-net", "model: vtn", "model"),
        ("    network: my_net:Difference\n", "", "network: module:Class"),
        ("width: 12", "width: null", "width"),
    ],
)
def test_what_does_not_fit_is_refused(table: Path, was: str, instead: str, said: str) -> None:
    assert was in TABLE
    table.write_text(TABLE.replace(was, instead), "utf-8")
    with pytest.raises(ValueError, match=said):
        build(load_extractors(str(table)).rows[0], plugin=table.parent / "my_net.py")


def test_without_its_file_a_custom_model_is_not_built(table: Path) -> None:
    with pytest.raises(ValueError, match=r"--plugin my_net\.py"):
        build(load_extractors(str(table)).of("own-net"))


def test_its_features_are_joined_to_the_papers(table: Path, tmp_path: Path) -> None:
    videos, features = tmp_path / "videos", tmp_path / "features"
    write_videos(videos, games=4, minutes=0.25)
    plugin = table.parent / "my_net.py"
    tiny = [("size", 32), ("clip.frames", 2)]
    narrow = [("backbone", "resnet18"), ("pools", [2, 2])]
    for models, of, settings in ((["tpn-r50"], "table1", tiny + narrow), (["own-net"], str(table), tiny)):
        planned = plan(videos, models=models, untrained=True, out=features, settings=settings, table=of, plugin=plugin)
        assert {outcome.state for outcome in run(planned)} == {"done"}
    root = Dataset(videos, features=features)
    alone, joined = root.store(blocks_of("own-net", mega=False)), root.store(blocks_of("tpn-r50+own-net", mega=False))
    game, rows = root.games["test"][0], np.arange(15)
    assert alone.take(game, 1, rows).shape == (15, 12)
    np.testing.assert_array_equal(joined.take(game, 1, rows)[:, -12:], alone.take(game, 1, rows))
    np.testing.assert_array_equal(alone.take(game, 1, rows), np.load(features / game / "1_own_net.npy"))


def test_a_custom_block_that_was_not_extracted_is_reported(tmp_path: Path) -> None:
    (tmp_path / "game").mkdir()
    with pytest.raises(InputError, match=r"features\.json: no block 'own-net'"):
        FeatureStore(tmp_path, ("own-net",))
