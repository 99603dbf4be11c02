"""Learning curves to TensorBoard or Weights & Biases, where asked for; `history.csv` is always written.

The training loop logs one record an epoch with its `Epoch` (`entry`) and the run's folder (`folder`); a handler reads
those records, so that no run depends on it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

TRAINING = "soccerbench.training.loop"
Curve = tuple[Callable[[dict[str, float], int], None], Callable[[], None]]  # notes an epoch; writes out all of them


def _tensorboard(folder: Path) -> Curve:
    """Event files in the run's folder `tensorboard`; open them with `tensorboard --logdir`."""
    from torch.utils.tensorboard import SummaryWriter

    writer: Any = SummaryWriter(str(folder / "tensorboard"))

    def add(values: dict[str, float], epoch: int) -> None:
        for name, value in values.items():
            writer.add_scalar(name, value, epoch)

    return add, writer.close


def _wandb(folder: Path) -> Curve:
    """A run of the project `soccerbench`, called after its folder; wandb's own settings say where it goes."""
    import wandb

    run: Any = wandb.init(project="soccerbench", name="/".join(folder.parts[-4:]), dir=str(folder))
    return run.log, run.finish


KINDS = {"tensorboard": _tensorboard, "wandb": _wandb}


class _Listener(logging.Handler):
    """Hands each epoch to the curve of its run."""

    def __init__(self, begin: Callable[[Path], Curve]) -> None:
        super().__init__(logging.INFO)
        self._begin = begin
        self._folder: Path | None = None
        self._curve: Curve | None = None

    def emit(self, record: logging.LogRecord) -> None:
        entry = getattr(record, "entry", None)
        if entry is None:
            return
        folder: Path = record.folder  # type: ignore[attr-defined]
        if self._curve is None or folder != self._folder:
            self.close()
            self._folder, self._curve = folder, self._begin(folder)
        self._curve[0](entry.model_dump(exclude={"epoch"}, exclude_none=True), entry.epoch)

    def close(self) -> None:
        if self._curve is not None:
            self._curve[1]()
            self._curve = None
        super().close()


@contextmanager
def curves_to(kind: str | None) -> Iterator[None]:
    """Send the epochs of all training in here to `kind`, "tensorboard" or "wandb"; nowhere for None.

    Raises:
        ValueError: another word, or a package that is not installed.
    """
    if kind is None:
        yield
        return
    if kind not in KINDS:
        raise ValueError(f"--log {kind!r}: known are {', '.join(KINDS)}")
    if find_spec(kind) is None:
        raise ValueError(f"--log {kind}: not installed; pip install {kind}, or leave --log out")
    listener = _Listener(KINDS[kind])
    training = logging.getLogger(TRAINING)
    training.addHandler(listener)
    try:
        yield
    finally:
        training.removeHandler(listener)
        listener.close()
