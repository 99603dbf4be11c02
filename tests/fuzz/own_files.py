"""Damage the files that soccerbench itself writes, and read them; run by `test_own_files.py`.

Usage: python own_files.py FIRST CASES [KIND …], prints one JSON object: findings; how many were read and refused.
"""

from __future__ import annotations

import copy
import json
import logging
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import torch
import yaml
from damage import containers, damage_raw
from own_samples import Kind, samples

from soccerbench.experiments.fingerprint import peak_memory_bytes

HANG_S = 60


def damage(kind: Kind, rng: random.Random) -> bytes:
    """Bytes of a damaged file: values replaced, or bytes."""
    if kind.write is None:
        return damage_raw(kind.value, rng)
    value = copy.deepcopy(kind.value)
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


def main() -> None:
    logging.disable()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    first, cases, chosen = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
    seen: Counter[str] = Counter()
    findings, seconds = [], {}
    with tempfile.TemporaryDirectory() as place:
        kinds = samples(Path(place))
        for name in chosen or kinds:
            begun_s = time.process_time()
            for case in range(first, first + cases):
                folder = Path(place, "case")
                folder.mkdir()
                file = folder / kinds[name].file
                file.write_bytes(damage(kinds[name], random.Random(f"{name} {case}")))
                signal.alarm(HANG_S)
                end, problem = problem_in(kinds[name], file)
                signal.alarm(0)
                seen[f"{name}: {end}"] += 1
                if problem is not None:
                    findings.append(f"{name} {case}: {problem}")
                shutil.rmtree(folder)
            seconds[name] = round(time.process_time() - begun_s, 1)
    sys.stdout.write(
        json.dumps({"findings": findings, "seen": seen, "seconds": seconds, "peak_bytes": peak_memory_bytes()})
    )


if __name__ == "__main__":
    main()
