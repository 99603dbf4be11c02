"""`export`: the hub's own readers read what it writes, and the numbers are those of the runs."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from huggingface_hub import ModelCard, parse_eval_result_entries

from soccerbench.cli import _remedy
from soccerbench.errors import InputError
from soccerbench.sharing.export import export

Runs = Callable[..., Path]
PERFECT = 3 / 17  # three classes have events; the official score counts the others as zero
HALF = 6 / 11 / 2  # of an equally confident half of the detections: precision 1/2 at the recalls from 0 to 1/2


def test_a_csv_has_a_line_for_each_row_split_and_tolerances(runs: Runs, tmp_path: Path) -> None:
    runs("real", dataset="real", simulated=False, late_s=7)
    (file,) = export(runs("real", row=7), to="csv", out=tmp_path / "scores.csv")
    lines = list(csv.DictReader(file.read_text().splitlines()))
    assert [(line["row"], line["tolerances"], line["published"]) for line in lines] == [
        ("7", "loose", ""), ("7", "tight", ""), ("8", "loose", "0.7405"), ("8", "tight", ""),
    ]  # fmt: skip
    late = lines[3]  # 7 s late is outside every tight window, so half of the events are missed
    assert float(late["score"]) == pytest.approx(PERFECT * HALF, abs=1e-9)
    assert float(late["low"]) <= float(late["score"]) <= float(late["high"])
    assert late["signature"].startswith("average-map|task:spotting|protocol:soccernet|split:test|games:2")


def test_a_model_card_is_read_by_the_hubs_own_parser(runs: Runs, tmp_path: Path) -> None:
    runs("real", dataset="real", simulated=False)
    (file,) = export(
        runs("real", dataset="real", simulated=False, seed=1, late_s=7), to="model-card", out=tmp_path / "c"
    )
    card = ModelCard.load(file)
    assert file == tmp_path / "c" / "README.md"
    values = {one.metric_name: one.metric_value for one in card.data.eval_results}
    assert values["average-mAP, tight, %"] == round(100 * PERFECT * (1 + HALF) / 2, 2)
    assert (card.data.model_name, card.data.datasets) == ("c", ["SoccerNet/SN-Features"])
    for text in ("74.05", "| data fingerprint | ffffffffffffffff |", "signature, test, loose", "| seeds | 0, 1 |"):
        assert text in card.text
    assert "Simulated" not in card.text


def test_a_card_of_simulated_features_says_so_and_has_no_published_number(runs: Runs, tmp_path: Path) -> None:
    (file,) = export(runs("mini"), to="model-card", out=tmp_path / "card")
    card = ModelCard.load(file)
    assert "Simulated features: these numbers are not comparable with the paper's" in card.text
    assert "74.05" not in card.text
    assert card.data.eval_results[0].dataset_type == "soccerbench-simulated"


def test_names_in_a_card_are_no_markup(runs: Runs, tmp_path: Path) -> None:
    (file,) = export(runs("x", dataset="<img src=x>"), to="model-card", out=tmp_path / "card")
    text = file.read_text("utf-8").partition("## Spec")[0]
    assert "<img" not in ModelCard.load(file).text.partition("## Spec")[0], text


def test_evaluation_results_are_read_by_the_hubs_own_parser(runs: Runs, tmp_path: Path) -> None:
    folder = runs("real", dataset="real", simulated=False)
    (file,) = export(folder, to="hf-eval-results", out=tmp_path / "model")
    assert file == tmp_path / "model/.eval_results/soccerbench-table2-row-08.yaml"
    entries = parse_eval_result_entries(yaml.safe_load(file.read_text()))
    assert [(one.dataset_id, one.task_id, one.value) for one in entries] == [
        ("SoccerNet/SN-Labels", "spotting-test-loose", 17.65), ("SoccerNet/SN-Labels", "spotting-test-tight", 17.65),
    ]  # fmt: skip
    assert re.match(r"average-mAP, loose, %; average-map\|task:spotting.*; 95% interval over 2 games", entries[0].notes)


def test_simulated_results_are_no_result_of_soccernet(runs: Runs, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="simulated features, which are no result of SoccerNet; name your own"):
        export(runs("mini"), to="hf-eval-results", out=tmp_path / "model")
    (file,) = export(tmp_path / "mini", to="hf-eval-results", out=tmp_path / "model", benchmark="me/mini")
    assert yaml.safe_load(file.read_text())[0]["dataset"]["id"] == "me/mini"


def test_several_rows_get_a_folder_each(runs: Runs, tmp_path: Path) -> None:
    runs("mini")
    files = export(runs("mini", row=7), to="model-card", out=tmp_path / "cards")
    assert [file.relative_to(tmp_path / "cards").as_posix() for file in files] == [
        "mini/table2/row-07/README.md", "mini/table2/row-08/README.md",
    ]  # fmt: skip


def test_parquet_holds_the_same_as_the_csv(runs: Runs, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow", reason="the extra `parquet` is not installed")
    (file,) = export(runs("mini"), to="parquet", out=tmp_path / "scores.parquet")
    (text,) = export(tmp_path / "mini", to="csv", out=tmp_path / "scores.csv")
    assert pandas.read_parquet(file).to_csv(index=False) == text.read_text()


def test_parquet_without_pyarrow_names_the_extra(runs: Runs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        export(runs("mini"), to="parquet", out=tmp_path / "scores.parquet")
    assert "needs the extra `parquet`: pip install '.[parquet]'" in _remedy(caught.value)
    assert not (tmp_path / "scores.parquet").exists()
