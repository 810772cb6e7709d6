"""The commands that make and judge models: train, evaluate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sonicdiff.cli import options


def train(
    recipe: Annotated[str, typer.Argument(help="The name of a recipe, or a folder with one TOML file a stage.")] = "mini",
    stages: Annotated[list[str] | None, typer.Argument(metavar="STAGE", help="Only these stages.  [default: all, in order]")] = None,
    folder: Annotated[Path | None, typer.Option(help="For intermediate results.  [default: runs/<recipe>]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The model's directory.  [default: checkpoints/<recipe>]")] = None,
    device: options.Device = None,
    worker: Annotated[int, typer.Option(min=0, help="Which of several processes this is, from 0, for stages that only make data.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the data stages.")] = 1,
    start: Annotated[
        str | None,
        typer.Option("--from", help="A model to go on from, by name or path: base, align and adapt begin with its weights."),
    ] = None,
    ablations: Annotated[
        list[str] | None,
        typer.Option("--ablation", help="Instead: stages 1 and 2 once more, changed: no-contrast, no-mse, one-token ..., repeatable."),
    ] = None,
) -> None:
    """Train a model by a recipe. A run that was stopped goes on where it was."""
    from sonicdiff.pipelines.checkpoints import resolve
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
        typer.Option("--part", help="vae, generation, editing, recordings ..., repeatable.  [default: the scores]"),
    ] = None,
    n: Annotated[int | None, typer.Option("-n", min=9, help="Images, or clips; edits are half as many.  [default: 54; clips 192]")] = None,
    num_inference_steps: Annotated[
        int | None, typer.Option("--steps", min=1, max=999, help="Denoising steps.  [default: 25; of music 30]")
    ] = None,
    seed: Annotated[int, typer.Option(help="What is drawn at random is drawn from it.")] = 0,
    quick: Annotated[bool, typer.Option("--quick", help="A third of everything, at 15 steps.")] = False,
    variants: Annotated[Path | None, typer.Option(help="A training run's folder, whose variants are tried as ablations.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="For tables, sheets.  [default: outputs/evaluation/<model>]")
    ] = None,
) -> None:
    """Score a model. Its command `train-evaluators` makes the judges."""
    if context.invoked_subcommand is not None:
        return
    from sonicdiff.evaluation.evaluate import DEFAULT_PARTS, evaluators_folder
    from sonicdiff.evaluation.evaluate import evaluate as run
    from sonicdiff.pipelines.checkpoints import load
    from sonicdiff.pipelines.music.pipeline import MusicPipeline

    pipeline = load(model)
    if isinstance(pipeline, MusicPipeline):
        from sonicdiff.evaluation.music.evaluate import evaluate_music

        if parts or variants:
            raise ValueError("--part and --variants are for models of pictures; a model of music is scored as a whole")
        folder, steps = output or Path("outputs/evaluation", Path(model).name), num_inference_steps or (15 if quick else 30)
        evaluate_music(pipeline, evaluators_folder() / "music", n or (48 if quick else 192), seed, steps, output=folder, log=typer.echo)
        return
    run(pipeline, n or 54, seed, output, num_inference_steps or 25, parts or DEFAULT_PARTS, quick, variants=variants, log=typer.echo)


@evaluating.command()
def train_evaluators(
    output: Annotated[Path, typer.Option("--output", "-o", help="Their directory.")] = Path("checkpoints/evaluators"),
    vae: Annotated[Path | None, typer.Option(help="An autoencoder's directory, whose reconstructions they learn to read as well.")] = None,
    cache: Annotated[Path, typer.Option(help="For what is rendered.")] = Path("runs/evaluators"),
) -> None:
    """Train the networks that judge: one looks, one listens, on seeds that no model is trained on."""
    from sonicdiff.evaluation.train import train_evaluators as run

    run(output, vae, cache, log=typer.echo)


@evaluating.command()
def train_listener(
    output: Annotated[Path, typer.Option("--output", "-o", help="Its directory.")] = Path("checkpoints/evaluators/music"),
    vae: Annotated[Path, typer.Option(help="The autoencoder whose reconstructions it hears as well.")] = Path("checkpoints/mini-music/vae"),
    cache: Annotated[Path, typer.Option(help="For what is played.")] = Path("runs/music-judge"),
) -> None:
    """Train the network that judges music, on compositions that no model is trained on. Needs FluidSynth."""
    from sonicdiff.evaluation.music.train import train_judge as run

    run(output, vae, cache, log=typer.echo)
