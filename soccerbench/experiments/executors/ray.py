"""Tasks on a Ray cluster.

Only paths and specs are shipped, and only small outcomes come back, so that the object store holds no data of ours.
"""

from __future__ import annotations

import atexit
import logging
import os
import socket
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from soccerbench.experiments.executors.remote import NOTES, POLL_S, Remote, Shipped
from soccerbench.experiments.executors.task import Ended, Task
from soccerbench.files import remove_leftovers

CONNECT_S = 10.0
ASK_S, GONE_S = 2.0, 20.0  # between two questions whether the head is there; without an answer until it counts as gone
log = logging.getLogger(__name__)


class Ray(Remote):
    """An `Executor` of Ray tasks, spread over the nodes.

    Args:
        address: of the cluster; None for $RAY_ADDRESS, else one that runs on this machine, else this machine alone.
        gpus: GPUs that each task reserves, such as 0.5.
    """

    def __init__(self, shared: Path, *, address: str | None, jobs: int | None, cpus: int, gpus: float) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        import ray

        super().__init__(shared, jobs)
        remove_leftovers(shared, of=NOTES)  # Ray stops the tasks of a driver that ends
        self._ray, self._ours = ray, not ray.is_initialized()
        if self._ours:
            _check_reachable(address)
            ray.init(address=address, logging_level=logging.WARNING, log_to_driver=False, include_dashboard=False)
        self._head = ray.get_runtime_context().gcs_address
        self._answered_s = self._asked_s = time.monotonic()
        self._gone = False
        self._start = ray.remote(
            num_cpus=cpus, num_gpus=gpus, max_retries=0, scheduling_strategy="SPREAD"
        )(_call)  # fmt: skip
        have = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        if not any(one.get("CPU", 0) >= cpus and one.get("GPU", 0) >= gpus for one in have):
            log.warning("no node of the cluster has %d cores and %g GPUs; tasks wait for one that has", cpus, gpus)

    def close(self) -> None:
        """Cancel what still runs, and leave the cluster."""
        if self._gone:  # at exit, Ray would wait for it for a minute
            self._running = {}
            atexit.register(_leave)
        super().close()
        if self._ours and not self._gone:
            self._ray.shutdown()

    def _launch(self, shipped: Sequence[Shipped]) -> list[Any]:
        return [self._start.remote(one) for one in shipped]

    def _wait(self, handles: list[Any]) -> list[Any]:
        self._check_head()
        self._ray.wait(handles, timeout=POLL_S, fetch_local=False)
        done, _ = self._ray.wait(handles, num_returns=len(handles), timeout=0, fetch_local=False)
        return list(done)

    def _check_head(self) -> None:
        """Notice that the head is gone before Ray does, which ends this process after a minute."""
        if time.monotonic() - self._asked_s < ASK_S:
            return
        self._asked_s = time.monotonic()
        try:
            _check_reachable(self._head)
            self._answered_s = time.monotonic()
        except ConnectionError as error:
            if self._asked_s - self._answered_s > GONE_S:
                raise ConnectionError(
                    f"the head of the Ray cluster is gone: {error}, and the same command resumes"
                ) from None

    def _end(self, task: Task, handle: Any) -> Ended:
        try:
            ended: Ended = self._ray.get(handle)
        except self._ray.exceptions.RayError as error:
            return Ended(task.title, lost=f"Ray lost it ({type(error).__name__})")
        return ended

    def _cancel(self, handle: Any) -> None:
        self._ray.cancel(handle, force=True)


def _leave() -> None:
    sys.stdout.flush()
    os._exit(2)


def _call(shipped: Shipped) -> Ended:
    return shipped()


def _check_reachable(address: str | None) -> None:
    """Ray itself would try for minutes."""
    host, _, port = (address or "").rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        return
    try:
        socket.create_connection((host, int(port)), CONNECT_S).close()
    except (OSError, OverflowError) as error:
        raise ConnectionError(f"no Ray cluster at {address} ({error}); `ray start --head` starts one") from None
