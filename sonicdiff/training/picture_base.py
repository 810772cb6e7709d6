"""The base of a model of pictures: renders with captions whose halves are left out at times, scenes with two causes, real photographs."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor

from sonicdiff.training import photographs
from sonicdiff.training.base import BaseOptions, BaseTask, Latents, any_version, make_unet
from sonicdiff.training.base_texts import BOTH, CAUSE, PLACE, Texts, read_texts, said_of
from sonicdiff.training.cache import Joined
from sonicdiff.training.config import ConfigError, build
from sonicdiff.training.loop import train
from sonicdiff.training.stages import NATIVE, suffixes
from sonicdiff.training.workspace import Workspace, keep


@dataclass(frozen=True)
class PictureOptions(BaseOptions):
    """Shares of the pictures: those that read of the place alone and of the cause alone (none of the text is `text_dropout` besides)."""

    place_only: float = 0.14
    cause_only: float = 0.14
    photo_share: float = 0.0  # of each batch, real photographs

    def __post_init__(self) -> None:
        if self.place_only + self.cause_only + self.text_dropout > 1.0:
            raise ConfigError("place_only, cause_only and text_dropout are together more than 1; expected shares of all pictures")


class PictureTask(BaseTask):
    """Two versions of the pictures' latents, as they are and mirrored, with their texts; the last `real` pictures are photographs."""

    def __init__(self, unet: UNet2DConditionModel, options: PictureOptions, versions: Sequence[Latents], texts: Texts, null_text: Tensor,
                 real: int = 0):  # fmt: skip
        super().__init__(unet, options, versions, texts.states, null_text)
        if len(versions[0]) != len(texts):
            raise ValueError(f"there are {len(versions[0])} pictures and texts for {len(texts)}; run the recipe's stages data and latents")
        if options.photo_share and not real:
            raise ConfigError("photo_share is above 0 and there are no photographs; set photographs in data.toml, or photo_share = 0")
        self.shares, self.index, self.real = options, texts.index, real

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """Latents (size, C, H, W) and text states (size, 77, width)."""
        count = len(self.versions[0])
        photographed = rng.random(size) < self.shares.photo_share
        rows = np.where(photographed, count - 1 - rng.integers(0, max(self.real, 1), size), rng.integers(0, count - self.real, size))
        version, kind = rng.integers(0, len(self.versions), size), self.kinds(rng, size)
        return any_version(self.versions, rows, version), self.text[torch.from_numpy(self.index[version, rows, kind])]

    def kinds(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """Which of a picture's three texts is read, among those whose text is not left out altogether afterwards."""
        o, kept = self.shares, 1 - self.shares.text_dropout
        shares = np.array([kept - o.place_only - o.cause_only, o.place_only, o.cause_only]) / kept
        return rng.choice((BOTH, PLACE, CAUSE), size, p=shares)


def train_base(space: Workspace) -> None:
    """Text to image at 128 pixels (`base.toml`) and then, where the recipe has `base-256.toml`, at 256."""
    texts, null_text = read_texts(space, said_of(space))
    torch.manual_seed(space.config("base").loop.seed)
    channels = AutoencoderKL.load_config(space.path("vae"))["latent_channels"]
    start = space.path("start", "unet")
    unet = UNet2DConditionModel.from_pretrained(start) if start.exists() else make_unet(channels, null_text.shape[-1])
    unet = unet.to(space.device)
    for stage, sample_size in (("base", 16), ("base-256", 32)):
        if (space.recipe / f"{stage}.toml").exists():
            config = space.config(stage)
            options = build(PictureOptions, config.options, f"{stage}.toml")
            versions = [Joined([space.chunks(name + suffix) for suffix in sources(space)]) for name in NATIVE[sample_size]]
            task = PictureTask(unet, options, versions, texts, null_text, space.data.photographs)
            train(task, config.loop, space.path(f"run-{stage}"))
            unet.register_to_config(sample_size=sample_size)
    keep(unet, space.path("unet"))


def sources(space: Workspace) -> list[str]:
    """What the folders of all pictures end in: landscapes, sets beside them, photographs."""
    return suffixes(space) + ([f"-{photographs.NAME}"] if space.data.photographs else [])
