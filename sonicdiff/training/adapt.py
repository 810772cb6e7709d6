"""Stage 2: the gated audio layers, and the projector more slowly, learn the denoising loss on the frozen UNet (section 3.3)."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.training.base import DenoisingLoss, any_version, make_scheduler
from sonicdiff.training.cache import Chunks
from sonicdiff.training.loop import Draw
from sonicdiff.training.pool import nearest
from sonicdiff.training.text import Labels


@dataclass(frozen=True)
class AdaptOptions:
    projector_rate: float = 0.2  # of the gated layers' learning rate; 0 freezes the projector
    prompt_share: float = 0.3  # of rows with a caption of place and light (never of the cause), so that sound and prompt work together
    min_snr_gamma: float = 5.0
    offset_noise: float = 0.0
    neighbours: int = 8  # a picture's sound is drawn from this many of its class, nearest in intensity
    embed_noise: float = 0.02  # of a unit vector: keeps the projector from learning single clips by heart


class AdaptTask:
    """Latents of pictures with a cause, each heard through a fitting sound of the pool `embeds` (M, dim)."""

    def __init__(self, unet: UNet2DConditionModel, adapter: AudioAdapter, projector: AudioProjector, options: AdaptOptions,
                 versions: Sequence[Chunks], pictures: Labels, with_cause: np.ndarray, embeds: Tensor, sounds: Labels,
                 prompts: Tensor, null_text: Tensor):  # fmt: skip
        self.unet = unet.requires_grad_(False).to(memory_format=torch.channels_last)
        self.adapter, self.projector, self.options = adapter, projector.requires_grad_(options.projector_rate > 0), options
        self.versions, self.with_cause, self.embeds = versions, with_cause, embeds
        self.sound_of = nearest(pictures, sounds, options.neighbours)  # rows of pictures with a cause, in the order of `with_cause`
        self.prompts, self.null_text = prompts, null_text
        self.loss = DenoisingLoss(make_scheduler(), options.min_snr_gamma, options.offset_noise)
        adapter.attach(unet)

    def modules(self) -> dict[str, nn.Module]:
        learning: dict[str, nn.Module] = {"adapter": self.adapter}
        return learning | ({"projector": self.projector} if self.options.projector_rate > 0 else {})

    def rates(self) -> dict[str, float]:
        return {"projector": self.options.projector_rate}

    def losses(self, draw: Draw, batch_size: int) -> dict[str, Tensor]:
        rng, device = draw.numpy, self.unet.device
        picked = rng.integers(0, len(self.with_cause), batch_size)
        rows = self.with_cause[picked]
        sounds = self.sound_of[picked, rng.integers(0, self.options.neighbours, batch_size)]
        embeds = self.embeds[torch.from_numpy(sounds)]
        embeds = embeds + self.options.embed_noise * torch.randn(embeds.shape, generator=draw.torch)
        audio_tokens = self.projector((embeds / embeds.norm(dim=-1, keepdim=True)).to(device))
        prompted = torch.from_numpy(rng.random(batch_size) < self.options.prompt_share)
        text = torch.where(prompted[:, None, None], self.prompts[torch.from_numpy(rows)].float(), self.null_text.float()).to(device)
        latents = any_version(self.versions, rows, rng).to(device)
        return self.loss(
            lambda x, t: self.unet(x, t, text, cross_attention_kwargs={"audio_tokens": audio_tokens}).sample, latents, draw.torch
        )
