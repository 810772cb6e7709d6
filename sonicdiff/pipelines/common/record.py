"""The record every image carries: what made it, so that it can be made again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from functools import lru_cache
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from PIL import Image

from sonicdiff import __version__
from sonicdiff.hub.model_directory import shared
from sonicdiff.pipelines.common import image_loading
from sonicdiff.pipelines.common.audio_conditioning import Heard

KEY, FILES = "sonicdiff", "sonicdiff-files"
FIELDS = {"task", "model", "revision", "seed", "settings", "sounds", "photo", "machine"}
NOT_SETTINGS = {"self", "audio", "audio_embeds", "image", "mask", "seed", "generator"}
NOT_SETTINGS |= {"num_images_per_prompt", "num_clips", "callback_on_step_end", "show_progress", "output_type"}


def settings(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call that belong in the record, as JSON would give them back."""
    chosen = {name: value for name, value in arguments.items() if name not in NOT_SETTINGS}
    return json.loads(json.dumps(chosen, default=lambda value: value.item()))  # numpy's numbers too


def machine(pipeline: Any) -> dict[str, Any]:
    """What else decides the bytes: the same settings on another machine or version give a like image, not the same bytes."""
    return {
        "sonicdiff": __version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "device": pipeline.unet.device.type,
        "dtype": str(pipeline.unet.dtype).removeprefix("torch."),
        "machine": platform.machine(),
        "threads": torch.get_num_threads(),
    }


def origin(pipeline: Any) -> dict[str, Any]:
    """The model's name and revision; both None for one that was not loaded from a directory."""
    name = pipeline.config.get("_name_or_path")
    if not name or not (Path(name) / "model_index.json").is_file():
        return {"model": None, "revision": None}
    return {"model": Path(name).name, "revision": revision(Path(name))}


def put_on(pipeline: Any) -> dict[str, Any]:
    """What else a pipeline was put together of than its directory: another base, LoRAs."""
    return {name: value for name in ("base", "loras") if (value := getattr(pipeline, name, None))}


def revision(directory: Path) -> str:
    """SHA-256 over the manifest of a model directory: each weight and configuration file's path and hash, shared ones' too."""
    folders = [folder for folder in (directory, shared(directory)) if folder is not None]
    return hashlib.sha256("".join(manifest_of(folder) for folder in folders).encode()).hexdigest()


def manifest_of(directory: Path) -> str:
    files = sorted(path for path in directory.rglob("*") if path.suffix in (".safetensors", ".json"))
    return manifest(directory, tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))


@lru_cache(maxsize=8)
def manifest(directory: Path, files: tuple[tuple[Path, int, int], ...]) -> str:
    return "".join(f"{path.relative_to(directory).as_posix()} {file_hash(path)}\n" for path, _, _ in files)


def file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def made(pipeline: Any, task: str, settings: dict[str, Any], heard: Heard, photo: Image.Image | None, source: Any) -> dict[str, Any]:
    """Everything that made an image but its seed; "files" are paths, which `put` keeps apart."""
    photo_file = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    return {
        "task": task,
        **origin(pipeline),
        **put_on(pipeline),
        "seed": None,
        "settings": settings,
        "sounds": list(heard.records),
        "photo": photo and {"name": photo_file and Path(photo_file).name, "sha256": image_loading.sha256(photo)},
        "machine": machine(pipeline),
        "files": {"sounds": list(heard.files), "photo": photo_file},
    }


def put(image: Image.Image, made: dict[str, Any]) -> Image.Image:
    """The image with its record in `.info`, and apart from it the paths of its files: where they lie is private unless the caller says."""
    public = {name: value for name, value in made.items() if name != "files"}
    image.info = {KEY: json.dumps(public), FILES: json.dumps(made["files"])}
    return image


def add(image: Image.Image, **facts: str | int) -> None:
    """Puts more into the record that an image carries."""
    image.info[KEY] = json.dumps({**json.loads(image.info[KEY]), **facts})


def relative_to(folder: Path, files: dict[str, Any]) -> dict[str, Any]:
    def relative(file: str | None) -> str | None:
        return file and os.path.relpath(file, folder)

    return {"sounds": [relative(file) for file in files["sounds"]], "photo": relative(files["photo"])}
