"""`extract`: the features of the video models, from the videos of a root."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_BATCH, MAX_WORKERS, Cpus, Gpus, On


class Normalisation(str, Enum):
    """How each block's row is scaled before it is written."""

    l2 = "l2"
    none = "none"


class Precision(str, Enum):
    """What a GPU computes in."""

    auto = "auto"
    float32 = "float32"
    bfloat16 = "bfloat16"


def extract(
    root: Annotated[Path, typer.Argument(help="Holds the games' folders, with 1_224p.mkv, 2.mkv, … in them.")],
    models: Annotated[
        str, typer.Option(help="Models (`soccerbench list extractors`) or a set of them, such as vtn,gta or six.")
    ] = "five",
    checkpoints: Annotated[
        list[str] | None,
        typer.Option(metavar="DIR|MODEL=FILE", help="Where `finetune` wrote, or one model's file; repeatable."),
    ] = None,
    untrained: Annotated[
        bool, typer.Option("--untrained", help="Random weights for models without a checkpoint.")
    ] = False,
    table: Annotated[str, typer.Option(help="Your YAML file with the models in it.")] = "table1",
    plugin: Annotated[
        Path | None, typer.Option(help="The Python file of models that their rows name as module:Class.")
    ] = None,
    mega: Annotated[bool, typer.Option("--mega", help="The models were fine-tuned on the mega set.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the features go; next to the videos if not given.")] = None,
    games: Annotated[
        list[str] | None, typer.Option(metavar="GAME", help="league/season/game below ROOT; repeatable.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only train, valid, test or challenge.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    on: On = "local",
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=MAX_WORKERS, help="Halves at once; one, or as many as GPUs; elsewhere all."),
    ] = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MAX_BATCH, help="Windows at a time on a GPU; fewer take less memory.")
    ] = None,
    precision: Annotated[Precision, typer.Option(help="bfloat16 on a GPU, float32 on a CPU.")] = Precision.auto,
    normalise: Annotated[
        Normalisation, typer.Option(help="Each block's row to length 1, or as it is.")
    ] = Normalisation.l2,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the models; repeatable.")
    ] = None,
    show_status: Annotated[
        bool, typer.Option("--status", help="Only say what is done, how fast, and when all will be; extract nothing.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what was extracted with other models, code or settings.")
    ] = False,
) -> None:
    """Slide video models over every half, one row a second, and write their features in the SoccerNet layout.

    Stopped at any moment, the same command resumes.

    Examples: soccerbench extract /data/SoccerNet --checkpoints runs/videos/finetuned;
    soccerbench extract match --models vtn --checkpoints vtn=checkpoint.pt --out features;
    soccerbench extract match --models six --untrained --set size=64 --out quick;
    soccerbench extract match --models my-net --table mine.yaml --plugin my_net.py --checkpoints runs/match/finetuned
    """
    from soccerbench.experiments.executors.machines import Machines

    machines = Machines(on, jobs, cpus, gpus)
    from soccerbench.report.console import note, print_table, video_bar
    from soccerbench.report.tables.checks import extraction_table
    from soccerbench.specs import parse_setting
    from soccerbench.video.extraction.plan import plan, run

    planned = plan(
        root,
        models=[name.strip() for name in models.split(",")],
        checkpoints=checkpoints or [],
        untrained=untrained,
        mega=mega,
        out=out,
        games=games or [],
        split=split,
        device=device,
        machines=machines,
        batch=batch,
        precision=precision.value,
        normalise=normalise.value,
        settings=[parse_setting(text) for text in settings or []],
        table=table,
        plugin=plugin,
        force=force,
    )
    if show_status:
        from soccerbench.report.tables.checks import status_table
        from soccerbench.video.extraction.status import status

        found = status(planned)
        print_table(status_table(str(planned.job.out), found.halves, found.rows, found.rows_per_s, found.left_s))
        return
    results = []
    try:
        with video_bar(planned.rows, len(planned.halves.good) + len(planned.halves.bad)) as bar:
            for result in run(planned, progress=bar.step):
                results.append(result)
                bar.note(result)
    except KeyboardInterrupt:
        note("Stopped. Nothing is lost: the same command resumes.")
        raise typer.Exit(130) from None
    names = ", ".join(planned.job.block(row.model) for row in planned.job.rows)
    print_table(extraction_table(f"{planned.job.out}: {names}", results, planned.halves.doubts))
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)
