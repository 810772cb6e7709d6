"""The commands that run a verb many times: sweep, batch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from sonicdiff.cli import options

ANY = {"allow_extra_args": True, "ignore_unknown_options": True}


def sweep(
    context: typer.Context,
    verb: Annotated[str, typer.Argument(help="edit, generate or music; its own arguments follow.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The sheet; the cells go to a folder beside it.")] = Path(
        "outputs/sweep.png"
    ),
    quiet: options.Quiet = False,
) -> None:
    """Lay out a verb's results over the values of one or two of its arguments, on a labelled sheet.

    sonicdiff sweep edit coast.jpg rain.ogg --over structure 0.2,0.5,0.8 --over audio_guidance_scale 3,7.5,12 -o grid.png

    --over NAME VALUES, once or twice: any argument of the verb by its name. The first goes across, the second down. A sweep that
    was stopped goes on where it was. Without a --seed all cells start from seed 0.
    """
    path = options.destination(output)
    from sonicdiff.cli.sweep import sweep as run

    cells = run(verb, context.args, path, (lambda line: None) if quiet else typer.echo)
    typer.echo(f"{path}  ({len(cells)} cells in {path.stem}-cells, what each is in {path.with_suffix('.json').name})")


def batch(
    context: typer.Context,
    manifest: Annotated[Path, typer.Argument(help="A .csv or .jsonl, a row a picture: photo, sound, prompt, seed, any argument; output.")],
    folder: Annotated[Path, typer.Option("--output", "-o", help="The folder for the pictures.")],
    task: Annotated[str | None, typer.Option(help="edit or generate.  [default: edit if there are photos]")] = None,
    seed: Annotated[int, typer.Option(help="Of the first row; each further row has the next, unless it names one.")] = 0,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Edit or generate by every row of a table.

    Other options are the verb's, for all rows: --model, --steps ... A batch that was stopped goes on where it was; what fails is listed
    in failures.jsonl, and is tried again the next time; the exit code is then 1, of every process. `accelerate launch -m sonicdiff
    batch ...` divides the rows over GPUs and machines, `torchrun --nproc_per_node 2 -m sonicdiff batch ...` over processors.
    """
    if task not in (None, "edit", "generate"):
        raise ValueError(f"unknown task {task!r}; expected edit or generate")
    from sonicdiff.cli.batch import FAILURES, run

    outcome = run(manifest, folder, task, context.args, seed, quiet)
    if as_json:
        counts = {"made": outcome.made, "kept": outcome.kept, "failed": outcome.failed}
        typer.echo(json.dumps({"folder": str(folder), "process": outcome.by.rank, "processes": outcome.by.count, **counts}, indent=2))
    else:
        typer.echo(f"{folder}  ({outcome})")
    if outcome.any_failed:
        typer.echo(f"sonicdiff: what failed is listed in {folder / FAILURES}", err=True)
        raise typer.Exit(1)
