"""Bases: the Stable Diffusion 1.x that audio layers are set into, from a directory, the hub, or a single `.safetensors` file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from diffusers import DDIMScheduler
from safetensors import SafetensorError, safe_open
from transformers import CLIPTokenizer

from sonicdiff.hub import model_directory
from sonicdiff.hub.download.cache import cached, is_repository, own_cache, pinned, snapshot
from sonicdiff.hub.download.fetch import fetch
from sonicdiff.hub.registry import BASES, CHECKPOINTS, Repository

INPUT = "model.diffusion_model.input_blocks.0.0.weight"  # of a single file, in the layout of the original code
OTHERS = {
    "conditioner.embedders.": "Stable Diffusion XL",
    "cond_stage_model.model.": "Stable Diffusion 2.x",
    "lora_unet_": "a LoRA, which goes on top of a base (--lora)",
    "double_blocks.": "FLUX",
}
CONTEXTS = {1024: "Stable Diffusion 2.x", 2048: "Stable Diffusion XL"}
INPUTS = {9: "for inpainting", 8: "for InstructPix2Pix", 7: "an upscaler", 5: "with depth"}


def base_components(
    base: str | os.PathLike[str], dtype: torch.dtype = torch.float32, config: Path | None = None, **access: Any
) -> dict[str, Any]:
    """The vae, text_encoder, tokenizer, unet and DDIM scheduler of a base.

    base: what `resolve_base` takes. config: for a single file, the directory of a Stable Diffusion 1.x to take the tokenizer and the
    shapes from; without one, any that is at hand. Raises ValueError, one sentence, for what is not Stable Diffusion 1.x.
    """
    place = resolve_base(base, **access)
    if place.is_file():
        check_file(place)
        return from_file(place, config or configurations(place, **access), dtype)
    model_directory.check(place)
    check_config(place, place)
    parts = {name: part for name, part in model_directory.parts_of(place).items() if name in model_directory.PARTS}
    variant = model_directory.variant_in(place)
    found = {name: model_directory.read(place / name, model_directory.class_of(*parts[name], name), dtype, variant) for name in WEIGHED}
    return {**found, "tokenizer": CLIPTokenizer.from_pretrained(place / "tokenizer"), "scheduler": scheduler_of(place)}


WEIGHED = ("vae", "text_encoder", "unet")


def resolve_base(base: str | os.PathLike[str], cache_dir: str | None = None, revision: str | None = None, token: Any = None) -> Path:
    """The directory or the single file of a base: a path, a name in BASES, or a repository of the hub (fetched if it is not there)."""
    path, name = Path(base).expanduser(), os.fspath(base)
    if path.is_file():
        if path.suffix != ".safetensors":
            raise ValueError(f"{path.name} cannot be a base: only .safetensors files are read, since others can carry code")
        return path
    if (path / "model_index.json").is_file() and not (isinstance(base, str) and name in BASES):
        return path
    if name in BASES:
        return fetch(pinned(BASES[name].repository, revision), cache_dir, token)
    if is_repository(name):
        return fetch(Repository(name, revision), cache_dir, token)
    raise ValueError(f"there is no base {name!r}; expected {', '.join(BASES)}, a directory of Stable Diffusion 1.x, or a .safetensors file")


def check_config(place: Path, named: Path) -> None:
    """Raises ValueError where a directory's configuration is not Stable Diffusion 1.x's, whatever its width."""
    index = model_directory.index_of(place)
    unet = model_directory.json_of(place / "unet" / "config.json") if (place / "unet" / "config.json").is_file() else {}
    context, inputs = unet.get("cross_attention_dim"), unet.get("in_channels", 4)
    if "text_encoder_2" in index or unet.get("addition_embed_type") or isinstance(context, list):
        wrong = "Stable Diffusion XL or a relative of it"
    elif not unet or unet.get("_class_name") != "UNet2DConditionModel":
        wrong = f"a {index.get('_class_name')}"
    elif context in CONTEXTS:
        wrong = CONTEXTS[context]
    elif inputs != 4:
        wrong = f"a model {INPUTS.get(inputs, 'of another kind')} (its UNet has {inputs} input channels)"
    elif prediction(place) != "epsilon":
        wrong = f"a model that predicts {prediction(place)!r}, not the noise"
    else:
        return
    raise ValueError(f"{named} is {wrong}; expected Stable Diffusion 1.x, such as {' or '.join(BASES)}")


def prediction(place: Path) -> str:
    return model_directory.schedule_of(place / "scheduler").get("prediction_type", "epsilon")


def check_file(file: Path) -> None:
    """Raises ValueError for a single file that is cut short or not a whole Stable Diffusion 1.x."""
    try:
        with safe_open(file, "pt") as tensors:
            keys = set(tensors.keys())
            inputs = tensors.get_slice(INPUT).get_shape()[1] if INPUT in keys else 0
    except (SafetensorError, OSError):
        raise ValueError(f"{file} is truncated or no safetensors file; copy or fetch it again") from None
    wrong = next((what for start, what in OTHERS.items() if any(key.startswith(start) for key in keys)), None)
    wholly = all(any(key.startswith(start) for key in keys) for start in ("first_stage_model.", "cond_stage_model."))
    if wrong is None and inputs not in (0, 4):
        wrong = f"a model {INPUTS.get(inputs, 'of another kind')} (its UNet has {inputs} input channels)"
    if wrong is None and (inputs == 0 or not wholly):
        wrong = "no whole checkpoint (UNet, text encoder and autoencoder)"
    if wrong is not None:
        raise ValueError(f"{file} is {wrong}; expected Stable Diffusion 1.x in one file")


def from_file(file: Path, config: Path, dtype: torch.dtype) -> dict[str, Any]:
    """The components in a single file, through diffusers' own reader, with the shapes and the tokenizer of `config`."""
    from diffusers import StableDiffusionPipeline  # which takes two seconds

    try:
        pipeline = StableDiffusionPipeline.from_single_file(
            str(file), config=str(config), dtype=dtype, local_files_only=True, safety_checker=None, feature_extractor=None
        )
    except (ValueError, RuntimeError, KeyError, OSError, AttributeError) as error:
        said = " ".join(str(error).split())[:300]
        raise ValueError(f"{file} does not fit the shapes of {config}, or lacks weights: {said}") from None
    parts: dict[str, Any] = {name: model_directory.aligned(getattr(pipeline, name)) for name in WEIGHED} | {"tokenizer": pipeline.tokenizer}
    for name in WEIGHED:
        if any(parameter.is_meta for parameter in parts[name].parameters()):
            raise ValueError(f"{file} lacks weights of its {name}; fetch it again")
    return {**parts, "scheduler": scheduler_of(config)}


def scheduler_of(place: Path) -> DDIMScheduler:
    """DDIM on the base's noise schedule: what inversion and sampling here go by."""
    config = model_directory.schedule_of(place / "scheduler")
    return DDIMScheduler.from_config({**config, "clip_sample": False, "set_alpha_to_one": False, "steps_offset": 1})  # pyright: ignore


def configurations(file: Path, cache_dir: str | None = None, **access: Any) -> Path:
    """A directory that has a Stable Diffusion 1.x's tokenizer and configurations: the first at hand. ValueError if there is none."""
    for place in places(cache_dir):
        if all((place / part).is_dir() for part in model_directory.PARTS):
            return place
    raise ValueError(
        f"{file.name} has no tokenizer in it, and no Stable Diffusion 1.x is here to take one from; run `sonicdiff pull sd-1.5` once"
    )


def places(cache_dir: str | None) -> Iterator[Path]:
    for base in BASES.values():
        if (found := cached(base.repository, cache_dir) or snapshot(base.repository, cache_dir)) is not None:
            yield found
    for checkpoint in CHECKPOINTS.values():
        if checkpoint.base is not None and (own_cache() / checkpoint.name / "model_index.json").is_file():
            yield own_cache() / checkpoint.name
        if not checkpoint.embedded and checkpoint.base is None:
            found = cached(checkpoint.source[0], cache_dir) if isinstance(checkpoint.source, tuple) else None
            if found is not None:
                yield found


def saved_base(base: str | os.PathLike[str], folder: Path, config: Path | None = None, **access: Any) -> Path:
    """The directory of a base; one in a single file is written out into `folder`, in the file's own precision."""
    from diffusers import StableDiffusionPipeline

    place = resolve_base(base, **access)
    if place.is_dir():
        return place
    with safe_open(place, "pt") as tensors:
        half = INPUT in set(tensors.keys()) and tensors.get_slice(INPUT).get_dtype() == "F16"
    parts = base_components(place, torch.float16 if half else torch.float32, config, **access)
    nothing = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionPipeline(**parts, **nothing).save_pretrained(folder)  # pyright: ignore
    return folder
