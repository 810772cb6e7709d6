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
    device: Annotated[str, typer.Option(help="cpu, cuda ...")] = "cpu",
    worker: Annotated[int, typer.Option(min=0, help="Which of several processes this is, from 0, for stages that only make data.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="How many processes share the data stages.")] = 1,
) -> None:
    """Train a model by a recipe; a run that was stopped goes on where it was."""
    path = recipe_folder(recipe)
    from sonicdiff.training.recipe import STAGES, run

    run(
        path,
        folder or Path("runs") / path.name,
        tuple(stages or STAGES),
        device=device,
        worker=worker,
        workers=workers,
        output=output or Path("checkpoints") / path.name,
    )


def recipe_folder(recipe: str) -> Path:
    """A recipe by folder or by name. Raises ValueError, naming those known."""
    recipes = Path(__file__).parents[1] / "training" / "recipes"
    for folder in (recipes / recipe, Path(recipe)):
        if any(folder.glob("*.toml")):
            return folder
    raise ValueError(
        f"there is no recipe {recipe!r}; known are {', '.join(sorted(p.name for p in recipes.iterdir()))}, or a folder with TOML files"
    )


def evaluate(model: options.Model = "mini") -> None:
    """Score a model on held-out sounds, scenes and combinations."""
    from sonicdiff import evaluation

    evaluation.evaluate(model)
