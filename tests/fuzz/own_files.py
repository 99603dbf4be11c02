"""Damage videos and the files that soccerbench itself writes, and read them; run by `test_own_files.py`.

Usage: PYTHONPATH=.:tests python tests/fuzz/own_files.py FIRST CASES VIDEOS [KIND …]
runs so many cases of each kind of file and of each container, and prints one JSON object: findings; how many were read
and refused.
"""

from __future__ import annotations

import json
import logging
import random
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import yaml
from fuzz.damage import containers, damage_raw
from fuzz.own_samples import Kind, samples, videos

from soccerbench.experiments.fingerprint import peak_memory_bytes

HANG_S = 60


def copied(value: Any) -> Any:
    """New containers around the same values."""
    if isinstance(value, dict):
        return {key: copied(item) for key, item in value.items()}
    return [copied(item) for item in value] if isinstance(value, list) else value


def damage(kind: Kind, rng: random.Random | None) -> bytes:
    """Bytes of a damaged file: values replaced, or bytes; undamaged without `rng`."""
    if rng is None:
        return kind.write(kind.value) if kind.write else kind.value
    if kind.write is None:
        head = rng.choice((1000, len(kind.value)))
        return damage_raw(kind.value[:head], rng) + kind.value[head:]
    value = copied(kind.value)
    if rng.random() < 0.25:
        return damage_raw(kind.write(value), rng)
    holders = containers(value)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        holder = rng.choice(holders)
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            continue
        key, action = rng.choice(keys), rng.randrange(4)
        if action == 0:
            del holder[key]
        elif action == 1 and isinstance(holder, dict):
            holder[rng.choice(("extra", "version", "rows", key[::-1] if isinstance(key, str) else "x"))] = rng.choice(
                kind.junk
            )
        else:
            holder[key] = rng.choice(kind.junk)
    try:
        return kind.write(value)
    except (ValueError, TypeError, OverflowError, RuntimeError, NotImplementedError, yaml.YAMLError):
        return damage_raw(kind.write(kind.value), rng)


def problem_in(kind: Kind, file: Path) -> tuple[str, str | None]:
    """How reading a file ended, and what is wrong with that."""
    try:
        kind.read(file)
    except ValueError as error:
        line = str(error)
        fine = type(error).__module__.startswith("soccerbench.") and "\n" not in line and len(line) < 2000
        return "refused", None if fine else f"{type(error).__name__}: {line[:300]}"
    except OSError as error:  # of which the command line says file and cause
        return "refused", None if error.filename is not None else f"{type(error).__name__}: {error}"
    except Exception as error:
        return "failed", f"{type(error).__name__}: {str(error)[:300]}"
    return "read", None


def run_case(kind: Kind, rng: random.Random | None, folder: Path) -> tuple[str, str | None]:
    """Read one damaged file; the original comes back after it."""
    with tempfile.TemporaryDirectory(dir=folder) as fresh:
        file = (kind.folder or Path(fresh)) / kind.file
        original = file.read_bytes() if kind.folder else b""
        file.write_bytes(damage(kind, rng))
        signal.setitimer(signal.ITIMER_PROF, HANG_S)
        end, problem = problem_in(kind, file)
        signal.setitimer(signal.ITIMER_PROF, 0)
        if kind.folder:
            file.write_bytes(original)
    return end, problem


def campaign(first: int, cases: int, of_videos: int, chosen: Sequence[str] = ()) -> dict[str, Any]:
    """Read damaged files of each kind: what was found, how many were read and refused, and what it took."""
    logging.disable()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    seen: Counter[str] = Counter()
    findings, seconds, before_bytes = [], {}, peak_memory_bytes()
    with tempfile.TemporaryDirectory() as place:
        clips = videos(Path(place))
        kinds = clips | samples(Path(place))
        for name in chosen or kinds:
            begun_s = time.process_time()
            assert run_case(kinds[name], None, Path(place)) == ("read", None), name
            for case in range(first, first + (of_videos if name in clips else cases)):
                end, problem = run_case(kinds[name], random.Random(f"{name} {case}"), Path(place))
                seen[f"{name}: {end}"] += 1
                if problem is not None:
                    findings.append(f"{name} {case}: {problem}")
            seconds[name] = round(time.process_time() - begun_s, 2)
    peak_bytes = peak_memory_bytes() - before_bytes
    return {"findings": findings, "seen": seen, "seconds": seconds, "peak_bytes": peak_bytes}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(campaign(*map(int, sys.argv[1:4]), sys.argv[4:])))
