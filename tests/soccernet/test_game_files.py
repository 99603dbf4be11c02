"""Labels and predictions in the layouts that people have: the same score from each, or one line that says why not."""

from __future__ import annotations

import json
import runpy
import shutil
import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.features.dataset import Dataset
from soccerbench.scoring.evaluate import Evaluation, evaluate
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.submission import pack_submission

FIELD = SHARED / "field"
GAME = "england_epl/2014-2015/2015-02-21 - 18-00 Chelsea 1 - 1 Burnley"
OTHER = "league/2020-2021/Málaga 0 - 0 Köln"
SPOTTING, GROUNDING = 0.1737967914438503, 0.9793388429752066
LABELS = [("1 - 01:00", "Goal", 60_000, "visible"), ("1 - 02:00", "Foul", 120_000, "not shown"),
          ("2 - 01:30", "Corner", 90_000, "visible")]  # fmt: skip
SPOTTED = [("Goal", 61_000, "1", "0.9"), ("Foul", 121_000, "1", "0.4"), ("Corner", 95_000, "2", "0.7"),
           ("Goal", 20_000, "2", "0.3")]  # fmt: skip


def labels_of(game: str = GAME) -> dict[str, Any]:
    keys = ("gameTime", "label", "position", "visibility")
    entries = [dict(zip(keys, (*event[:2], str(event[2]), event[3]), strict=True)) for event in LABELS]
    return {"UrlLocal": f"{game}/", "annotations": entries}


def spotted_of(game: str = GAME) -> dict[str, Any]:
    keys = ("label", "position", "half", "confidence")
    return {"UrlLocal": game, "predictions": [dict(zip(keys, map(str, event), strict=True)) for event in SPOTTED]}


def put(root: Path, name: str, document: Any) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(document if isinstance(document, str) else json.dumps(document))
    return root


class Unflagged(zipfile.ZipInfo):
    """An entry with the bytes of a UTF-8 name, but without the flag that says so, as macOS writes it."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
        return self.filename.encode(), 0


def zipped(path: Path, files: dict[str, Any], entry: type[zipfile.ZipInfo] = zipfile.ZipInfo) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, document in files.items():
            archive.writestr(entry(name), json.dumps(document))
    return path


def score(labels: Path, predictions: Path, *, task: Any = "spotting", split: str = "all") -> Evaluation:
    return evaluate(task=task, labels=labels, predictions=predictions, split=split,
                    tolerances=range(5, 61, 5))  # fmt: skip


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    return put(tmp_path / "labels", f"{GAME}/Labels-v2.json", labels_of())


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    return put(tmp_path / "predictions", f"{GAME}/results_spotting.json", spotted_of())


@pytest.mark.parametrize("what", ["file", "folder", "zip"])
def test_what_may_not_be_read_names_its_permissions(
    labels: Path, predictions: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    stat = Path.stat

    def closed(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    def status(path: Path, **more: bool) -> Any:
        return closed() if f"predictions/{GAME}" in str(path) else stat(path, **more)

    if what == "file":
        monkeypatch.setattr(Tree, "_read_file", closed)
    elif what == "folder":  # the files of a folder that is closed are not listed
        shutil.rmtree(predictions / GAME)
        put(predictions, f"{OTHER}/results_spotting.json", spotted_of(OTHER))
        monkeypatch.setattr(Path, "stat", status)
    else:
        predictions = zipped(tmp_path / "zip.zip", {f"{GAME}/results_spotting.json": spotted_of()})
        monkeypatch.setattr("soccerbench.soccernet.archive.io.FileIO", closed)
    with pytest.raises(InputError, match=r"(json|zip): cannot be read \(Permission denied\); change its permissions"):
        score(labels, predictions)


def test_the_labels_of_a_root_by_split(predictions: Path, tmp_path: Path) -> None:
    root = put(tmp_path / "root", f"train/{GAME.replace(' ', '_')}/Labels-v2.json", labels_of())
    for split in ("all", "train"):
        if split == "train":
            put(root, "splits.json", {"train": [GAME]})
        found = score(root, predictions, split=split)
        assert found.average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)
        assert (list(found.games), found.warnings) == ([GAME], {})


@pytest.mark.parametrize("parts", [0, 1, 2, 3, 4])  # from the root down to the file itself
@pytest.mark.parametrize("side", ["labels", "predictions", "both"])
def test_the_folder_of_a_league_a_season_or_a_game_or_one_file(
    labels: Path, predictions: Path, parts: int, side: str
) -> None:
    def inside(root: Path, file: str) -> Path:
        return root.joinpath(*f"{GAME}/{file}".split("/")[:parts])

    given = inside(labels, "Labels-v2.json") if side != "predictions" else labels
    found = inside(predictions, "results_spotting.json") if side != "labels" else predictions
    for split in ("all", "test") if parts > 2 else ("all",):
        evaluation = score(given, found, split=split)
        assert evaluation.average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)
        assert (evaluation.warnings, "|split:all|games:1|" in evaluation.signature) == ({}, True)


def test_flat_files_that_name_their_games(tmp_path: Path) -> None:
    for number, game in enumerate((GAME, OTHER)):
        put(tmp_path / "labels", f"{number}.json", labels_of(game))
        put(tmp_path / "predictions", f"{1 - number}.json", spotted_of(f"/data/{game}/1_224p.mkv"))
    found = score(tmp_path / "labels", tmp_path / "predictions")
    assert list(found.games) == [GAME, OTHER]
    assert score(tmp_path / "labels/0.json", tmp_path / "predictions").average_map == found.average_map
    with pytest.raises(InputError, match=rf"1\.json: of {GAME}, but the labels are of {OTHER}"):
        score(tmp_path / "labels/1.json", tmp_path / "predictions/1.json")


def test_a_file_that_names_no_game_is_of_the_only_one(labels: Path, predictions: Path, tmp_path: Path) -> None:
    put(tmp_path, "mine.json", {"predictions": spotted_of()["predictions"]})
    assert score(labels, tmp_path / "mine.json").average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)
    put(labels, f"{OTHER}/Labels-v2.json", labels_of(OTHER))
    with pytest.raises(InputError, match=r"mine\.json: does not say which game it is of"):
        score(labels, tmp_path / "mine.json")


@pytest.mark.parametrize("name", ["Predictions-v2.json", "results.json", "Results_Spotting.JSON", "spotting.JSON"])
def test_other_names_of_predictions(labels: Path, tmp_path: Path, name: str) -> None:
    folder = put(tmp_path / "predictions", f"{GAME}/{name}", spotted_of())
    put(folder, f"{GAME}/config.json", {"head": "netvlad"})
    found = score(labels, folder)
    assert (found.average_map, found.warnings) == (pytest.approx(SPOTTING, rel=0, abs=1e-12), {})
    assert pack_submission(folder, tmp_path / "out.zip", task="spotting", split="train", labels=put(
        tmp_path / "one", "splits.json", {"train": [GAME]})) == []  # fmt: skip
    assert zipfile.ZipFile(tmp_path / "out.zip").namelist() == [f"{GAME}/results_spotting.json"]
    put(folder, f"{GAME}/also.json", spotted_of())
    if name.lower() != "results_spotting.json":
        with pytest.raises(InputError, match=r"predictions: .* may both be the file of .*with the name results_sp"):
            score(labels, folder)


def test_other_names_of_grounded_replays(tmp_path: Path) -> None:
    shots = [("01:30", None), ("01:40", "01:20"), ("03:10", None), ("03:20", "02:50")]
    entries = [
        {"gameTime": f"1 - {end}", "position": str(60_000 * int(end[:2]) + 1000 * int(end[3:])),
         **({"replay": "replay", "link": {"half": "1", "label": "Goal", "time": time}} if time else {})}
        for end, time in shots
    ]  # fmt: skip
    replays = [{"half": 1, "start": end - 10, "end": end, "detection": [{"time": time, "score": value}]}
               for end, time, value in ((100, 80, 0.9), (200, 173, 0.8))]  # fmt: skip
    put(tmp_path / "labels", f"{GAME}/Labels-cameras.json", {"annotations": entries})
    put(tmp_path / "predictions", f"{GAME}/results_ground.json", {"UrlLocal:": GAME, "Replays": replays})
    for given in (tmp_path / "labels", tmp_path / "labels" / GAME / "Labels-cameras.json"):
        found = score(given, tmp_path / "predictions", task="grounding")
        assert found.average_ap == pytest.approx(GROUNDING, rel=0, abs=1e-12)


@pytest.mark.parametrize(
    "form",
    [
        lambda name: name.replace("/", "\\"),
        lambda name: f"./{name}",
        lambda name: f".\\{name}".replace("/", "\\"),
        lambda name: f"results/final/{name}",
        lambda name: unicodedata.normalize("NFD", name),
        lambda name: name.replace(".json", ".JSON"),
        lambda name: f"test/{name.replace(' ', '_')}",
    ],
)
def test_zips_as_other_systems_pack_them(tmp_path: Path, form: Callable[[str], str]) -> None:
    games = (GAME, OTHER)
    for game in games:
        put(tmp_path / "labels", f"{game}/Labels-v2.json", labels_of(game))
    files = {form(f"{game}/results_spotting.json"): spotted_of(game) for game in games}
    clutter = {f"__MACOSX/{game}/._results_spotting.json": {} for game in games}
    clutter |= {".DS_Store": {}, f"{GAME}/.DS_Store": {}, f"{GAME}/Thumbs.db": {}}
    for entry in (zipfile.ZipInfo, Unflagged):
        found = score(tmp_path / "labels", zipped(tmp_path / "results.zip", files | clutter, entry))
        assert (found.average_map, found.warnings) == (pytest.approx(SPOTTING, rel=0, abs=1e-12), {})


@pytest.mark.parametrize("file", ["Labels-cameras.json", "Labels-caption.json", "Labels-v2.json", "Labels.json"])
def test_labels_of_another_kind_are_not_taken_for_these(tmp_path: Path, predictions: Path, file: str) -> None:
    root = put(tmp_path / "labels", f"{GAME}/{file}", labels_of())
    task = "spotting" if "-c" in file else "grounding"
    for given in (root, root / GAME, root / GAME / file)[: 3 if "-c" in file else 2]:
        with pytest.raises(InputError, match="no games of split 'all'"):
            score(given, predictions, task=task)


def test_the_last_of_two_spellings_of_a_name_is_read_and_counted(labels: Path, tmp_path: Path) -> None:
    name = f"{GAME}/results_spotting.json"
    path = zipped(tmp_path / "twice.zip", {name: {"predictions": []}, f"./{name}": spotted_of()})
    found = score(labels, path)
    assert found.average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)
    assert found.warnings == {"files that appear twice in the zip of predictions, the last read": 1}


def test_two_folders_around_the_leagues_are_one_line(labels: Path, predictions: Path, tmp_path: Path) -> None:
    for run in ("one", "two"):
        put(tmp_path / "both", f"{run}/{GAME}/results_spotting.json", spotted_of())
    with pytest.raises(InputError, match=rf"both: one/{GAME}/.* and two/{GAME}/.* may both be the file"):
        score(labels, tmp_path / "both")
    put(predictions, f"old/{GAME}/results_spotting.json", {"predictions": []})  # the official place wins
    assert score(labels, predictions).average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)


def test_names_on_disk_in_another_normal_form(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        put(tmp_path / form, f"{unicodedata.normalize(form, OTHER)}/Labels-v2.json", labels_of(OTHER))
        put(tmp_path / form, f"{unicodedata.normalize(form, OTHER)}/results_spotting.json", spotted_of(OTHER))
        put(tmp_path / form, "splits.json", {"test": [OTHER]})
        assert len(Dataset(tmp_path / form).labels("test")[OTHER]) == len(LABELS)
    found = score(tmp_path / "NFD", tmp_path / "NFC", split="test")
    assert found.average_map == pytest.approx(SPOTTING, rel=0, abs=1e-12)


@pytest.mark.parity
def test_every_class_in_every_half_second_of_a_game(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not FIELD.exists():
        pytest.skip(f"reference data is not there: {FIELD}")
    monkeypatch.setattr("sys.argv", ["dense.py", str(tmp_path)])
    runpy.run_path(str(FIELD / "dense.py"))
    found = evaluate(task="spotting", labels=FIELD / "base/labels", predictions=tmp_path, split="all", tolerances=(5,),
                     protocol="soccernet")  # fmt: skip
    assert (found.average_map, found.warnings) == (pytest.approx(0.00010944419737503444, rel=0, abs=1e-12), {})


CASES: dict[str, tuple[str, str, str, str, float]] = {
    "by_split_labels": ("by_split_labels/root", "base/predictions", "test", "spotting", SPOTTING),
    "flat_folder": ("flat_folder/labels", "flat_folder/predictions", "all", "spotting", SPOTTING),
    "flat labels": ("flat_folder/labels", "base/predictions", "all", "spotting", SPOTTING),
    "flat predictions": ("base/labels", "flat_folder/predictions", "all", "spotting", SPOTTING),
    "one file": ("flat_folder/labels/Labels-v2.json", "flat_folder/predictions/results_spotting.json", "test",
                 "spotting", SPOTTING),
    "other_result_name": ("base/labels", "other_result_name/spotting", "all", "spotting", SPOTTING),
    "grounding_other_name": ("grounding_other_name/labels", "grounding_other_name/predictions", "all", "grounding",
                             GROUNDING),
    "zip_backslash": ("base/labels", "zip_backslash/results.zip", "all", "spotting", SPOTTING),
    "zip_macosx": ("base/labels", "zip_macosx/results.zip", "all", "spotting", SPOTTING),
    "zip_dot_slash": ("base/labels", "zip_dot_slash/results.zip", "all", "spotting", SPOTTING),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_cases_from_the_field(case: str) -> None:
    if not FIELD.exists():
        pytest.skip(f"reference data is not there: {FIELD}")
    labels, predictions, split, task, value = CASES[case]
    found = score(FIELD / labels, FIELD / predictions, split=split, task=task)
    result = found.average_map if task == "spotting" else found.average_ap
    assert (result, found.warnings) == (pytest.approx(value, rel=0, abs=1e-12), {})
