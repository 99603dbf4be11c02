"""The command line: one verb a file, each a few lines over a public function."""

from __future__ import annotations

import os
import sys

import typer

from soccerbench.cli import data_mini, reproduce, specs

app = typer.Typer(
    help="Reproduce and benchmark the Baidu soccer embeddings paper on SoccerNet-v2.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
data = typer.Typer(help="Make and inspect datasets.", no_args_is_help=True)

app.command("list")(specs.list_tables)
app.command()(specs.show)
app.command()(specs.validate)
app.command()(reproduce.reproduce)
app.add_typer(data, name="data")
data.command()(data_mini.mini)


def main() -> None:
    """Run the command line; unusable input is one line on standard error and exit code 2."""
    try:
        app()
    except (ValueError, ModuleNotFoundError) as error:
        if os.environ.get("SOCCERBENCH_DEBUG"):
            raise
        print(f"soccerbench: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
