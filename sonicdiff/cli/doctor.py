"""A check of the installation: what is here, what is wrong, and what to do about it."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from typing import Annotated

import typer

from sonicdiff.cli import options

PACKAGES = ("torch", "diffusers", "transformers", "huggingface_hub", "safetensors", "numpy", "pillow", "soundfile", "soxr", "av")
OPTIONAL = {"accelerate": "train", "peft": "lora", "gradio": "app"}
LOADS = "loads"
LITTLE_ROOM = 8e9  # bytes: the largest model fetched and put together


Finding = tuple[str, str]  # what was looked at, and what was found


def doctor(
    tracebacks: Annotated[bool, typer.Option(help="Show why a part does not load.")] = False,
    as_json: options.Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the exit code.")] = False,
) -> None:
    """Check the installation. Ends with code 1 if the default model cannot run."""
    found: list[Finding] = []
    for what, said in findings(tracebacks):
        found.append((what, said))
        if not (as_json or quiet):
            typer.echo(f"{what:15} {said}")
    works = LOADS in found[-1][1]
    if as_json:
        typer.echo(json.dumps({"works": works, "findings": dict(found)}, indent=2))
    if not works:
        raise typer.Exit(1)


def findings(tracebacks: bool) -> Iterator[Finding]:
    """One after another; the last is whether the default model loads."""
    yield "python", f"{platform.python_version()} on {platform.platform()}, {os.cpu_count()} cores"
    for package in PACKAGES:
        yield package, version(package) or "NOT INSTALLED: pip install --editable . in the repository, or pip install sonicdiff"
    for package, extra in OPTIONAL.items():
        yield package, version(package) or f"not installed; pip install 'sonicdiff[{extra}]' if you want what needs it"
    yield "torchaudio", torchaudio_state()
    for program in ("ffmpeg", "ffprobe"):
        advice = "not found; without it a jam plays clip by clip (apt-get install ffmpeg, brew install ffmpeg)"
        yield program, shutil.which(program) or advice
    yield from device_and_dtype()
    yield from caches()
    yield from models()
    yield "default model", state_of("mini", tracebacks)


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


def device_and_dtype() -> Iterator[Finding]:
    """Where models run, and in what precision."""
    import torch

    gpu = torch.cuda.is_available()
    threads = f"cpu, {torch.get_num_threads()} threads"
    if not gpu and torch.version.cuda and shutil.which("nvidia-smi"):
        threads += "; there is a GPU that this torch cannot use: update the driver, or install the torch built for it"
    yield "device", f"cuda, {torch.cuda.get_device_name()}" if gpu else threads
    from sonicdiff.pipelines.common.device import best_dtype

    yield "dtype", f"{str(best_dtype('cuda' if gpu else 'cpu')).removeprefix('torch.')} for full-size models, float32 for small ones"


def caches() -> Iterator[Finding]:
    """Where fetched models go, how much is there, and the room that is left."""
    from sonicdiff.cli.models import size_mb
    from sonicdiff.hub.download.cache import hub_cache, is_offline, own_cache
    from sonicdiff.hub.download.fetch import free_bytes

    for what, folder in {"hub cache": hub_cache(), "own cache": own_cache()}.items():
        blobs = [blob for blob in folder.glob("*/blobs") if blob.is_dir()] if what == "hub cache" else [folder]
        yield what, f"{folder}, {sum(size_mb(each) for each in blobs if each.exists()):.0f} MB"
    free = free_bytes(hub_cache())
    yield "free disk", f"{free / 1e9:.1f} GB" + ("" if free > LITTLE_ROOM else "; too little for the largest models: set HF_HOME elsewhere")
    if is_offline():
        yield "network", "HF_HUB_OFFLINE is set: nothing is fetched; unset it for `sonicdiff pull`"


def models() -> Iterator[Finding]:
    """The models by name."""
    from sonicdiff.hub.model_directory import faults
    from sonicdiff.hub.registry import CHECKPOINTS, PARTS
    from sonicdiff.pipelines.pulling import at_hand

    for name in (*CHECKPOINTS, *PARTS):
        found = at_hand(name)
        embedded = name in CHECKPOINTS and CHECKPOINTS[name].embedded
        absent = "NOT FOUND; set SONICDIFF_CHECKPOINTS to the folder that holds it" if embedded else f"not here; sonicdiff pull {name}"
        wrong = faults(found) if found else []
        damaged = f"; DAMAGED ({wrong[0]}): fetch or copy it again" if wrong else ""
        yield f"model {name}", f"{found}{damaged}" if found else absent


def state_of(name: str, tracebacks: bool) -> str:
    """Whether a model loads."""
    from sonicdiff.pipelines import loading

    try:
        pipeline = loading.load(name, "cpu")
    except Exception as error:  # whatever is wrong with it, the doctor's business is to say it
        if tracebacks:
            raise
        return f"{name} DOES NOT LOAD: {' '.join(str(error).split())}"
    parameters = sum(p.numel() for part in pipeline.components.values() if hasattr(part, "parameters") for p in part.parameters())
    return f"{name} {LOADS}, {parameters / 1e6:.1f} M parameters"
