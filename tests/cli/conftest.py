"""The verbs as a user calls them."""

from __future__ import annotations

import pytest
from commands import Command, command_of


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return command_of(monkeypatch, capsys)
