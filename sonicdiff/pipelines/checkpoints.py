"""The models known by name, where their weights are, and loading one."""

from __future__ import annotations

import json
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import diffusers
import torch
import transformers

from sonicdiff.pipelines.music.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion import SonicDiffusionPipeline


@dataclass(frozen=True)
class Checkpoint:
    """One set of weights. source: "embedded" (a folder beside the code), or the Hub repository of its base model."""

    name: str
    description: str
    source: str
    licence: str
    size_mb: int
    null_audio: Literal["off", "zeros"] | None  # None: it makes music and hears nothing
    available: bool


RIFFUSION = "riffusion/riffusion-model-v1"
SD14 = "CompVis/stable-diffusion-v1-4"
PAPER = "the paper's weights for the {} sounds, on Stable Diffusion 1.4 with Microsoft CLAP 2022"

CHECKPOINTS = {
    checkpoint.name: checkpoint
    for checkpoint in (
        Checkpoint("mini", "the small model trained by this project; runs on a laptop CPU", "embedded", "Apache-2.0", 50, "off", True),
        Checkpoint("mini-music", "music from text, trained by this project, for CPUs", "embedded", "Apache-2.0", 14, None, True),
        Checkpoint("riffusion", "music from text: riffusion-model-v1", RIFFUSION, "OpenRAIL-M", 2200, None, True),
        Checkpoint("landscape", PAPER.format("Landscape"), SD14, "OpenRAIL-M base, MS-PL audio encoder", 6500, "zeros", False),
        Checkpoint("greatest-hits", PAPER.format("Greatest Hits"), SD14, "OpenRAIL-M base, MS-PL audio encoder", 6500, "zeros", False),
    )
}


def resolve(name_or_path: str | os.PathLike[str]) -> Path:
    """The directory of a model: a path that holds one, or a known name that is here. Raises ValueError for a name that is neither."""
    path = Path(name_or_path)
    if (path / "model_index.json").is_file():
        return path
    name = os.fspath(name_or_path)
    if name not in CHECKPOINTS:
        raise ValueError(f"there is no model {name!r}; known are {', '.join(CHECKPOINTS)}, and the path of a saved pipeline")
    if not CHECKPOINTS[name].available:
        raise ValueError(f"the model {name!r} cannot be loaded by this version yet; use 'mini' or the path of a model of your own")
    if (found := at_hand(name)) is not None:
        return found
    if CHECKPOINTS[name].source != "embedded":
        return fetch(name)
    looked = ", ".join(str(folder / name) for folder in folders())
    raise FileNotFoundError(f"the weights of {name!r} are in none of {looked}; set SONICDIFF_CHECKPOINTS to the folder that holds {name!r}")


def at_hand(name: str) -> Path | None:
    """The directory of a known model in one of `folders`."""
    return next((folder / name for folder in folders() if (folder / name / "model_index.json").is_file()), None)


PARTS = ("vae", "text_encoder", "tokenizer", "unet", "scheduler")  # of Stable Diffusion; its safety checker knows no spectrograms


def fetch(name: str) -> Path:
    """A model's directory in the Hub's cache, fetched on its first use: its configurations and one set of its safetensors."""
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    repository = CHECKPOINTS[name].source
    texts = ["model_index.json", *(f"{part}/*.{kind}" for part in PARTS for kind in ("json", "txt"))]
    try:
        found = HfApi().list_repo_files(repository)
        ending = ".fp16.safetensors" if variant_of(found) else ".safetensors"
        weights = [file for file in found if file.split("/")[0] in PARTS and file.endswith(ending)]
        return Path(snapshot_download(repository, allow_patterns=texts + weights))
    except (OSError, HfHubHTTPError, LocalEntryNotFoundError) as error:
        try:
            return Path(snapshot_download(repository, allow_patterns=texts, local_files_only=True))
        except (OSError, LocalEntryNotFoundError):
            raise OSError(
                f"the model {name!r} is neither here nor to be reached at {repository} on the Hugging Face Hub "
                f"({type(error).__name__}); put its directory into {folders()[0]}, or connect once"
            ) from None


def variant_of(files: Iterable[str]) -> str | None:
    """ "fp16" where the UNet's weights are there in half precision: half the size, the same images."""
    return "fp16" if any(file.startswith("unet/") and file.endswith(".fp16.safetensors") for file in files) else None


def folders() -> list[Path]:
    """Where embedded models are looked for: SONICDIFF_CHECKPOINTS alone if set, else the repository, then the installed package."""
    moved = os.environ.get("SONICDIFF_CHECKPOINTS")
    package = Path(__file__).resolve().parents[1]
    return [Path(moved)] if moved else [package.parent / "checkpoints", package / "checkpoints"]


Pipeline = SonicDiffusionPipeline | MusicPipeline


def load(
    name_or_path: str | os.PathLike[str] = "mini", device: str | torch.device | None = None, dtype: torch.dtype = torch.float32
) -> Pipeline:
    """Loads a model onto `device` (default: a GPU if there is one, else the CPU).

    What its directory says it is decides what it does: a plain Stable Diffusion is taken as one of spectrograms, as Riffusion is. Nothing
    is fetched from the network but models of the Hub on their first use.
    """
    directory = resolve(name_or_path)
    kind = json.loads((directory / "model_index.json").read_text()).get("_class_name")
    pictures = kind == SonicDiffusionPipeline.__name__
    variant = variant_of(path.relative_to(directory).as_posix() for path in directory.glob("unet/*"))
    with without_bars():
        pipeline = (SonicDiffusionPipeline if pictures else MusicPipeline).from_pretrained(
            directory, dtype=dtype, variant=variant, use_safetensors=True, local_files_only=True
        )
    return pipeline.to(device or ("cuda" if torch.cuda.is_available() else "cpu"))


def load_pictures(name_or_path: str | os.PathLike[str] = "mini", device: str | torch.device | None = None) -> SonicDiffusionPipeline:
    """`load`, once, of a model that makes pictures. ValueError for one that makes music."""
    pipeline = load_once(os.fspath(name_or_path), None if device is None else str(device))
    if not isinstance(pipeline, SonicDiffusionPipeline):
        raise ValueError(f"the model {os.fspath(name_or_path)!r} makes music; expected one that makes pictures, such as 'mini'")
    return pipeline


def load_music(name_or_path: str | os.PathLike[str] = "mini-music", device: str | torch.device | None = None) -> MusicPipeline:
    """`load`, once, of a model that makes music. ValueError for one that makes pictures."""
    pipeline = load_once(os.fspath(name_or_path), None if device is None else str(device))
    if not isinstance(pipeline, MusicPipeline):
        raise ValueError(f"the model {os.fspath(name_or_path)!r} makes pictures; expected one that makes music, such as 'mini-music'")
    return pipeline


class Loaded:
    """The models that were used last, at most `most` of them, by name or path and device."""

    def __init__(self, most: int = 2) -> None:
        self.most, self.lock = most, threading.Lock()
        self.pipelines: OrderedDict[tuple[str, str | None], Pipeline] = OrderedDict()

    def get(self, name_or_path: str, device: str | None) -> Pipeline:
        with self.lock:
            key = name_or_path, device
            if key not in self.pipelines:
                while len(self.pipelines) >= self.most:  # first, so that there is room for the new one
                    self.pipelines.popitem(last=False)
                self.pipelines[key] = load(name_or_path, device)
            self.pipelines.move_to_end(key)
            return self.pipelines[key]

    def keep(self, most: int) -> None:
        """Holds at most so many from now on."""
        with self.lock:
            self.most = most
            while len(self.pipelines) > most:
                self.pipelines.popitem(last=False)


LOADED = Loaded()


def load_once(name_or_path: str, device: str | None = None) -> Pipeline:
    """`load`, keeping what it loaded for the next call."""
    return LOADED.get(name_or_path, device)


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
