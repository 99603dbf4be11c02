"""Table 1: every row against the paper's print, what overrides what, and errors that name file, row and key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from soccerbench.errors import SpecError
from soccerbench.specs.features import load_features
from soccerbench.specs.load import load_table, parse_setting, spec_text, table_names
from soccerbench.specs.shipped import shipped
from soccerbench.specs.video_models import MODELS, ExtractorTable, load_extractors

# Table 1 and section 2 of the paper, typed a second time from their print:
# model, architecture, backbone, width, pretraining, accuracy on Kinetics-400.
TABLE_1: list[tuple[Any, ...]] = [
    ("tpn-r50", "TPN", "resnet50", 2048, "K400", None),
    ("tpn-r101", "TPN", "resnet101", 2048, "K400", 78.9),
    ("gta", "GTA", "resnet50", 2048, "K400", 79.8),
    ("vtn", "VTN", "vit_base_patch16_224", 384, "K400", 78.6),
    ("ircsn", "irCSN", "resnet152", 2048, "IG65M + K400", 82.6),
    ("i3d-slow", "I3D-Slow", "resnet101", 2048, "OmniSource", 80.4),
]
SHIPPED = yaml.safe_load((shipped("reproduce") / "table1.yaml").read_text("utf-8"))


def write(folder: Path, change: dict[str, Any], *, row: int = 1, **table: Any) -> str:
    """The shipped table with `change` on top of one row."""
    rows = [{**raw, **change} if raw["row"] == row else raw for raw in SHIPPED["rows"]]
    file = folder / "mine.yaml"
    file.write_text(yaml.safe_dump({**SHIPPED, "rows": rows, **table}))
    return str(file)


def settings(*texts: str) -> list[tuple[str, Any]]:
    return [parse_setting(text) for text in texts]


def test_table_1_is_the_papers() -> None:
    table = load_extractors()
    for row, (model, architecture, backbone, width, pretraining, accuracy) in zip(table.rows, TABLE_1, strict=True):
        assert (row.model, row.architecture.split(",")[0], row.backbone) == (model, architecture, backbone)
        assert (row.width, row.pretraining) == (width, pretraining)
        assert (None if row.published is None else row.published.kinetics400) == accuracy
    assert table.finetuned_percent == (78, 82)
    assert tuple(row.model for row in table.rows) == MODELS


def test_models_are_the_feature_blocks_and_as_wide() -> None:
    blocks = load_features().blocks
    assert {row.model: row.width for row in load_extractors().rows} == {name: blocks[name].width for name in MODELS}
    assert set(MODELS) == set(load_features().sets["six"])


def test_what_the_paper_does_not_say_is_assumed_with_its_reason() -> None:
    assumed = {"clip", "size", "dropout", "learning_rate", "weight_decay", "batch_size", "max_epochs", "plateau"}
    for row in load_extractors().rows:
        assert assumed <= set(row.assumed)
        assert all(row.assumed.values())
        assert yaml.safe_load(spec_text(row))["assumed"].keys() == row.assumed.keys()


def test_the_digest_covers_what_a_model_comes_from() -> None:
    table = load_extractors()
    row = table.of("gta")
    assert len({row.digest() for row in table.rows}) == 6
    for update in ({"published": None}, {"assumed": {}}, {"architecture": "another name"}, {"parameters": None}):
        assert row.model_copy(update=update).digest() == row.digest()
    for made in ({"regions": 9}, {"size": 112}, {"learning_rate": 1.0}, {"backbone": "resnet18"}):
        assert row.model_copy(update=made).digest() != row.digest()


def test_settings_reach_the_rows_that_know_them() -> None:
    table = load_extractors(settings=settings("clip.frames=4", "vtn.backbone=vit_tiny_patch16_224", "max_epochs=3"))
    assert {row.clip.frames for row in table.rows} == {4}
    assert {row.clip.fps for row in table.rows} == {12, 3}
    assert table.of("vtn").backbone == "vit_tiny_patch16_224"
    assert table.of("gta").backbone == "resnet50"
    assert table.of("vtn").changed == ("clip.frames=4", "vtn.backbone=vit_tiny_patch16_224", "max_epochs=3")
    assert not {"clip", "max_epochs"} & set(table.of("vtn").assumed)


def test_width_and_parameters_are_not_believed_once_the_model_may_have_changed() -> None:
    for text in ("backbone=resnet18", "clip.frames=4", "regions=2"):
        row = load_extractors(models=["gta"], settings=settings(text)).of("gta")
        assert (row.width, row.parameters) == (None, None)
    row = load_extractors(models=["gta"], settings=settings("max_epochs=1", "dropout=0", "plateau=null")).of("gta")
    assert (row.width, row.parameters) == (2048, 34_832_474)


def test_models_are_taken_in_the_tables_order() -> None:
    table = load_extractors(models=["vtn", "tpn-r50"])
    assert [row.model for row in table.rows] == ["tpn-r50", "vtn"]
    assert isinstance(table, ExtractorTable)


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["no_such_key=1"], "--set no_such_key=1: no row of table1 has this key"),
        (["row=7"], "--set row=7: no row of table1 has this key"),
        (["width=7"], "--set width=7: no row of table1 has this key"),
        (["parameters=1"], "--set parameters=1: no row"),
        (["vtn.regions=2"], "--set vtn.regions=2: no row"),
        (["clip.frames=0"], "--set clip.frames=0: table1 row 1: clip.frames: "),
        (["clip.colour=1"], "row 1: clip.colour: unknown key"),
        (["size=7"], "row 1: size: "),
        (["size.x=7"], "--set size.x=7: table1 row 1: size has no keys"),
        (["pools=[16, 24]"], "row 1: pools: the second, 24, is no multiple of the first, 16"),
        (["pools=[8]"], "row 1: missing key: pools.1"),
        (["flows=both"], "row 1: flows: "),
        (["positions=16"], "row 4: positions: 16 for 16 frames and the class token"),
        (["std=[0, 1, 1]"], "row 1: std.0: "),
        (["backbone=resnet18"], "row 4: backbone: "),
        (["vtn.backbone=resnet18"], "row 4: backbone: "),
        (["gta.backbone=../../weights"], "row 3: backbone: "),
        (["learning_rate=.nan"], "row 1: learning_rate: "),
        (["annealing=cosine"], "row 1: annealing: cosine sets the rate itself; set plateau: null"),
    ],
)
def test_settings_that_are_none(texts: list[str], said: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_extractors(settings=settings(*texts))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "slowfast"}, "row 1: model: unknown model 'slowfast'; known: tpn-r50"),
        ({"model": None}, "row 1: model: unknown model None"),
        ({"pool": [1, 1]}, "row 1: pool: unknown key"),
        ({"regions": 3}, "row 1: regions: unknown key"),
        ({"width": 0}, "row 1: width: "),
        ({"row": 2}, "two rows have the same number"),
        ({"model": "tpn-r101"}, "two rows have the same model"),
        ({"published": {"kinetics400": 178.9}}, "row 1: published.kinetics400"),
        ({"clip": {"frames": 8, "fps": 3}}, "row 1: clip: both stated"),
        ({"changed": ["x=1"]}, "row 1: changed: is computed"),
        ({"assumed": {"pools": [1, 1]}}, "row 1: assumed: pools: write {value"),
        ({"assumed": {"pools": {"why": "x"}}}, "row 1: assumed: pools: write {value"),
    ],
)
def test_errors_name_file_row_and_key(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    if "clip" in change:
        change = {**change, "assumed": SHIPPED["rows"][0]["assumed"]}
    file = write(tmp_path, change)
    with pytest.raises(SpecError) as caught:
        load_extractors(file)
    assert str(caught.value).startswith(file)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"rows": []}, "rows: Tuple should have at least 1 item"),
        ({"rows": 3}, "rows: a list of rows is needed"),
        ({"finetuned_percent": [78]}, "finetuned_percent"),
        ({"colour": "red"}, "unknown key 'colour'"),
        ({"task": "spotting"}, "row 1: task: "),
    ],
)
def test_tables_that_are_none(tmp_path: Path, table: dict[str, Any], said: str) -> None:
    with pytest.raises(SpecError, match=said):
        load_extractors(write(tmp_path, {}, **table))


def test_models_nobody_knows() -> None:
    known = "no such model; known: tpn-r50, tpn-r101, gta, vtn, ircsn, i3d-slow"
    with pytest.raises(SpecError, match=f"^slowfast: {known}"):
        load_extractors(models=["slowfast"])
    with pytest.raises(SpecError, match=f"^slowfast: {known}"):
        load_extractors().of("slowfast")


def test_table_1_is_no_table_of_heads() -> None:
    assert "table1" not in table_names()
    for name in ("table1", str(shipped("reproduce") / "table1.yaml")):
        with pytest.raises(SpecError, match="its rows are video models: fine-tune one with `soccerbench finetune"):
            load_table(name)
