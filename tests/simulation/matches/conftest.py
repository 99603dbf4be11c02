from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soccerbench.simulation.matches import write_mini
from soccerbench.simulation.matches.broadcast import Shot, broadcast
from soccerbench.simulation.matches.match import Match, play_match

SEASON = 200


@pytest.fixture(scope="session")
def season() -> list[Match]:
    """Games as they come, without the condition that every class occurs in every split."""
    return [play_match(np.random.default_rng([11, game])) for game in range(SEASON)]


@pytest.fixture(scope="session")
def shown(season: list[Match]) -> list[list[Shot]]:
    """What the broadcast shows of each of them."""
    return [broadcast(match, np.random.default_rng([12, game])) for game, match in enumerate(season)]


@pytest.fixture(scope="session")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four games, one in each split; no test may change it."""
    out = tmp_path_factory.mktemp("data") / "small"
    write_mini(out, games=4)
    return out
