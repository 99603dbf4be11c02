"""`spot` and `tune`: a trained run on your match, and its post-processing on the validation games."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import AsJson, Checkpoints, Device, Plugin, Settings, Untrained, names, print_json


def spot(
    run: Annotated[Path, typer.Argument(help="A run's folder, its checkpoint.pt, or an official checkpoint.")],
    inputs: Annotated[
        list[Path], typer.Argument(metavar="INPUT…", help="A game's folder, or feature files and videos, one a half.")
    ],
    average: Annotated[
        list[Path] | None, typer.Option("--run", metavar="RUN", help="Another run, to average with; repeatable.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The folder for the files.")] = Path("spotted"),
    formats: Annotated[
        str, typer.Option(help="Which files: json, csv, html and osl, or some of them.")
    ] = "json,csv,html,osl",
    min_confidence: Annotated[float, typer.Option(min=0, max=1, help="Leave out less confident events.")] = 0.0,
    classes: Annotated[str | None, typer.Option(help="Only these, such as Goal,Penalty.")] = None,
    replays: Annotated[
        Path | None, typer.Option(help="The replays that a grounding run looks for, as Labels-cameras.json.")
    ] = None,
    checkpoints: Checkpoints = None,
    untrained: Untrained = False,
    settings: Settings = None,
    clips: Annotated[bool, typer.Option("--clips", help="Write clips.csv, a cut list around the events.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="Copy the clips out of the videos too.")] = False,
    plugin: Plugin = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Find the events of a match that the run never saw, in features or in video, and write them as files.

    Examples: soccerbench spot runs/mini/table2/row-08/seed-0 match;
    soccerbench spot runs/mini/table2/row-08/seed-0 1.npy 2.npy --min-confidence 0.3 --classes Goal,Corner
    """
    from soccerbench.inference.events import chosen, events_table, frame
    from soccerbench.inference.match import find_match
    from soccerbench.inference.run import load_run
    from soccerbench.inference.spotted import spot_match
    from soccerbench.inference.write import LEAST, check_formats, write
    from soccerbench.report.console import note, print_table
    from soccerbench.specs.load import parse_setting

    check_formats(wanted := names(formats))
    runs = [load_run(path, plugin=plugin, device=device) for path in (run, *(average or []))]
    match = find_match(inputs)
    if checkpoints or untrained:
        from soccerbench.inference.video import (
            with_features,
        )  # imports timm, which takes longer than a half of features

        match = with_features(
            match, runs, out=out / "features", checkpoints=checkpoints or [], untrained=untrained,
            settings=[parse_setting(text) for text in settings or []], device=device,
        )  # fmt: skip
    spotted = spot_match(runs, match, replays=replays)
    found = chosen(spotted.found, min_confidence=min_confidence, classes=None if classes is None else names(classes))
    files = write(spotted, found, out, formats=wanted, least=max(min_confidence, LEAST))
    if clips or cut:
        from soccerbench.inference.clips import write_clips

        files += write_clips(match, chosen(found, min_confidence=max(min_confidence, LEAST)), out, cut=cut)
    if json:
        print_json(frame(found).to_dict(orient="records"))
    else:
        print_table(events_table(match.name, found, least=max(min_confidence, LEAST)))
    note(f"Wrote {', '.join(map(str, files))}.")


def tune(
    run: Annotated[Path, typer.Argument(help="The folder of a run.")],
    data: Annotated[
        str | None, typer.Option(help="The SoccerNet folder of the run, or `mini`; without it as for `report`.")
    ] = None,
    tolerances: Annotated[Literal["loose", "tight"], typer.Option(help="What the best is chosen by.")] = "tight",
    split: Annotated[str, typer.Option(help="Only valid: test and challenge are for the final score.")] = "valid",
    plugin: Plugin = None,
    device: Device = "auto",
    json: AsJson = False,
) -> None:
    """Try kinds and windows of suppression on the validation games; every trial is written to tuning.json in the run.

    Example: soccerbench tune runs/mini/table2/row-08/seed-0
    """
    from soccerbench.errors import InputError
    from soccerbench.experiments.default_dataset import root_of_runs
    from soccerbench.inference.run import load_run
    from soccerbench.inference.tune import tune as tuned
    from soccerbench.inference.tune import write_tuning
    from soccerbench.report.console import bar, note, print_table
    from soccerbench.report.tables.tuning import as_yaml, tuning_table

    if not run.is_dir():
        problem = "is not the folder of a run" if run.exists() else "no such folder"
        raise InputError(run, problem, "give one, such as runs/mini/table2/row-08/seed-0")
    trained = load_run(run, plugin=plugin, device=device)
    root = root_of_runs([trained.about.dataset], data)
    if root is None:
        raise InputError(run, f"was made on {trained.about.dataset}", "give that folder with --data")
    with bar("tune") as progress:
        found = tuned(trained, root, tolerances=tolerances, split=split, progress=progress)
    file = write_tuning(run, found)
    content = found.to_json()
    if json:
        print_json(content)
    else:
        print_table(tuning_table(content))
        typer.echo(as_yaml(content), nl=False)
    note(f"Wrote {file}.")
