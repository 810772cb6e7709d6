"""The commands that turn released weights into directories of safetensors."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from sonicdiff.cli import options
from sonicdiff.cli.models import bar

converting = typer.Typer(no_args_is_help=True, help="Turn released weights into directories of safetensors.")

Output = Annotated[Path, typer.Option("--output", "-o", help="The directory to make.")]


@converting.command()
def sonicdiffusion(
    gates: Annotated[Path, typer.Argument(metavar="GATES.pt", help="landscape.pt or greatest_hits.pt.")],
    projector: Annotated[Path, typer.Argument(metavar="PROJECTOR.pth", help="audio_projector_landscape.pth or audio_projector_gh.pth.")],
    output: Output,
    base: Annotated[str, typer.Option(help="A Stable Diffusion 1.x: sd-1.4, sd-1.5, a repository, a directory or a file.")] = "sd-1.4",
    clap: Annotated[Path | None, typer.Option(help="CLAP_weights_2022.pth.  [default: fetched from microsoft/msclap]")] = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a model of the paper's released weights. What is not here of its base and its CLAP is fetched."""
    from sonicdiff.pipelines.convert import convert_sonicdiffusion

    options.existing(gates, projector, *([clap] if clap else []))  # before gigabytes are fetched for them
    heard = clap or fetched_clap(quiet)
    with tempfile.TemporaryDirectory(prefix="sonicdiff-") as room:  # for a base in a single file, which is written out there
        folder = base_directory(base, Path(room))
        typer.echo(f"wrote {convert_sonicdiffusion(gates, projector, output, base=folder, clap=heard)}")


@converting.command()
def laion(
    checkpoint: Annotated[Path, typer.Argument(metavar="CHECKPOINT.pt", help="For example 630k-audioset-best.pt.")],
    output: Output,
    quiet: options.Quiet = False,
) -> None:
    """Make an audio encoder of one of LAION's original CLAP checkpoints."""
    from sonicdiff.pipelines.convert import convert_laion

    typer.echo(f"wrote {convert_laion(checkpoint, output)}")


def base_directory(base: str, room: Path) -> Path:
    """Where a base is, fetched or written out into `room` if need be."""
    from sonicdiff.hub.base_models import saved_base

    return Path(base) if Path(base).is_dir() else saved_base(base, room)


def fetched_clap(quiet: bool) -> Path:
    """Microsoft's file in the hub's cache, 2.3 GB of which the audio tower is a seventh."""
    from sonicdiff.hub.download.fetch import fetch
    from sonicdiff.hub.registry import CLAP_2022

    with bar(quiet) as tell:
        return fetch(CLAP_2022, tell=tell) / CLAP_2022.files[0]
