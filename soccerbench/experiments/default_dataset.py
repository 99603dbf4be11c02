"""Which data a command works on."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from pathlib import Path

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset


def open_root(
    data: str | Path | None, features: str | Path | None, *, say: Callable[[str], None] = lambda _: None
) -> Dataset:
    """The root that was asked for, or else the one in $SOCCERNET_ROOT, or else the embedded dataset.

    Args:
        data: a folder, or "mini" for the embedded dataset; None to choose as above.
        say: called with a line that says which data it is, where nobody asked for it.

    Raises:
        InputError: no SoccerNet folder.
    """
    features = None if features is None else Path(features)
    chosen = str(data or os.environ.get("SOCCERNET_ROOT") or "")
    if chosen and chosen != "mini":
        if not data:
            say(f"Data: {chosen} (from SOCCERNET_ROOT).")
        return Dataset(Path(chosen), features=features)
    from soccerbench.simulation.matches.write import cached_mini

    if not chosen:
        say("Data: the embedded SIMULATED dataset `mini`, since neither --data nor SOCCERNET_ROOT names a folder.")
    return Dataset(cached_mini(), features=features, name="mini")


def root_of_runs(datasets: Collection[str], data: str | None) -> Dataset | None:
    """The data that runs were made on: the folder given, the one in $SOCCERNET_ROOT, or the embedded dataset.

    Args:
        datasets: that the runs name.
        data: a folder, or "mini"; None to look for it.

    Returns:
        None where nothing was given and neither of the others is one of `datasets`.

    Raises:
        InputError: `data` is no SoccerNet folder, or none of `datasets`.
    """
    if data is not None:
        root = open_root(data, None)
        if root.name not in datasets:
            names = ", ".join(sorted(datasets))
            raise InputError(root.path, f"the runs were made on {names}", f"give the folder called {names}")
        return root
    chosen = os.environ.get("SOCCERNET_ROOT")
    if chosen and Path(chosen).resolve().name in datasets:
        return open_root(chosen, None)
    return open_root("mini", None) if "mini" in datasets else None
