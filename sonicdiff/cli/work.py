"""The commands that make and judge models: train, evaluate."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from sonicdiff.cli import options


def train(
    recipe: Annotated[
        str, typer.Argument(help="Your training's TOML file; or the name of a recipe, or a folder with one TOML file a stage.")
    ] = "mini",
    stages: Annotated[list[str] | None, typer.Argument(metavar="STAGE", help="Only these stages.  [default: all, in order]")] = None,
    folder: Annotated[Path | None, typer.Option(help="For intermediate results.  [default: runs/<recipe>]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The model's directory.  [default: checkpoints/<recipe>]")] = None,
    device: options.Device = None,
    worker: Annotated[int, typer.Option(min=0, help="Which of several processes this is, from 0, for stages that only make data.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the data stages.")] = 1,
    start: Annotated[
        str | None,
        typer.Option("--from", help="A model to go on from, by name or path: clap, base, align and adapt begin with its weights."),
    ] = None,
    ablations: Annotated[
        list[str] | None,
        typer.Option("--ablation", help="Instead: stages 1 and 2 once more, changed: no-contrast, no-mse, one-token ..., repeatable."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what a TOML file's training takes, and write nothing.")] = False,
    quiet: options.OnlyResults = False,
) -> None:
    """Train a model on your own sounds and pictures (examples/training.toml), or by a recipe. A stopped run goes on where it was."""
    for place in (folder, output):
        if place is not None and not dry_run:
            options.writable(place.parent)
    with options.silence() if quiet else nullcontext():
        if recipe.endswith(".toml"):
            from sonicdiff.training.own.run import train_own

            if stages or start or ablations or (worker, workers) != (0, 1):
                only = "only --folder, --output, --device, --dry-run, --quiet go with it"
                raise ValueError(f"{recipe} says itself what is trained and from what; {only}")
            train_own(Path(recipe), device, folder, output, dry_run)
            return
        if dry_run:
            raise ValueError(f"--dry-run is for a training of your own, a file that ends in .toml; {recipe!r} is a recipe")
        from sonicdiff.pipelines.loading import resolve
        from sonicdiff.training.recipe import run, stages_of

        stages = stages or stages_of(recipe, going_on=start is not None)
        run(recipe, stages, folder, output, device, worker, workers, resolve(start) if start else None, ablations or ())


evaluating = typer.Typer()


@evaluating.callback(invoke_without_command=True)
def evaluate(
    context: typer.Context,
    model: options.Model = "mini",
    parts: Annotated[
        list[str] | None,
        typer.Option("--part", help="vae, generation, editing, recordings, ears ..., repeatable.  [default: the scores]"),
    ] = None,
    n: Annotated[int | None, typer.Option("-n", min=9, help="Images, or clips; edits are half as many.  [default: 54; clips 192]")] = None,
    num_inference_steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=999, help="Denoising steps.  [default: 25; of music 30]")
    ] = None,
    seed: Annotated[int, typer.Option(help="What is drawn at random is drawn from it.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A third of everything, at 15 steps.")] = False,
    variants: Annotated[Path | None, typer.Option(help="A training run's folder, whose ablations and rivals are tried.")] = None,
    recordings: Annotated[
        Path | None,
        typer.Option(help="With --part ears: a folder of recordings, whose held-out third is heard."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="For tables, sheets.  [default: outputs/evaluation/<model>]")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="A data set to score it on: a path, hf:owner/name, synthetic:landscape.  [default: the suite]"),
    ] = None,
    layout: Annotated[str, typer.Option(help="With --data: how it is laid out: folder, manifest, videos ...")] = "auto",
    split: Annotated[str, typer.Option(help="With --data: train, validation or test.")] = "test",
    pool: Annotated[int, typer.Option(min=4, help="With --data: pairs that each is compared with.")] = 180,
    per_sound: Annotated[int, typer.Option(min=1, help="With --data: pictures of each sound.")] = 1,
    extractors: Annotated[str, typer.Option(help="With --data: own, clip, clip:FOLDER; of music own, clap, clap:FOLDER.")] = "own",
    edit: Annotated[bool, typer.Option("--edit", help="With --data: edit photos of another class instead.")] = False,
    as_json: options.Json = False,
    quiet: options.OnlyResults = False,
) -> None:
    """Score a model. Its commands train the judges."""
    if context.invoked_subcommand is not None:
        return
    if data is None and (layout, split, pool, per_sound, extractors, edit) != ("auto", "test", 180, 1, "own", False):
        raise ValueError("--layout, --split, --pool, --per-sound, --extractors and --edit go with --data; say which data set")
    if recordings is not None and "ears" not in (parts or ()):
        raise ValueError("--recordings goes with --part ears")
    if data is not None and (parts or variants or quick):
        raise ValueError("--part, --variants and --quick are for the synthetic suite; leave them out, or --data")
    log = ignored if as_json or quiet else typer.echo
    place = "" if data is None else f"-{Path(data.replace(':', '-')).name}"
    folder = output or Path("outputs/evaluation", f"{Path(model).name}{place}")
    if data is not None:
        from sonicdiff.evaluation.any_data import evaluate_any

        given = {"n": n, "pool": pool, "steps": num_inference_steps, "seed": seed, "per_sound": per_sound, "edit": edit}
        evaluate_any(model, data, layout, split, extractors, given, folder, log=log)
    else:
        score(model, parts, n, seed, num_inference_steps, quick, variants, recordings, folder, log)
    if as_json or quiet:
        typer.echo((folder / ("scores.json" if as_json else "scores.md")).read_text().rstrip())


def ignored(line: str) -> None:
    """What is said on the way, where only the results are asked for."""


def score(model: str, parts: list[str] | None, n: int | None, seed: int, steps: int | None, quick: bool, variants: Path | None,
          recordings: Path | None, folder: Path, log: Callable[[str], None]) -> None:  # fmt: skip
    """By this program's own suite."""
    from sonicdiff.evaluation.evaluate import DEFAULT_PARTS, evaluate, evaluators_folder
    from sonicdiff.pipelines.loading import load
    from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

    pipeline = load(model)
    if not isinstance(pipeline, MusicPipeline):
        evaluate(
            pipeline, n or 54, seed, folder, steps or 25, parts or DEFAULT_PARTS, quick, variants=variants, recordings_folder=recordings,
            log=log,
        )  # fmt: skip
        return
    from sonicdiff.evaluation.music.evaluate import evaluate_music

    if parts or variants:
        raise ValueError("--part and --variants are for models of pictures; a model of music is scored as a whole")
    clips, steps = n or (48 if quick else 192), steps or (15 if quick else 30)
    evaluate_music(pipeline, evaluators_folder() / "music", clips, seed, steps, output=folder, log=log)


@evaluating.command()
def train_evaluators(
    output: Annotated[Path, typer.Option("--output", "-o", help="Their directory.")] = Path("checkpoints/evaluators"),
    vae: Annotated[Path | None, typer.Option(help="An autoencoder's directory, whose reconstructions they learn to read as well.")] = None,
    cache: Annotated[Path, typer.Option(help="For what is rendered.")] = Path("runs/evaluators"),
    quiet: options.OnlyResults = False,
) -> None:
    """Train the networks that judge: one looks, one listens, on seeds that no model is trained on."""
    from sonicdiff.evaluation.train import train_evaluators as run

    run(output, vae, cache, log=ignored if quiet else typer.echo)


@evaluating.command()
def train_readers(
    output: Annotated[Path, typer.Option("--output", "-o", help="Their directory.")] = Path("checkpoints/evaluators/pairs"),
    vae: Annotated[Path, typer.Option(help="The autoencoder whose reconstructions they read as well.")] = Path("checkpoints/mini/vae"),
    cache: Annotated[Path, typer.Option(help="For what is seen and heard.")] = Path("runs/readers"),
    quiet: options.OnlyResults = False,
) -> None:
    """Teach the judges materials and voices with emotions, on pairs that no model is trained on."""
    from sonicdiff.evaluation.evaluate import evaluators_folder
    from sonicdiff.evaluation.train_readers import train_readers as run

    run(output, vae, evaluators_folder(), cache, log=ignored if quiet else typer.echo)


@evaluating.command()
def train_listener(
    output: Annotated[Path, typer.Option("--output", "-o", help="Its directory.")] = Path("checkpoints/evaluators/music"),
    vae: Annotated[Path, typer.Option(help="The autoencoder whose reconstructions it hears as well.")] = Path("checkpoints/mini-music/vae"),
    cache: Annotated[Path, typer.Option(help="For what is played.")] = Path("runs/music-judge"),
    quiet: options.OnlyResults = False,
) -> None:
    """Train the network that judges music, on compositions that no model is trained on. Needs FluidSynth."""
    from sonicdiff.evaluation.music.train import train_judge as run

    run(output, vae, cache, log=ignored if quiet else typer.echo)
