"""`snippets`, `finetune`, `extract`: the video models, from annotated videos to features."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Literal

import typer

from soccerbench.cli.options import (
    MAX_BATCH,
    MAX_MEMORY_GIB,
    MAX_WORKERS,
    Checkpoints,
    Cpus,
    Device,
    Force,
    Gpus,
    Log,
    Models,
    On,
    Plugin,
    RunsOut,
    Seed,
    Settings,
    Untrained,
    names,
    resumable,
)

MAX_BACKGROUND = 1000  # a half of 50 minutes has 600 places of five seconds


def snippets(
    root: Annotated[Path, typer.Argument(help="A SoccerNet folder with Labels-v2.json and videos.")],
    out: Annotated[Path, typer.Argument(help="Folder for snippets.json.")],
    split: Annotated[
        list[str] | None, typer.Option(help="Give once for each split; train, valid and test if not given.")
    ] = None,
    mega: Annotated[bool, typer.Option("--mega", help="Pool train, valid and test, and what --extra gives.")] = False,
    extra: Annotated[
        list[Path] | None, typer.Option(metavar="ROOT", help="Other annotated games for --mega; as often as needed.")
    ] = None,
    background_per_half: Annotated[
        int,
        typer.Option(min=0, max=MAX_BACKGROUND, help="Snippets without an event; the paper does not state how many."),
    ] = 10,
    leave_out_ambiguous: Annotated[
        bool, typer.Option("--leave-out-ambiguous", help="No events less than 2.5 s from one of another class.")
    ] = False,
    seed: Seed = 0,
) -> None:
    """List the snippets to fine-tune on: five seconds of each event and of background, as places in the videos.

    Exit code 1 if games, halves or events had to be left out, each in one line; no video is cut or encoded.

    Examples: soccerbench snippets /data/SoccerNet runs/snippets;
    soccerbench snippets /data/SoccerNet runs/clean --leave-out-ambiguous --background-per-half 20;
    soccerbench snippets /data/SoccerNet runs/mega --mega --extra /data/laliga-2019 --extra /data/laliga-2020
    """
    from soccerbench.errors import InputError
    from soccerbench.report.console import bar, print_table
    from soccerbench.report.tables.checks import snippets_table
    from soccerbench.video.finetuning.annotated_games import OWN_SPLITS, games_of_splits, look_through, pooled_games
    from soccerbench.video.finetuning.manifest import FILE, manifest_of, write_manifest

    if mega and split:
        challenge = "the challenge set is never trained on" if "challenge" in split else "leave --split out"
        raise ValueError(f"--mega pools train, valid and test: {challenge}")
    if extra and not mega:
        raise ValueError("--extra gives games for --mega; add --mega")
    games = pooled_games(root, extra or []) if mega else games_of_splits(root, list(dict.fromkeys(split or OWN_SPLITS)))
    with bar("snippets") as progress:
        found = look_through(games, progress)
    for line in (*found.doubts, *found.left_out):
        typer.echo(line, err=True)
    if not found.videos:
        raise InputError(root, "no half with labels and a readable video", "see the lines above")
    manifest = manifest_of(
        found, background_per_half=background_per_half, seed=seed, mega=mega, leave_out_ambiguous=leave_out_ambiguous
    )
    write_manifest(out / FILE, manifest)
    title = f"{len(manifest.snippets)} snippets of {len(found.games)} games, {len(found.videos)} halves"
    ambiguous = Counter(snippet.split for snippet in manifest.snippets if snippet.ambiguous)
    print_table(snippets_table(title, manifest.counts, ambiguous))
    typer.echo(f"Wrote {out / FILE}.", err=True)
    if found.left_out:
        typer.echo(f"soccerbench: left out, see above: {len(found.left_out)}", err=True)
        raise typer.Exit(1)


def finetune(
    model: Annotated[
        str, typer.Argument(help="A model of Table 1 (see `soccerbench list extractors`), or of your --table.")
    ],
    snippets: Annotated[Path, typer.Option(help="snippets.json of `soccerbench snippets`, or its folder.")],
    init: Annotated[
        Path | None,
        typer.Option(help="Weights to begin with: of timm for images, of a public video model, or of a fine-tuning."),
    ] = None,
    table: Models = "table1",
    plugin: Plugin = None,
    seed: Seed = 0,
    out: RunsOut = Path("runs"),
    device: Device = "auto",
    on: On = "local",
    cpus: Cpus = None,
    gpus: Gpus = None,
    settings: Settings = None,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Shuffle the training labels: a control, kept apart.")
    ] = False,
    memory_gib: Annotated[
        float,
        typer.Option(
            min=0, max=MAX_MEMORY_GIB, help="Decoded frames to keep; what is beyond is decoded in every epoch."
        ),
    ] = 4.0,
    log: Log = None,
    force: Force = False,
) -> None:
    """Fine-tune a video model on snippets; a finished one is kept, an interrupted one resumes.

    Writes OUT/<dataset>/finetuned/MODEL/seed-S: checkpoint.pt for `soccerbench extract --checkpoints`, accuracy.json,
    history.csv, confusion.png.

    Examples: soccerbench finetune vtn --snippets runs/snippets --init vit_base_patch16_224.safetensors;
    soccerbench finetune i3d-slow --snippets runs/snippets --set batch_size=8 --set learning_rate=5e-5 --device cuda;
    soccerbench finetune ircsn --snippets runs/snippets --shuffle-labels --seed 1;
    soccerbench finetune my-net --table mine.yaml --plugin my_net.py --snippets runs/snippets
    """
    from soccerbench.experiments.executors.machines import Machines

    machines = Machines(on, cpus=cpus, gpus=gpus)
    from soccerbench.experiments.executors.experiment_tasks import RunExperiment
    from soccerbench.experiments.results import ACCURACY, read_accuracy
    from soccerbench.report.console import bars, print_table
    from soccerbench.report.figures.confusion import write_confusion
    from soccerbench.report.tables.checks import accuracy_table
    from soccerbench.specs.load import parse_setting
    from soccerbench.specs.video_models import load_extractors
    from soccerbench.video.finetuning.manifest import read_manifest
    from soccerbench.video.finetuning.run import FineTuneRun

    pairs = [parse_setting(text) for text in settings or []]
    row = load_extractors(table, models=[model], settings=pairs).of(model)
    planned = FineTuneRun(
        row,
        read_manifest(snippets),
        seed=seed,
        out=out,
        init=init,
        shuffled=shuffle_labels,
        plugin=plugin,
        room_bytes=int(memory_gib * 2**30),
        processes=max(int(gpus or 1), 1) if device != "cpu" else 1,
    )
    with resumable(), bars(1) as shown:
        threads = cpus if machines.is_here else machines.threads(1, 1)
        work = RunExperiment(planned, device=device, force=force, curves=log, threads=threads)
        machines.call(work, title=planned.title, folder=planned.folder, progress=shown.of(planned.title), device=device)
    found = read_accuracy(planned.folder / ACCURACY)
    write_confusion(planned.folder, found)
    print_table(accuracy_table(found, title=planned.title, folder=planned.folder))


def extract(
    root: Annotated[Path, typer.Argument(help="Holds the games' folders, with 1_224p.mkv, 2.mkv, … in them.")],
    models: Annotated[
        str, typer.Option(help="Models (`soccerbench list extractors`) or a set of them, such as vtn,gta or six.")
    ] = "five",
    checkpoints: Checkpoints = None,
    untrained: Untrained = False,
    table: Models = "table1",
    plugin: Plugin = None,
    mega: Annotated[bool, typer.Option("--mega", help="The models were fine-tuned on the mega set.")] = False,
    out: Annotated[Path | None, typer.Option(help="Where the features go; next to the videos if not given.")] = None,
    games: Annotated[
        list[str] | None, typer.Option(metavar="GAME", help="league/season/game below ROOT; repeatable.")
    ] = None,
    split: Annotated[str | None, typer.Option(help="Only train, valid, test or challenge.")] = None,
    device: Device = "auto",
    on: On = "local",
    jobs: Annotated[
        int | None, typer.Option(min=1, max=MAX_WORKERS, help="Halves at once; one, or as many as GPUs; elsewhere all.")
    ] = None,
    cpus: Cpus = None,
    gpus: Gpus = None,
    batch: Annotated[
        int | None, typer.Option(min=1, max=MAX_BATCH, help="Windows at a time on a GPU; fewer take less memory.")
    ] = None,
    precision: Annotated[
        Literal["auto", "float32", "bfloat16"], typer.Option(help="auto: bfloat16 on a GPU, float32 on a CPU.")
    ] = "auto",
    normalise: Annotated[Literal["l2", "none"], typer.Option(help="Each block's row to length 1, or as it is.")] = "l2",
    settings: Settings = None,
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
    from soccerbench.report.console import print_table, video_bar
    from soccerbench.report.tables.checks import extraction_table
    from soccerbench.specs.load import parse_setting
    from soccerbench.video.extraction.plan import plan, run

    planned = plan(
        root,
        models=names(models),
        checkpoints=checkpoints or [],
        untrained=untrained,
        mega=mega,
        out=out,
        games=games or [],
        split=split,
        device=device,
        machines=machines,
        batch=batch,
        precision=precision,
        normalise=normalise,
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
    results, halves = [], planned.halves
    rows = sum(half.rows for half in halves.good)
    with resumable(), video_bar(rows, len(halves.good) + len(halves.bad)) as bar:
        for result in run(planned, progress=bar.step):
            results.append(result)
            bar.note(result)
    blocks = ", ".join(planned.job.block(row.model) for row in planned.job.rows)
    print_table(extraction_table(f"{planned.job.out}: {blocks}", results, halves.doubts))
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)
