"""Which data a command works on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from soccerbench.data.root import Root


def open_root(data: str | None, features: Path | None, *, say: Callable[[str], None]) -> Root:
    """The root that was asked for, or else the one in $SOCCERNET_ROOT, or else the embedded dataset.

    Args:
        data: a folder, or "mini" for the embedded dataset; None to choose as above.
        features: where the features lie, if elsewhere.
        say: told which data it is when nobody asked for it.

    Raises:
        InputError: no SoccerNet folder.
    """
    chosen = data or os.environ.get("SOCCERNET_ROOT")
    if chosen and chosen != "mini":
        if not data:
            say(f"Data: {chosen} (from SOCCERNET_ROOT).")
        return Root(Path(chosen), features=features)
    from soccerbench.data.mini import cached_mini

    if not chosen:
        say("Data: the embedded SIMULATED dataset `mini`, since neither --data nor SOCCERNET_ROOT names a folder.")
    return Root(cached_mini(), features=features, name="mini")
