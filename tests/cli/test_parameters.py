"""Plain values are read as Typer reads them, and what is not plain has Typer's own message."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated, Any

import pytest
import typer
from typer.core import TyperCommand, TyperGroup
from typer.testing import CliRunner

from soccerbench.cli.parameters import Command, Group


class Kind(str, Enum):
    """Two words."""

    one = "one"
    two = "two"


def app_of(**classes: Any) -> typer.Typer:
    """An app with one command that shows what it is given."""
    app = typer.Typer(cls=classes.get("group", TyperGroup), rich_markup_mode=None)

    @app.callback()
    def about() -> None:
        """All."""

    @app.command("show", cls=classes.get("command", TyperCommand))
    def show(
        kind: Annotated[Kind, typer.Argument()],
        path: Path = Path("here"),
        count: Annotated[int, typer.Option(min=0, max=9)] = 1,
        share: Annotated[float | None, typer.Option(min=0, max=1)] = None,
        names: Annotated[list[str] | None, typer.Option()] = None,
        flag: bool = False,
    ) -> None:
        """Show."""
        typer.echo(repr((kind, path, count, share, names, flag)))

    return app


@pytest.mark.parametrize(
    "arguments",
    [
        "one", "two --path x/y --count 9 --share 0.5 --names a --names b --flag", "one --count 0 --share 1",
        "one --count -1", "one --count 10", "one --count 1.0", "one --count 1_0", "one --count ' 1'", "one --share 2",
        "one --share nan", "three", "", "one --path", "--help",
    ],
)  # fmt: skip
def test_values_and_messages_are_those_of_typer(arguments: str) -> None:
    ours, theirs = (
        CliRunner().invoke(app, f"show {arguments}") for app in (app_of(group=Group, command=Command), app_of())
    )
    assert (ours.exit_code, ours.output) == (theirs.exit_code, theirs.output)
    assert ours.output
