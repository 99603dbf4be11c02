"""The leaderboard: ranked, scored again, and safe whatever people send."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from soccerbench.errors import InputError
from soccerbench.sharing.leaderboard import leaderboard

Runs = Callable[..., Path]
RUN = "mini/table2/row-08/seed-0"
HOSTILE = "<script>window.hacked=1<"


def page(folder: Path, labels: Path | None = None) -> str:
    return leaderboard(folder, labels=labels, say=str).decode()


@pytest.fixture
def board(runs: Runs, tmp_path: Path) -> Path:
    """Two people on one dataset; the second's detections are late."""
    runs("board/anna", simulated=False)
    runs("board/bert", simulated=False, late_s=7)
    return tmp_path / "board"


def rewrite(board: Path, who: str, **changes: object) -> None:
    file = board / who / RUN / "result.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_people_are_ranked_in_tables_of_one_signature(board: Path, labels: Path) -> None:
    text = page(board, labels)
    tight = text[text.index("average-mAP, tight, %") :]
    assert tight.index("<bdi>anna</bdi>") < tight.index("<bdi>bert</bdi>")
    for shown in ("74.05", "17.65", "re-scored", "delta:1-5/1s", "95% interval", "ffffffff"):
        assert shown in text
    assert text.count("<table>") == 2
    assert "Left out" not in text


def test_without_labels_scores_are_summed_from_the_games(board: Path) -> None:
    assert page(board).count("<bdi>from its games</bdi>") == 4


def test_a_score_that_the_predictions_do_not_give_is_left_out(board: Path, labels: Path) -> None:
    (board / "bert" / RUN / "predictions-test.zip").replace(board / "anna" / RUN / "predictions-test.zip")
    text = page(board, labels)
    assert "anna: table2 row 8: five netvlad++: test, loose: reports 17.65 %, its predictions score " in text
    assert "<bdi>anna</bdi>" not in text
    assert "<bdi>from its games</bdi>" in text  # bert has no predictions now


def test_a_score_that_the_games_do_not_give_is_left_out(board: Path) -> None:
    result = json.loads((board / "bert" / RUN / "result.json").read_text())
    result["scores"]["test"]["loose"]["average_map"] = 0.99
    rewrite(board, "bert", **result)
    assert f"bert: {RUN}/result.json: test, loose: reports 0.99, its games give" in page(board)


@pytest.mark.parametrize("content", ["", "[]", '{"version": 2}', "[" * 100_000, '{"table": NaN}'])
def test_a_damaged_result_is_named_and_the_page_made(board: Path, content: str) -> None:
    (board / "bert" / RUN / "result.json").write_text(content)
    text = page(board)
    assert f'<li dir="auto">bert: {RUN}/result.json: ' in text
    assert "<bdi>anna</bdi>" in text


def test_counts_that_are_none_are_left_out(board: Path) -> None:
    games = json.loads((board / "bert" / RUN / "result.json").read_text())["games"]
    games["test"]["loose"]["league/season/a"]["hits"] = [2**62]
    rewrite(board, "bert", games=games)
    assert "<bdi>bert</bdi>" not in page(board)


def test_names_are_text(board: Path) -> None:
    (board / "anna").rename(board / HOSTILE)
    rewrite(board, HOSTILE, dataset=f"{HOSTILE}/script>", data_fingerprint="<b>")
    text = page(board)
    assert "window.hacked=1&lt;" in text
    assert HOSTILE not in text
    assert text.count("<script") == 2  # the frame's empty data and empty script
    assert "<b>" not in text


def test_neither_links_nor_paths_lead_out_of_a_persons_folder(board: Path, labels: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.zip"
    (board / "bert" / RUN / "predictions-test.zip").rename(outside)
    rewrite(board, "bert", submissions={"test": os.path.relpath(outside, board / "bert" / RUN)})
    (board / "carl").symlink_to(board / "anna")
    (board / "dora").mkdir()
    (board / "dora" / "link").symlink_to(board / "anna" / RUN)
    text = page(board, labels)
    assert text.count("<bdi>re-scored</bdi>") == 2  # anna's; bert's zip is not in his folder
    assert "carl" not in text
    assert "<bdi>dora</bdi>" not in text


def test_a_folder_without_results(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished run"):
        page(tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        page(tmp_path / "absent")
