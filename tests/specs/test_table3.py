"""Table 3 as data: the paper's numbers, what rows need, and what a table of one's own may not say."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from soccerbench.errors import SpecError
from soccerbench.specs.grounding import CmnRow, Filter, Fuse, GroundingTransformerRow, Suppress
from soccerbench.specs.heads import heads_for
from soccerbench.specs.load import load_table, parse_setting, spec_text
from soccerbench.specs.shipped import shipped

ROWS = {row.row: row for row in load_table("table3").rows}


@pytest.mark.parametrize(
    ("row", "features", "head", "batch", "steps", "challenge"),
    [  # Zhou et al. (2021), Table 3
        (1, "resnet-pca512", "cmn", 32, "", 40.75),
        (2, "two", "cmn", 32, "", 52.11),
        (3, "three", "cmn", 64, "", 55.79),
        (4, "vtn", "grounding-transformer", 128, "", 58.62),
        (5, "five", "cmn", 128, "", 59.26),
        (6, "five", "cmn", 128, "filter", 62.19),
        (7, "five", "cmn", 128, "filter fuse", 64.01),
        (8, "five", "cmn", 128, "filter fuse nms", 71.59),
        (9, "five", "grounding-transformer", 128, "filter", 71.9),
    ],
)
def test_the_rows_of_the_paper(row: int, features: str, head: str, batch: int, steps: str, challenge: float) -> None:
    found = ROWS[row]
    assert isinstance(found, CmnRow | GroundingTransformerRow)
    assert (found.features, found.head, found.batch_size) == (features, head, batch)
    assert " ".join(step.step for step in found.postprocess) == steps
    assert found.published["challenge"] == challenge
    assert found.published.get("test", "-") == "-"
    assert not found.mega


def test_what_the_paper_says_of_the_steps() -> None:
    filtered, fused, joined = ROWS[8].postprocess
    assert isinstance(filtered, Filter)
    assert isinstance(fused, Fuse)
    assert isinstance(joined, Suppress)
    assert (filtered.before_s, fused.window_s, fused.score, fused.nearest, fused.second) == (100, 42, 0.02, 1.25, 0.8)
    assert fused.labels == ("Foul", "Goal", "Shots off target")
    assert joined.window_s == 25
    assert isinstance(ROWS[9].postprocess[0], Filter)
    assert ROWS[9].postprocess[0].before_s == 120
    assert isinstance(ROWS[9], GroundingTransformerRow)
    assert (ROWS[9].mode, ROWS[9].max_epochs, ROWS[9].learning_rate, ROWS[9].chunk_s) == ("ultra", 40, 2e-4, 30)
    assert "learning_rate" not in ROWS[9].assumed
    assert "learning_rate" in ROWS[5].assumed


def test_what_the_paper_leaves_open_is_declared() -> None:
    cmn = {"chunk_s", "receptive_field_s", "learning_rate.adam_epsilon", "precision"}
    transformer = {
        "mode.epoch", "precision", "learning_rate.schedule", "offset_loss.sigmoid",
        "architecture.pooling", "architecture.segments", "architecture.positions",
    }  # fmt: skip
    fused, joined = {"postprocess.fuse"}, {"postprocess.fuse", "postprocess.nms"}
    reasons = {
        1: cmn, 4: transformer | {"max_epochs"}, 6: cmn, 7: cmn | fused, 8: cmn | joined, 9: transformer,
        18: cmn | joined, 31: set(),
    }  # fmt: skip
    assert {row: set(ROWS[row].left_open) for row in reasons} == reasons  # forty epochs are row 9's by the paper
    assert all(why for row in ROWS.values() for why in row.left_open.values())
    shown = yaml.safe_load(spec_text(ROWS[7]))
    assert shown["assumed"]["chunk_s"]["value"] == 120
    assert "chunk_s" not in shown
    assert "Table 2, row 8" in shown["assumed"]["postprocess.fuse"]["why"]


def test_a_reason_that_came_later_moves_no_digest_and_goes_with_its_value(tmp_path: Path) -> None:
    cmn = {"chunk_s", "receptive_field_s", "learning_rate.adam_epsilon", "precision"}
    plain, explained = (
        load_table(own_table(tmp_path, change)).rows[0]
        for change in ({}, {"assumed": {"batch_size": {"why": "ours"}, "postprocess.order": {"why": "ours"}}})
    )
    assert set(explained.left_open) - set(plain.left_open) == {"batch_size", "postprocess.order"}
    assert explained.digest() == plain.digest()
    assert explained.model_digest() == plain.model_digest()
    assert "chunk_s" not in load_table(own_table(tmp_path, {"chunk_s": 100})).rows[0].left_open
    changed = load_table("table3", settings=[parse_setting("chunk_s=100")]).rows[0]
    assert set(changed.left_open) == cmn - {"chunk_s"}
    without = load_table("table3", settings=[parse_setting("postprocess=[]")]).rows[6]
    assert set(without.left_open) == cmn
    assert "max_epochs" not in load_table("table3", mini=True).rows[3].left_open  # six, with another reason


def test_what_rows_need_and_have_seen() -> None:
    assert list(ROWS[8].needs) == ["table2 row 8", "table3 row 9"]
    assert list(ROWS[18].needs) == ["table2 row 8", "table3 row 19"]
    assert ROWS[8].seen_splits == ("train", "valid", "test")  # by way of row 9
    assert ROWS[18].seen_splits == ("train", "valid")
    assert (ROWS[18].name, ROWS[19].name) == ("8 regular", "9 regular")
    assert len({ROWS[row].model_digest() for row in (5, 6, 7, 8, 17, 18, 27)}) == 1
    assert len({row.digest() for row in ROWS.values()}) == len(ROWS)


def test_the_three_readings_of_the_fusion_differ_in_nothing_else() -> None:
    steps = [ROWS[row].postprocess for row in (7, 17, 27)]
    assert [step.combine for _, step in steps if isinstance(step, Fuse)] == ["replace", "append", "only"]
    plain = {str(step.model_dump(exclude={"combine"})) for _, step in steps}
    assert len(plain) == 1


def test_cmn_chooses_its_epoch_and_draws_its_validation_as_the_released_code() -> None:
    assert (ROWS[5].select_every, ROWS[5].sampling.redraw_validation) == (20, True)
    settings = [("select_every", None), ("sampling.redraw_validation", False)]
    other = load_table("table3", settings=settings).row(5)
    assert (other.select_every, other.sampling.redraw_validation) == (None, False)
    assert other.model_digest() != ROWS[5].model_digest()


def test_published_numbers_and_names_of_other_tables_move_no_digest() -> None:
    mini = {row.row: row for row in load_table("table3", mini=True).rows}
    assert mini[31].digest() == ROWS[31].digest()
    assert mini[7].needs != ROWS[7].needs  # the spotting row is smaller on mini


def test_settings_reach_the_heads_that_know_them() -> None:
    rows = {row.row: row for row in load_table("table3", settings=[parse_setting("max_epochs=1")]).rows}
    assert rows[5].changed == rows[9].changed == ("max_epochs=1",)
    assert rows[31].changed == ()
    assert rows[31].digest() == ROWS[31].digest()
    zero = load_table("table3", settings=[parse_setting("sampling.drop_filling_copy=true")]).rows
    assert [row.row for row in zero if row.changed] == [1, 2, 3, 5, 6, 7, 8, 17, 27, 18]


@pytest.mark.parametrize("setting", ["nms_s=5", "epochs=3", "sampling.negatives=1"])
def test_settings_that_no_row_knows(setting: str) -> None:
    with pytest.raises(SpecError, match=f"{setting.partition('=')[0]}"):
        load_table("table3", settings=[parse_setting(setting)])


def own_table(folder: Path, change: dict[str, object]) -> str:
    """Row 5 and row 19 of Table 3 as a user's table, the first with changes."""
    content = yaml.safe_load((shipped("reproduce") / "table3.yaml").read_text())
    content["rows"] = [row for row in content["rows"] if row["row"] in (5, 19)]
    content["rows"][0] |= change
    (folder / "own.yaml").write_text(yaml.safe_dump(content | {"table": "own"}))
    return str(folder / "own.yaml")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"head": "lstm"}, "head: unknown head 'lstm'; known: cmn, grounding-transformer, faster-tad, naive"),
        ({"postprocess": [{"step": "shuffle"}]}, "postprocess.0"),
        ({"postprocess": [{"step": "filter"}]}, "missing key: postprocess.0.filter.before_s"),
        (
            {"postprocess": [{"step": "nms", "join": {"row": 7}, "window_s": 25}]},
            "row 5: postprocess: no row 7 in this",
        ),
        ({"postprocess": [{"step": "nms", "join": {"row": 5}, "window_s": 25}]}, "needs row 5, which needs this one"),
        (
            {"postprocess": [{"step": "nms", "join": {"table": "table2", "row": 8}, "window_s": 25}]},
            "nms needs a grounding row, and table2 row 8 is not one",
        ),
        (
            {"postprocess": [{"step": "nms", "join": {"table": "table2", "row": 80}, "window_s": 25}]},
            "no row 80 in table2",
        ),
        ({"receptive_field_s": 70}, "receptive_field_s: 70 is not less than half of chunk_s"),
        ({"mode": "ultra"}, "plateau: ultra mode"),
        ({"runs": []}, "runs: is computed, remove it"),
        ({"left_open": {}}, "left_open: is computed, remove it"),
        ({"assumed": {"chunks_s.size": {"why": "ours"}}}, "assumed: unknown key 'chunks_s'"),
        ({"delay_s": 3}, "delay_s: unknown key"),
    ],
)
def test_errors_name_row_and_key(tmp_path: Path, change: dict[str, object], message: str) -> None:
    with pytest.raises(SpecError, match=message) as caught:
        load_table(own_table(tmp_path, change))
    assert "own.yaml: row 5" in str(caught.value)


def test_a_table_of_ones_own(tmp_path: Path) -> None:
    step = {"step": "nms", "join": {"table": "table3", "row": 9}, "window_s": 25}
    rows = load_table(own_table(tmp_path, {"postprocess": [step]})).rows
    assert rows[0].model_dump()["needs"] == {"table3 row 9": ROWS[9].digest()}


def test_a_step_finds_the_row_of_a_table_that_it_names_by_its_file(tmp_path: Path) -> None:
    step = {"step": "nms", "join": {"table": str(shipped("reproduce") / "table3.yaml"), "row": 9}, "window_s": 25}
    row = load_table(own_table(tmp_path, {"postprocess": [{"step": "filter", "before_s": 50}, step]})).rows[0]
    assert isinstance(row, CmnRow)
    joined = row.postprocess[1]
    assert isinstance(joined, Suppress)
    assert row.row_of(joined) == ROWS[9]


def test_every_head_has_a_row() -> None:
    rows = [*ROWS.values(), *load_table("table3plus").rows]
    assert {row.head for row in rows} == set(heads_for("grounding"))
