"""From footage to events: features by checkpoints of video models, a row trained on them, an untrimmed match."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.features.dataset import Dataset
from soccerbench.simulation.videos.write import write_videos
from soccerbench.specs.video_models import load_extractors
from soccerbench.video.models.build import build

SMALL = (("size", 16), ("clip.frames", 2), ("vtn.backbone", "vit_tiny_patch16_224"), ("vtn.layers", 1))
LEAD_S, SECONDS = 4, 6


def called(*arguments: object) -> None:
    done = CliRunner().invoke(app, [*map(str, arguments)])
    assert done.exit_code == 0, done.output + str(done.exception)


def with_lead(video: Path, untrimmed: Path) -> None:
    """The same pictures behind `LEAD_S` seconds of the last one."""
    with av.open(str(video)) as source:
        rate, pictures = source.streams.video[0].average_rate, list(source.decode(video=0))
    with av.open(str(untrimmed), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"qp": "0", "preset": "ultrafast"})  # lossless
        stream.width, stream.height, stream.pix_fmt = pictures[0].width, pictures[0].height, pictures[0].format.name
        for number, picture in enumerate([pictures[-1]] * int(LEAD_S * rate) + pictures):
            picture.pts, picture.time_base = number, 1 / rate
            container.mux(stream.encode(picture))
        container.mux(stream.encode(None))


@pytest.mark.parity
def test_from_footage_to_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_videos(tmp_path / "footage", games=4, minutes=SECONDS / 60)
    torch.manual_seed(0)
    row = load_extractors(settings=SMALL).of("vtn")
    torch.save({"identity": {}, "finished": True, "model": build(row).state_dict()}, "vtn.pt")
    stage1 = ["--checkpoints", "vtn=vtn.pt", *(word for key, value in SMALL for word in ("--set", f"{key}={value}"))]
    called("extract", "footage", "--models", "vtn", *stage1, "--device", "cpu", "--jobs", 1)
    quick = ["--set", "features=vtn", "--set", "max_epochs=1", "--set", "batch_size=8", "--set", "chunk_s=3"]
    called("reproduce", "table2", "--data", "footage", "--rows", 8, *quick, "--device", "cpu", "--jobs", 1)
    run = next(Path("runs").rglob("checkpoint.pt")).parent

    game = Path("footage", Dataset(Path("footage")).games["test"][0])
    (match := tmp_path / "match").mkdir()
    video = next(game.glob("1*.mkv"))
    with_lead(video, match / "1_HQ.mkv")
    (match / "video.ini").write_text(f"[1_HQ.mkv]\nstart_time_second = {LEAD_S}\nduration_second = {SECONDS}\n")
    called("spot", run, match / "1_HQ.mkv", *stage1, "--out", "spotted", "--clips", "--device", "cpu")

    made = np.load(next(Path("spotted/features").rglob("1_vtn.npy")))
    assert np.array_equal(made, np.load(game / "1_vtn.npy"))  # row 0 is second 4 of the file
    events = json.loads(Path("spotted/results_spotting.json").read_bytes())["predictions"]
    assert events
    assert all(0 <= int(event["position"]) < 1000 * SECONDS for event in events)
    assert "match/1_HQ.mkv#t=4.000" in Path("spotted/events.html").read_text()
    assert not list(match.glob("*.npy"))  # nothing is written next to the video
