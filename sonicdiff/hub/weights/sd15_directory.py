"""A stock Stable Diffusion 1.x directory as the base of a converted model: is it whole, and its parts taken over without a copy."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from safetensors import SafetensorError, safe_open

from sonicdiff.hub.base_models import check_config

MODELS = ("vae", "text_encoder", "unet")
WEIGHTS = re.compile(r"(diffusion_pytorch_)?model(-\d{5}-of-\d{5})?\.safetensors")
HALF = re.compile(r"(diffusion_pytorch_)?model\.fp16\.safetensors")


def check(base: Path) -> None:
    """ValueError unless `base` is a whole Stable Diffusion 1.x directory."""
    advice = "expected a Stable Diffusion 1.x directory, such as a copy of CompVis/stable-diffusion-v1-4 with its safetensors"
    if not base.is_dir():
        raise ValueError(f"the base {base} is no directory; {advice}")
    configs = ["model_index.json", *(f"{name}/config.json" for name in MODELS), "scheduler/scheduler_config.json"]
    lacking = [file for file in configs if not (base / file).is_file()]
    lacking += [f"{name}/*.safetensors" for name in MODELS if not weights_of(base / name)]
    lacking += [] if (base / "tokenizer").is_dir() and any((base / "tokenizer").iterdir()) else ["tokenizer/"]
    if lacking:
        raise ValueError(f"{base} lacks {', '.join(lacking)}; {advice}")
    for file in (file for name in MODELS for file in weights_of(base / name)):
        try:
            with safe_open(file, "pt"):  # whose header says how long the file must be
                pass
        except (SafetensorError, OSError) as error:
            raise ValueError(f"{file} is broken ({error}); download the base again") from None
    check_config(base, base)


def weights_of(folder: Path) -> dict[Path, str]:
    """The safetensors of one component's folder, whole precision if there, and the name each is to have; other variants are left."""
    files = sorted(folder.glob("*.safetensors"))
    whole = {file: file.name for file in files if WEIGHTS.fullmatch(file.name)}
    return whole or {file: file.name.replace(".fp16", "") for file in files if HALF.fullmatch(file.name)}


def take_over(source: Path, target: Path) -> None:
    """One folder of the base: its small files copied, its weights linked."""
    target.mkdir()
    for file in source.iterdir():
        if file.suffix in (".json", ".txt", ".model") and ".fp16." not in file.name:
            shutil.copyfile(file, target / file.name)
    for file, name in weights_of(source).items():
        link(file, target / name)


def link(source: Path, target: Path) -> None:
    """A hard link to the file itself (the Hub's cache is full of symlinks), a copy on another file system."""
    source = source.resolve(strict=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
