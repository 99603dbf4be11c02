"""One training on several processes, each with a share of every batch, by torch's DistributedDataParallel.

Conventions
    rank   number of a process; 0 is the one that was called: it alone writes files and reports progress
    share  the clips of a batch that a rank computes; losses and gradients are means over the whole batch
    norm   batch norm takes the statistics of the whole batch on GPUs, of each share on a CPU
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from soccerbench.processes import start_worker

PATIENCE_S = 10  # with a process that has nothing left to do


def rank_and_count() -> tuple[int, int]:
    """Of this process; (0, 1) for a training on one."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_available() and dist.is_initialized() else (0, 1)


@contextmanager
def several(count: int, work: Callable[[], None], *, on_gpu: bool) -> Iterator[None]:
    """Make this process rank 0 of several; the others call `work`, which pickles and trains what this one trains.

    On GPUs each rank computes on the one of its number.

    Raises:
        ValueError: fewer GPUs here.
    """
    if count == 1:
        yield
        return
    if on_gpu and torch.cuda.device_count() < count:
        raise ValueError(f"--gpus {count}: this machine has {torch.cuda.device_count()}")
    with tempfile.TemporaryDirectory() as folder:
        meeting = Path(folder) / "meeting"
        threads = torch.get_num_threads()
        others = [start_worker(_follow, meeting, rank, count, on_gpu, threads, work) for rank in range(1, count)]
        try:
            _join(meeting, 0, count, on_gpu=on_gpu)
            yield
        finally:
            if dist.is_initialized():
                dist.destroy_process_group()
            for process, link in others:
                link.close()
                process.join(PATIENCE_S)
                process.kill()
                process.join()


def shared_step(
    loss: Callable[[Any], Tensor], model: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
) -> Callable[[Any], Tensor]:
    """What trains on this rank's share of a batch, with the other ranks; the mean loss of the share."""
    whole = DistributedDataParallel(_Loss(loss, model), device_ids=[device] if device.type == "cuda" else None)
    _, count = rank_and_count()

    def step(batch: Any) -> Tensor:
        clips = torch.tensor(float(len(batch[0])), device=device)
        dist.all_reduce(clips)
        found: Tensor = whole(batch)
        optimiser.zero_grad(set_to_none=True)
        (found * (len(batch[0]) * count / clips)).backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        return found.detach()

    return step


def summed(total: Tensor, count: int) -> tuple[float, int]:
    """A sum of losses and a number of clips over all ranks."""
    if rank_and_count()[1] == 1:
        return total.item(), count
    both = torch.stack([total.double(), torch.tensor(float(count), dtype=torch.float64, device=total.device)])
    dist.all_reduce(both)
    return both[0].item(), round(both[1].item())


class _Loss(nn.Module):
    """A loss as a module: DistributedDataParallel averages the gradients of what `forward` computes."""

    def __init__(self, loss: Callable[[Any], Tensor], model: nn.Module) -> None:
        super().__init__()
        self._loss, self.model = loss, model

    def forward(self, batch: Any) -> Tensor:
        return self._loss(batch)


def _follow(
    _link: Connection, meeting: Path, rank: int, count: int, on_gpu: bool, threads: int, work: Callable[[], None]
) -> None:
    """What the other processes do; the pipe only ends them."""
    torch.set_num_threads(threads)
    _join(meeting, rank, count, on_gpu=on_gpu)
    work()
    dist.destroy_process_group()


def _join(meeting: Path, rank: int, count: int, *, on_gpu: bool) -> None:
    if on_gpu:
        torch.cuda.set_device(rank)
    store = dist.FileStore(str(meeting), count)  # type: ignore[attr-defined]
    dist.init_process_group("nccl" if on_gpu else "gloo", store=store, rank=rank, world_size=count)
