"""The training loop: plain, resumable at every epoch, the same bits for the same seed.

All randomness of an epoch comes from (seed, epoch) alone, so that a resumed run draws what the uninterrupted run would
have drawn. On a GPU losses are summed on the device and read only every few steps.

Source: the paper's section 4 and the NetVLAD++ reference code for the schedule: Adam, the rate lowered on a plateau of
the validation loss, the best epoch kept; in ultra mode a fixed number of epochs and the last weights.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler, ReduceLROnPlateau

from soccerbench.errors import InputError
from soccerbench.progress import Progress
from soccerbench.specs.base import Annealing, Optimiser, Plateau, Precision
from soccerbench.training import checkpoint
from soccerbench.training.cuda_graph import ReplayedStep, copied
from soccerbench.training.history import Epoch, write_history
from soccerbench.training.optimisers import PLAIN, build_optimiser, build_schedule, sharpness_aware, trained
from soccerbench.training.parallel import rank_and_count, shared_step, summed
from soccerbench.training.precision import autocast, in_bfloat16
from soccerbench.training.prefetch import prefetched
from soccerbench.training.restore import restore

STEPS_PER_CHECK = 64  # on a GPU, which idles whenever the loss is read

log = logging.getLogger(__name__)
BatchT = TypeVar("BatchT", bound=tuple[Tensor, ...])


class Trainable(Protocol[BatchT]):
    """What the loop trains. It may also have `hold(device)`, to keep its data there, and `replayable`."""

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


class Trained(NamedTuple):
    """The model in evaluation mode, on the device, and how it came about."""

    model: nn.Module  # with the best epoch's weights, in ultra mode the last one's
    seconds: float  # of training, in all sessions
    resumed_after: int  # the epoch of the checkpoint that training was resumed from; 0 for none


class Selection(NamedTuple):
    """Chooses the best epoch by a score."""

    every: int  # epochs from one measurement to the next; the last epoch is measured too
    score: Callable[[nn.Module, torch.device], float]  # of a model in evaluation mode, on a device; higher is better


class Schedule(Protocol):
    """What the loop reads of a row."""

    learning_rate: float  # at the beginning, or after the warm-up
    weight_decay: float  # of the optimiser
    precision: Precision  # of the loss and its gradients
    max_epochs: int  # epochs at most; all of them where there is no plateau
    plateau: Plateau | None  # when the rate falls; None for a fixed number of epochs


def train(
    task: Trainable[Any],
    row: Schedule,
    *,
    seed: int,
    folder: Path,
    device: str,
    identity: dict[str, str],
    progress: Progress,
    about: dict[str, Any] | None = None,
    recipe: Optimiser | None = None,
    annealing: Annealing | None = None,
    select: Selection | None = None,
) -> Trained:
    """Train a row, from its last checkpoint where there is one.

    Args:
        folder: takes `checkpoint.pt` after every epoch, with the seconds that training took so far, and `history.csv`.
        identity: what the run depends on, kept in its checkpoints.
        about: a `checkpoint.Description` as plain data, kept in its checkpoints.
        recipe: what takes the steps; plain Adam if not given.
        annealing: how the rate falls over all epochs, in place of the plateau.
        select: what the best epoch is chosen by; the validation loss if not given.

    Raises:
        InputError: data that cannot be read, a checkpoint of another training, a non-finite loss, a full disk.
        ValueError: no such device here, or a precision that it does not have.
    """
    started, on_gpu, recipe = time.monotonic(), uses_gpu(device), recipe or PLAIN
    where = torch.device("cuda", torch.cuda.current_device()) if on_gpu else torch.device("cpu")
    in_bfloat16(row.precision, where.type)  # refused before features are read
    # As `use_deterministic_algorithms`, which also imports the part of torch's compiler that Adam does not: 0.7 s.
    torch.set_deterministic_debug_mode("default" if on_gpu else "error")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]  # nothing reads it
    rank, count = rank_and_count()
    torch.manual_seed(_torch_seed(seed, 0))
    model = task.model()
    if count > 1 and on_gpu:
        model = nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
    if hold := getattr(task, "hold", None):
        hold(where)
    model.to(where)
    optimiser = build_optimiser(
        recipe, model, learning_rate=row.learning_rate, weight_decay=row.weight_decay, on_gpu=on_gpu
    )
    schedule = build_schedule(optimiser, annealing=annealing, plateau=row.plateau, epochs=row.max_epochs)
    state = checkpoint.load(folder) or {
        "epoch": 0, "finished": False, "history": [], "best": None, "best_loss": math.inf, "identity": identity,
        "about": about,
    }  # fmt: skip
    before_s, resumed_after = state.get("seconds", 0.0), state["epoch"]
    if state["epoch"]:
        log.info("resuming after epoch %d", state["epoch"])
        restore(folder / checkpoint.CHECKPOINT, state, model, optimiser, schedule)
    step = _step(where, row, task, model, optimiser, sam_rho=recipe.sam_rho)
    while not state["finished"]:
        epoch = state["epoch"] + 1
        rate = optimiser.param_groups[0]["lr"]
        losses = _epoch(where, task, model, step, row=row, epoch=epoch, seed=seed, folder=folder, progress=progress)
        entry = Epoch(epoch=epoch, learning_rate=rate, train_loss=losses[0], valid_loss=losses[1])
        weights = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        is_last = _lower_rate(schedule, row, entry) or epoch >= row.max_epochs
        loss = entry.valid_loss if select is None else _selecting_loss(select, model, where, epoch, is_last=is_last)
        if loss is None or loss < state["best_loss"]:
            state |= {"best": weights, "best_loss": math.inf if loss is None else loss}
        state |= {
            "epoch": epoch,
            "finished": is_last,
            "history": [*state["history"], entry.model_dump()],
            "model": weights,
            "optimiser": optimiser.state_dict(),
            "schedule": None if schedule is None else schedule.state_dict(),
            "seconds": before_s + time.monotonic() - started,
        }
        if state["finished"]:
            kept = ("epoch", "finished", "history", "identity", "about", "seconds")
            state = {key: state[key] for key in kept} | {"model": state["best"]}
        if rank:
            continue
        checkpoint.save(folder, state)
        write_history(folder, state["history"])
        values = ", ".join(f"{key} {value}" for key, value in entry.model_dump(exclude={"epoch"}).items())
        log.info("epoch %d: %s", epoch, values, extra={"entry": entry, "folder": folder})
    if not rank:
        write_history(folder, state["history"])  # a kill may have come after the checkpoint
        (folder / checkpoint.PREVIOUS).unlink(missing_ok=True)
    model.load_state_dict(state["model"])
    return Trained(model.eval(), before_s + time.monotonic() - started, resumed_after)


def _selecting_loss(select: Selection, model: nn.Module, device: torch.device, epoch: int, *, is_last: bool) -> float:
    """Minus the score of an epoch; infinity where it is not measured."""
    if epoch % select.every and not is_last:
        return math.inf
    score = select.score(model.eval(), device)
    log.info("epoch %d: validation score %.4f", epoch, score)
    return -score


def uses_gpu(device: str) -> bool:
    """Whether `device`, "auto", "cpu" or "cuda", means a GPU on this machine.

    Raises:
        ValueError: another word, or "cuda" where there is none.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ValueError(f"unknown device {device!r}; give auto, cpu or cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise ValueError("device is cuda, but no GPU available; give auto or cpu")
    return device != "cpu" and torch.cuda.is_available()


def _loss(device: torch.device, row: Schedule, task: Trainable[Any], model: nn.Module, batch: Any) -> Tensor:
    """The loss of a batch in the row's precision."""
    with autocast(row.precision, device.type):
        return task.loss(model, batch)


def _step(
    device: torch.device, row: Schedule, task: Trainable[Any], model: nn.Module, optimiser: torch.optim.Optimizer, *,
    sam_rho: float | None,
) -> Callable[[Any], Tensor]:  # fmt: skip
    """What trains on one batch and returns its loss; on a GPU replayed where the task allows it."""

    def backward(batch: Any) -> Tensor:
        loss = _loss(device, row, task, model, batch)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        return loss.detach()

    def step(batch: Any) -> Tensor:
        if sam_rho is None:
            loss = backward(batch)
        else:
            loss = sharpness_aware(lambda: backward(batch), trained(model), rho=sam_rho)
        optimiser.step()
        return loss

    if rank_and_count()[1] > 1:
        return shared_step(lambda batch: _loss(device, row, task, model, batch), model, optimiser, device)
    if device.type == "cuda" and getattr(task, "replayable", False):
        return ReplayedStep(step, lambda: float(optimiser.param_groups[0]["lr"]))
    return step


def _epoch(
    device: torch.device, task: Trainable[Any], model: nn.Module, step: Callable[[Any], Tensor], *, row: Schedule,
    epoch: int, seed: int, folder: Path, progress: Progress,
) -> tuple[float, float | None]:  # fmt: skip
    """One pass over the training batches and one over the validation ones; the mean losses."""
    torch.manual_seed(_torch_seed(seed, epoch) + rank_and_count()[0])
    model.train()
    between = 1 if device.type == "cpu" else STEPS_PER_CHECK
    total, count, steps = torch.zeros((), dtype=torch.float64, device=device), 0, task.steps
    for number, batch in enumerate(_prefetched(task.batches(np.random.default_rng([seed, epoch])), device), start=1):
        total += step(batch).double() * len(batch[0])
        count += len(batch[0])
        if number % between == 0 or number == steps:
            check_finite_loss(folder, epoch, total.item())
            progress(f"epoch {epoch}/{row.max_epochs}", (epoch - 1) * steps + number, row.max_epochs * steps)
    train_loss, count = summed(total, count)
    valid_loss = _valid_loss(device, row, task, model)
    for loss in (train_loss, valid_loss or 0.0):
        check_finite_loss(folder, epoch, loss)
    return train_loss / count, valid_loss


def check_finite_loss(folder: Path, epoch: int, loss: float) -> None:
    """Refuse NaN and infinity.

    Raises:
        InputError: names the run and the epoch.
    """
    if not math.isfinite(loss):
        raise InputError(folder, f"epoch {epoch}: the loss is {loss}", "set a lower learning_rate")


@torch.no_grad()
def _valid_loss(device: torch.device, row: Schedule, task: Trainable[Any], model: nn.Module) -> float | None:
    model.eval()
    total, count = torch.zeros((), dtype=torch.float64, device=device), 0
    for batch in _prefetched(task.valid_batches(), device):
        total += _loss(device, row, task, model, batch).double() * len(batch[0])
        count += len(batch[0])
    return total.item() / count if count else None


def _prefetched(batches: Iterator[Any], device: torch.device) -> Iterator[Any]:
    """Batches on a device; for a GPU each is made and copied while the one before is computed with."""
    return prefetched(copied(batches, device)) if device.type == "cuda" else batches


def _lower_rate(schedule: LRScheduler | None, row: Schedule, entry: Epoch) -> bool:
    """Step the schedule at the end of an epoch; whether training should stop."""
    if schedule is None:
        return False
    if not isinstance(schedule, ReduceLROnPlateau):
        schedule.step()
        return False
    if row.plateau is None or entry.valid_loss is None:
        return False
    schedule.step(entry.valid_loss)
    patient: bool = schedule.num_bad_epochs >= row.plateau.patience
    return patient and entry.learning_rate < row.plateau.stop_below


def _torch_seed(seed: int, epoch: int) -> int:
    """A seed for torch's generator that no other (seed, epoch) shares."""
    return int(np.random.SeedSequence([seed, epoch]).generate_state(1, np.uint64)[0] >> 1)
