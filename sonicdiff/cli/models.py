"""What is here: the models known by name, and a check of the installation."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from typing import Annotated

import typer

PACKAGES = ("torch", "diffusers", "transformers", "numpy", "pillow", "soundfile", "soxr", "av", "safetensors")


def list_models() -> None:
    """List the models known by name."""
    from sonicdiff.pipelines.checkpoints import CHECKPOINTS

    for checkpoint in CHECKPOINTS.values():
        absent = "not found" if checkpoint.source == "embedded" else f"fetched from {checkpoint.source} on its first use"
        place = where(checkpoint.name) or (absent if checkpoint.available else "not loadable by this version")
        typer.echo(
            f"{checkpoint.name:14} {checkpoint.size_mb:5} MB  {checkpoint.licence}\n{'':14} {checkpoint.description}\n{'':14} {place}\n"
        )


def doctor(tracebacks: Annotated[bool, typer.Option(help="Show why a part does not load.")] = False) -> None:
    """Check the installation. Ends with code 1 if the default model cannot run."""
    typer.echo(f"python        {platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for package in PACKAGES:
        typer.echo(f"{package:13} {version(package)}")
    typer.echo(f"torchaudio    {torchaudio_state()}")
    import torch

    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    typer.echo(f"device        {'cuda, ' + gpu if gpu else f'cpu, {torch.get_num_threads()} threads'}")
    from sonicdiff.pipelines.checkpoints import CHECKPOINTS

    for name, checkpoint in CHECKPOINTS.items():
        if checkpoint.source == "embedded":
            typer.echo(f"model {name:7} {where(name) or 'NOT FOUND; set SONICDIFF_CHECKPOINTS to the folder that holds it'}")
    if where("mini") is None:
        raise typer.Exit(1)
    check_model("mini", tracebacks)


def check_model(name: str, tracebacks: bool) -> None:
    from sonicdiff.pipelines import checkpoints

    try:
        pipeline = checkpoints.load(name, "cpu")
    except Exception as error:  # whatever is wrong with it, the doctor's business is to say it
        if tracebacks:
            raise
        typer.echo(f"model {name:7} DOES NOT LOAD: {' '.join(str(error).split())}")
        raise typer.Exit(1) from None
    parameters = sum(p.numel() for part in pipeline.components.values() if hasattr(part, "parameters") for p in part.parameters())
    typer.echo(f"model {name:7} loads, {parameters / 1e6:.1f} M parameters")


def version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "NOT INSTALLED"


def torchaudio_state() -> str:
    """Whether a torchaudio is there and fits; the guard in `sonicdiff/__init__` hides one that does not."""
    installed = version("torchaudio")
    if installed == "NOT INSTALLED":
        return "not installed (nor needed)"
    import transformers  # noqa: F401  the guard looks when this is imported

    return f"{installed}, broken: it does not fit this torch, and is ignored" if sys.modules.get("torchaudio", 0) is None else installed


def where(name: str) -> str | None:
    """The directory of a model that is at hand."""
    from sonicdiff.pipelines import checkpoints

    found = checkpoints.at_hand(name)
    return None if found is None else str(found)
