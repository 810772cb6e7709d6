"""A check of the installation: what is here, what is wrong, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import sys
from typing import Annotated

import typer

PACKAGES = ("torch", "diffusers", "transformers", "huggingface_hub", "safetensors", "numpy", "pillow", "soundfile", "soxr", "av")
OPTIONAL = {"accelerate": "train", "peft": "lora", "gradio": "app"}
LITTLE_ROOM = 8e9  # bytes: the largest model fetched and put together


def doctor(tracebacks: Annotated[bool, typer.Option(help="Show why a part does not load.")] = False) -> None:
    """Check the installation. Ends with code 1 if the default model cannot run."""
    line("python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores")
    for package in PACKAGES:
        line(package, version(package) or "NOT INSTALLED: pip install --editable . in the repository, or pip install sonicdiff")
    for package, extra in OPTIONAL.items():
        line(package, version(package) or f"not installed; pip install 'sonicdiff[{extra}]' if you want what needs it")
    line("torchaudio", torchaudio_state())
    for program in ("ffmpeg", "ffprobe"):
        advice = "not found; without it a jam plays clip by clip (apt-get install ffmpeg, brew install ffmpeg)"
        line(program, shutil.which(program) or advice)
    device_and_dtype()
    caches()
    if not models():
        raise typer.Exit(1)
    check_model("mini", tracebacks)


def line(what: str, found: str) -> None:
    typer.echo(f"{what:15} {found}")


def version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def torchaudio_state() -> str:
    """Whether a torchaudio is there and fits; the guard in `sonicdiff/__init__` hides one that does not."""
    installed = version("torchaudio")
    if installed is None:
        return "not installed (nor needed)"
    import transformers  # noqa: F401  the guard looks when this is imported

    broken = "broken: it does not fit this torch, and is ignored; pip uninstall torchaudio, or install the build for this torch"
    return f"{installed}, {broken}" if sys.modules.get("torchaudio", 0) is None else installed


def device_and_dtype() -> None:
    """Where models run, and in what precision."""
    import torch

    gpu = torch.cuda.is_available()
    threads = f"cpu, {torch.get_num_threads()} threads"
    if not gpu and torch.version.cuda and shutil.which("nvidia-smi"):
        threads += "; there is a GPU that this torch cannot use: update the driver, or install the torch built for it"
    line("device", f"cuda, {torch.cuda.get_device_name()}" if gpu else threads)
    from sonicdiff.pipelines.precision import best_dtype

    line("dtype", f"{str(best_dtype('cuda' if gpu else 'cpu')).removeprefix('torch.')} for full-size models, float32 for small ones")


def caches() -> None:
    """Where fetched models go, how much is there, and the room that is left."""
    from sonicdiff.cli.models import size_mb
    from sonicdiff.hub.download.cache import hub_cache, is_offline, own_cache
    from sonicdiff.hub.download.fetch import free_bytes

    for what, folder in {"hub cache": hub_cache(), "own cache": own_cache()}.items():
        blobs = [blob for blob in folder.glob("*/blobs") if blob.is_dir()] if what == "hub cache" else [folder]
        line(what, f"{folder}, {sum(size_mb(each) for each in blobs if each.exists()):.0f} MB")
    free = free_bytes(hub_cache())
    line("free disk", f"{free / 1e9:.1f} GB" + ("" if free > LITTLE_ROOM else "; too little for the largest models: set HF_HOME elsewhere"))
    if is_offline():
        line("network", "HF_HUB_OFFLINE is set: nothing is fetched; unset it for `sonicdiff pull`")


def models() -> bool:
    """The models by name; whether the default one is here."""
    from sonicdiff.hub.model_directory import faults
    from sonicdiff.hub.registry import CHECKPOINTS, PARTS
    from sonicdiff.pipelines.pulling import at_hand

    for name in (*CHECKPOINTS, *PARTS):
        found = at_hand(name)
        embedded = name in CHECKPOINTS and CHECKPOINTS[name].embedded
        absent = "NOT FOUND; set SONICDIFF_CHECKPOINTS to the folder that holds it" if embedded else f"not here; sonicdiff pull {name}"
        wrong = faults(found) if found else []
        damaged = f"; DAMAGED ({wrong[0]}): fetch or copy it again" if wrong else ""
        model(name, f"{found}{damaged}" if found else absent)
    return at_hand("mini") is not None


def model(name: str, found: str) -> None:
    line(f"model {name}", found) if len(name) < 10 else typer.echo(f"model {name} {found}")


def check_model(name: str, tracebacks: bool) -> None:
    from sonicdiff.pipelines import checkpoints

    try:
        pipeline = checkpoints.load(name, "cpu")
    except Exception as error:  # whatever is wrong with it, the doctor's business is to say it
        if tracebacks:
            raise
        model(name, f"DOES NOT LOAD: {' '.join(str(error).split())}")
        raise typer.Exit(1) from None
    parameters = sum(p.numel() for part in pipeline.components.values() if hasattr(part, "parameters") for p in part.parameters())
    model(name, f"loads, {parameters / 1e6:.1f} M parameters")
