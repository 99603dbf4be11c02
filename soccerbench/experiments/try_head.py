"""Trying a head of one's own on two clips before anything is trained."""

from __future__ import annotations

import traceback
from pathlib import Path

import torch

from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Experiment
from soccerbench.soccernet.classes import CLASSES
from soccerbench.specs.spotting import SpottingRow
from soccerbench.training.loop import uses_gpu


def try_head(experiment: Experiment, *, device: str) -> None:
    """Make a head of one's own and give it two clips of nothing: what is wrong with it is said before any training.

    Args:
        experiment: one with such a head; nothing is tried of another.
        device: "auto", "cpu" or "cuda", as it will be trained.

    Raises:
        InputError: a head that fails on the clips, or that makes no logits of them that can be trained.
    """
    head, row, plugin = experiment.head, experiment.row, experiment.plugin
    if head is None or plugin is None or not isinstance(row, SpottingRow):
        return
    store = experiment.root.store(row.blocks)
    device = "cuda" if uses_gpu(device) else "cpu"
    clips = torch.zeros(2, row.whole_rows("chunk_s", store.fps), store.width, device=device)  # (B, T, C)
    given = ", ".join([str(store.width), *(f"{key}={value!r}" for key, value in row.architecture.items())])
    try:
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            logits = head(store.width, **row.architecture).to(device)(clips)
    except torch.OutOfMemoryError:  # says more of the GPU, now, than of the head
        return
    except Exception as error:  # whatever the user's own code raises
        raise InputError(
            _place(error, plugin),
            f"{row.head}({given}) fails on features {tuple(clips.shape)} ({type(error).__name__}: {error})",
            "mend the file, or `architecture` of the row",
        ) from error
    shape = tuple(getattr(logits, "shape", ()))
    if shape != (len(clips), len(CLASSES) + 1):
        problem = f"{row.head}({given}) makes {shape or type(logits).__name__} of features {tuple(clips.shape)}"
        raise InputError(plugin, problem, f"give logits (B, {len(CLASSES) + 1}): the background, then the classes")
    if not logits.requires_grad:
        problem = f"{row.head}({given}) makes {logits.dtype} that no weight of it can be trained by"
        raise InputError(plugin, problem, "give logits that depend on its parameters")


def _place(error: Exception, file: Path) -> str:
    """The last line of the file on the way to an error; the file alone where none of its lines is."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.resolve()]
    return f"{file}:{lines[-1]}" if lines else str(file)
