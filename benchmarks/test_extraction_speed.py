"""`extract` beside plain decoding, and beside the naive way: each window of each model decoded and run by itself.

pytest benchmarks/test_extraction_speed.py              on a GPU the five networks at full size, two minutes of video
python benchmarks/test_extraction_speed.py [SECONDS]    the same as one table and without pytest; --full on a CPU too

The video is made here: 398 x 224, 25 fps, H.264 with a key frame every 250, as SoccerNet's small ones are. On a CPU the
networks at full size take all the time there is, so that there small ones are measured, beside which decoding counts.
Loading the networks is left out, here and there. The naive way is timed on NAIVE_WINDOWS seconds spread over the half.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch

from soccerbench.experiments.fingerprint import peak_memory_bytes
from soccerbench.specs.base import Precision
from soccerbench.video.decoding.clips import Clip, clamp, window
from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.video import probe
from soccerbench.video.extraction.job import load_models
from soccerbench.video.extraction.plan import Plan, plan, run
from soccerbench.video.extraction.sliding import Compute, Slider

WIDTH, HEIGHT, FPS = 398, 224, 25
NAIVE_WINDOWS = 10
Settings = tuple[tuple[str, Any], ...]
SMALL: Settings = (
    ("size", 16), ("clip.frames", 2), ("ircsn.backbone", "resnet14"), ("vtn.backbone", "vit_tiny_patch16_224"),
    ("vtn.layers", 1), *((f"{model}.backbone", "resnet18") for model in ("tpn-r101", "gta", "i3d-slow")),
)  # fmt: skip


def write_video(path: Path, seconds: int) -> Path:
    """A camera that pans over a noisy field with things that move on it."""
    rng = np.random.default_rng(0)
    field = rng.integers(60, 160, (HEIGHT // 4, 2 * WIDTH // 4, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"preset": "veryfast", "crf": "23"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(seconds * FPS):
            shift = int((WIDTH / 2 - 8) * (1 + np.sin(number / 60)))
            picture = field[:HEIGHT, shift : shift + WIDTH].copy()
            for player in range(12):
                x, y = (
                    (37 * player + 3 * number * (1 + player % 3)) % (WIDTH - 8),
                    (17 * player + number) % (HEIGHT - 16),
                )
                picture[y : y + 16, x : x + 8] = (255, 20 * player, 255 - 20 * player)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def decoded_per_s(path: Path) -> float:
    """Frames a second of PyAV alone."""
    started = time.perf_counter()
    with av.open(str(path)) as container:
        container.streams.video[0].thread_type = "AUTO"
        count = sum(1 for _ in container.decode(video=0))
    return count / (time.perf_counter() - started)


def planned(root: Path, out: Path, settings: Settings, batch: int | None = None, precision: Precision = "auto") -> Plan:
    return plan(root, models=["five"], untrained=True, out=out, settings=settings, batch=batch, precision=precision)


def extracted_per_s(what: Plan) -> float:
    """Rows a second of the longest half; a short one before it warms the device up."""
    outcomes = list(run(what))
    assert [outcome.state for outcome in outcomes] == ["done"] * len(outcomes), outcomes
    longest = max(outcomes, key=lambda outcome: outcome.rows)
    return longest.rows / longest.seconds


def naive_per_s(what: Plan, windows: int) -> float:
    """Rows a second when each window of each model is opened, sought, decoded, prepared and run by itself."""
    job, video = what.job, max((half.video for half in what.halves.good), key=lambda video: video.duration_s)
    device = job.compute.device
    models, compute = load_models(job.rows, job.weights, device), Compute(device, 1, job.compute.half_precision)

    def one(second: int) -> None:
        for row in job.rows:
            clip = Clip(row.clip.frames, row.clip.fps)
            grid = clamp(window(clip, second, clip.fps), int(probe(video.path).duration_s * clip.fps))
            start_s, stop_s = grid[0] / clip.fps, (grid[-1] + 1) / clip.fps
            decoded = list(frames(video.path, fps=clip.fps, size=row.size, crop=True, start_s=start_s, stop_s=stop_s))
            pictures = torch.from_numpy(np.stack([decoded[index - grid[0]] for index in grid])).to(device)
            with torch.inference_mode(), compute.autocast():
                model = models[row.model]
                model.per_clip(model.frames(pictures.permute(0, 3, 1, 2)[None])).float().cpu()

    one(int(video.duration_s) // 2)
    seconds = np.linspace(0, int(video.duration_s) - 1, windows).astype(int)
    started = time.perf_counter()
    for second in seconds:
        one(int(second))
    return len(seconds) / (time.perf_counter() - started)


def measure(
    folder: Path, seconds: int, settings: Settings, *, windows: int = NAIVE_WINDOWS, batch: int | None = None,
    precision: Precision = "auto",
) -> dict[str, float]:  # fmt: skip
    """Everything, for one video of that many seconds."""
    write_video(folder / "root" / "match" / "1.mkv", 12)
    video = write_video(folder / "root" / "match" / "2.mkv", seconds)
    what = planned(folder / "root", folder / "out", settings, batch, precision)
    decoding = max(decoded_per_s(video) for _ in range(3))
    ours = extracted_per_s(what)
    peak_gpu = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0
    naive = naive_per_s(what, windows)
    return {
        "video_s": seconds,
        "decoded_frames_per_s": decoding,
        "extracted_frames_per_s": ours * FPS,
        "share_of_decoding": ours * FPS / decoding,
        "rows_per_s": ours,
        "naive_rows_per_s": naive,
        "times_faster": ours / naive,
        "peak_gpu_bytes": peak_gpu,
        "peak_bytes": peak_memory_bytes(),
    }


def networks_per_s(what: Plan, monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """Rows a second of each network on pictures that are there already, by where the channels of a picture lie."""
    job, found = what.job, {}
    device, compute = job.compute.device, job.compute
    for together in (False, True):
        for place in ("sliding", "job"):
            monkeypatch.setattr(f"soccerbench.video.extraction.{place}.channels_last", lambda *_: together)  # noqa: B023
        for row, model in zip(job.rows, load_models(job.rows, job.weights, device).values(), strict=True):
            pictures = torch.randint(0, 256, (row.clip.fps * job.compute.step_s, 3, row.size, row.size), device=device)
            clip = Clip(row.clip.frames, row.clip.fps)
            slider = Slider(model, clip, size=row.size, rows=10**6, compute=compute)
            ends, rows = [], []
            for _ in range(8):
                slider.take(pictures.to(torch.uint8))
                rows.append(sum(len(some) for some in slider.give()))
                ends.append(time.perf_counter())
            found[f"{row.model}{' channels last' * together}"] = sum(rows[4:]) / (ends[-1] - ends[3])
    return found


@pytest.fixture(scope="module")
def settings() -> Settings:
    return () if torch.cuda.is_available() else SMALL


def test_extraction(benchmark, tmp_path: Path, settings: Settings) -> None:
    measured = benchmark.pedantic(measure, (tmp_path, 120 if torch.cuda.is_available() else 60, settings), rounds=1)
    benchmark.extra_info |= measured
    assert measured["times_faster"] > 5


def test_memory_does_not_depend_on_the_length(benchmark, tmp_path: Path) -> None:
    def peak(seconds: int) -> int:
        root = tmp_path / f"root-{seconds}"
        for half in (1, 2):
            write_video(root / "match" / f"{half}.mkv", seconds // half)
        command = [sys.executable, __file__, "--peak", str(root), str(tmp_path / f"out-{seconds}")]
        return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)

    short = peak(40)
    long = benchmark.pedantic(peak, (160,), rounds=1)
    benchmark.extra_info |= {"peak_bytes_of_40_s": short, "peak_bytes_of_160_s": long, "ratio": long / short}
    assert long < 1.05 * short


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("seconds", type=int, nargs="?", default=120)
    parser.add_argument("--full", action="store_true", help="networks at full size on a CPU, too")
    parser.add_argument("--windows", type=int, default=NAIVE_WINDOWS, help="seconds that the naive way is timed on")
    parser.add_argument("--batch", type=int, help="as of extract")
    parser.add_argument("--precision", default="auto", help="as of extract")
    parser.add_argument("--networks", action="store_true", help="rows a second of each network alone")
    parser.add_argument("--peak", nargs=2, type=Path, metavar=("ROOT", "OUT"), help="print the memory that it takes")
    given = parser.parse_args()
    if given.peak:
        extracted_per_s(planned(*given.peak, SMALL))
        print(peak_memory_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        settings = () if given.full or torch.cuda.is_available() else SMALL
        if given.networks:
            write_video(Path(folder) / "match" / "1.mkv", 1)
            with pytest.MonkeyPatch.context() as patch:
                what = planned(Path(folder), Path(folder), settings, given.batch, given.precision)
                found = networks_per_s(what, patch)
        else:
            found = measure(
                Path(folder),
                given.seconds,
                settings,
                windows=given.windows,
                batch=given.batch,
                precision=given.precision,
            )
    for name, value in found.items():
        print(f"{name:24}{value:16,.2f}")


if __name__ == "__main__":
    main()
