"""Names of matches, and the videos next to their timelines."""

from __future__ import annotations

from pathlib import Path

import pytest

from soccerbench.report.html.matches import match_name, with_videos
from soccerbench.report.html.render import Page, render

CHELSEA = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"


@pytest.mark.parametrize(
    ("game", "name"),
    [
        (CHELSEA, "Chelsea 1 - 1 Burnley, 2015-02-21"),
        ("2015-02-21 - 18-00 Chelsea 1 - 1 Burnley", "Chelsea 1 - 1 Burnley, 2015-02-21"),
        ("league/season/match 7", "league/season/match 7"),
        ("league/2015-02-21 - 18-00 ", "league/2015-02-21 - 18-00 "),
    ],
)
def test_an_official_folder_gives_the_match(game: str, name: str) -> None:
    assert match_name(game) == name


def page(*games: str) -> Page:
    return Page("t", [], [], [], {"classes": [], "entries": [], "games": {"all": [{"folder": game} for game in games]}})


def test_videos_are_addressed_from_the_page_and_nothing_else_is(tmp_path: Path) -> None:
    games = (CHELSEA, "a/<b>:'\" #?", "a/untrimmed", "a/none")
    for game, name in (
        (CHELSEA, "1_224p.mkv"),
        (games[2], "1_HQ.mkv"),
        (CHELSEA, "1.mp4"),
        (CHELSEA, "2_HQ.avi"),
        (games[1], "2.webm"),
    ):
        (tmp_path / "data" / game).mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / game / name).touch()
    (tmp_path / "data" / games[2] / "video.ini").write_text("[1_HQ.mkv]\nstart_time_second = 1320.5\n")
    out = tmp_path / "reports" / "report.html"
    found = with_videos(page(*games), tmp_path / "data", out)
    assert found.data["videos"] == {
        CHELSEA: {"1": f"../data/{CHELSEA.replace(' ', '%20')}/1.mp4"},  # 2: no browser plays avi
        games[1]: {"2": "../data/a/%3Cb%3E%3A%27%22%20%23%3F/2.webm"},
        games[2]: {"1": "../data/a/untrimmed/1_HQ.mkv#t=1320.500"},
    }
    assert "media-src file: 'self'" in render(found).decode()


@pytest.mark.parametrize("folder", [None, Path("labels.zip")])
def test_without_videos_the_page_loads_nothing(folder: Path | None, tmp_path: Path) -> None:
    found = with_videos(page(CHELSEA), folder, tmp_path / "report.html")
    assert found.data["videos"] == {}
    assert "media-src" not in render(found).decode()
