"""The extraction of one half: files that are there are checked, missing ones are written while the video is decoded."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property, partial
from importlib.metadata import version
from itertools import chain, islice, repeat, starmap
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from soccerbench import __version__
from soccerbench.errors import InputError
from soccerbench.files import remove_leftovers, replacing
from soccerbench.lease import only_writer
from soccerbench.progress import Progress
from soccerbench.specs.video_models import ExtractorRow
from soccerbench.training.prefetch import prefetched
from soccerbench.video.decoding.clips import Clip, grid_fps
from soccerbench.video.decoding.frames import Scaler, on_grid
from soccerbench.video.decoding.source import opened
from soccerbench.video.extraction.feature_files import (
    JOINED_BLOCKS,
    JOINED_FILE,
    RECORD,
    FeatureFile,
    FeatureWriter,
    HalfRecord,
    JoinedFile,
    checked_rows,
    is_whole,
    normalised,
    write_record,
)
from soccerbench.video.extraction.job import Job, load_models
from soccerbench.video.extraction.sliding import Slider, slide
from soccerbench.video.extraction.videos import Half, half_fingerprint
from soccerbench.video.models.base import Extractor


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
class HalfExtraction:
    """The extraction of one half."""

    job: Job  # which models, and how
    models: Mapping[str, Extractor]  # by name, in evaluation mode on the job's device
    half: Half  # of the job's root

    def run(self, progress: Progress) -> Outcome:
        """Extract what is missing; what became of the half."""
        half, started = self.half, time.monotonic()
        outcome = partial(Outcome, half.game, half.half)
        with only_writer(self._folder, lease=self._folder / f".{half.half}_{RECORD}.lease"):
            try:
                record, missing = self._look(self.job.check_free(half, video=self._video))
                if missing:
                    record = self._extract(record, missing, progress)
                joined = self._join(record)
            except (InputError, ValueError, OSError) as error:
                return outcome("failed", text=str(error))
            except torch.OutOfMemoryError:
                return outcome("failed", text=f"{half.video.path}: the GPU has no memory left; give a smaller --batch")
        if not missing and joined is record:
            progress(half.title, half.rows, half.rows)
            return outcome("there", half.rows)
        return outcome("done", half.rows, time.monotonic() - started)

    @property
    def _folder(self) -> Path:
        return self.job.out / self.half.game

    @cached_property
    def _video(self) -> dict[str, str]:
        return {"video": half_fingerprint(self.half.video)}

    def _look(self, record: HalfRecord | None) -> tuple[HalfRecord, list[ExtractorRow]]:
        """The record with the facts of today's video, and the models whose files are missing or damaged."""
        record = record or HalfRecord(video=self.half.video)
        missing = []
        for row in self.job.rows:
            known = record.features.get(self.job.block(row.model))
            wanted = self.job.identity(row) | self._video
            if known is None or known.identity != wanted or not is_whole(self._folder, known):
                missing.append(row)
        return record.model_copy(update={"video": self.half.video}), missing

    def _extract(self, record: HalfRecord, missing: list[ExtractorRow], progress: Progress) -> HalfRecord:
        """Slide the missing models over the half and write their files; the half's new record."""
        started = time.monotonic()
        remove_leftovers(self._folder)
        with opened(self.half.video.path) as source:
            source.check()
        with ExitStack() as stack:
            files, sliders, compute = {}, {}, self.job.compute
            for row in missing:
                model, clip = self.models[row.model], Clip(row.clip.frames, row.clip.fps)
                stream = stack.enter_context(replacing(self._folder / self._file(row)))
                files[row.model] = FeatureWriter(stream, rows=self.half.rows, width=model.width)
                sliders[row.model] = Slider(model, clip, size=row.size, rows=self.half.rows, compute=compute)
            rate = grid_fps(slider.clip for slider in sliders.values())
            steps = prefetched(self._steps(rate, sorted({row.size for row in missing})))
            for name, rows in slide(sliders, steps, device=compute.device):
                files[name].append(normalised(rows, self.job.normalise))
                progress(self.half.title, min(file.written for file in files.values()), self.half.rows)
            hashes = {name: file.finish() for name, file in files.items()}
            pass_s = time.monotonic() - started
            made = {self.job.block(row.model): self._described(row, hashes[row.model], pass_s) for row in missing}
            record = record.model_copy(update={"features": record.features | made})
            write_record(self._folder, self.half.half, record)
        return record

    def _join(self, record: HalfRecord) -> HalfRecord:
        """Write the embedding, the columns of all five blocks, once all five are there, and the record."""
        folder, path = self._folder, self._folder / f"{self.half.half}_{JOINED_FILE}"
        blocks = {name: record.features[name] for name in JOINED_BLOCKS if name in record.features}
        of = {name: file.sha256 for name, file in blocks.items()}
        is_known = record.joined is not None and record.joined.of == of
        if len(blocks) < len(JOINED_BLOCKS) or (is_known and record.joined and is_whole(folder, record.joined)):
            return record
        if len({file.identity["video"] for file in blocks.values()}) > 1:
            raise InputError(path, "its blocks come from different videos", "extract the five together with --force")
        widths, rows = {name: file.width for name, file in blocks.items()}, blocks[JOINED_BLOCKS[0]].rows
        with replacing(path) as stream:
            joined = FeatureWriter(stream, rows=rows, width=sum(widths.values()))
            for parts in zip(*(checked_rows(folder, file) for file in blocks.values()), strict=True):
                joined.append(np.concatenate(parts, axis=1))
            made = JoinedFile(file=path.name, rows=rows, widths=widths, sha256=joined.finish(), of=of)
            record = record.model_copy(update={"joined": made})
            write_record(folder, self.half.half, record)
        return record

    def _steps(self, rate: int, sizes: list[int]) -> Iterator[dict[int, Tensor]]:
        """The half's grid frames, a step at a time, each in every size that a model looks at: (N, H, W, 3)."""
        video, scalers = self.half.video, {size: Scaler(size, crop=True) for size in sizes}
        shown = on_grid(video.path, fps=rate, stop_s=video.stop_s, origin_s=video.start_s)
        scaled = (({size: scale(frame) for size, scale in scalers.items()}, times) for frame, times in shown)
        pictures = chain.from_iterable(starmap(repeat, scaled))
        while some := list(islice(pictures, rate * self.job.compute.step_s)):
            step = {size: torch.from_numpy(np.stack([picture[size] for picture in some])) for size in sizes}
            yield {size: images.pin_memory() for size, images in step.items()} if self.job.compute.on_gpu else step

    def _file(self, row: ExtractorRow) -> str:
        return f"{self.half.half}_{self.job.file(row.model)}"

    def _described(self, row: ExtractorRow, sha256: str, pass_s: float) -> FeatureFile:
        return FeatureFile(
            file=self._file(row),
            rows=self.half.rows,
            width=self.models[row.model].width,
            sha256=sha256,
            clip={"frames": row.clip.frames, "fps": row.clip.fps, "size": row.size},
            weights=self.models[row.model].source,
            identity=self.job.identity(row) | self._video,
            device=self.job.compute.name,
            versions={"soccerbench": __version__} | {package: version(package) for package in ("torch", "timm", "av")},
            pass_s=round(pass_s, 3),
        )


_loaded: list[tuple[Job, dict[str, Extractor]]] = []  # the models of this process


@dataclass(frozen=True)
class ExtractHalf:
    """The work of one task; a process loads the models for its first half and keeps them."""

    job: Job  # which models, and how
    half: Half  # of the job's root
    threads: int  # of the process

    def __call__(self, progress: Progress) -> Outcome:
        """Extract what is missing of the half."""
        torch.set_num_threads(self.threads)
        job = self.job
        if not _loaded or _loaded[0][0] != job:
            _loaded[:] = [(job, load_models(job.rows, job.weights, job.compute.device, plugin=job.plugin))]
        return HalfExtraction(job, _loaded[0][1], self.half).run(progress)
