"""`--version`."""

from __future__ import annotations

from typer.testing import CliRunner

from soccerbench import __version__
from soccerbench.cli import app


def test_the_version_is_printed_without_a_verb() -> None:
    done = CliRunner().invoke(app, ["--version"])
    assert (done.exit_code, done.output) == (0, f"soccerbench {__version__}\n")
    assert "--version" in CliRunner().invoke(app, ["--help"]).output
