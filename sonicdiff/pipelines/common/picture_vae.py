"""Photos to latents and back through a pipeline's autoencoder, and the seeds of the noise that pictures begin from."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np
import torch
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor

from sonicdiff.models.upscaler import Upscaler

OutputType = Literal["pil", "np", "latent"]


def check(output_type: OutputType) -> None:
    if output_type not in get_args(OutputType):
        raise ValueError(f"got output_type {output_type!r}; expected one of {', '.join(get_args(OutputType))}")


def encode(vae: AutoencoderKL, photo: Image.Image, size: tuple[int, int], device: torch.device | None = None) -> Tensor:
    """The mean latent (1, channels, height / 8, width / 8), float32 and scaled, of a photo brought to `size` (width, height).

    device: where the VAE computes, if it is not where its weights wait.
    """
    pixels = np.asarray(photo.resize(size, Image.Resampling.LANCZOS), dtype=np.float32) / 127.5 - 1
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].to(device or vae.device, vae.dtype)
    return vae.encode(x, return_dict=False)[0].mode().float() * vae.config["scaling_factor"]


def decode(vae: AutoencoderKL, latents: Tensor, upscaler: Upscaler | None = None) -> np.ndarray:
    """One scaled latent (1, channels, h, w) to floats (height, width, 3) from 0 to 1, through the upscaler if there is one."""
    pixels = vae.decode((latents / vae.config["scaling_factor"]).to(vae.dtype), return_dict=False)[0]
    if upscaler is not None:
        pixels = upscaler(pixels.clamp(-1, 1).to(upscaler.dtype))
    if not torch.isfinite(pixels).all():
        raise not_finite("picture", latents, vae.dtype)
    return (pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy()


def not_finite(what: str, latents: Tensor, dtype: torch.dtype) -> FloatingPointError:
    """The error for a decoded `what` with NaN or infinity in it, which says where that came from."""
    if not torch.isfinite(latents).all():
        return FloatingPointError(f"the latents of the {what} are not finite; expected a guidance or a beta that is less far from 1")
    advice = "load the model with dtype='float32'" if dtype != torch.float32 else "give a lower guidance"
    name = str(dtype).removeprefix("torch.")
    return FloatingPointError(f"the autoencoder's {what} is not finite, in {name}, though its latents are: {advice}")


def to_image(pixels: np.ndarray) -> Image.Image:
    """Floats (height, width, 3) from 0 to 1 to a PIL image."""
    return Image.fromarray(np.round(pixels * 255).astype(np.uint8))


Generator = torch.Generator | Sequence[torch.Generator] | None


def seeds_for(count: int, seed: int | None, generator: Generator) -> list[int | None]:
    """The seed of each image: seed + i, drawn at random without one, unknown where the caller brings generators."""
    if count < 1:
        raise ValueError(f"got num_images_per_prompt {count}; expected at least 1")
    if generator is not None:
        if seed is not None:
            raise ValueError("got both a seed and a generator; expected one of them")
        return [None] * count
    first = secrets.randbelow(2**31) if seed is None else seed
    if not 0 <= first < 2**63:
        raise ValueError(f"got seed {seed}; expected 0 to 2**63 - 1")
    return [first + index for index in range(count)]


def generators_for(seeds: Sequence[int | None], generator: Generator) -> list[torch.Generator]:
    """A fresh CPU generator for each seed, or the caller's: one for all images in turn, or one an image."""
    if generator is None:
        return [torch.Generator("cpu").manual_seed(seed) for seed in seeds if seed is not None]
    given = [generator] * len(seeds) if isinstance(generator, torch.Generator) else list(generator)
    if len(given) != len(seeds):
        raise ValueError(f"got {len(given)} generators for {len(seeds)} images; expected one for all or one an image")
    return given
