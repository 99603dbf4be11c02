"""Features of a match's videos, for the runs that need them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from soccerbench.errors import InputError
from soccerbench.experiments.executors.machines import Machines
from soccerbench.inference.match import Match
from soccerbench.inference.run import Run
from soccerbench.video.decoding.video import probe
from soccerbench.video.extraction.plan import plan, run
from soccerbench.video.extraction.videos import Half, Halves


def with_features(
    match: Match, runs: Sequence[Run], *, out: Path, checkpoints: Sequence[str], untrained: bool,
    settings: Sequence[tuple[str, Any]], device: str,
) -> Match:  # fmt: skip
    """Slide the video models of the runs' blocks over the videos; features of an earlier call are kept.

    The other arguments are those of `extract`.
    """
    if not match.videos:
        raise InputError(match.folder or match.name, "no video", "give one a half, such as 1.mkv and 2.mkv")
    blocks = list(dict.fromkeys(name for one in runs for name in one.row.blocks))
    halves = [Half(match.name, half, probe(path)) for half, path in match.videos.items()]
    planned = plan(
        next(iter(match.videos.values())).parent, models=[name.removeprefix("mega-") for name in blocks],
        mega=all(name.startswith("mega-") for name in blocks), checkpoints=checkpoints, untrained=untrained, out=out,
        device=device, machines=Machines(jobs=1), settings=settings, halves=Halves(tuple(halves), (), ()),
    )  # fmt: skip
    for outcome in run(planned):
        if outcome.state == "failed":
            raise InputError(match.videos[outcome.half], outcome.text, "copy the file again")
    return replace(match, folder=out / match.name, features={})
