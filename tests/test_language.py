"""Plain English in text and names: the words of `INSTEAD` have a plainer one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".py", ".md", ".yaml", ".html", ".js", ".css"}
INSTEAD = {
    r"beside": "next to",
    r"stands?|stood|standing": "is, are",
    r"lies?|lay|lain|lying": "is, are",
    r"told": "reported",
    r"anew": "again",
    r"noughts?": "zero",
    r"mend(s|ed|ing)?": "fix, repair",
    r"(goes|go|going|went|gone) on": "resumes, continues",
    r"surer|surest|how sure|(less|least|more) sure": "confident, confidence",
    r"nonsense|numbers that are none": "NaN, non-finite",
    r"of (its|their|your|one's|our) own(?! \w)": "custom, separate",
    r"deaf|in silence|to be seen here|at hand": "blocked, unavailable, present",
    r"read ahead|half pass(es)?|resident": "prefetch, extraction of one half, GPU cache",
}
WORDS = re.compile("|".join(rf"\b({bad})\b" for bad in INSTEAD), re.IGNORECASE)
ALLOWED = re.compile(r"stand(s|ing)? for\b|stand-in|stand-?alone|lay out|told apart", re.IGNORECASE)


def findings(text: str) -> list[str]:
    """Line number and word of each finding; underscores of names count as spaces."""
    lines = enumerate(text.splitlines(), 1)
    return [
        f"{number}: {match[0]}"
        for number, line in lines
        for match in WORDS.finditer(ALLOWED.sub("", line.replace("_", " ")))
    ]


def checked() -> list[Path]:
    """Folders and files: the parts of package and tests, the documentation, the tables."""
    parts = [path for name in ("soccerbench", "tests") for path in sorted((ROOT / name).iterdir())]
    kept = [path for path in parts if path.name not in ("__pycache__", Path(__file__).name)]
    return [*kept, ROOT / "docs", ROOT / "reproduce", ROOT / "README.md"]


@pytest.mark.parametrize("part", checked(), ids=lambda path: str(path.relative_to(ROOT)))
def test_words_are_plain(part: Path) -> None:
    files = [file for file in [part, *part.rglob("*")] if file.suffix in SUFFIXES]
    assert [f"{file.relative_to(ROOT)}:{found}" for file in files for found in findings(file.read_text("utf-8"))] == []


@pytest.mark.parametrize("text", ["the file lies beside it", "def test_numbers_stand_here", "the run goes on"])
def test_a_word_that_is_not_plain_is_found(text: str) -> None:
    assert findings(text)


def test_allowed_contexts() -> None:
    assert findings("a row stands for a second; a stand-alone file; understand; standard") == []
