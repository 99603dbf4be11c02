from __future__ import annotations

import numpy as np
import pytest

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
