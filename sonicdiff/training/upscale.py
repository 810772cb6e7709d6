"""The upscaler: from what the VAE makes of a half-size picture, with some of a sampler's errors, back to the picture."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from sonicdiff.models.upscaler import Upscaler
from sonicdiff.training.cache import Chunks
from sonicdiff.training.draw import Draw
from sonicdiff.training.images import halved, random_crops, to_tensor
from sonicdiff.training.vae import decode, encode, gradients


@dataclass(frozen=True)
class UpscaleOptions:
    width: int = 48
    blocks: int = 6
    crop: int = 128  # pixels of the picture to be restored
    texture_share: float = 0.25  # of each batch; the rest are scenes
    latent_noise: float = 0.15  # up to this standard deviation in latents of unit variance: samples are never as clean as encodings
    gradient_weight: float = 1.0


class UpscaleTask:
    """Learns from crops of the chunk folders `scenes` and `textures` (uint8 images) through the frozen `vae`."""

    def __init__(self, upscaler: Upscaler, vae: AutoencoderKL, options: UpscaleOptions, scenes: Path, textures: Path):
        self.upscaler, self.options = upscaler.to(memory_format=torch.channels_last), options
        self.vae = vae.requires_grad_(False).to(memory_format=torch.channels_last)
        self.scenes, self.textures = Chunks(scenes), Chunks(textures)

    def modules(self) -> dict[str, nn.Module]:
        return {"upscaler": self.upscaler}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        o, rng = self.options, draw.numpy
        of_textures = round(draw.batch_size * o.texture_share)
        scenes = self.scenes[rng.integers(0, len(self.scenes), draw.batch_size - of_textures)]
        textures = self.textures[rng.integers(0, len(self.textures), of_textures)]
        pixels = to_tensor(random_crops(np.concatenate([scenes, textures]), o.crop, rng)[draw.rows], self.vae.device)
        with torch.no_grad():
            latents = encode(self.vae, halved(pixels))
            level = torch.rand((draw.batch_size, 1, 1, 1), generator=draw.torch)[draw.rows]
            noise = level * draw.normal(*latents.shape[1:])
            coarse = decode(self.vae, latents + o.latent_noise * noise.to(latents)).clamp(-1, 1)
        error = self.upscaler(coarse).float() - pixels
        plain = F.interpolate(coarse.float(), scale_factor=2, mode="bicubic") - pixels
        parts = {"absolute": error.abs().mean(), "gradient": gradients(error).abs().mean()}
        gain = 10 * torch.log10(plain.square().mean() / error.detach().square().mean())  # dB over bicubic interpolation
        return {"loss": parts["absolute"] + o.gradient_weight * parts["gradient"], "gain": gain, **parts}
