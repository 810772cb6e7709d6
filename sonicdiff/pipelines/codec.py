"""Photos to latents and back through a pipeline's autoencoder."""

from __future__ import annotations

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
