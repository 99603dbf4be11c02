"""The exact checks: made by their command, and moved by each of many faults planted in the source."""

# ruff: noqa: E501  # a fault a line

from __future__ import annotations

import importlib
import inspect
import types
from pathlib import Path
from typing import Any

import pytest

from soccerbench.experiments.checks.exact_checks import FIXTURE, check_exact, write_exact
from soccerbench.specs.shipped import shipped

FIXTURES = shipped("results") / "fixtures"
LAST = 'np.append(place[1:] != place[:-1], np.ones(min(len(place), 1), dtype=bool))\n    if protocol == "soccernet":\n        place, confidence'
FIRST = 'np.append(np.ones(min(len(place), 1), dtype=bool), place[1:] != place[:-1])\n    if protocol == "soccernet":\n        place, confidence'

# Module below soccerbench, text, and what it becomes: the faults that the drift gate once let pass, then others.
FAULTS = {
    "features shifted by a second": ("features.store", "np.minimum(rows, stored.rows", "np.minimum(rows + 1, stored.rows"),
    "predictions a second late": ("tasks.spotting_steps", "kept / found.fps +", "kept / found.fps + 1 +"),
    "event row rounded": ("tasks.spotting", "np.floor((position_s", "np.rint((position_s"),
    "window centre off by one": ("models.netvlad", "(start - before, stop + after - 1,", "(start - before + 1, stop + after,"),
    "classes in another order": ("soccernet.spotting_predictions", "CLASSES[label]", "CLASSES[16 - label]"),
    "two classes exchanged": ("tasks.spotting_steps", "np.full_like(kept, label)", "np.full_like(kept, {0: 1, 1: 0}.get(label, label))"),
    "visibility inverted": ("soccernet.labels", "shown != 1", "shown == 1"),
    "last epoch kept": ("training.loop", "if loss is None or", "if loss is not None or"),
    "grounding frames rounded": ("events", "np.trunc(", "np.rint("),
    "late positions dropped": ("soccernet.spotting_predictions", "kept = known &", "kept = known & (position_ms < 7_200_000) &"),
    "negative positions clipped": ("events", "np.minimum(frame, SPOTTING_FRAMES - 1)", "np.clip(frame, 0, SPOTTING_FRAMES - 1)"),
    "the earlier in a frame kept": ("metrics.spotting_counts", LAST, FIRST),
    "confidence 0 dropped": ("metrics.spotting_counts", "counted = confidence >= 0", "counted = confidence > 0"),
    "90 % interval": ("metrics.resampling", "[(1 - LEVEL) / 2, (1 + LEVEL) / 2]", "[0.05, 0.95]"),
    "milliseconds floored": ("soccernet.labels", "np.where(given, position_ms,", "np.where(given, position_ms // 1000 * 1000,"),
    "digits dropped": ("soccernet.spotting_predictions", "unreadable, missing = table.confidences()",
                       "unreadable, missing = table.confidences(); confidence = np.round(confidence, 6)"),
    "trained on another split": ("experiments.spotting", "for split in self.training.learns for", "for split in ['valid'] for"),
    "thresholds": ("metrics.tolerances", "np.linspace(0, 1, 200)", "np.linspace(0, 1, 100)"),
    "suppression a frame wider": ("tasks.spotting_steps", "best + after))", "best + after + 1))"),
    "mix-up off": ("tasks.spotting", "if self.row.mixup_alpha else batch", "if False else batch"),
    "shuffling off": ("tasks.spotting", "rng.permutation(len(self.train))", "np.arange(len(self.train))"),
    "unshown not scaled": ("metrics.spotting", "* 17 / 13", "* 1"),
    "no background": ("tasks.spotting", "clips[:, 0] = ~clips.any(axis=1)", "clips[:, 0] = 0"),
    "mean of the right ends": ("metrics.average_precision", "(values[..., :-1] + values[..., 1:]) / 2", "values[..., 1:]"),
    "grounding offset off by one": ("tasks.grounding_transformer", "(asked.event - start) / self.chunk", "(asked.event - start) / (self.chunk - 1)"),
    "grounding offset reversed": ("tasks.grounding_transformer", "+ offset * self.chunk", "+ (1 - offset) * self.chunk"),
    "first of the best delays": ("tasks.naive", "best[len(best) // 2]", "best[0]"),
    "confidences written short": ("soccernet.spotting_predictions", "repr(confidence)", 'f"{confidence:.6f}"'),
    "clock a second late": ("soccernet.spotting_predictions", "position // 1000 % 60", "position // 1000 % 60 + 1"),
    "replays shifted": ("tasks.replay_queries", "(at_ms / 1000 - shift_s)", "(at_ms / 1000 + shift_s + 0.5)"),
    "dropout off": ("models.netvlad", "self.dropout(self.past", "(self.past"),
    "halves of the window exchanged": ("models.netvlad", "before, after = torch", "after, before = torch"),
    "offsets read over the whole chunk": ("tasks.cmn", "offsets * (chunk - 1)", "offsets * chunk"),
    "events nearer to the edge": ("tasks.cmn", "rng.integers(self.field + 1,", "rng.integers(self.field,"),
    "samples of a class from anywhere": ("tasks.cmn", "if len(rows) else self.anywhere", "if not len(rows) else self.anywhere"),
    "shifts of the wrong sign": ("tasks.cmn", "np.arange(self.chunk) - place[:, None]", "place[:, None] - np.arange(self.chunk)"),
    "far and near margins exchanged": ("models.cmn", "math.log(miss) -", "math.log(1 - hit - 0.1) -"),
    "borders count": ("models.cmn", "slice(border_frames, frames - border_frames)", "slice(0, frames)"),
    "no weight on empty chunks": ("models.cmn", "(1 - present) * no_object * confidence", "(1 - present) * confidence"),
    "the last copy of a replay dropped": ("tasks.replay_queries", "(length - drop_filling_copy)", "(length - len(rows))"),
    "filtered from the start": ("tasks.grounding_postprocess", "replay.end_s - before_s)", "replay.start_s - before_s)"),
    "the farthest spotted event first": ("tasks.grounding_postprocess", "replay.start_s - time_s[inside]))", "time_s[inside]))"),
    "joined unscaled": ("tasks.grounding_postprocess", "zip(scaled(games), scaled(others),", "zip(games, others,"),
    "joined in a wider window": ("tasks.grounding_postprocess", "suppress, window_s=step.window_s", "suppress, window_s=2 * step.window_s"),
    "the offset counts without an event": ("tasks.grounding_transformer", ".square() * batch.present", ".square()"),
    "the rate falls twice": ("training.loop", "schedule.step(entry.valid_loss)\n", "schedule.step(entry.valid_loss); schedule.step(entry.valid_loss)\n"),
}  # fmt: skip


def functions(holder: Any, module: str) -> dict[str, types.FunctionType]:
    """The functions of a module, and the methods of its classes, by qualified name."""
    found: dict[str, types.FunctionType] = {}
    for value in vars(holder).values():
        value = inspect.unwrap(value.fget if isinstance(value, property) else getattr(value, "__func__", value))
        if isinstance(value, types.FunctionType) and value.__module__ == module:
            found[value.__qualname__] = value
        elif isinstance(value, type) and value.__module__ == module and value is not holder:
            found |= functions(value, module)
    for value in vars(holder).values():
        if hasattr(value, "func") and isinstance(value.func, types.FunctionType):  # cached_property
            found[value.func.__qualname__] = value.func
    return found


def plant(patch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Give the functions of a module the code that its changed source has."""
    module = importlib.import_module(f"soccerbench.{name}")
    source = inspect.getsource(module)
    assert old in source, f"{name} no longer has {old!r}: plant the fault where it is now"
    changed = types.ModuleType(module.__name__)
    changed.__dict__.update(__file__=module.__file__, __package__=module.__package__)
    exec(compile(source.replace(old, new), str(module.__file__), "exec"), changed.__dict__)
    after, count = functions(changed, module.__name__), 0
    for key, function in functions(module, module.__name__).items():
        if key in after and after[key].__code__ != function.__code__:
            patch.setattr(function, "__code__", after[key].__code__)
            count += 1
    assert count


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    plant(monkeypatch, *FAULTS[fault])
    _, wrong = check_exact(FIXTURES)
    assert wrong


def test_nothing_has_moved_and_the_command_makes_what_is_committed(tmp_path: Path) -> None:
    count, wrong = check_exact(FIXTURES)
    assert not wrong
    write_exact(tmp_path)
    assert check_exact(tmp_path) == (count, [])
    assert sum((FIXTURES / name).stat().st_size for name in FIXTURE) < 220_000
