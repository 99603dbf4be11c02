"""Exact checks: three small games and three heads of fixed weights, through every step from files to scores, untrained.

`python -m soccerbench.experiments.checks.exact_checks results/fixtures` draws games and weights from a seed and writes
them with what every step makes of them. `soccerbench check` takes the steps again. Numbers of float32 heads agree
to 1e-6, everything else exactly or to 1e-9.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import orjson
import torch
from torch import nn

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.experiments.grounding import GroundingPipeline
from soccerbench.experiments.spotting import SpottingPipeline
from soccerbench.features.dataset import Dataset
from soccerbench.files import write_bytes, write_json
from soccerbench.metrics.tolerances import NAMED_S
from soccerbench.models.sliding import slide
from soccerbench.progress import silent
from soccerbench.scoring.evaluate import evaluate
from soccerbench.soccernet.archive import Tree
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import read_grounding_predictions
from soccerbench.soccernet.labels import read_spotting_labels
from soccerbench.soccernet.spotting_predictions import read_spotting_predictions, write_spotting_predictions
from soccerbench.specs.grounding import Filter, Fuse, Run, Suppress
from soccerbench.specs.load import load_table
from soccerbench.tasks.grounding_postprocess import postprocess
from soccerbench.training.loop import train

SEED = 0
HALF_S, WIDTH = 100, 8
GAMES = {split: f"league/2020-2021/{split} game" for split in ("train", "valid", "test")}
GAME = GAMES["test"]
FIXTURE = "exact.npz", "exact.json"
TOLERANCE = {"float32": 1e-6, "float64": 1e-9}
CPU = torch.device("cpu")
_REMEDY = "restore it, or make it again with `python -m soccerbench.experiments.checks.exact_checks results/fixtures`"
Found = dict[str, list[Any]]


def draw_files(rng: np.random.Generator) -> dict[str, Any]:
    """The JSON files of the games, and predictions with whatever real files have."""
    files: dict[str, Any] = {"splits.json": {**{split: [game] for split, game in GAMES.items()}, "challenge": []}}
    files["features.json"] = {
        "simulated": {"generator": "exact", "seed": SEED, "scale": "mini"},
        "blocks": {"vtn": {"file": "vtn.npy", "width": WIDTH, "fps": 1}},
    }
    for game in GAMES.values():
        events: list[dict[str, str]] = []
        shots: list[dict[str, Any]] = []
        for half in (1, 2):
            for label, at_ms in enumerate(np.sort(rng.choice(HALF_S * 1000, len(CLASSES), replace=False)).tolist()):
                event = {"gameTime": f"{half} - {at_ms // 60000:02d}:{at_ms // 1000 % 60:02d}", "position": str(at_ms),
                         "label": CLASSES[(label * 5 + half) % len(CLASSES)], "team": "home",
                         "visibility": "visible" if rng.random() < 0.7 else "not shown"}  # fmt: skip
                events.append(event)
                if label in (5, 9, 13):
                    shots += _shots(event, half, at_ms + 8000 + int(rng.integers(0, 4000)))
        files[f"{game}/Labels-v2.json"] = {"UrlLocal": game, "annotations": events}
        files[f"{game}/Labels-cameras.json"] = {"UrlLocal": game, "annotations": shots}
    files["given.json"] = _given(rng, files[f"{GAME}/Labels-v2.json"]["annotations"])
    return files


def _shots(event: Mapping[str, str], half: int, at_ms: int) -> Iterator[dict[str, Any]]:
    """A live shot, and a replay of an event after it."""
    link = {"half": str(half), "time": event["gameTime"][4:], "label": event["label"], "team": "home",
            "position": event["position"], "visibility": event["visibility"]}  # fmt: skip
    for end_ms, fields in ((at_ms, {"replay": "real-time"}), (at_ms + 4500, {"replay": "replay", "link": link})):
        clock = f"{half} - {end_ms // 60000:02d}:{end_ms // 1000 % 60:02d}"
        shot = {"change_type": "abrupt", "label": "Main camera center", "gameTime": clock, "position": str(end_ms)}
        yield shot | fields


def _given(rng: np.random.Generator, events: list[dict[str, str]]) -> list[dict[str, str]]:
    """Predictions near the events, two in a frame, confidence 0, past two hours, before the half, with all digits."""
    rows = []
    for event in [*events, *events[::2]]:
        position = max(int(event["position"]) + int(rng.normal(scale=2500)), 0)
        rows.append((event["gameTime"][0], event["label"], position, float(rng.random())))
    half, label, position, _ = rows[0]
    early = next(event["label"] for event in events if event["gameTime"].startswith("2"))
    rows += [(half, label, position // 500 * 500 + 10, 0.9), (half, label, position // 500 * 500 + 20, 0.11),
             ("1", "Goal", 7_300_000, 0.97), ("2", early, -3000, 0.93), ("2", "Goal", 12_750, 0.0),
             ("1", "Corner", 20_749, 0.12345678901234567)]  # fmt: skip
    return [
        {"gameTime": f"{half} - 00:00", "label": label, "position": str(position), "half": half,
         "confidence": repr(confidence)}
        for half, label, position, confidence in rows
    ]  # fmt: skip


@cache
def rows() -> tuple[Any, Any, Any, Any]:
    """The rows of the three heads and of the naive one, with every setting that counts fixed here."""
    size = {"d_model": 8, "heads": 2, "layers": 1, "feedforward": 16, "dropout": 0.0}
    common = {"features": "vtn", "mode": "regular", "standardise": False, "shift_s": 0.25, "batch_size": 8}
    spotting = load_table("table2", mini=True).row(8).model_copy(update={
        **common, "chunk_s": 7.0, "nms_s": 20.0, "mixup_alpha": 0.4, "shuffle_labels": False,
        "architecture": {"clusters": 4, "projection": 6, "dropout": 0.4},
    })  # fmt: skip
    grounding: Any = load_table("table3", mini=True).row(4)
    grounding = grounding.model_copy(update={
        **common, "chunk_s": 30.0, "before_s": 60.0, "stride_s": 5.0, "shuffle_links": False, "offset_loss": 1.0,
        "architecture": grounding.architecture.model_copy(update=size), "postprocess": (),
    })  # fmt: skip
    naive = load_table("table3", mini=True).row(31).model_copy(update={"shift_s": 0.25, "since": "start"})
    cmn: Any = load_table("table3", mini=True).row(5)
    cmn = cmn.model_copy(update={
        **common, "chunk_s": 40.0, "receptive_field_s": 10.0, "shuffle_links": False, "postprocess": (),
        "losses": cmn.losses.model_copy(update={"k_s": (-6.0, -3.0, 3.0, 6.0)}),
    })  # fmt: skip
    return spotting, grounding, naive, cmn


def take_steps(files: Mapping[str, Any], arrays: Mapping[str, Any], root: Path, *, draw: bool = False) -> Found:
    """Everything that the package makes of the games.

    Args:
        files: path below the root -> JSON.
        arrays: features by `game/half`, and weights by `head/name`.
        draw: put weights of the seed into `arrays`, in place of reading them.
    """
    for name, value in files.items():
        write_json(root / name, value)
    for game in GAMES.values():
        for half in (1, 2):
            np.save(root / game / f"{half}_vtn.npy", arrays[f"{game}/{half}"])
    found: Found = {}
    data, (spotting_row, grounding_row, naive_row, cmn_row) = Dataset(root, name="exact"), rows()
    store = data.store(("vtn",))
    spotting = SpottingPipeline(spotting_row, data, store)
    grounding, naive, cmn = (GroundingPipeline(row, data, store) for row in (grounding_row, naive_row, cmn_row))
    models = {}
    heads: dict[str, Any] = {"netvlad++": spotting, "grounding-transformer": grounding, "cmn": cmn}
    for name, task in ((name, pipeline.trainable) for name, pipeline in heads.items()):
        models[name] = model = task.model()
        if draw:
            assert isinstance(arrays, dict)
            rng, scale = np.random.default_rng(SEED), 0.12 if name == "cmn" else 0.8
            for key, value in model.named_parameters():
                arrays[f"{name}/{key}"] = rng.normal(scale=scale, size=value.shape).astype(np.float32)
        weights = {key: torch.from_numpy(arrays[f"{name}/{key}"]) for key, _ in model.named_parameters()}
        model.load_state_dict(weights, strict=False)
        model.eval()
        torch.manual_seed(SEED)
        losses = [task.loss(model, batch).item() for batch in task.valid_batches()]
        model.train()
        found[f"{name} losses, float32"] = [*losses, task.loss(model, next(task.valid_batches())).item()]
        model.load_state_dict(weights, strict=False)
        model.eval()
    tasks = {"clips": spotting.trainable, "chunks": grounding.trainable, "pairs": cmn.trainable}
    for name, task in tasks.items():
        for kind, batches in (
            ("training", task.batches(np.random.default_rng(SEED))),
            ("validation", task.valid_batches()),
        ):
            columns = zip(*batches, strict=True)
            found[f"{kind} {name}"] = [float(v) for column in columns for part in column for v in _sums(part)]
    scores = slide(
        models["netvlad++"], torch.from_numpy(store.take(GAME, 1, np.arange(HALF_S))), spotting.trainable.clip_frames
    )
    found["sliding scores, float32"] = scores.sigmoid().flatten().tolist()
    _detections(found, "spotting", spotting, models["netvlad++"], root)
    _detections(found, "grounding", grounding, models["grounding-transformer"], root)
    _detections(found, "naive", naive, None, root)
    _detections(found, "cmn", cmn, models["cmn"], root)
    _postprocessed(found, root)
    _files(found, files, root)
    _epochs(found, root)
    return found


def _sums(values: torch.Tensor) -> list[float]:
    """Two sums of each sample, the second with weights, so that an exchange or a shift shows."""
    flat = values.double().reshape(len(values), -1)
    return torch.cat([flat.sum(1), flat @ torch.arange(1.0, flat.shape[1] + 1, dtype=torch.float64)]).tolist()


def _detections(found: Found, name: str, pipeline: Any, model: nn.Module | None, root: Path) -> None:
    """The detections in the test game, as read from the zip, and their scores."""
    file = root / f"{name}.zip"
    pipeline.write(file, pipeline.detect(model, "test", [GAME], CPU, silent))
    tree = Tree(file)
    if name == "spotting":
        read = read_spotting_predictions(tree, GAME, strict=False)
        found[f"{name} detections"] = [read.half.tolist(), read.label.tolist(), read.position_ms.tolist()]
        found[f"{name} confidences, float32"] = read.confidences.tolist()
    else:
        replays = read_grounding_predictions(tree, GAME, strict=False).replays
        found[f"{name} replays"] = [[one.half, one.start_s, one.end_s, len(one.time_s)] for one in replays]
        found[f"{name} times, float32"] = [float(value) for one in replays for value in one.time_s / 100]
        found[f"{name} confidences, float32"] = [float(value) for one in replays for value in one.score]
    for tolerances, evaluation in pipeline.score(file, "test").items():
        found[f"{name} scores, {tolerances}, float32"] = _numbers(evaluation.report())


def _postprocessed(found: Found, root: Path) -> None:
    """What the steps after the heads make of what they detected, one on top of the other."""
    grounded, others = (
        [read_grounding_predictions(Tree(root / f"{name}.zip"), GAME, strict=False)] for name in ("grounding", "cmn")
    )
    spotted = [read_spotting_predictions(Tree(root / "spotting.zip"), GAME, strict=False)]
    labels = tuple(CLASSES)
    steps: dict[str, tuple[Any, list[Any]]] = {
        "filter": (Filter(step="filter", before_s=36), []),
        "fuse": (Fuse(step="fuse", spotting=Run(row=1), window_s=24, score=0.02, nearest=0.9, second=0.6,
                      labels=labels), spotted),
        "nms": (Suppress(step="nms", join=Run(row=1), window_s=10), others),
    }  # fmt: skip
    for name, (step, used) in steps.items():
        grounded = postprocess(step, grounded, used)
        replays = grounded[0].replays
        found[f"{name}, float32"] = [[(one.time_s / 100).tolist(), (one.score / 10).tolist()] for one in replays]


def _files(found: Found, files: Mapping[str, Any], root: Path) -> None:
    """What readers and writers make of fixed files, and their scores with intervals."""
    labels = read_spotting_labels(Tree(root), GAME, strict=True)
    found["labels"] = [getattr(labels, key).tolist() for key in ("half", "label", "position_ms", "visible")]
    given = root / "given"
    write_json(given / GAME / "results_spotting.json", {"UrlLocal": GAME, "predictions": files["given.json"]})
    for game in (GAMES["train"], GAMES["valid"]):
        write_json(given / game / "results_spotting.json", {"UrlLocal": game, "predictions": files["given.json"][::3]})
    read = read_spotting_predictions(Tree(given), GAME, strict=False)
    found["predictions"] = [getattr(read, key).tolist() for key in ("half", "label", "position_ms", "confidences")]
    fixed = Events(read.half[:20], read.label[:20], read.position_ms[:20], confidence=read.confidences[:20], game=GAME)
    write_spotting_predictions(root / "fixed.zip", [fixed])
    written = Tree(root / "fixed.zip").read(f"{GAME}/results_spotting.json")
    found["bytes of the zip"] = [hashlib.sha256(written).hexdigest()]
    for name, deltas_s in NAMED_S.items():
        evaluation = evaluate(task="spotting", labels=root, predictions=given, split="all", tolerances=deltas_s,
                              bootstrap=40, seed=SEED)  # fmt: skip
        found[f"scores, {name}"] = _numbers(evaluation.report())
        found[f"counts, {name}"] = _numbers(list(evaluation.games.values()))


def _numbers(value: Any) -> list[Any]:
    """All numbers of a report, in order; text such as the version is left out."""
    if isinstance(value, dict):
        return list(chain.from_iterable(map(_numbers, value.values())))
    if isinstance(value, (list, tuple)):
        return list(chain.from_iterable(map(_numbers, value)))
    return [] if isinstance(value, str) else [value]


class _GivenTask:
    """Training of one weight, which moves by the learning rate an epoch, and given validation losses: 3, 1, 2."""

    steps = 1

    def __init__(self) -> None:
        self._losses = iter((3.0, 1.0, 2.0))

    def model(self) -> nn.Module:
        model = nn.Linear(1, 1, bias=False)
        nn.init.ones_(model.weight)
        return model

    def batches(self, rng: np.random.Generator) -> Iterator[tuple[torch.Tensor]]:  # noqa: ARG002
        yield (torch.zeros(1),)

    def valid_batches(self) -> Iterator[tuple[torch.Tensor]]:
        yield (torch.full((1,), next(self._losses)),)

    def loss(self, model: Any, batch: tuple[torch.Tensor]) -> torch.Tensor:
        loss: torch.Tensor = model.weight.sum() if model.training else batch[0].sum()
        return loss


def _epochs(found: Found, root: Path) -> None:
    """Which epoch is kept, and how the rate falls."""
    plateau = SimpleNamespace(factor=0.1, patience=0, stop_below=1e-9)
    row: Any = SimpleNamespace(
        learning_rate=0.125, weight_decay=0.0, plateau=plateau, max_epochs=3, batch_size=1, precision="float32"
    )
    folder = root / "run"
    folder.mkdir()
    trained = train(_GivenTask(), row, seed=SEED, folder=folder, device="cpu", identity={}, progress=silent)
    found["epoch kept, float32"] = trained.model.get_parameter("weight").flatten().tolist()
    history = (folder / "history.csv").read_text().splitlines()
    found["history"] = [line.split(",")[:2] for line in history]


def write_exact(folder: Path) -> None:
    """Draw games and weights, take all steps, and write both files."""
    rng = np.random.default_rng(SEED)
    files = draw_files(rng)
    arrays: dict[str, Any] = {
        f"{game}/{half}": rng.normal(size=(HALF_S, WIDTH)).astype(np.float16)
        for game in GAMES.values()
        for half in (1, 2)
    }
    with tempfile.TemporaryDirectory() as root:
        found = take_steps(files, arrays, Path(root), draw=True)
    with tempfile.TemporaryFile() as file:
        np.savez_compressed(file, **arrays)
        file.seek(0)
        write_bytes(folder / FIXTURE[0], file.read())
    write_bytes(folder / FIXTURE[1], orjson.dumps({"seed": SEED, "files": files, "found": found}) + b"\n")


def check_exact(folder: Path) -> tuple[int, list[str]]:
    """Count the committed steps, and give one line for each whose result has changed.

    Raises:
        InputError: a fixture that is missing or cannot be read.
    """
    try:
        content = orjson.loads((folder / FIXTURE[1]).read_bytes())
        files, committed = content["files"], content["found"]
        with np.load(folder / FIXTURE[0], allow_pickle=False) as stored:
            arrays = dict(stored)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(folder / FIXTURE[1], f"is no fixture ({error})", _REMEDY) from None
    with tempfile.TemporaryDirectory() as root:
        try:
            found = take_steps(files, arrays, Path(root))
        except Exception as error:  # whatever a changed step raises is what has changed
            return len(committed), [f"a step fails today ({type(error).__name__}: {error})"]
    found = orjson.loads(orjson.dumps(found))
    wrong = [name for name in {**committed, **found} if not _equal(name, committed.get(name), found.get(name))]
    return len(committed), [f"{name}: not what was committed" for name in wrong]


def _equal(name: str, before: Any, now: Any) -> bool:
    if isinstance(before, list) and isinstance(now, list):
        return len(before) == len(now) and all(map(_equal, [name] * len(before), before, now))
    if isinstance(before, float) and isinstance(now, (int, float)):
        return abs(before - now) <= TOLERANCE["float32" if "float32" in name else "float64"] * max(1, abs(before))
    return type(before) is type(now) and bool(before == now)


if __name__ == "__main__":
    write_exact(Path(sys.argv[1]))
