"""`finetune`: train a video model on the eighteen classes of snippets."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from soccerbench.cli.options import MAX_MEMORY_GIB, MAX_SEED, Cpus, Gpus, On


def finetune(
    model: Annotated[
        str, typer.Argument(help="A model of Table 1 (see `soccerbench list extractors`), or of your --table.")
    ],
    snippets: Annotated[Path, typer.Option(help="snippets.json of `soccerbench snippets`, or its folder.")],
    init: Annotated[
        Path | None,
        typer.Option(help="Weights to begin with: of timm for images, of a public video model, or of a fine-tuning."),
    ] = None,
    table: Annotated[str, typer.Option(help="Your YAML file with the model in it.")] = "table1",
    plugin: Annotated[
        Path | None, typer.Option(help="The Python file of a model that its row names as module:Class.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, max=MAX_SEED, help="Of weights and draws.")] = 0,
    out: Annotated[Path, typer.Option(help="The folder of all runs.")] = Path("runs"),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    on: On = "local",
    cpus: Cpus = None,
    gpus: Gpus = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key of the model; repeatable.")
    ] = None,
    shuffle_labels: Annotated[
        bool, typer.Option("--shuffle-labels", help="Shuffle the training labels: a control, kept apart.")
    ] = False,
    memory_gib: Annotated[
        float,
        typer.Option(
            min=0, max=MAX_MEMORY_GIB, help="Decoded frames to keep; what is beyond is decoded in every epoch."
        ),
    ] = 4.0,
    log: Annotated[
        str | None, typer.Option(help="Learning curves to tensorboard or wandb too; history.csv is always there.")
    ] = None,
    force: Annotated[
        bool, typer.Option("--force", help="Run again what was run with another spec, other snippets or other code.")
    ] = False,
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
    from soccerbench.report.console import bars, note, print_table
    from soccerbench.report.figures.confusion import write_confusion
    from soccerbench.report.tables.checks import accuracy_table
    from soccerbench.specs import parse_setting
    from soccerbench.specs.video_models import load_extractors
    from soccerbench.video.finetuning.manifest import read_manifest
    from soccerbench.video.finetuning.run import FineTune, FineTuneRun

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
    try:
        with bars(1) as shown:
            threads = cpus if machines.is_here else machines.threads(1, 1)
            work = FineTune(planned, device=device, force=force, curves=log, threads=threads)
            found = machines.call(
                work, title=planned.title, folder=planned.folder, progress=shown.of(planned.title), device=device
            )
    except KeyboardInterrupt:
        note("Stopped. Nothing is lost: the same command resumes.")
        raise typer.Exit(130) from None
    write_confusion(planned.folder, found)
    print_table(accuracy_table(found, title=planned.title, folder=planned.folder))
