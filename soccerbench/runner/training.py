"""The training loop: plain, resumable at every epoch, the same bits for the same seed.

All randomness of an epoch comes from (seed, epoch) alone, so that a run that was killed and goes on draws what the
uninterrupted run would have drawn.

Source: the paper's section 4 and the NetVLAD++ reference code for the schedule: Adam, the rate lowered on a plateau of
the validation loss, the best epoch kept; in ultra mode a fixed number of epochs and the last weights.
"""

from __future__ import annotations

import csv
import io
import logging
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn

from soccerbench.data.errors import InputError
from soccerbench.data.files import write_bytes
from soccerbench.runner import checkpoint
from soccerbench.runner.progress import Progress
from soccerbench.runner.read_ahead import read_ahead
from soccerbench.specs.base import Plateau

log = logging.getLogger(__name__)
BatchT = TypeVar("BatchT", bound=tuple[Tensor, ...])


class Task(Protocol[BatchT]):
    """What the loop asks of a task."""

    def model(self) -> nn.Module:
        """A fresh model, drawn from torch's global generator."""

    @property
    def steps(self) -> int:
        """Batches in one epoch."""

    def batches(self, rng: np.random.Generator) -> Iterator[BatchT]:
        """The batches of one epoch."""

    def valid_batches(self) -> Iterator[BatchT]:
        """The validation batches; none in ultra mode."""

    def loss(self, model: nn.Module, batch: BatchT) -> Tensor:
        """The mean loss of a batch."""


class Schedule(Protocol):
    """What the loop reads of a row."""

    @property
    def learning_rate(self) -> float:
        """Of Adam, at the beginning."""

    @property
    def weight_decay(self) -> float:
        """Of Adam."""

    @property
    def max_epochs(self) -> int:
        """Epochs at most; all of them where there is no plateau."""

    @property
    def plateau(self) -> Plateau | None:
        """When the rate falls; None for a fixed number of epochs."""


def train(
    task: Task[Any],
    row: Schedule,
    *,
    seed: int,
    folder: Path,
    device: str,
    identity: dict[str, str],
    progress: Progress,
) -> nn.Module:
    """Train a row, from its last checkpoint where there is one.

    Args:
        task: model, batches and loss.
        row: epochs, optimiser and schedule.
        seed: of the weights and of every draw.
        folder: takes `checkpoint.pt` after every epoch and `history.csv`.
        device: "auto", "cpu" or "cuda".
        identity: what the run depends on, kept in its checkpoints.
        progress: called after every epoch.

    Returns:
        The model in evaluation mode: the best epoch's weights, in ultra mode the last one's.

    Raises:
        InputError: data that cannot be read, a loss that is no number, a full disk.
        ValueError: no such device here.
    """
    from lightning_fabric import Fabric  # seconds to import: only where training starts

    on_gpu = uses_gpu(device)
    fabric = Fabric(accelerator="cuda" if on_gpu else "cpu", devices=1, precision="bf16-mixed" if on_gpu else "32-true")
    torch.use_deterministic_algorithms(not on_gpu)
    torch.manual_seed(_draw_seed(seed, 0))
    plain = task.model()
    _hold(task, fabric.device)
    model, optimiser = fabric.setup(
        plain,
        torch.optim.Adam(plain.parameters(), lr=row.learning_rate, weight_decay=row.weight_decay, fused=True),
    )
    plateau = _plateau(row, optimiser)
    state = checkpoint.load(folder) or {
        "epoch": 0, "finished": False, "history": [], "best": None, "best_loss": math.inf, "identity": identity,
    }  # fmt: skip
    if state["epoch"]:
        log.info("going on after epoch %d", state["epoch"])
        plain.load_state_dict(state["model"])
        if not state["finished"]:
            optimiser.load_state_dict(state["optimiser"])
            if plateau is not None:
                plateau.load_state_dict(state["plateau"])
    while not state["finished"]:
        epoch = state["epoch"] + 1
        entry = _epoch(
            fabric, task, model, optimiser, row=row, epoch=epoch, seed=seed, folder=folder, progress=progress
        )
        weights = {name: value.detach().cpu().clone() for name, value in plain.state_dict().items()}
        if entry["valid_loss"] is None or entry["valid_loss"] < state["best_loss"]:
            state |= {"best": weights, "best_loss": math.inf if entry["valid_loss"] is None else entry["valid_loss"]}
        state |= {
            "epoch": epoch,
            "finished": _lower_rate(plateau, row, entry) or epoch >= row.max_epochs,
            "history": [*state["history"], entry],
            "model": weights,
            "optimiser": optimiser.state_dict(),
            "plateau": None if plateau is None else plateau.state_dict(),
        }
        if state["finished"]:
            state = {key: state[key] for key in ("epoch", "finished", "history", "identity")} | {"model": state["best"]}
        checkpoint.save(folder, state)
        _write_history(folder, state["history"])
        told = ", ".join(f"{key} {value}" for key, value in entry.items() if key != "epoch")
        log.info("epoch %d: %s", epoch, told, extra={"entry": entry, "folder": folder})
    _write_history(folder, state["history"])  # a kill may have come between the last checkpoint and its history
    (folder / checkpoint.PREVIOUS).unlink(missing_ok=True)
    plain.load_state_dict(state["model"])
    return plain.eval()


def uses_gpu(device: str) -> bool:
    """Whether `device`, "auto", "cpu" or "cuda", means a GPU on this machine.

    Raises:
        ValueError: another word, or "cuda" where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"unknown device {device!r}; give auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda, but no GPU is to be seen here; give auto or cpu")
    return device != "cpu" and torch.cuda.is_available()


def _epoch(
    fabric: Any, task: Task[Any], model: Any, optimiser: Any, *, row: Schedule, epoch: int, seed: int, folder: Path,
    progress: Progress,
) -> dict[str, Any]:  # fmt: skip
    """One pass over the training batches and one over the validation ones; its line of the history."""
    torch.manual_seed(_draw_seed(seed, epoch))
    rate = optimiser.param_groups[0]["lr"]
    model.train()
    total = count = 0.0
    batches = read_ahead(_pinned(task.batches(np.random.default_rng([seed, epoch])), fabric.device))
    for step, batch in enumerate(batches, start=1):
        loss = task.loss(model, fabric.to_device(batch))
        _refuse_nonsense(folder, epoch, loss.item())
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        optimiser.step()
        total, count = total + loss.item() * len(batch[0]), count + len(batch[0])
        progress(f"epoch {epoch}/{row.max_epochs}", (epoch - 1) * task.steps + step, row.max_epochs * task.steps)
    valid_loss = _valid_loss(fabric, task, model)
    _refuse_nonsense(folder, epoch, valid_loss or 0.0)
    return {"epoch": epoch, "learning_rate": rate, "train_loss": total / count, "valid_loss": valid_loss}


def _refuse_nonsense(folder: Path, epoch: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise InputError(folder, f"epoch {epoch}: the loss is {loss}", "set a lower learning_rate")


@torch.no_grad()
def _valid_loss(fabric: Any, task: Task[Any], model: Any) -> float | None:
    model.eval()
    total = count = 0.0
    for batch in read_ahead(_pinned(task.valid_batches(), fabric.device)):
        total += task.loss(model, fabric.to_device(batch)).item() * len(batch[0])
        count += len(batch[0])
    return total / count if count else None


def _hold(task: Task[Any], device: torch.device) -> None:
    """Let a task that can keep its data on the device do so."""
    hold = getattr(task, "hold", None)
    if callable(hold):
        hold(device)


def _pinned(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    """Batches in memory that a GPU can copy from while it computes; on the CPU as they are."""
    for batch in batches:
        if device.type == "cuda" and batch[0].device.type == "cpu":
            yield batch._make(value.pin_memory() for value in batch)
        else:
            yield batch


def _plateau(row: Schedule, optimiser: Any) -> torch.optim.lr_scheduler.ReduceLROnPlateau | None:
    if row.plateau is None:
        return None
    return torch.optim.lr_scheduler.ReduceLROnPlateau(
        getattr(optimiser, "optimizer", optimiser), factor=row.plateau.factor, patience=row.plateau.patience
    )


def _lower_rate(plateau: Any, row: Schedule, entry: dict[str, Any]) -> bool:
    """Tell the schedule this epoch's validation loss; whether nothing more is to be gained."""
    if plateau is None or row.plateau is None:
        return False
    plateau.step(entry["valid_loss"])
    patient: bool = plateau.num_bad_epochs >= row.plateau.patience
    return patient and entry["learning_rate"] < row.plateau.stop_below


def _write_history(folder: Path, history: list[dict[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(history[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_bytes(folder / "history.csv", text.getvalue().encode())


def _draw_seed(seed: int, epoch: int) -> int:
    """A seed for torch's generator that no other (seed, epoch) shares."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
