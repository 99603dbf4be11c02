"""`spot`: the events of your match."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import AsJson, print_json


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
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR|MODEL=FILE", help="Video models, to make features of the videos; repeatable."),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Random weights for video models without a checkpoint.")
    ] = False,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A key of the video models; repeatable.")
    ] = None,
    clips: Annotated[bool, typer.Option("--clips", help="Write clips.csv, a cut list around the events.")] = False,
    cut: Annotated[bool, typer.Option("--cut", help="Copy the clips out of the videos too.")] = False,
    plugin: Annotated[Path | None, typer.Option(help="The Python file of a custom head.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    json: AsJson = False,
) -> None:
    """Find the events of a match that the run never saw, in features or in video, and write them as files.

    Examples: soccerbench spot runs/mini/table2/row-08/seed-0 match;
    soccerbench spot runs/mini/table2/row-08/seed-0 1.npy 2.npy --min-confidence 0.3 --classes Goal,Corner
    """
    from soccerbench.inference.events import chosen, frame
    from soccerbench.inference.match import find_match
    from soccerbench.inference.page import LEAST
    from soccerbench.inference.run import load_run
    from soccerbench.inference.spotted import spot_match
    from soccerbench.inference.table import spotted_table
    from soccerbench.inference.write import check_formats, write
    from soccerbench.report.console import note, print_table
    from soccerbench.specs import parse_setting

    wanted = [name.strip() for name in formats.split(",")]
    check_formats(wanted)
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
    names = None if classes is None else [name.strip() for name in classes.split(",")]
    found = chosen(spotted.found, min_confidence=min_confidence, classes=names)
    files = write(spotted, found, out, formats=wanted, least=max(min_confidence, LEAST))
    if clips or cut:
        from soccerbench.inference.clips import write_clips

        files += write_clips(match, chosen(found, min_confidence=max(min_confidence, LEAST)), out, cut=cut)
    if json:
        print_json(frame(found).to_dict(orient="records"))
    else:
        print_table(spotted_table(spotted, found, least=max(min_confidence, LEAST)))
    note(f"Wrote {', '.join(map(str, files))}.")
