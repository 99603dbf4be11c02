"""The embedded dataset: a small simulated SoccerNet in the official layout. `docs/mini.md` says what it can show."""
