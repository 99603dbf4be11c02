"""The embedded dataset: a small simulated SoccerNet in the official layout. `docs/mini.md` says what it can show."""

from soccerbench.simulation.matches.write import cached_mini, write_mini

__all__ = ["cached_mini", "write_mini"]
