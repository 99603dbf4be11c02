"""Specs: every shipped one, what overrides what, and errors that name file, row and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from soccerbench.errors import SpecError
from soccerbench.specs.features import blocks_of, load_features
from soccerbench.specs.grounding import CmnRow
from soccerbench.specs.load import load_table, parse_setting, spec_text, table_names
from soccerbench.specs.shipped import shipped
from soccerbench.specs.video_models import load_extractors
from soccerbench.specs.yaml_file import read_yaml

# Table 2 of the paper, typed a second time from its print: features, mega, head, mode, chunk, NMS, test, challenge.
TABLE_2: list[tuple[Any, ...]] = [
    ("resnet", False, "netvlad++", "regular", 15, 30, 53.30, 52.54),
    ("tpn-r50", False, "netvlad++", "regular", 15, 30, 62.96, 62.35),
    ("four", False, "netvlad++", "regular", 15, 30, 67.97, 67.51),
    ("four", True, "netvlad++", "regular", 15, 30, "-", 67.57),
    ("four", True, "netvlad++", "ultra", 15, 30, "-", 68.68),
    ("five", False, "netvlad++", "regular", 15, 30, 72.64, 71.08),
    ("five", False, "transformer", "regular", 7, 20, 73.77, "N/A"),
    ("five", False, "netvlad++", "regular", 7, 20, 74.05, 73.19),
    ("six", True, "netvlad++", "ultra", 7, 20, "-", 74.63),
    ("six", True, "transformer", "ultra", 7, 20, "-", 74.84),
]
MINIMAL = {
    "table": "mine",
    "task": "spotting",
    "rows": [
        {
            "row": 1,
            "features": "vtn",
            "mega": False,
            "head": "transformer",
            "mode": "regular",
            "chunk_s": 7,
            "nms_s": 20,
            "learning_rate": 1e-3,
            "batch_size": 8,
            "max_epochs": 1,
            "plateau": None,
            "weight_decay": 0.0,
            "shift_s": 0.0,
            "standardise": False,
            "architecture": {"d_model": 8, "heads": 2, "layers": 1, "feedforward": 8, "dropout": 0.0},
        }
    ],
}


DIGESTS = {
    "table2": "8bcff80b41d59ec2",
    "table3": "3fe119cc7ca64a3f",
}  # of the first rows; both trainings and the validation of Cmn are part of them
OMIT = object()


def steps(*given: dict[str, Any]) -> dict[str, Any]:
    """The change to steps in place of hard NMS alone."""
    return {"nms_s": OMIT, "postprocess": list(given)}


def write(folder: Path, change: dict[str, Any]) -> str:
    """A table file whose first row has `change` on top, without what is to be omitted."""
    row = {**MINIMAL["rows"][0], **change}  # type: ignore[dict-item]
    content = {**MINIMAL, "rows": [{key: value for key, value in row.items() if value is not OMIT}]}
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump(content))
    return str(file)


def test_table_2_is_the_papers() -> None:
    rows = [
        (row.features, row.mega, row.head, row.mode, row.chunk_s, row.nms_s, *row.published.values())
        for row in load_table("table2").rows
    ]
    assert rows == TABLE_2


@pytest.mark.parametrize("mini", [False, True])
@pytest.mark.parametrize("name", table_names())
def test_every_shipped_table_loads_and_says_why_it_assumes(name: str, mini: bool) -> None:
    for row in load_table(name, mini=mini).rows:
        assert all(why for why in row.assumed.values())
        assert yaml.safe_load(spec_text(row))["row"] == row.row


def test_a_base_gives_its_defaults_and_sections_of_heads(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    table: dict[str, Any] = {"table": "mine", "task": "grounding", "base": "table3", "defaults": {"head": "cmn"}}
    table["rows"] = [{"row": 1, "features": "vtn", "batch_size": 7, "learning_rate": 0.5}]
    file.write_text(yaml.safe_dump(table))
    row, model = load_table(str(file)).rows[0], load_table("table3").rows[0]
    assert isinstance(row, CmnRow)
    assert isinstance(model, CmnRow)
    assert (row.sampling, row.losses, row.chunk_s) == (model.sampling, model.losses, model.chunk_s)
    assert (row.learning_rate, row.batch_size, row.table) == (0.5, 7, "mine")
    assert "learning_rate" not in row.assumed
    assert row.assumed["losses"] == model.assumed["losses"]
    file.write_text(yaml.safe_dump({**table, "base": "table33"}))
    with pytest.raises(SpecError, match="base: no shipped table 'table33'"):
        load_table(str(file))


def test_what_a_table_varies_stays_as_it_is_on_mini() -> None:
    assert [row.batch_size for row in load_table("cmn_batch", mini=True).rows] == [32, 64, 128]
    assert {row.max_epochs for row in load_table("cmn_batch", mini=True).rows} < {*range(100)}


def test_a_row_on_mini_may_differ_from_its_head() -> None:
    table = load_table("table2plus", mini=True)
    for row, with_sam in ((7, 74), (8, 84)):
        plain, sam = table.row(row), table.row(with_sam)
        assert sam.max_epochs * 2 == plain.max_epochs
        assert sam.architecture == plain.architecture
    assert load_table("table2plus").row(74).max_epochs == load_table("table2plus").row(7).max_epochs


def test_the_blocks_of_the_single_block_rows_are_one_four_or_five() -> None:
    five = set(load_features().sets["five"])
    rows = load_table("single_blocks").rows
    assert {row.blocks for row in rows[:5]} == {(name,) for name in five}
    assert {five.difference(row.blocks).pop() for row in rows[5:10]} == five
    assert rows[10].blocks == load_features().sets["five"]
    assert all(row.name == f"without {five.difference(row.blocks).pop()}" for row in rows[5:10])
    assert [row.published["test"] for row in rows] == [
        54.56, 58.33, 65.97, 54.25, 55.84, 68.51, 67.25, 61.05, 66.89, 67.88, 68.75,
    ]  # fmt: skip


def test_rows_of_one_chunk_share_a_training() -> None:
    digests = [row.model_digest() for row in load_table("chunk_nms").rows]
    assert digests[0] == digests[1] != digests[2] == digests[3]


@pytest.mark.parametrize("mini", [False, True])
def test_variants_2_and_3_share_the_training_of_their_row_and_no_other_does(mini: bool) -> None:
    rows = {row.row: row for row in load_table("table2plus", mini=mini).rows}
    trained: dict[str, set[int]] = {}
    for number, row in rows.items():
        trained.setdefault(row.model_digest(), set()).add(number)
    assert all({10 * number + 2, 10 * number + 3} <= rows.keys() for number in rows if 6 <= number < 60)
    for number in rows:
        base = number // 10 if number > 60 else number
        variant = number % 10 if number > 60 else 0
        group = trained[rows[number].model_digest()]
        assert (base in group) == (variant in (0, 2, 3) or number in (61, 124, 144))
        assert len(group) == {1: 1, 6: 4, 12: 4, 14: 4}.get(base, 3) if base in group else len(group) == 1


def test_features_are_those_of_the_captions() -> None:
    known = load_features()
    assert known.sets["four"] == ("tpn-r50", "tpn-r101", "gta", "ircsn")
    assert known.sets["five"] == ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
    assert len(known.sets["six"]) == 6
    assert sum(known.blocks[name].width for name in known.sets["five"]) == 8576
    assert blocks_of("four", mega=True) == ("mega-tpn-r50", "mega-tpn-r101", "mega-gta", "mega-ircsn")


def test_the_digest_covers_all_but_published() -> None:
    table = load_table("table2")
    row = table.rows[0]
    assert row.model_copy(update={"published": {}}).digest() == row.digest()
    assert row.model_copy(update={"nms_s": 29.0}).digest() != row.digest()
    assert len({row.digest() for row in table.rows}) == 10
    assert row.digest() == load_table("table2").rows[0].digest()


def test_the_precision_is_part_of_the_digest_and_its_default_is_as_old_as_the_records() -> None:
    for name in ("table2", "table3"):
        row = load_table(name).rows[0]
        assert (row.digest(), row.precision) == (DIGESTS[name], "auto")
        for precision in ("float32", "bfloat16"):
            changed = load_table(name, settings=[parse_setting(f"precision={precision}")], rows=[1]).rows[0]
            assert changed.digest() != row.digest()
            assert yaml.safe_load(spec_text(changed))["precision"] == precision
    with pytest.raises(SpecError, match="--set precision=float16: table2 row 1: precision: 'float16' should be"):
        load_table("table2", settings=[parse_setting("precision=float16")])
    assert len({load_extractors(settings=[parse_setting(f"precision={name}")]).of("vtn").digest() for name in
                ("auto", "bfloat16", "float32")}) == 3  # fmt: skip


def test_every_choice_of_the_spotting_rows_that_the_paper_leaves_open_is_listed() -> None:
    rows = load_table("table2").rows
    common = {"mode.epoch", "learning_rate.schedule", "precision", "head.loss", "features.width", "mega.games"}
    assert all(common <= set(row.left_open) for row in rows)
    transformers = {"mixup_alpha.batch", "architecture.pooling"}
    assert [row.row for row in rows if transformers <= set(row.left_open)] == [7, 10]


def test_rows_override_defaults_and_settings_override_rows() -> None:
    table = load_table("table2", settings=[parse_setting("architecture.dropout=0.25"), parse_setting("max_epochs=3")])
    assert {row.max_epochs for row in table.rows} == {3}
    assert table.rows[0].architecture == {"clusters": 64, "projection": 512, "dropout": 0.25}
    assert table.rows[6].architecture["dropout"] == 0.25
    assert "architecture" not in table.rows[0].assumed
    assert table.rows[0].changed == ("architecture.dropout=0.25", "max_epochs=3")
    assert load_table("table2").rows[0].learning_rate == 1e-3
    assert load_table("table2").rows[1].learning_rate == 1e-4


def test_mini_is_laid_over_by_head_and_mode() -> None:
    real, mini = load_table("table2"), load_table("table2", mini=True)
    assert [row.published for row in real.rows] == [row.published for row in mini.rows]
    assert all(small.max_epochs < large.max_epochs for small, large in zip(mini.rows, real.rows, strict=True))
    assert "validation loss" in mini.rows[0].assumed["max_epochs"]


def test_sizes_are_used_as_they_were_validated(tmp_path: Path) -> None:
    written = {"d_model": "8", "heads": 2.0, "layers": 1, "feedforward": "8", "dropout": 0}
    sizes = load_table(write(tmp_path, {"architecture": written})).rows[0].architecture
    assert sizes == {"d_model": 8, "heads": 2, "layers": 1, "feedforward": 8, "dropout": 0.0}
    assert [type(size) for size in sizes.values()] == [int, int, int, int, float]


def test_a_users_own_table(tmp_path: Path) -> None:
    table = load_table(write(tmp_path, {"head": "my_head:Tiny", "architecture": {"anything": [1, 2]}}))
    assert table.rows[0].architecture == {"anything": [1, 2]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"chunk": 7}, "row 1: chunk: unknown key (did you mean 'chunk_s'?)"),
        ({"chunk_s": OMIT, "nms_s": OMIT}, "row 1: missing key: chunk_s"),
        ({"head": "transfomer"}, "unknown head 'transfomer' (did you mean 'transformer'?)"),
        ({"nms_s": OMIT, "nms": 20}, "row 1: nms: unknown key (did you mean 'nms_s'?)"),
        ({"nms_s": OMIT}, "row 1: nms_s: give either nms_s, for hard NMS alone, or postprocess"),
        ({"postprocess": [{"step": "nms", "window_s": 3}]}, "row 1: nms_s: give either nms_s"),
        (steps({"step": "nms", "window_s": [3, 4]}), "row 1: postprocess"),
        (steps({"step": "soft-nms", "window_s": 8, "decay": "cubic"}), "row 1: postprocess.0.soft-nms.decay"),
        (steps({"step": "nms", "window_s": 1}), "at least two feature rows"),
        (
            steps({"step": "threshold", "above": 0.1}, {"step": "resample", "factor": 2}),
            "postprocess: resample is not the first",
        ),
        ({"chunk_s": -7}, "row 1: chunk_s"),
        ({"chunk_s": "7 seconds"}, "row 1: chunk_s: '7 seconds' should be a valid number"),
        ({"chunk_s": 7000}, "row 1: chunk_s"),
        ({"features": "seven"}, "row 1: features: unknown set 'seven'"),
        ({"features": "fiv"}, "did you mean 'five'?"),
        (
            {"plateau": {"factor": 0.1, "patiense": 3}},
            "plateau.patiense: unknown key (did you mean 'patience'?); missing keys: plateau.p",
        ),
        ({"head": "lstm"}, "row 1: head: unknown head 'lstm'"),
        ({"mode": "ultra", "plateau": {"factor": 0.1, "patience": 1, "stop_below": 0}}, "row 1: plateau: ultra"),
        ({"nms_s": 1}, "at least two feature rows"),
        ({"features": "tpn-r50", "mega": "perhaps"}, "row 1: mega"),
        ({"features": "resnet", "mega": True}, "unknown block 'mega-resnet'"),
        ({"learning_rate": float("nan")}, "row 1: learning_rate"),
        ({"architecture": {"d_model": 9, "heads": 2, "layers": 1, "feedforward": 8, "dropout": 0.0}}, "d_model 9"),
        (
            {"architecture": {"width": 9}},
            "row 1: architecture.width: unknown key; missing keys: architecture.d_m",
        ),
        ({"assumed": {"max_epochs": {"value": 1, "why": "x"}}}, "max_epochs: both stated"),
        ({"assumed": {"shift": {"why": 3}}}, "assumed: shift: write {value"),
        ({"assumed": {"shift": 1}}, "assumed: shift: write {value"),
        ({"task": "dancing"}, "task: 'dancing'"),
        ({"published": {"test": "n/a"}}, "row 1: published.test"),
        ({"blocks": []}, "blocks: is computed"),
        ({"table": "../../x"}, "row 1: table: '../../x' is not a plain name; use letters, digits, - and _ alone"),
    ],
)
def test_errors_name_file_row_and_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    file = write(tmp_path, change)
    with pytest.raises(SpecError) as caught:
        load_table(file)
    assert str(caught.value).startswith(file)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("table: x\ntable: y\n", "line 2: key 'table' is given twice"),
        ("[1, 2]", "not a mapping"),
        ("rows: {", "line [12]: "),
        ("rows: []", "at least one row"),
        ("rows: 3", "a list of rows"),
        ("colour: red\nrows: []", "unknown key 'colour'"),
        ("rows: !!python/object/apply:os.system ['true']", "line 1"),
        ("\x00", "not YAML"),
    ],
)
def test_files_that_are_no_tables(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(SpecError, match=said):
        load_table(str(file))


@pytest.mark.parametrize("name", ["../../x", "/x", "a/b", "..", "", "a b", "x\n"])
def test_a_tables_name_is_that_of_a_folder(tmp_path: Path, name: str) -> None:
    for content, load in ((MINIMAL, load_table), (read_yaml(shipped("reproduce") / "table1.yaml"), load_extractors)):
        file = tmp_path / "mine.yaml"
        file.write_text(yaml.safe_dump({**content, "table": name}))
        with pytest.raises(SpecError, match=r"table: .* is not a plain name"):
            load(str(file))
        file.write_text(yaml.safe_dump({**content, "table": "My_table-2"}))
        assert load(str(file)).table == "My_table-2"


def test_two_rows_of_one_number(tmp_path: Path) -> None:
    file = tmp_path / "twice.yaml"
    file.write_text(yaml.safe_dump({**MINIMAL, "rows": MINIMAL["rows"] * 2}))  # type: ignore[operator]
    with pytest.raises(SpecError, match="two rows have the same number"):
        load_table(str(file))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("epochs", "--set epochs: write key=value"),
        ("=3", "--set =3: write key=value"),
        ("a=[", "--set a=[: "),
        ("max_epochs.deep=1", "--set max_epochs.deep=1: table2 row 6: max_epochs has no keys"),
        ("max_epoch=1", "--set max_epoch=1: no chosen row of table2 has this key (did you mean 'max_epochs'?)"),
        ("max_epochs=x", "--set max_epochs=x: table2 row 6: max_epochs: 'x' should be a valid integer"),
        ("architecture.cluster=2", "table2 row 6: architecture.cluster: unknown key (did you mean 'clusters'?)"),
        ("row=3", "--set row=3: no chosen row of table2 has this key"),
    ],
)
def test_mistakes_in_settings_name_the_setting(text: str, said: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_table("table2", settings=[parse_setting(text)], rows=[6])
    assert said in str(caught.value)
    assert ".yaml" not in str(caught.value)


def test_settings_change_the_chosen_rows_only() -> None:
    table = load_table("table2", settings=[parse_setting("plateau.patience=3")], rows=[6])
    assert {row.row: row.changed for row in table.rows if row.changed} == {6: ("plateau.patience=3",)}
    assert [row.digest() == old.digest() for row, old in zip(table.rows, load_table("table2").rows, strict=True)] == [
        number != 6 for number in range(1, 11)
    ]


def test_mini_leaves_a_users_own_table_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text((shipped("reproduce") / "table2.yaml").read_text())
    assert load_table(str(file), mini=True) == load_table(str(file))
    assert load_table("table2", mini=True) != load_table("table2")


def test_unknown_tables_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"no such table \(did you mean 'table.'\?\); shipped are .*table2"):
        load_table("table9")
    with pytest.raises(SpecError, match=r"none\.yaml: cannot be read \(no such file"):
        load_table(str(tmp_path / "none.yaml"))
    with pytest.raises(SpecError, match=f"there is no folder {tmp_path}/no\\)$"):
        load_table(str(tmp_path / "no" / "folder" / "none.yaml"))
