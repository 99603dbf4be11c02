"""The drift gate lets clean runs pass and sees each error that is planted behind the spec's back."""

from __future__ import annotations

import json
import math
import shutil
import statistics
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from soccerbench.cli import app
from soccerbench.errors import InputError
from soccerbench.experiments.experiment import Planner
from soccerbench.experiments.records import (
    FLOORS,
    Record,
    make_record,
    measures,
    read_record,
    record_file,
    summary,
    with_bands,
    write_records,
)
from soccerbench.experiments.results import Result, by_row, read_result, read_runs
from soccerbench.features.dataset import Dataset
from soccerbench.files import write_json
from soccerbench.metrics import average_precision as precision
from soccerbench.metrics import spotting
from soccerbench.metrics import spotting_counts as counting
from soccerbench.progress import silent
from soccerbench.specs import shipped as locate
from soccerbench.specs.load import load_table, parse_setting, table_names
from soccerbench.tasks import spotting_steps
from soccerbench.tasks.spotting_steps import suppress_non_maxima

SEEDS = (0, 1, 2)
SETTINGS = ("max_epochs=3", "batch_size=8", "nms_s=20")


def train(root: Path, out: Path, *seeds: int, settings: tuple[str, ...] = SETTINGS) -> Path:
    """Row 7 of Table 2 on a tiny root; the folder of its runs."""
    pairs = [parse_setting(text) for text in settings]
    row = next(row for row in load_table("table2", mini=True, settings=pairs).rows if row.row == 7)
    for seed in seeds:
        Planner(Dataset(root), out).experiment(row, seed).run(device="cpu", progress=silent)
    return out


def check(runs: Path, records: Path, *options: str) -> tuple[int, str]:
    """Exit code and output of `soccerbench check`."""
    done = CliRunner().invoke(app, ["check", str(runs), "--baseline", str(records), *options])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


@pytest.fixture(scope="module")
def runs(shared_tiny_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(shared_tiny_root, tmp_path_factory.mktemp("runs"), *SEEDS)


@pytest.fixture(scope="module")
def records(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("records")
    code, output = check(runs, folder)
    assert code == 1
    assert "no record" in output
    assert check(runs, folder, "--update")[0] == 0
    return folder


def test_a_second_clean_run_passes_with_nothing_moved(shared_tiny_root: Path, tmp_path: Path, records: Path) -> None:
    code, output = check(train(shared_tiny_root, tmp_path, 0, 1), records)
    assert code == 0, output
    assert "9 of 9 measures of 1 rows (2 runs) are as recorded" in output


def wider_window(patch: pytest.MonkeyPatch) -> None:
    """20 s of non-maximum suppression become 30 s."""
    patch.setattr(
        spotting_steps,
        "suppress_non_maxima",
        lambda scores, *, window_frames, **rest: suppress_non_maxima(scores, window_frames=1.5 * window_frames, **rest),
    )


def tenfold_rate(patch: pytest.MonkeyPatch) -> None:
    """Ten times the learning rate, out of the spec's sight."""
    adam = torch.optim.Adam
    patch.setattr(torch.optim, "Adam", lambda weights, *, lr, **rest: adam(weights, lr=10 * lr, **rest))


def test_runs_are_found_through_links_and_only_once(runs: Path, tmp_path: Path) -> None:
    """Tables linked from another disk, one of them twice, and a link to the folder itself."""
    (tmp_path / "mini").symlink_to(runs, target_is_directory=True)
    (tmp_path / "again").symlink_to(runs, target_is_directory=True)
    (tmp_path / "round").symlink_to(tmp_path, target_is_directory=True)
    found = [run.result.seed for run in read_runs(tmp_path)]
    assert found == [run.result.seed for run in read_runs(runs)]


@pytest.mark.parametrize("plant", [wider_window, tenfold_rate])
def test_an_error_behind_the_specs_back_is_seen(
    shared_tiny_root: Path, tmp_path: Path, records: Path, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    plant(monkeypatch)
    code, output = check(train(shared_tiny_root, tmp_path, 0), records)
    assert code == 1, output
    assert "drift" in output
    assert "spec:" not in output


def rounded_confidence(patch: pytest.MonkeyPatch) -> None:
    """Confidences to two digits."""
    levels = counting.confidence_levels
    patch.setattr(counting, "confidence_levels", lambda values, protocol: levels(np.round(values, 2), protocol))


def rounded_precision(patch: pytest.MonkeyPatch) -> None:
    """Average precisions to nine digits."""
    patch.setattr(spotting, "average_precision", lambda *values: np.round(precision.average_precision(*values), 9))


def rounded_frames(patch: pytest.MonkeyPatch) -> None:
    """Positions rounded to a frame where they should be cut."""
    patch.setattr(counting, "frames_of", lambda position_ms, _: np.rint(position_ms / 500).astype(np.int64))


@pytest.mark.parametrize("plant", [rounded_confidence, rounded_precision, rounded_frames])
def test_a_rounding_in_the_metric_is_seen(
    runs: Path, records: Path, monkeypatch: pytest.MonkeyPatch, plant: Any
) -> None:
    plant(monkeypatch)
    code, output = check(runs, records)
    assert code == 1
    assert "metric: spotting" in output
    before = record_file(records, ("tiny", "table2", 7)).read_bytes()
    assert check(runs, records, "--update")[0] == 1
    assert record_file(records, ("tiny", "table2", 7)).read_bytes() == before


def test_a_step_that_changed_is_drift(runs: Path, records: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "soccerbench.experiments.checks.exact_checks.check_exact", lambda _: (1, ["labels: not the same"])
    )
    code, output = check(runs, records)
    assert code == 1
    assert "step: labels: not the same" in output


def test_another_spec_is_drift_and_is_named(shared_tiny_root: Path, tmp_path: Path, records: Path) -> None:
    settings = (*SETTINGS[:2], "nms_s=12")
    code, output = check(train(shared_tiny_root, tmp_path, 0, settings=settings), records)
    assert code == 1
    assert "nms_s 20.0 -> 12.0" in output


def test_an_update_shows_what_moved_and_then_holds(shared_tiny_root: Path, tmp_path: Path, records: Path) -> None:
    folder = tmp_path / "records"
    shutil.copytree(records, folder)
    other = train(shared_tiny_root, tmp_path / "runs", 0, 1, settings=(*SETTINGS[:2], "nms_s=12"))
    code, output = check(other, folder, "--update")
    assert code == 0
    assert "nms_s 20.0 -> 12.0" in output
    assert check(other, folder)[0] == 0


def test_a_record_holds_the_spread_and_the_band_that_follows(runs: Path, records: Path) -> None:
    record = json.loads((records / "tiny" / "table2" / "row-07.json").read_text())
    found = [measures(run) for run in read_runs(runs)]
    assert record["seeds"] == list(SEEDS)
    assert "published" not in record["spec"]
    for name, measure in record["measures"].items():
        values = [values[name] for values in found]
        assert measure["values"] == values
        assert measure["mean"] == pytest.approx(sum(values) / 3, rel=1e-15)
        assert measure["standard_deviation"] == statistics.stdev(values)
        is_score = name.endswith(("loose", "tight"))
        floor = FLOORS["score"] if is_score else FLOORS["share"] * abs(statistics.fmean(values))
        deviation = math.sqrt((2 * statistics.variance(values) + 7 * max(statistics.stdev(values), floor) ** 2) / 9)
        assert measure["band"] == pytest.approx(4 * math.sqrt(2) * max(deviation, floor), rel=1e-12)
    assert {"test loose", "test tight", "challenge loose", "challenge tight"} < set(record["measures"])


def record_of(runs: Path, row: int, *scores: float, **spec: Any) -> Record:
    """A record of `runs` in which the test scores of some seeds are given."""
    record = make_record(read_runs(runs))
    measures = {"test loose": summary(scores), "test detections a game": summary([1000.0] * len(scores))}
    content = {"row": row, "measures": measures, "seeds": tuple(range(len(scores)))}
    return record.model_copy(update=content | {"spec": record.spec | spec})


def test_three_seeds_that_agree_or_one_that_collapses_borrow_the_spread_of_the_table(runs: Path) -> None:
    agreeing, collapsed, zero, many = (0.34, 0.34, 0.34), (0.3, 0.31, 0.02), (0.0, 0.0, 0.001), (0.5, 0.52) * 4
    others = [record_of(runs, row, 0.2, 0.21, 0.22) for row in range(5, 10)]
    given = [record_of(runs, row, *found) for row, found in enumerate((agreeing, collapsed, zero, many), start=1)]
    bands = [record.measures["test loose"].band or 0.0 for record in with_bands([*given, *others])]
    usual = 4 * math.sqrt(2) * 0.01
    assert bands[0] == pytest.approx(math.sqrt(7 / 9) * usual)
    assert usual < bands[1] < 0.6 * 4 * math.sqrt(2) * statistics.stdev(collapsed)
    assert bands[2] == pytest.approx(bands[0], rel=1e-2)
    assert bands[3] == pytest.approx(4 * math.sqrt(2) * statistics.stdev(many))


def test_bands_have_a_floor_and_rows_that_train_nothing_have_none(runs: Path) -> None:
    record = record_of(runs, 1, *[0.34] * 8)
    bands = {name: measure.band for name, measure in with_bands([record])[0].measures.items()}
    error = 4 * math.sqrt(2)
    assert bands == {
        "test loose": pytest.approx(error * FLOORS["score"]),
        "test detections a game": pytest.approx(error * FLOORS["share"] * 1000),
    }
    spec = {key: value for key, value in record.spec.items() if key != "max_epochs"}
    naive = record.model_copy(update={"spec": spec})
    assert {measure.band for measure in with_bands([naive, record])[0].measures.values()} == {0.0}


def test_an_update_of_a_row_sees_the_other_records_of_its_table(runs: Path, tmp_path: Path) -> None:
    for row in (1, 2, 3):
        write_json(record_file(tmp_path, ("tiny", "table2", row)), record_of(runs, row, 0.1, 0.3, 0.5).to_json())
    before = [record_file(tmp_path, ("tiny", "table2", row)).read_bytes() for row in (1, 2, 3)]
    (file,) = write_records(tmp_path, by_row(read_runs(runs)).values())
    written = read_record(file)
    assert written is not None
    alone = make_record(read_runs(runs)).measures["test loose"].band
    assert (written.measures["test loose"].band or 0) > 0.5 > (alone or 0)
    assert [record_file(tmp_path, ("tiny", "table2", row)).read_bytes() for row in (1, 2, 3)] == before


def test_a_table_of_its_own_may_be_the_baseline(runs: Path, records: Path) -> None:
    assert check(runs, records / "tiny" / "table2")[0] == 0
    assert record_file(Path("results"), ("mini", "table3", 4)) == Path("results/mini/table3/row-04.json")


@pytest.mark.parametrize(("factor", "code"), [(0.1, 0), (1.9, 0), (2.1, 1)])
def test_speed_is_looked_at_only_when_asked(
    runs: Path, records: Path, tmp_path: Path, factor: float, code: int
) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(runs, folder)
    recorded = json.loads((records / "tiny" / "table2" / "row-07.json").read_text())["seconds"]["mean"]
    for run in read_runs(folder):
        (run.folder / "result.json").write_text(json.dumps(run.result.to_json() | {"seconds": factor * recorded}))
    assert check(folder, records)[0] == 0
    assert check(folder, records, "--speed")[0] == code


def test_one_seed_makes_no_record(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one seed shows no spread"):
        make_record(read_runs(runs)[:1])
    assert not list(tmp_path.iterdir())


def test_seeds_of_different_code_are_no_seeds_of_one_row(runs: Path, tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    shutil.copytree(runs, folder)
    run = read_runs(folder)[1]
    (run.folder / "result.json").write_text(json.dumps(run.result.to_json() | {"code": "0"}))
    with pytest.raises(InputError, match="differs from seed-0 in code"):
        by_row(read_runs(folder))


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        (("spec", "changed"), [[]], "spec.changed.0: [] should be"),
        (("spec", "mode"), None, "spec.mode: None should be"),
        (("games", "test"), {}, "games: not of the splits and tolerances of scores"),
        (("games",), {}, "games: not of the splits and tolerances of scores"),
    ],
)
def test_a_result_that_no_report_can_print_is_refused(
    runs: Path, tmp_path: Path, place: tuple[str, ...], value: Any, said: str
) -> None:
    content = read_runs(runs)[0].result.to_json()
    inner = content
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(InputError) as raised:
        read_result(tmp_path / "result.json")
    assert said in str(raised.value)


@pytest.mark.parametrize("mini", [False, True])
def test_a_result_of_each_shipped_row_is_read(runs: Path, mini: bool) -> None:
    content = read_runs(runs)[0].result.to_json()
    for table in table_names():
        for row in load_table(table, mini=mini).rows:
            Result.model_validate(content | {"spec": row.model_dump(mode="json")})


def test_a_game_of_no_tolerances_and_a_record_of_too_few_values_are_refused(runs: Path, tmp_path: Path) -> None:
    content = read_runs(runs)[0].result.to_json()
    next(iter(content["games"]["test"]["loose"].values()))["deltas_s"][0] = 0
    (tmp_path / "result.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"is not a result: games\.test\.loose"):
        read_result(tmp_path / "result.json")
    record = make_record(read_runs(runs)).to_json()
    record["measures"]["test loose"]["values"].pop()
    with pytest.raises(ValueError, match="test loose: 2 values of 3 seeds"):
        Record.model_validate(record)


def test_no_runs_and_broken_records_are_named(runs: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no finished run"):
        read_runs(tmp_path)
    file = record_file(tmp_path, ("tiny", "table2", 7))
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    result = CliRunner().invoke(app, ["check", str(runs), "--baseline", str(tmp_path)])
    assert isinstance(result.exception, InputError)
    assert "lacks" in str(result.exception)


def test_a_baseline_that_is_not_there_or_not_ones_own(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"nope: no such folder; .*--update makes one"):
        CliRunner().invoke(app, ["check", str(runs), "--baseline", str(tmp_path / "nope")], catch_exceptions=False)
    (tmp_path / "results").mkdir()
    monkeypatch.setattr(locate, "PACKAGE", tmp_path)  # as in a wheel, which holds its records
    with pytest.raises(ValueError, match="check --update: give --baseline FOLDER"):
        CliRunner().invoke(app, ["check", str(runs), "--update"], catch_exceptions=False)
    assert not list((tmp_path / "results").iterdir())
