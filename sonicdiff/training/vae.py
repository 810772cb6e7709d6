"""The VAE of the small model: reconstruction of scenes and of broad image statistics, then latents of unit variance."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false, reportOptionalSubscript=false
from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from sonicdiff.training.cache import Chunks
from sonicdiff.training.draw import Draw
from sonicdiff.training.images import halved, random_crops, to_tensor


@dataclass(frozen=True)
class VaeOptions:
    channels: tuple[int, ...] = (16, 48, 96, 128)
    latent_channels: int = 8
    norm_groups: int = 8  # 32 groups on few channels would be instance normalisation
    crop: int = 64  # pixels
    texture_share: float = 0.5  # of each batch; the rest are scenes
    half_share: float = 0.4  # of each batch at half resolution, as the first part of the UNet's training sees it
    squared_weight: float = 5.0
    absolute_weight: float = 0.5
    gradient_weight: float = 0.3
    chroma_weight: float = 0.5
    patch_weight: float = 5.0  # of the mean colour of each 8 x 8 pixels
    colour_weight: float = 5.0  # of the same, read linearly off the latents: without it one of the two axes of hue is never encoded
    scale_weight: float = 0.5  # of the errors where halved latents are decoded: smooth latents, which diffusion learns sooner (EQ-VAE)
    kl_weight: float = 2e-4  # a latent value


def make_vae(options: VaeOptions) -> AutoencoderKL:
    levels = len(options.channels)
    return AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=options.channels,
        layers_per_block=1,
        latent_channels=options.latent_channels,
        norm_num_groups=options.norm_groups,
        sample_size=256,
        scaling_factor=1.0,
    )


class VaeTask:
    """Learns to reconstruct crops of the chunk folders `scenes` and, if there are any, `textures` (uint8 images, grey or coloured)."""

    def __init__(self, vae: AutoencoderKL, options: VaeOptions, scenes: Path, textures: Path | None = None, mirrored: bool = True):
        self.vae, self.options, self.mirrored = vae.to(memory_format=torch.channels_last), options, mirrored
        self.scenes, self.textures = Chunks(scenes), Chunks(textures) if textures else None
        self.colour = nn.Conv2d(vae.config.latent_channels, 3, 1).to(vae.device)

    def modules(self) -> dict[str, nn.Module]:
        return {"vae": self.vae, "colour": self.colour}

    def rates(self) -> dict[str, float]:
        return {"colour": 5.0}

    def batch(self, draw: Draw) -> Tensor:
        size = draw.batch_size
        of_textures, crop, rng = round(size * self.options.texture_share), self.options.crop, draw.numpy
        at_half = rng.random() < self.options.half_share
        images = self.scenes[rng.integers(0, len(self.scenes), size - of_textures)]
        if self.textures is not None:
            images = np.concatenate([images, self.textures[rng.integers(0, len(self.textures), of_textures)]])
        pixels = to_tensor(random_crops(images, crop * (2 if at_half else 1), rng, self.mirrored)[draw.rows], self.vae.device)
        pixels = pixels.expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        return halved(pixels) if at_half else pixels

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        pixels = self.batch(draw)
        posterior = self.vae.encode(pixels).latent_dist
        noise = draw.normal(*posterior.mean.shape[1:]).to(pixels.device)
        latents = posterior.mean + posterior.std * noise
        error = self.vae.decode(latents).sample.float() - pixels
        coarse_error = self.vae.decode(F.avg_pool2d(latents, 2)).sample.float() - halved(pixels)
        o = self.options
        parts = {
            "squared": error.square().mean(),
            "absolute": error.abs().mean(),
            "gradient": gradients(error).abs().mean(),
            "chroma": (error - error.mean(1, keepdim=True)).abs().mean(),
            "patch": F.avg_pool2d(error, 8).square().mean(),
            "scale": o.squared_weight * coarse_error.square().mean() + o.absolute_weight * coarse_error.abs().mean(),
            "colour": F.mse_loss(self.colour(posterior.mean), F.avg_pool2d(pixels, 8)),
            "kl": posterior.kl().mean() / posterior.mean[0].numel(),
        }
        weights = (o.squared_weight, o.absolute_weight, o.gradient_weight, o.chroma_weight, o.patch_weight, o.scale_weight, o.colour_weight,
                   o.kl_weight)  # fmt: skip
        loss = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
        return {"loss": loss, "psnr": 10 * torch.log10(4 / parts["squared"].detach()), **parts}  # pyright: ignore[reportReturnType]


def gradients(x: Tensor) -> Tensor:
    """Horizontal and vertical differences of (B, C, H, W), side by side."""
    return torch.cat([(x[..., 1:] - x[..., :-1]).flatten(1), (x[..., 1:, :] - x[..., :-1, :]).flatten(1)], 1)


@torch.no_grad()
def standardise(vae: AutoencoderKL, latents: Tensor) -> None:
    """Make latents like these (B, C, H, W) have zero mean a channel and unit variance over all, the decoder compensating exactly.

    Folded into the two 1x1 convolutions around the latents (`quant_conv`, `post_quant_conv`), so no code needs to know of it. The
    directions of latent space keep their unequal variances on purpose: pictures change about as much for a step in any of them, while
    whitening makes noise of those that matter least as loud as the picture.
    """
    channels = latents.shape[1]
    mean = latents.double().mean((0, 2, 3))
    scale = latents.double().sub(mean[:, None, None]).square().mean().rsqrt()
    quant, post = vae.quant_conv, vae.post_quant_conv
    weight = post.weight[:, :, 0, 0].double()
    post.bias.copy_(post.bias.double() + weight @ mean)
    post.weight.div_(scale)
    quant.bias[:channels] -= mean.to(quant.bias.dtype)
    quant.weight[:channels] *= scale
    quant.bias[:channels] *= scale
    quant.bias[channels:] += 2 * torch.log(scale)  # the log of the posterior's variance


@torch.no_grad()
def encode(vae: AutoencoderKL, pixels: Tensor) -> Tensor:
    """Posterior means (B, C, H/8, W/8), scaled as the UNet takes them."""
    return vae.encode(pixels).latent_dist.mean * vae.config.scaling_factor


@torch.no_grad()
def decode(vae: AutoencoderKL, latents: Tensor) -> Tensor:
    return vae.decode(latents / vae.config.scaling_factor).sample


def psnr(a: Tensor, b: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of images in [-1, 1], one value an image."""
    return 10 * torch.log10(4 / F.mse_loss(a.clamp(-1, 1), b, reduction="none").flatten(1).mean(1))
