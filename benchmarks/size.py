"""Lines of the package: those of files that serve later features alone, by feature, and the rest.

    python benchmarks/size.py [FOLDER]    FOLDER holds `soccerbench/`; this checkout if not given

A file counts as added if nothing that the package did at commit 8ad7542 needs it. What a feature added to other files
is in the rest, which is therefore an upper bound of the lines for what the package did then.
"""

from __future__ import annotations

import sys
from pathlib import Path

ADDED = {
    "later heads, dense tasks, their steps": (
        "models/dense/*", "models/ste.py", "models/faster_tad.py", "tasks/dense/*",
        "tasks/faster_tad.py", "specs/dense.py", "specs/spotting_steps.py",
        "training/optimisers.py",
    ),
    "Ray, Slurm, several GPUs, staged data, `plan`": (
        "experiments/executors/ray.py", "experiments/executors/slurm.py", "experiments/executors/remote.py",
        "experiments/executors/machines.py", "experiments/executors/forecast.py", "cli/plan.py",
        "report/tables/forecast.py", "features/stage.py", "training/parallel.py",
    ),
    "own matches: `spot`, `tune`, clips, video.ini": (
        "inference/*", "cli/spot.py", "report/tables/tuning.py", "video/decoding/half_file.py",
        "report/html/matches.py",
    ),
    "exports, model cards, hub, leaderboard": ("sharing/*", "cli/sharing.py"),
    "OSL-JSON, other layouts and names of files": ("soccernet/osl/*", "soccernet/game_files.py"),
    "files that are written alike, read together": ("soccernet/lists/*",),
    "claims of the paper": ("specs/claims.py", "report/claims.py", "report/tables/claims.py"),
    "video weights in public layouts, `--status`": ("video/models/public_layouts.py", "video/extraction/status.py"),
    "Python API": ("api.py",),
    "typed files and schemas, exact checks": ("scoring/schema.py", "experiments/schema.py", "experiments/checks/*"),
    "labels checked by `data verify`, commands that start quickly": (
        "features/label_checks.py", "cli/parameters.py", "report/tables/names.py",
    ),
}  # fmt: skip


def main(folder: Path) -> None:
    package = folder / "soccerbench"
    lines = {file: len(file.read_text("utf-8").splitlines()) for file in package.rglob("*.py")}
    total = sum(lines.values())
    added = {
        name: {file for one in patterns for file in package.glob(one)} & set(lines) for name, patterns in ADDED.items()
    }
    counts = {name: sum(lines[file] for file in files) for name, files in added.items()}
    counts["added, in all"] = sum(counts.values())
    counts["the rest"] = total - counts["added, in all"]
    for name, count in counts.items():
        print(f"{count:6,d}  {name}")
    print(f"{total:6,d}  in {len(lines)} files")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1])
