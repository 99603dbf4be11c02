"""What a mistake on the command line says: one line on standard error, the cause, a remedy, exit code 2."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer
from commands import Command

from soccerbench.cli import app
from soccerbench.errors import counted, grouped, os_error
from soccerbench.features.verify import Problem, Report
from soccerbench.report.tables.checks import verification_table


def message(command: Command, *arguments: str) -> str:
    """The one line of a command that fails with exit code 2."""
    done = command(*arguments)
    assert done.code == 2
    assert done.err.startswith("soccerbench: ")
    assert done.err.count("\n") == 1
    return done.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("reproduc", "table2"), "No such command 'reproduc'. Did you mean 'reproduce'?"),
        (("data", "mini", "out", "--gams", "4"), "No such option: --gams"),
        (("data", "mini"), "Missing argument 'out'"),
        (("data", "mini", "out", "--games", "3"), "'--games': Input should be greater than or equal to 4"),
        (("data", "mini", "out", "--games", "1000000000"), "'--games': Input should be less than or equal to 1000"),
        (("data", "mini", "out", "--seed", "9" * 30), "'--seed': Input should be less than or equal to 4294967295"),
        (("data", "videos", "out", "--games", "1000000000"), "'--games': Input should be less than or equal to 1000"),
        (("data", "verify", "out", "--cpus", "100000"), "'--cpus': Input should be less than or equal to 1024"),
        (("data", "pack", "root", "out", "--cpus", "100000"), "Input should be less than or equal to 1024"),
        (("extract", "root", "--batch", "1000000000"), "'--batch': Input should be less than or equal to 1024"),
        (("finetune", "vtn", "--snippets", "x", "--memory-gib", "inf"), "should be less than or equal to 4096"),
        (("finetune", "vtn", "--snippets", "x", "--memory-gib", "nan"), "should be less than or equal to 4096"),
        (("reproduce", "table2", "--jobs", "100000"), "'--jobs': Input should be less than or equal to 256"),
        (("snippets", "root", "out", "--background-per-half", "1000000000"), "should be less than or equal to 1000"),
        (("finetune", "vtn", "--snippets", "x", "--seed", "9" * 30), "should be less than or equal to 4294967295"),
        (("data", "videos", "out", "--minutes", "1e9"), "1e+09 minutes are not a half; give "),
        (("data", "videos", "out", "--minutes", "nan"), "nan minutes are not a half; give "),
        (("show", "tabel2", "8"), "tabel2: no such table (did you mean 'table2'?); shipped are chunk_nms, "),
        (("validate", "nowhere/mine.yaml"), "nowhere/mine.yaml: cannot be read (there is no folder nowhere)"),
        (("plan", "extract", "--rows", "8"), "plan extract: leave out --rows"),
        (("plan", "reproduce", "--half-s", "8"), "plan reproduce: leave out --half-s"),
        (("data", "verify", "nowhere"), "nowhere: no such folder; give the folder that holds the SoccerNet games"),
    ],
)
def test_a_mistake_is_one_line_with_its_cause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: Command, arguments: tuple[str, ...], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert said in message(command, *arguments)
    assert not list(tmp_path.iterdir())


def numbers(verbs: typer.Typer, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each option that takes a number, with its bounds."""
    for group in verbs.registered_groups:
        assert group.typer_instance is not None
        yield from numbers(group.typer_instance, f"{path}{group.name} ")
    for command in verbs.registered_commands:
        assert command.callback is not None
        for name, hint in get_type_hints(command.callback, include_extras=True).items():
            kinds = {int, float} & {*get_args(hint), *get_args(get_args(hint)[0] if get_args(hint) else hint)}
            if kinds:
                yield (
                    f"{path}{command.name or command.callback.__name__} --{name.replace('_', '-')}",
                    hint.__metadata__[0],
                )


def test_every_number_of_every_verb_is_bounded() -> None:
    found = dict(numbers(app))
    assert len(found) > 20
    elsewhere = {  # by what takes it; any price is one
        "evaluate --bootstrap", "compare --repetitions", "data videos --minutes", "show --row",
        "plan --price",
    }  # fmt: skip
    assert {name for name, kind in found.items() if kind.max is None} == elsewhere


def test_a_batch_that_no_memory_holds_is_refused_before_it_is_made(
    shared_tiny_root: Path, tmp_path: Path, command: Command
) -> None:
    settings = ("--set", "chunk_s=3600", "--set", "batch_size=1000000")
    arguments = ("--data", str(shared_tiny_root), "--rows", "8", *settings, "--out", str(tmp_path / "runs"))
    said = message(command, "reproduce", "table2", *arguments)
    assert "table2 row 8: a batch of 1000000 chunks of 3600 s takes " in said
    assert "set a smaller batch_size or chunk_s" in said


@pytest.mark.parametrize(
    ("number", "doing", "said"),
    [
        (errno.EACCES, "read", "cannot be read (Permission denied); change its permissions or choose another path"),
        (errno.EACCES, "written", "cannot be written (Permission denied); change its permissions or choose"),
        (errno.ENOSPC, "written", "cannot be written (No space left on device); free some space"),
        (errno.EROFS, "written", "cannot be written (Read-only file system); choose another path"),
        (errno.ENOENT, "read", "cannot be read (there is no folder"),
        (errno.EIO, "read", "cannot be read (Input/output error); free some space"),
    ],
)
def test_the_remedy_fits_what_the_system_refused(tmp_path: Path, number: int, doing: str, said: str) -> None:
    error = OSError(number, os.strerror(number))
    assert said in str(os_error(tmp_path / "no" / "file", error, remedy="free some space", doing=doing))


def test_problems_of_one_kind_are_one_line_with_a_count() -> None:
    problems = [
        Problem("missing", "train", f"league/game {number}", None, "x.npy", f"{number} rows of 'a{number}'")
        for number in range(601)
    ]
    problems.append(Problem("missing", "valid", "league/game", 1, "x.npy", "3 rows of 'a'"))
    notes = verification_table(Report(Path("root"), [], problems, [])).notes
    assert [note for note in notes if "missing" in note] == [
        "missing: train, league/game 0, x.npy: 0 rows of 'a0' (and 600 more like it)",
        "missing: valid, league/game, half 1, x.npy: 3 rows of 'a'",
    ]
    assert grouped(["b 1", "a", "b 22"], key=str) == [("b 1", 2), ("a", 1)]


def test_plural_forms() -> None:
    assert [counted(count, "game") for count in (0, 1, 2)] == ["0 games", "1 game", "2 games"]
    assert [counted(count, "half", "halves") for count in (1, 2)] == ["1 half", "2 halves"]
