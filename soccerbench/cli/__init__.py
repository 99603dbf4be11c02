"""The command line: verbs by what they work on, each a few lines over a public function."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from copy import copy
from typing import Annotated, Any

import typer

from soccerbench import __version__
from soccerbench.cli.check import check
from soccerbench.cli.data import download, mini, pack, verify, videos
from soccerbench.cli.parameters import Command, Group
from soccerbench.cli.plan import plan
from soccerbench.cli.report import report
from soccerbench.cli.reproduce import reproduce
from soccerbench.cli.sharing import export, leaderboard, pull, push
from soccerbench.cli.specs import list_tables, show, validate
from soccerbench.cli.spot import spot, tune
from soccerbench.cli.submissions import compare, convert, evaluate, submit
from soccerbench.cli.video import extract, finetune, snippets
from soccerbench.errors import line_of

app = typer.Typer(
    cls=Group,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # importing what draws boxes takes longer than all else
    context_settings={"help_option_names": ["-h", "--help"]},
)
_EXTRAS = {  # by package
    **dict.fromkeys(("av", "safetensors", "timm", "torch"), "train"),
    "pyarrow": "parquet", "ray": "ray", "submitit": "slurm",
}  # fmt: skip
data = typer.Typer(help="Make and inspect datasets.", no_args_is_help=True)


def _add(to: typer.Typer, *verbs: Callable[..., None]) -> None:
    """Add verbs; the whole summary of each is shown, which is cut otherwise."""
    for verb in verbs:
        name = "list" if verb is list_tables else verb.__name__
        to.command(name, cls=Command, short_help=str(verb.__doc__).partition("\n")[0])(verb)


_add(app, list_tables, show, validate, finetune, extract, reproduce, tune, spot, evaluate, compare, convert, submit)
_add(app, plan, check, report, export, push, pull, leaderboard, snippets)
_add(data, mini, videos, download, verify, pack)
app.add_typer(data, name="data")
UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"soccerbench {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit.")
    ] = False,
) -> None:
    """Reproduce and benchmark the Baidu soccer embeddings paper on SoccerNet-v2."""


def _asked(arguments: list[str]) -> typer.Typer:
    """The one verb that is asked for, since describing them all takes longer than most; all if none is named."""
    named = [verb for verb in app.registered_commands if verb.name in arguments[:1]]
    if not named:
        return app
    alone = copy(app)
    alone.registered_commands, alone.registered_groups = named, []
    return alone


def _remedy(error: Exception) -> str:
    """What to install for a package of an extra, else nothing."""
    extra = _EXTRAS.get(error.name or "") if isinstance(error, ModuleNotFoundError) else None
    command = f"pip install '.[{extra}]' in soccerbench's folder"
    return f"; this command needs the extra `{extra}`: {command}" if extra else ""


def main() -> None:
    """Run the command line; unusable input, or a file that cannot be read, is one line and exit code 2."""
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # looking for some takes longer than --help
    try:
        sys.exit(_asked(sys.argv[1:])(prog_name="soccerbench", standalone_mode=False))
    except UsageError as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()
        else:
            message = " ".join(error.format_message().split()).rstrip(".")
            print(f"soccerbench: {message}; --help shows what there is", file=sys.stderr)  # noqa: T201
        sys.exit(2)
    except typer.Abort:
        sys.exit(130)
    except (ValueError, ModuleNotFoundError, OSError) as error:
        if os.environ.get("SOCCERBENCH_DEBUG"):
            raise
        print(f"soccerbench: {line_of(error)}{_remedy(error)}", file=sys.stderr)  # noqa: T201
        sys.exit(2)
