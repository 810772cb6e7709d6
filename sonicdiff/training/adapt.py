"""Stage 2: the gated audio layers, and the projector more slowly, learn the denoising loss on the frozen UNet (section 3.3)."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.training.base import DenoisingLoss, Latents, any_version, make_scheduler
from sonicdiff.training.draw import Draw


@dataclass(frozen=True)
class AdaptOptions:
    projector_rate: float = 0.2  # of the gated layers' learning rate; 0 freezes the projector
    prompt_share: float = 0.3  # of rows with their caption (of synthetic ones: place and light, never the cause); the others read nothing
    min_snr_gamma: float = 5.0
    offset_noise: float = 0.0
    neighbours: int = 8  # a synthetic picture's sound is drawn from this many of its class, nearest in intensity
    embed_noise: float = 0.02  # of a unit vector: keeps the projector from learning single clips by heart


@dataclass(frozen=True)
class Pairs:
    """N pictures, each with the sounds that fit it and what is said of it.

    versions: latents of all pictures there are, as they are and mirrored. rows: (N,) those of them that learn. sound_of: (N, k) rows of
    `embeds` (M, dim). prompt_of: (N,) rows of `prompts` (P, 77, width). null_text: (1, 77, width), of the empty prompt.
    """

    versions: Sequence[Latents]
    rows: np.ndarray
    embeds: Tensor
    sound_of: np.ndarray
    prompts: Tensor
    prompt_of: np.ndarray
    null_text: Tensor


class AdaptTask:
    """Pictures heard through their sounds by a UNet with the adapter attached to it."""

    def __init__(self, unet: UNet2DConditionModel, adapter: AudioAdapter, projector: AudioProjector, options: AdaptOptions, pairs: Pairs,
                 scheduler: DDIMScheduler | None = None):  # fmt: skip
        self.unet, self.pairs = unet.to(memory_format=torch.channels_last), pairs
        self.adapter, self.projector, self.options = adapter, projector.requires_grad_(options.projector_rate > 0), options
        self.loss = DenoisingLoss(scheduler or make_scheduler(), options.min_snr_gamma, options.offset_noise)

    def modules(self) -> dict[str, nn.Module]:
        learning: dict[str, nn.Module] = {"adapter": self.adapter}
        return learning | ({"projector": self.projector} if self.options.projector_rate > 0 else {})

    def rates(self) -> dict[str, float]:
        return {"projector": self.options.projector_rate}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        rng, device, p, size = draw.numpy, self.unet.device, self.pairs, draw.batch_size
        picked = rng.integers(0, len(p.rows), size)
        sounds = p.sound_of[picked, rng.integers(0, p.sound_of.shape[1], size)][draw.rows]
        embeds = p.embeds[torch.from_numpy(sounds)]
        embeds = embeds + self.options.embed_noise * draw.normal(embeds.shape[1])
        audio_tokens = self.projector((embeds / embeds.norm(dim=-1, keepdim=True)).to(device))
        prompted = torch.from_numpy(rng.random(size) < self.options.prompt_share)[draw.rows]
        version = rng.integers(0, len(p.versions), size)[draw.rows]
        picked = picked[draw.rows]
        prompts = p.prompts[torch.from_numpy(p.prompt_of[picked])].float()
        text = torch.where(prompted[:, None, None], prompts, p.null_text.float()).to(device)
        latents = any_version(p.versions, p.rows[picked], version).to(device)
        return self.loss(lambda x, t: self.unet(x, t, text, cross_attention_kwargs={"audio_tokens": audio_tokens}).sample, latents, draw)
