"""Shell completion: verbs, options and choices, for the three shells."""

from __future__ import annotations

import sys

import pytest

from soccerbench.cli import main

ASKED = {
    "bash": lambda words: {"COMP_WORDS": words, "COMP_CWORD": str(len(words.split(" ")) - 1)},
    "zsh": lambda words: {"_TYPER_COMPLETE_ARGS": words},
    "fish": lambda words: {"_TYPER_COMPLETE_ARGS": words, "_TYPER_COMPLETE_FISH_ACTION": "get-args"},
}


@pytest.mark.parametrize("shell", ASKED)
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("soccerbench ex", {"extract", "export"}),
        ("soccerbench data ve", {"verify"}),
        ("soccerbench evaluate --prot", {"--protocol"}),
        ("soccerbench export runs --to hf", {"hf-eval-results"}),
    ],
)
def test_words_are_completed(
    shell: str, words: str, expected: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soccerbench"])
    for key, value in {"_SOCCERBENCH_COMPLETE": f"complete_{shell}", **ASKED[shell](words)}.items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    said = capsys.readouterr().out.replace('"', " ").replace("'", " ").split()
    assert expected <= set(said)
    assert not {"report", "--labels", "csv", "pack"} & set(said)


@pytest.mark.parametrize("shell", ASKED)
def test_the_script_of_a_shell_is_printed(
    shell: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["soccerbench", "--show-completion"])
    monkeypatch.setattr("typer.completion._get_shell_name", lambda: shell)
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert f"complete_{shell}" in capsys.readouterr().out
