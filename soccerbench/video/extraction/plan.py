"""A whole extraction: everything checked first, then one half after the other, in one process or several."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from soccerbench.errors import InputError
from soccerbench.experiments.executors.machines import HERE, Machines
from soccerbench.experiments.executors.task import Task, run_tasks
from soccerbench.features.sources import root_blocks
from soccerbench.features.store import simulation
from soccerbench.files import write_json
from soccerbench.lease import only_writer
from soccerbench.progress import Progress, silent
from soccerbench.soccernet.archive import parse_json
from soccerbench.specs.base import Precision
from soccerbench.specs.features import file_of, load_features
from soccerbench.specs.video_models import load_extractors
from soccerbench.training.loop import uses_gpu
from soccerbench.training.precision import in_bfloat16
from soccerbench.video.extraction.feature_files import Normalise, read_record
from soccerbench.video.extraction.half import ExtractHalf, HalfExtraction, Outcome
from soccerbench.video.extraction.job import Job, find_weights, load_models, settings_of
from soccerbench.video.extraction.sliding import Compute
from soccerbench.video.extraction.videos import Half, Halves, find_games, find_halves

DESCRIPTION = "features.json"
STEP_S = {"cpu": 1, "cuda": 8}
DEVICE = {"cpu": "cpu", "cuda": "cuda:0"}  # a process has one GPU, its first


@dataclass(frozen=True)
class Plan:
    """What a call will extract."""

    job: Job
    halves: Halves
    machines: Machines
    jobs: int


def plan(
    root: Path,
    *,
    models: Sequence[str],
    checkpoints: Sequence[str] = (),
    untrained: bool = False,
    mega: bool = False,
    out: Path | None = None,
    games: Sequence[str] = (),
    split: str | None = None,
    device: str = "auto",
    machines: Machines = HERE,
    batch: int | None = None,
    precision: Precision = "auto",
    normalise: Normalise = "l2",
    settings: Sequence[tuple[str, Any]] = (),
    table: str = "table1",
    plugin: Path | None = None,
    force: bool = False,
    halves: Halves | None = None,
) -> Plan:
    """Choose models, checkpoints and halves, and check everything that can be checked without decoding.

    The arguments are the options of `soccerbench extract`, but for four: `models` may hold names of sets of
    `features.yaml`, `settings` are (dotted key, value) pairs, which override the specs; `machines`
    say where halves are extracted; `halves` are extracted in place of those found below the root.

    Raises:
        InputError: no such root or game, an unusable checkpoint, or features that would have to be overwritten.
        SpecError: an unknown model, or a setting that no model has.
        ValueError: a model without a checkpoint, an unknown device, or bfloat16 where it cannot be computed.
    """
    sets = load_features().sets
    names = list(dict.fromkeys(name for model in models for name in sets.get(model, (model,))))
    specs = load_extractors(table, models=names, settings=settings).rows
    weights = find_weights([row.model for row in specs], checkpoints, untrained=untrained)
    of_weights = [setting for row in specs for setting in settings_of(row, weights[row.model])]
    specs = load_extractors(table, models=names, settings=[*of_weights, *settings]).rows
    on_gpu = uses_gpu(device) if machines.is_here else device == "cuda"
    kind = "cuda" if on_gpu else "cpu"
    job = Job(
        root=root,
        out=out or root,
        rows=specs,
        weights=weights,
        mega=mega,
        normalise=normalise,
        compute=Compute(torch.device(DEVICE[kind]), batch or STEP_S[kind], in_bfloat16(precision, kind)),
        plugin=plugin,
        force=force,
    )
    halves = halves or find_halves(root, find_games(root, games=games, split=split))
    if job.untrained:
        check_unmixed(job.out, halves.good)
    for half in halves.good:
        job.check_free(half)
    here = torch.cuda.device_count() if on_gpu and machines.is_here else 1
    return Plan(job, halves, machines, machines.jobs or here)


def run(planned: Plan, *, progress: Progress = silent) -> Iterator[Outcome]:
    """Extract what was planned; what is there and whole is kept.

    Yields:
        What became of each half, as they are done; those without a usable video first.
    """
    job, halves = planned.job, planned.halves
    in_process = planned.machines.is_here and planned.jobs == 1
    device = job.compute.device if in_process else torch.device("cpu")
    models = load_models(job.rows, job.weights, device, plugin=job.plugin)
    widths = {job.block(name): model.width for name, model in models.items()}
    with only_writer(job.out / DESCRIPTION):
        describe(job.root, job.out, widths, untrained=job.untrained)
    for game, half, text in halves.bad:
        yield Outcome(game, half, "failed", text=text)
    if in_process:
        for one in halves.good:
            yield HalfExtraction(job, models, one).run(progress)
        return
    del models
    threads = planned.machines.threads(torch.get_num_threads(), planned.jobs)
    tasks = [Task(half.title, job.out / half.game, ExtractHalf(job, half, threads)) for half in halves.good]
    executor = planned.machines.executor(job.out, jobs=planned.jobs, device=job.compute.device.type)
    for task, end in run_tasks(tasks, executor, progress=lambda _: progress):
        if end.lost is None:
            end.raise_failure(task)
            yield end.value
        else:
            lost, text = halves.good[tasks.index(task)], f"{end.lost}, as when memory runs out; run it again"
            yield Outcome(lost.game, lost.half, "failed", text=text)


def check_unmixed(out: Path, halves: Iterable[Half]) -> None:
    """Refuse random weights in a folder with other features: the whole folder would be marked as simulated."""
    if simulation(out):
        return
    known = {block.file for block in root_blocks(out).values()}
    for half in halves:
        record = read_record(out / half.game, half.half)
        ours = set() if record is None else {file.file for file in record.features.values()}
        ours |= {record.joined.file} if record is not None and record.joined is not None else set()
        for path in sorted((out / half.game).glob(f"{half.half}_*.npy")):
            if path.name not in ours and path.name[2:] in known:
                raise InputError(path, "was not extracted here", "give untrained features a separate folder with --out")


def describe(root: Path, out: Path, widths: Mapping[str, int], *, untrained: bool) -> None:
    """Write `features.json` if a block's width differs from `features.yaml`, or the features are not comparable.

    Features of simulated videos or random weights are not: the folder is marked as simulated, so that nothing measured
    on it is compared with a published number.
    """
    marked = simulation(out)
    simulated = simulation(root) | marked
    random = set(simulated.pop("untrained", [])) - set(widths) | (set(widths) if untrained else set())
    if random:
        simulated["untrained"] = sorted(random)
    blocks = root_blocks(out)
    own = {
        name: {"file": file_of(name), "width": width, "fps": 1}
        for name, width in widths.items()
        if name not in blocks or (blocks[name].width, blocks[name].fps) != (width, 1)
    }
    if own or simulated != marked:
        file = out / DESCRIPTION
        known = dict(parse_json(file.read_bytes(), file)) if file.exists() else {}
        content = {"simulated": simulated} if simulated else {}
        write_json(file, {**known, **content, "blocks": known.get("blocks", {}) | own})
