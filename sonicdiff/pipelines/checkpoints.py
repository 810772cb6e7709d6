"""The models known by name, where their weights are, and loading one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Literal

import diffusers
import torch
import transformers

from sonicdiff.pipelines.sonic_diffusion import SonicDiffusionPipeline


@dataclass(frozen=True)
class Checkpoint:
    """One set of weights. source: "embedded" (a folder beside the code), or the Hub repository of its base model."""

    name: str
    description: str
    source: str
    licence: str
    size_mb: int
    null_audio: Literal["off", "zeros"]
    available: bool


SD14 = "CompVis/stable-diffusion-v1-4"
PAPER = "the paper's weights for the {} sounds, on Stable Diffusion 1.4 with Microsoft CLAP 2022"

CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        Checkpoint("mini", "the small model trained by this project; runs on a laptop CPU", "embedded", "Apache-2.0", 50, "off", True),
        Checkpoint("landscape", PAPER.format("Landscape"), SD14, "OpenRAIL-M base, MS-PL audio encoder", 6500, "zeros", False),
        Checkpoint("greatest-hits", PAPER.format("Greatest Hits"), SD14, "OpenRAIL-M base, MS-PL audio encoder", 6500, "zeros", False),
    )
}


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """The directory of a model: a path that holds one, or a known name. Raises ValueError for a name that is neither."""
    path = Path(name_or_path)
    if (path / "model_index.json").is_file():
        return path
    name = os.fspath(name_or_path)
    if name not in CHECKPOINTS:
        raise ValueError(f"there is no model {name!r}; known are {', '.join(CHECKPOINTS)}, and the path of a saved pipeline")
    if not CHECKPOINTS[name].available:
        raise ValueError(f"the model {name!r} cannot be loaded by this version yet; use 'mini' or the path of a model of your own")
    candidates = [folder / name for folder in folders()]
    for candidate in candidates:
        if (candidate / "model_index.json").is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise FileNotFoundError(f"the weights of {name!r} are in none of {looked}; set SONICDIFF_CHECKPOINTS to the folder that holds {name!r}")


def folders() -> list[Path]:
    """Where embedded models are looked for: SONICDIFF_CHECKPOINTS alone if set, else the repository, then the installed package."""
    moved = os.environ.get("SONICDIFF_CHECKPOINTS")
    package = Path(__file__).resolve().parents[1]
    return [Path(moved)] if moved else [package.parent / "checkpoints", package / "checkpoints"]


def load(
    name_or_path: str | os.PathLike[str] = "mini", device: str | torch.device | None = None, dtype: torch.dtype = torch.float32
) -> SonicDiffusionPipeline:
    """Loads a model onto `device` (default: a GPU if there is one, else the CPU); nothing is fetched from the network."""
    directory = resolve(name_or_path)
    with without_bars():
        pipeline = SonicDiffusionPipeline.from_pretrained(directory, dtype=dtype, local_files_only=True)
    return pipeline.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))


@lru_cache(maxsize=2)
def load_once(name_or_path: str, device: str | None = None) -> SonicDiffusionPipeline:
    """`load`, keeping what it loaded for the next call."""
    return load(name_or_path, device)


@contextmanager
def without_bars() -> Iterator[None]:
    """No bars from diffusers and transformers for what takes a second or two."""
    libraries = (diffusers.utils.logging, transformers.utils.logging)
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        for library in libraries:
            library.enable_progress_bar()
