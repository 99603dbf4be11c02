"""One undamaged file of each kind that soccerbench writes or is configured by, and how it is read."""

from __future__ import annotations

import contextlib
import io
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import yaml
from conftest import write_tiny_root
from fuzz.damage import JUNK, encode
from fuzz.video_samples import clips, read_pictures
from safetensors.torch import save as save_safetensors

from soccerbench.experiments.drift import check_row
from soccerbench.experiments.experiment import Planner
from soccerbench.experiments.records import make_record
from soccerbench.experiments.results import Run, by_row, read_accuracy, read_result
from soccerbench.features.checksums import known_checksums
from soccerbench.features.dataset import Dataset
from soccerbench.features.pack import pack
from soccerbench.features.sources import open_source
from soccerbench.features.store import FeatureStore
from soccerbench.inference.run import load_run
from soccerbench.progress import silent
from soccerbench.report.tables.checks import accuracy_table
from soccerbench.report.tables.paper import tables_of_runs
from soccerbench.simulation.matches.write import is_complete
from soccerbench.simulation.videos.write import write_videos
from soccerbench.specs.load import load_table, parse_setting, spec_text
from soccerbench.specs.shipped import shipped
from soccerbench.specs.video_models import load_extractors
from soccerbench.training.history import read_history
from soccerbench.training.loop import train
from soccerbench.video.decoding.video import Video
from soccerbench.video.extraction.feature_files import HalfRecord, read_record, write_record
from soccerbench.video.finetuning.annotated_games import games_of_splits, look_through
from soccerbench.video.finetuning.manifest import manifest_of, read_manifest, write_manifest
from soccerbench.video.models.weights import load_weights

BLOCKS = ("tpn-r101", "gta", "vtn", "ircsn", "i3d-slow")
TENSORS = (
    torch.zeros(3), torch.zeros(0), torch.tensor(float("nan")), torch.zeros(2, 2, dtype=torch.int64),
    torch.zeros(4).to(torch.float8_e4m3fn), torch.zeros(1).expand(10**6), torch.zeros(2, 3).to_sparse(),
    torch.zeros(3, dtype=torch.complex64), torch.zeros(2, dtype=torch.bool), torch.zeros(2, device="meta"),
    torch.nn.Parameter(torch.zeros(3)),
)  # fmt: skip
PLAIN = tuple(value for value in JUNK if not (isinstance(value, str) and "\ud800" in value))

ODD_TENSORS = (*PLAIN, *TENSORS)
LOOP: list[Any] = [1]
LOOP.append(LOOP)
ODD_YAML = (*PLAIN, LOOP, {"a": LOOP}, 2**64, -(2**70), [2**64], {"a": {"b": [2**100]}})


class Kind(NamedTuple):
    """A kind of file: its name, how a damaged one is read, and the value that it holds.

    `write` is None for a file that is damaged byte by byte alone. `folder` is where the file replaces the original for
    the time of a case; without it, each case has an empty folder.
    """

    file: str
    read: Callable[[Path], object]
    value: Any = None
    write: Callable[[Any], bytes] | None = None
    junk: tuple[Any, ...] = JUNK
    folder: Path | None = None


class Line:
    """Trains two numbers in a moment."""

    steps = 1

    def model(self) -> torch.nn.Module:
        return torch.nn.Linear(1, 1)

    def batches(self, rng: np.random.Generator) -> Any:
        yield (torch.ones(2, 1),)

    def valid_batches(self) -> Any:
        yield (torch.ones(2, 1),)

    def loss(self, model: torch.nn.Module, batch: Any) -> torch.Tensor:
        return model(batch[0]).square().mean()


class Small(torch.nn.Module):
    """A video model as weights are read into it: a few tensors with names."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = torch.nn.Linear(2, 3)
        self.classify = torch.nn.Linear(3, 2)


def videos(folder: Path) -> dict[str, Kind]:
    """A video of each container."""
    return {f"video, {name}": Kind(file.name, read_pictures, file.read_bytes()) for name, file in clips(folder).items()}


def samples(folder: Path) -> dict[str, Kind]:
    """Write one undamaged file of each kind but videos."""
    root = write_tiny_root(folder / "root")
    splits = {split: games[:1] for split, games in _json(root / "splits.json").items() if split != "challenge"}
    (root / "splits.json").write_bytes(encode(splits))
    for file in root.rglob("*.npy"):
        if "baidu" not in file.name:
            file.unlink()
    return _of_runs(root, folder) | _of_roots(root, folder) | _of_specs() | _of_videos(folder)


def _of_runs(root: Path, folder: Path) -> dict[str, Kind]:
    pairs = [parse_setting(text) for text in ("max_epochs=2", "batch_size=8")]
    row = next(one for one in load_table("table2", mini=True, settings=pairs).rows if one.row == 8)
    made = Planner(Dataset(root), folder / "runs").experiment(row, 0)
    made.run(device="cpu", progress=silent)
    run = Run(made.folder, read_result(made.folder / "result.json"), read_history(made.folder / "history.csv"))
    second = Run(made.folder, run.result.model_copy(update={"seed": 1}), run.history)
    begun = folder / "begun"
    begun.mkdir()
    with contextlib.suppress(KeyboardInterrupt):
        train(Line(), row, seed=0, folder=begun, device="cpu", identity={}, progress=_stopping_at(2))

    def result(file: Path) -> object:
        damaged = Run(file.parent, read_result(file), ())
        by_row([damaged])
        games = damaged.result.games
        return tables_of_runs([damaged]), [damaged.statistics(split, one) for split in games for one in games[split]]

    def record(file: Path) -> object:
        target = file.parent / run.key[0] / run.key[1] / f"row-{run.key[2]:02d}.json"
        target.parent.mkdir(parents=True)
        file.rename(target)
        return check_row([run], file.parent, speed=True)

    def history(file: Path) -> object:
        return tables_of_runs([Run(made.folder, run.result, read_history(file))])

    def identity(file: Path) -> object:
        (file.parent / "checkpoint.pt").touch()
        return replace(made.kept, path=file.parent).changed

    def head(file: Path) -> object:
        return load_run(file, device="cpu")

    def resumed(file: Path) -> object:
        return train(Line(), row, seed=0, folder=file.parent, device="cpu", identity={}, progress=silent)

    return {
        "result.json": Kind("result.json", result, _json(made.folder / "result.json"), encode),
        "record": Kind("record.json", record, make_record([run, second]).to_json(), encode),
        "history.csv": Kind("history.csv", history, (made.folder / "history.csv").read_bytes()),
        "identity.json": Kind("identity.json", identity, _json(made.folder / "identity.json"), encode),
        "head checkpoint": Kind("checkpoint.pt", head, _torch(made.folder / "checkpoint.pt"), _as_torch, ODD_TENSORS),
        "training checkpoint": Kind("checkpoint.pt", resumed, _torch(begun / "checkpoint.pt"), _as_torch, ODD_TENSORS),
    }


def _of_roots(root: Path, folder: Path) -> dict[str, Kind]:
    packed, half, game = folder / "packed", folder / "half", Dataset(root).games["train"][0]
    pack(root, packed)
    one = folder / "one"
    shutil.copytree(root / game, one / game)
    shutil.copy(root / "features.json", one)
    (one / "splits.json").write_bytes(encode({"train": [game], "valid": [], "test": []}))
    with contextlib.suppress(KeyboardInterrupt):
        pack(one, half, workers=1, progress=_stopping_at(2))

    def of_root(_: Path) -> object:
        return _read_root(root)

    def of_pack(_: Path) -> object:
        return _read_root(packed)

    def rows(_: Path) -> object:
        return FeatureStore(root, BLOCKS).take(game, 1, np.array([0, 1]))

    def journal(file: Path) -> object:
        shutil.copytree(half, file.parent / "out")
        file.rename(file.parent / "out" / "pack.part.jsonl")
        return pack(one, file.parent / "out", workers=1)

    def mini(file: Path) -> object:
        return is_complete(file.parent, {"seed": 0}), known_checksums(file.parent, open_source(root))

    npy = "1_baidu_soccer_embeddings.npy"
    return {
        "features.json": Kind("features.json", of_root, _json(root / "features.json"), encode, folder=root),
        "splits.json": Kind("splits.json", of_root, _json(root / "splits.json"), encode, folder=root),
        "pack.json": Kind("pack.json", of_pack, _json(packed / "pack.json"), encode, folder=packed),
        "pack journal": Kind("journal", journal, (half / "pack.part.jsonl").read_bytes()),
        "mini.json": Kind("mini.json", mini, {"recipe": {"seed": 0}, "files": {"splits.json": 1}}, encode),
        "features .npy": Kind(npy, rows, (root / game / npy).read_bytes(), folder=root / game),
        "packed .npy": Kind(f"test-{npy[2:]}", of_pack, (packed / f"test-{npy[2:]}").read_bytes(), folder=packed),
    }


def _of_specs() -> dict[str, Kind]:
    def table(file: Path) -> object:
        return [(row.digest(), spec_text(row)) for row in load_table(str(file)).rows]

    def models(file: Path) -> object:
        return [(row.digest(), spec_text(row)) for row in load_extractors(str(file)).rows]

    def setting(file: Path) -> object:
        return load_table("table2", settings=[parse_setting(file.read_text("utf-8", "surrogateescape"))])

    shipped_table, shipped_models = (
        yaml.safe_load((shipped("reproduce") / name).read_text("utf-8")) for name in ("table3.yaml", "table1.yaml")
    )
    for whole in (shipped_table, shipped_models):
        whole["rows"] = whole["rows"][:1]
    return {
        "table YAML": Kind("table.yaml", table, shipped_table, _as_yaml, ODD_YAML),
        "video models YAML": Kind("models.yaml", models, shipped_models, _as_yaml, ODD_YAML),
        "--set": Kind("setting", setting, b"learning_rate=1.00e-3"),
    }


def _of_videos(folder: Path) -> dict[str, Kind]:
    write_videos(folder / "videos", games=4, minutes=0.2)
    found = look_through(games_of_splits(folder / "videos", ["train", "valid", "test"]))
    write_manifest(folder / "snippets.json", manifest_of(found, background_per_half=1, seed=0))
    write_record(folder, 1, HalfRecord(video=Video(file="1.mkv", width=1, height=1, duration_s=1.0, fps=1.0)))
    row = load_extractors(models=["vtn"]).of("vtn")
    model: Any = Small()
    tuned = {"identity": {}, "model": model.state_dict(), "finished": True}
    accuracies = shipped("results") / "videos" / "finetuned" / "ircsn.json"

    def weights(file: Path) -> object:
        return load_weights(model, file, row)

    def extraction(file: Path) -> object:
        return read_record(file.parent, 1)

    def accuracy(file: Path) -> object:
        return accuracy_table(read_accuracy(file), title="", folder=file)

    return {
        "accuracy.json": Kind("accuracy.json", accuracy, _json(accuracies), encode),
        "snippets.json": Kind("snippets.json", read_manifest, _json(folder / "snippets.json"), encode),
        "extraction.json": Kind("1_extraction.json", extraction, _json(folder / "1_extraction.json"), encode),
        "fine-tuned checkpoint": Kind("weights.pt", weights, tuned, _as_torch, ODD_TENSORS),
        "safetensors": Kind("weights.safetensors", weights, save_safetensors(dict(model.backbone.state_dict()))),
    }


def _json(file: Path) -> Any:
    return json.loads(file.read_bytes())


def _torch(file: Path) -> Any:
    return torch.load(file, weights_only=True)


def _read_root(root: Path) -> object:
    """What training reads first of a root."""
    dataset = Dataset(root)
    store = FeatureStore(root, BLOCKS)
    for game in (game for members in dataset.games.values() for game in members):
        for half in (1, 2):
            store.take(game, half, np.array([0, store.length(game, half) - 1]))
    return dataset.is_simulated, dataset.is_mini


def _stopping_at(step: int) -> Callable[..., None]:
    left = iter(range(step - 1))

    def progress(*_: object) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt

    return progress


def _as_yaml(value: Any) -> bytes:
    return yaml.dump(value, Dumper=getattr(yaml, "CSafeDumper", yaml.SafeDumper), allow_unicode=True).encode()


def _as_torch(value: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(value, stream)
    return stream.getvalue()
