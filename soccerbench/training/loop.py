"""The training loop: plain, resumable at every epoch, the same bits for the same seed.

All randomness of an epoch comes from (seed, epoch) alone, so that a run that was killed and goes on draws what the
uninterrupted run would have drawn. On a GPU losses are added up where they arise and looked at now and then.

Source: the paper's section 4 and the NetVLAD++ reference code for the schedule: Adam, the rate lowered on a plateau of
the validation loss, the best epoch kept; in ultra mode a fixed number of epochs and the last weights.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, ReduceLROnPlateau

from soccerbench.errors import InputError
from soccerbench.progress import Progress
from soccerbench.specs.base import Plateau
from soccerbench.training import checkpoint
from soccerbench.training.cuda_graph import ReplayedStep, copied
from soccerbench.training.history import Epoch, write_history
from soccerbench.training.memory import freed_memory_kept
from soccerbench.training.prefetch import read_ahead

STEPS_BETWEEN_LOOKS = 64  # on a GPU, which every look at the loss lets run dry

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


@freed_memory_kept()
def train(
    task: Task[Any],
    row: Schedule,
    *,
    seed: int,
    folder: Path,
    device: str,
    identity: dict[str, str],
    progress: Progress,
    cosine: bool = False,
) -> nn.Module:
    """Train a row, from its last checkpoint where there is one.

    Args:
        task: model, batches and loss.
        row: epochs, optimiser and schedule.
        seed: of the weights and of every draw.
        folder: takes `checkpoint.pt` after every epoch, with the seconds that training took so far, and `history.csv`.
        device: "auto", "cpu" or "cuda".
        identity: what the run depends on, kept in its checkpoints.
        progress: called after every epoch.
        cosine: the rate falls over all epochs along half a cosine, in place of the plateau.

    Returns:
        The model in evaluation mode: the best epoch's weights, in ultra mode the last one's.

    Raises:
        InputError: data that cannot be read, a loss that is no number, a full disk.
        ValueError: no such device here.
    """
    from lightning_fabric import Fabric  # seconds to import: only where training starts

    started, on_gpu = time.monotonic(), uses_gpu(device)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)  # what it chose for us, and advice to round more
    fabric = Fabric(accelerator="cuda" if on_gpu else "cpu", devices=1, precision="bf16-mixed" if on_gpu else "32-true")
    torch.use_deterministic_algorithms(not on_gpu)
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    torch.manual_seed(_draw_seed(seed, 0))
    plain = task.model()
    _hold(task, fabric.device)
    model, optimiser = fabric.setup(
        plain,
        torch.optim.Adam(
            plain.parameters(), lr=row.learning_rate, weight_decay=row.weight_decay, fused=True, capturable=on_gpu
        ),
    )
    schedule = _schedule(row, getattr(optimiser, "optimizer", optimiser), cosine=cosine)
    state = checkpoint.load(folder) or {
        "epoch": 0, "finished": False, "history": [], "best": None, "best_loss": math.inf, "identity": identity,
    }  # fmt: skip
    before_s = state.get("seconds", 0.0)
    if state["epoch"]:
        log.info("going on after epoch %d", state["epoch"])
        plain.load_state_dict(state["model"])
        if not state["finished"]:
            optimiser.load_state_dict(state["optimiser"])
            optimiser.param_groups[0]["capturable"] = on_gpu  # the checkpoint may be another device's
            if schedule is not None:
                schedule.load_state_dict(state["schedule"])
    step = _step(fabric, task, model, optimiser)
    while not state["finished"]:
        epoch = state["epoch"] + 1
        entry = {"epoch": epoch, "learning_rate": optimiser.param_groups[0]["lr"]}
        entry |= _epoch(
            fabric.device, task, model, step, row=row, epoch=epoch, seed=seed, folder=folder, progress=progress
        )
        weights = {name: value.detach().cpu().clone() for name, value in plain.state_dict().items()}
        if entry["valid_loss"] is None or entry["valid_loss"] < state["best_loss"]:
            state |= {"best": weights, "best_loss": math.inf if entry["valid_loss"] is None else entry["valid_loss"]}
        state |= {
            "epoch": epoch,
            "finished": _lower_rate(schedule, row, entry) or epoch >= row.max_epochs,
            "history": [*state["history"], entry],
            "model": weights,
            "optimiser": optimiser.state_dict(),
            "schedule": None if schedule is None else schedule.state_dict(),
            "seconds": before_s + time.monotonic() - started,
        }
        if state["finished"]:
            kept = ("epoch", "finished", "history", "identity", "seconds")
            state = {key: state[key] for key in kept} | {"model": state["best"]}
        checkpoint.save(folder, state)
        write_history(folder, [Epoch(**entry) for entry in state["history"]])
        told = ", ".join(f"{key} {value}" for key, value in entry.items() if key != "epoch")
        log.info("epoch %d: %s", epoch, told, extra={"entry": entry, "folder": folder})
    write_history(
        folder, [Epoch(**entry) for entry in state["history"]]
    )  # a kill may have come between the last checkpoint and its history
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


def _step(fabric: Any, task: Task[Any], model: Any, optimiser: Any) -> Callable[[Any], Tensor]:
    """What trains on one batch and returns its loss; on a GPU replayed where the task allows it."""

    def step(batch: Any) -> Tensor:
        loss = task.loss(model, batch)
        optimiser.zero_grad(set_to_none=True)
        fabric.backward(loss)
        optimiser.step()
        return loss.detach()

    if fabric.device.type == "cuda" and getattr(task, "replayable", False):
        return ReplayedStep(step, lambda: float(optimiser.param_groups[0]["lr"]))
    return step


def _epoch(
    device: torch.device, task: Task[Any], model: Any, step: Callable[[Any], Tensor], *, row: Schedule, epoch: int,
    seed: int, folder: Path, progress: Progress,
) -> dict[str, float | None]:  # fmt: skip
    """One pass over the training batches and one over the validation ones; the mean losses."""
    torch.manual_seed(_draw_seed(seed, epoch))
    model.train()
    between = 1 if device.type == "cpu" else STEPS_BETWEEN_LOOKS
    total, count, steps = torch.zeros((), dtype=torch.float64, device=device), 0, task.steps
    for number, batch in enumerate(_ahead(task.batches(_rng(seed, epoch)), device), start=1):
        total += step(batch).double() * len(batch[0])
        count += len(batch[0])
        if number % between == 0 or number == steps:
            _refuse_nonsense(folder, epoch, total.item())
            progress(f"epoch {epoch}/{row.max_epochs}", (epoch - 1) * steps + number, row.max_epochs * steps)
    valid_loss = _valid_loss(device, task, model)
    for loss in (total.item(), valid_loss or 0.0):
        _refuse_nonsense(folder, epoch, loss)
    return {"train_loss": total.item() / count, "valid_loss": valid_loss}


def _refuse_nonsense(folder: Path, epoch: int, loss: float) -> None:
    if not math.isfinite(loss):
        raise InputError(folder, f"epoch {epoch}: the loss is {loss}", "set a lower learning_rate")


@torch.no_grad()
def _valid_loss(device: torch.device, task: Task[Any], model: Any) -> float | None:
    model.eval()
    total, count = torch.zeros((), dtype=torch.float64, device=device), 0
    for batch in _ahead(task.valid_batches(), device):
        total += task.loss(model, batch).double() * len(batch[0])
        count += len(batch[0])
    return total.item() / count if count else None


def _ahead(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    """Batches on a device, each made while the one before is computed with, on a CPU by one core alone."""
    return read_ahead(copied(batches, device), one_core=device.type == "cpu")


def _hold(task: Task[Any], device: torch.device) -> None:
    """Let a task that can keep its data on the device do so."""
    hold = getattr(task, "hold", None)
    if callable(hold):
        hold(device)


def _schedule(
    row: Schedule, optimiser: torch.optim.Optimizer, *, cosine: bool
) -> CosineAnnealingLR | ReduceLROnPlateau | None:
    if cosine:
        return CosineAnnealingLR(optimiser, T_max=row.max_epochs)
    if row.plateau is None:
        return None
    return ReduceLROnPlateau(optimiser, factor=row.plateau.factor, patience=row.plateau.patience)


def _lower_rate(schedule: CosineAnnealingLR | ReduceLROnPlateau | None, row: Schedule, entry: dict[str, Any]) -> bool:
    """Tell the schedule that an epoch has passed; whether nothing more is to be gained."""
    if isinstance(schedule, CosineAnnealingLR):
        schedule.step()
    if not isinstance(schedule, ReduceLROnPlateau) or row.plateau is None:
        return False
    schedule.step(entry["valid_loss"])
    patient: bool = schedule.num_bad_epochs >= row.plateau.patience
    return patient and entry["learning_rate"] < row.plateau.stop_below


def _rng(seed: int, epoch: int) -> np.random.Generator:
    return np.random.default_rng([seed, epoch])


def _draw_seed(seed: int, epoch: int) -> int:
    """A seed for torch's generator that no other (seed, epoch) shares."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
