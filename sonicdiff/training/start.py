"""Going on from a finished model: its parts as the starting points of a recipe's stages."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL, ModelMixin, UNet2DConditionModel
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.training.workspace import Workspace

# Where a stage leaves its result; or, under "start", where a stage looks for what it goes on from instead of from nothing.
PLACES = {
    "vae": (AutoencoderKL, ("vae",)),
    "upscaler": (Upscaler, ("upscaler",)),
    "text_encoder": (CLIPTextModel, ("clap", "text_encoder")),
    "labels": (SoundLabels, ("start", "labels")),
    "audio_encoder": (ClapAudioModelWithProjection, ("start", "audio_encoder")),
    "unet": (UNet2DConditionModel, ("start", "unet")),
    "super_resolution": (UNet2DConditionModel, ("start", "super_resolution")),
    "projector": (AudioProjector, ("start", "projector")),
    "adapter": (AudioAdapter, ("start", "adapter")),
}


def start_from(model: Path, space: Workspace) -> None:
    """Put the parts of the pipeline directory `model` where the stages of `space` find them, in 32 bits; what is there already stays.

    The stages text, vae and upscale are then done; clap, base, align, adapt and super-resolution begin with the model's weights and a fresh
    optimiser.
    """
    for name, (kind, place) in PLACES.items():
        target = space.path(*place)
        if (model / name).is_dir() and not target.exists():
            precision = {"torch_dtype" if issubclass(kind, ModelMixin) else "dtype": torch.float32}
            kind.from_pretrained(model / name, **precision).save_pretrained(target)
    if not space.path("clap", "tokenizer").exists():
        CLIPTokenizer.from_pretrained(model / "tokenizer").save_pretrained(space.path("clap", "tokenizer"))
