"""Puts the state of a checkpoint in place, after a check that it is one of the same training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.lr_scheduler import LRScheduler

from soccerbench.errors import InputError
from soccerbench.training.history import Epoch
from soccerbench.training.optimisers import trained


def restore(
    file: Path, state: dict[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer, schedule: LRScheduler | None
) -> None:
    """Put the state of a checkpoint in place; of the optimiser, its moments and its rate.

    Raises:
        InputError: it is not the state of such a training.
    """
    try:
        _check_model(state, model.state_dict())
        if not state["finished"]:
            rate, given = state["optimiser"]["param_groups"][0]["lr"], state["optimiser"]["state"]
            amsgrad = optimiser.param_groups[0]["amsgrad"]
            parameters = enumerate(trained(model))
            moments = {number: _moments(value, amsgrad=amsgrad) for number, value in parameters if number in given}
            _check(_alike(rate, 0.0) and _alike(given, moments), "optimiser")
            optimiser.load_state_dict({**optimiser.state_dict(), "state": given})
            optimiser.param_groups[0]["lr"] = rate
            _check(_alike(state["schedule"], None if schedule is None else schedule.state_dict()), "schedule")
            if schedule is not None:
                schedule.load_state_dict(state["schedule"])
        model.load_state_dict(state["model"])
    except Exception as error:  # whatever damage makes torch raise
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:200]
        problem = f"not a state of this training ({reason})"
        raise InputError(file, problem, "delete it to train from the start") from None


def _check_model(state: dict[str, Any], own: dict[str, Tensor]) -> None:
    history = [Epoch.model_validate(entry) for entry in state["history"]]
    _check([one.epoch for one in history] == list(range(1, state["epoch"] + 1)), "history")
    _check(_alike([state["seconds"], state["finished"]], [0.0, False]), "seconds, finished")
    _check(_alike(state["model"], own), "model")
    if not state["finished"]:
        _check(state["best"] is None or _alike(state["best"], own), "best")
        _check(_alike(state["best_loss"], 0.0), "best_loss")


def _check(holds: bool, key: str) -> None:
    if not holds:
        raise ValueError(key)


def _moments(weight: Tensor, *, amsgrad: bool) -> dict[str, Tensor]:
    """What Adam keeps of a weight."""
    kept = {"step": torch.zeros(()), "exp_avg": weight, "exp_avg_sq": weight}
    return kept | ({"max_exp_avg_sq": weight} if amsgrad else {})


def _alike(value: Any, own: object) -> bool:
    """Whether a value has the types, keys and shapes of another, and its tensors are whole."""
    if isinstance(own, Tensor):
        is_whole = isinstance(value, Tensor) and value.layout is torch.strided and value.device.type == "cpu"
        return is_whole and (value.shape, value.dtype) == (own.shape, own.dtype)
    if isinstance(own, dict):
        return (
            isinstance(value, dict) and value.keys() == own.keys() and all(_alike(value[key], own[key]) for key in own)
        )
    if isinstance(own, list | tuple):
        return type(value) is type(own) and len(value) == len(own) and all(map(_alike, value, own))
    return type(value) is type(own)
