"""The cascade's second stage as a stage of a recipe: its pictures, captions and sounds out of the workspace."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel

from sonicdiff.training.base_texts import BOTH, Said, read_texts, said_of
from sonicdiff.training.cache import Joined
from sonicdiff.training.config import build
from sonicdiff.training.loop import train
from sonicdiff.training.picture_base import sources
from sonicdiff.training.pool import nearest
from sonicdiff.training.stages import NATIVE, VERSIONS, labels_beside, suffixes
from sonicdiff.training.super_resolution import SILENT, CascadePictures, SuperResolutionOptions, SuperResolutionTask, make_unet
from sonicdiff.training.workspace import Workspace, audio_embeds, keep, labels

STAGE = "super-resolution"


def train_super_resolution(space: Workspace) -> None:
    """Where the recipe has `super-resolution.toml`: from latents at 128 pixels to those at 256."""
    if not (space.recipe / f"{STAGE}.toml").exists():
        return
    config = space.config(STAGE)
    options = build(SuperResolutionOptions, config.options, f"{STAGE}.toml")
    seen = pictures(space, options)
    torch.manual_seed(config.loop.seed)
    channels = AutoencoderKL.load_config(space.path("vae"))["latent_channels"]
    start = space.path("start", "super_resolution")
    begun = UNet2DConditionModel.from_pretrained(start) if start.exists() else None
    unet = begun or make_unet(channels, seen.null_text.shape[-1], seen.embeds.shape[-1], options)
    train(SuperResolutionTask(unet.to(space.device), options, seen), config.loop, space.path(f"run-{STAGE}"))
    keep(unet, space.path("super_resolution"))


def pictures(space: Workspace, options: SuperResolutionOptions) -> CascadePictures:
    """The landscapes and the sets beside them, each with sounds of its own class, nearest in intensity; the photographs, silent."""
    texts, null_text = read_texts(space, [Said(said.both, said.both, said.both) for said in said_of(space)])
    small, large = ([Joined([space.chunks(name + suffix) for suffix in sources(space)]) for name in NATIVE[size]] for size in (16, 32))
    embeds = torch.cat([audio_embeds(space, f"mels{suffix}") for suffix in suffixes(space)])
    heard = labels_beside(space, labels(space.sound_rows()), VERSIONS)
    sound_of = nearest(labels_beside(space, labels(space.rows())), heard, options.neighbours)
    real = space.data.photographs
    sound_of = np.concatenate([sound_of, np.full((real, options.neighbours), SILENT)])
    versions = [*zip(small, large, strict=True)]
    return CascadePictures(versions, texts.states, texts.index[:, :, BOTH], null_text, embeds, sound_of, real)
