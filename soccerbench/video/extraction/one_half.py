"""One half: what is there is checked, what is missing is extracted in one pass over the video and written at once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soccerbench import __version__
from soccerbench.errors import InputError
from soccerbench.files import replacing
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.training.prefetch import read_ahead
from soccerbench.video.decoding.clips import Clip, grid_fps
from soccerbench.video.decoding.frames import Scaler, on_grid
from soccerbench.video.extraction.checkpoints import Loaded
from soccerbench.video.extraction.joining import join
from soccerbench.video.extraction.npy_writer import RowsFile, Written, normalised, read_back
from soccerbench.video.extraction.record import FeatureFile, HalfRecord, VideoFacts, write_record
from soccerbench.video.extraction.settings import Job
from soccerbench.video.extraction.sliding import Slider, slide
from soccerbench.video.extraction.videos import Half, fingerprint

Tick = Callable[[float], None]
Step = dict[int, Tensor]


@dataclass(frozen=True)
class Outcome:
    """What became of one half; `text` says why it failed."""

    game: str
    half: int
    state: Literal["done", "there", "failed"]
    rows: int = 0
    seconds: float = 0.0
    text: str = ""


@dataclass(frozen=True)
class HalfPass:
    """The work on one half.

    Args:
        job: which models, and how.
        models: by name, in evaluation mode on `device`.
        half: of the job's root.
        device: to compute on.
    """

    job: Job
    models: Mapping[str, Loaded]
    half: Half
    device: torch.device

    def run(self, tick: Tick) -> Outcome:
        """Extract what is missing.

        Args:
            tick: called with seconds of video that were extracted, or need not be.

        Returns:
            Whether it was done now, had been done before, or why it cannot be done.
        """
        half, started = self.half, time.monotonic()
        try:
            self.job.check_free(half, video=self._video)
            known, missing = self._look()
            record = self._extract(known, missing, tick) if missing else known
            joined = join(self._folder, half.half, record)
        except (InputError, ValueError, OSError) as error:
            return Outcome(half.game, half.half, "failed", text=str(error))
        except torch.OutOfMemoryError:
            text = f"{half.video.path}: the GPU has no memory left; give a smaller --batch"
            return Outcome(half.game, half.half, "failed", text=text)
        if joined is known:
            tick(half.video.duration_s)
            return Outcome(half.game, half.half, "there", half.rows)
        return Outcome(half.game, half.half, "done", half.rows, time.monotonic() - started)

    @property
    def _folder(self) -> Path:
        return self.job.out / self.half.game

    @cached_property
    def _video(self) -> dict[str, str]:
        return {"video": fingerprint(self.half.video.path)}

    def _look(self) -> tuple[HalfRecord, list[ExtractorRow]]:
        """What is known of the half, and the models whose files are not there and whole."""
        video = self.half.video
        facts = VideoFacts(
            file=video.path.name, width=video.width, height=video.height, duration_s=video.duration_s, fps=video.fps
        )
        record = self.job.record(self.half) or HalfRecord(video=facts)
        missing = []
        for row in self.job.rows:
            known = record.features.get(self.job.block(row.model))
            wanted = self.job.identity(row) | self._video
            if known is None or known.identity != wanted or not known.is_whole(self._folder):
                missing.append(row)
        return record.model_copy(update={"video": facts}), missing

    def _extract(self, record: HalfRecord, missing: list[ExtractorRow], tick: Tick) -> HalfRecord:
        """Slide the missing models over the half, write and read back their files; the half's new record."""
        started = time.monotonic()
        _remove_leftovers(self._folder, self.half.half)
        paths = {row.model: self._folder / f"{self.half.half}_{self.job.file(row.model)}" for row in missing}
        with ExitStack() as stack:
            streams = {model: stack.enter_context(replacing(path)) for model, path in paths.items()}
            files = {model: RowsFile(stream, self.models[model].model.width) for model, stream in streams.items()}
            for model, rows in self._slide(missing, tick):
                files[model].append(normalised(rows, self.job.normalise))
            written = {model: file.finish() for model, file in files.items()}
            for model, stream in streams.items():
                if read_back(Path(stream.name)) != written[model] or written[model].rows != self.half.rows:
                    raise InputError(paths[model], "does not hold what was written", "check the disk and run it again")
            pass_s = time.monotonic() - started
            made = {self.job.block(row.model): self._described(row, written[row.model], pass_s) for row in missing}
            record = record.model_copy(update={"features": record.features | made})
            write_record(self._folder, self.half.half, record)
        return record

    def _slide(self, rows: list[ExtractorRow], tick: Tick) -> Iterator[tuple[str, NDArray[np.floating]]]:
        sliders = {
            row.model: Slider(
                self.models[row.model].model,
                Clip(row.clip.frames, row.clip.fps),
                size=row.size,
                rows=self.half.rows,
                compute=self.job.compute(self.device),
            )
            for row in rows
        }
        rate = grid_fps(slider.clip for slider in sliders.values())
        steps = self._steps(rate, sorted({row.size for row in rows}))
        return slide(sliders, _counted(read_ahead(steps), self.job.step_s, tick), device=self.device)

    def _steps(self, rate: int, sizes: list[int]) -> Iterator[Step]:
        """The half's grid frames, a step at a time, each in every size that a model looks at: (N, H, W, 3)."""
        pictures = _pictures(self.half.video.path, rate, sizes)
        while some := list(islice(pictures, rate * self.job.step_s)):
            step = {size: torch.from_numpy(np.stack([picture[size] for picture in some])) for size in sizes}
            on_gpu = self.device.type == "cuda"
            yield {size: images.pin_memory() for size, images in step.items()} if on_gpu else step

    def _described(self, row: ExtractorRow, written: Written, pass_s: float) -> FeatureFile:
        on_gpu = self.device.type == "cuda"
        return FeatureFile(
            file=f"{self.half.half}_{self.job.file(row.model)}",
            **written._asdict(),
            clip={"frames": row.clip.frames, "fps": row.clip.fps, "size": row.size},
            weights=self.models[row.model].said,
            identity=self.job.identity(row) | self._video,
            device=torch.cuda.get_device_name(self.device) if on_gpu else f"cpu, {torch.get_num_threads()} threads",
            versions={"soccerbench": __version__} | {package: version(package) for package in ("torch", "timm", "av")},
            pass_s=round(pass_s, 3),
        )


def _counted(steps: Iterator[Step], step_s: int, tick: Tick) -> Iterator[Step]:
    for step in steps:
        yield step
        tick(float(step_s))


def _pictures(path: Path, rate: int, sizes: list[int]) -> Iterator[dict[int, NDArray[np.uint8]]]:
    scalers = {size: Scaler(size, crop=True) for size in sizes}
    for frame, times in on_grid(path, fps=rate):
        picture = {size: scale(frame) for size, scale in scalers.items()}
        for _ in range(times):
            yield picture


def _remove_leftovers(folder: Path, half: int) -> None:
    """Remove what processes of this machine that were killed had begun to write of a half."""
    for part in folder.glob(f".{half}_*.part"):
        if not _is_running(part.suffixes[-2][1:]):
            part.unlink(missing_ok=True)


def _is_running(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):
        return True
    return True
