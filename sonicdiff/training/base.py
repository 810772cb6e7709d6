"""The base model: text to image by latent diffusion (Rombach et al. 2022), with min-SNR weights and dropped text for guidance."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.training.draw import Draw


@dataclass(frozen=True)
class BaseOptions:
    text_dropout: float = 0.12
    min_snr_gamma: float = 5.0
    offset_noise: float = 0.0  # standard deviation of a per-channel constant added to the noise


@dataclass(frozen=True)
class UnetOptions:
    """Stable Diffusion's four levels, narrower. attention: the levels that attend, to themselves and to the text."""

    channels: tuple[int, ...] = (32, 64, 128, 160)
    heads: tuple[int, ...] = (2, 2, 4, 5)
    layers: int = 2
    attention: tuple[bool, ...] = (True, True, True, False)


def make_unet(latent_channels: int, context_dim: int, options: UnetOptions | None = None) -> UNet2DConditionModel:
    """A UNet under Stable Diffusion's names."""
    o = options or UnetOptions()
    return UNet2DConditionModel(
        sample_size=32, in_channels=latent_channels, out_channels=latent_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in o.attention),
        up_block_types=tuple("CrossAttnUpBlock2D" if attends else "UpBlock2D" for attends in reversed(o.attention)),
        block_out_channels=o.channels, layers_per_block=o.layers, cross_attention_dim=context_dim, attention_head_dim=o.heads,
        norm_num_groups=8,
    )  # fmt: skip


def make_scheduler() -> DDIMScheduler:
    """Stable Diffusion 1.x's noise schedule."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012,
        clip_sample=False, set_alpha_to_one=False, steps_offset=1,
    )  # fmt: skip


class DenoisingLoss:
    """The epsilon loss of a batch of latents, weighted by min-SNR-gamma (Hang et al. 2023), and plain as `squared`."""

    def __init__(self, scheduler: DDIMScheduler, gamma: float, offset_noise: float = 0.0):
        self.alphas, self.gamma, self.offset_noise = scheduler.alphas_cumprod, gamma, offset_noise

    def __call__(self, eps_model: Callable[[Tensor, Tensor], Tensor], latents: Tensor, draw: Draw) -> dict[str, Tensor]:
        noise = draw.normal(*latents.shape[1:])
        noise += self.offset_noise * draw.normal(latents.shape[1], 1, 1)
        timesteps = torch.randint(0, len(self.alphas), (draw.batch_size,), generator=draw.torch)[draw.rows]
        noise, timesteps = noise.to(latents.device), timesteps.to(latents.device)
        alpha = self.alphas.to(latents.device)[timesteps][:, None, None, None]
        noisy = alpha.sqrt() * latents + (1 - alpha).sqrt() * noise
        error = (eps_model(noisy, timesteps).float() - noise).square().mean((1, 2, 3))
        snr = (alpha / (1 - alpha)).flatten()
        return {"loss": (error * (self.gamma / snr).clamp(max=1)).mean(), "squared": error.mean()}


class BaseTask:
    """Rows of latents with one or more captions each, as precomputed hidden states of the frozen text encoder."""

    def __init__(self, unet: UNet2DConditionModel, options: BaseOptions, versions: Sequence[Latents], text: Tensor, null_text: Tensor):
        self.unet, self.options = unet.to(memory_format=torch.channels_last), options
        self.versions, self.text, self.null_text = versions, text, null_text
        self.loss = DenoisingLoss(make_scheduler(), options.min_snr_gamma, options.offset_noise)

    def modules(self) -> dict[str, nn.Module]:
        return {"unet": self.unet}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        device, rng = self.unet.device, draw.numpy
        latents, text = (part[draw.rows] for part in self.batch(rng, draw.batch_size))
        latents, text = latents.to(device), text.float()
        dropped = torch.from_numpy(rng.random(draw.batch_size) < self.options.text_dropout)[draw.rows]
        text = torch.where(dropped[:, None, None], self.null_text.float(), text).to(device)
        return self.loss(lambda x, t: self.unet(x, t, text).sample, latents, draw)

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        """Latents (size, C, H, W) and text states (size, 77, width)."""
        rows = rng.integers(0, len(self.versions[0]), size)
        return any_version(self.versions, rows, rng.integers(0, len(self.versions), size)), self.text[torch.from_numpy(rows)]


class Latents(Protocol):
    """Rows of latents, (C, H, W) each."""

    def __len__(self) -> int: ...
    def __getitem__(self, indices: np.ndarray) -> np.ndarray: ...


def any_version(versions: Sequence[Latents], rows: np.ndarray, which: np.ndarray) -> Tensor:
    """Latents (B, C, H, W) of `rows`, each from the version (as rendered, mirrored) that `which` says."""
    batch = np.stack([versions[v][[row]][0] for v, row in zip(which, rows, strict=True)])
    return torch.from_numpy(batch).float().contiguous(memory_format=torch.channels_last)
