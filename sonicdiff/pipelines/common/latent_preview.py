"""What latents hold, shown at once: through a decoder where that is quick, else a pixel a latent."""

from __future__ import annotations

import time
from typing import Any

import torch
from diffusers import AutoencoderTiny
from PIL import Image
from torch import Tensor

from sonicdiff.hub import model_directory
from sonicdiff.pipelines import pulling
from sonicdiff.pipelines.common import picture_vae

CHEAP = 0.15  # seconds
CORNER = 16  # latents
STABLE_DIFFUSION = (4, 0.18215)  # latent channels and scale: what TAESD decodes


def preview(pipeline: Any, latents: Tensor) -> Image.Image:
    """The picture that scaled latents (1, channels, h, w) hold.

    By the pipeline's decoder where that takes no time worth speaking of, else by its small one (`preview_decoder`, see `small_decoder`),
    else by a linear map of the channels to colours.
    """
    if decoding(pipeline, latents) <= CHEAP:
        return picture_vae.to_image(picture_vae.decode(pipeline.vae, latents))
    if (decoder := getattr(pipeline, "preview_decoder", None)) is not None:
        return decoded(decoder, latents)
    return mapped(latents, colours_of(pipeline))


def small_decoder(vae: Any, dtype: torch.dtype, device: torch.device) -> AutoencoderTiny | None:
    """TAESD (Bohan 2023) where it suits an autoencoder and is here (`sonicdiff pull taesd`); nothing is fetched."""
    if (vae.config["latent_channels"], vae.config["scaling_factor"]) != STABLE_DIFFUSION:
        return None
    place = pulling.at_hand("taesd")
    return None if place is None else model_directory.read(place, AutoencoderTiny, dtype, None).to(device)


def decoded(decoder: AutoencoderTiny, latents: Tensor) -> Image.Image:
    pixels = decoder.decode(latents.to(decoder.device, decoder.dtype), return_dict=False)[0]
    return picture_vae.to_image((pixels[0].float() / 2 + 0.5).clamp(0, 1).permute(1, 2, 0).cpu().numpy())


def mapped(latents: Tensor, colours: Tensor) -> Image.Image:
    """A pixel a latent, by `fitted_colours`."""
    x = latents[0].float().cpu()
    return picture_vae.to_image(torch.einsum("chw,cr->hwr", torch.cat([x, torch.ones_like(x[:1])]), colours).clamp(0, 1).numpy())


def decoding(pipeline: Any, latents: Tensor) -> float:
    """Seconds that the decoder would take: as many as for a corner of the latents, which is tried once, for each of their pixels."""
    corner = latents[..., :CORNER, :CORNER]
    if not hasattr(pipeline, "_preview_seconds"):
        picture_vae.decode(pipeline.vae, corner)  # the first time is slower
        began = time.perf_counter()
        picture_vae.decode(pipeline.vae, corner)
        pipeline._preview_seconds = (time.perf_counter() - began) / corner[0, 0].numel()
    return pipeline._preview_seconds * latents[0, 0].numel()


def colours_of(pipeline: Any) -> Tensor:
    """(channels + 1, 3): what each latent channel adds to red, green and blue (0 to 1), and a constant: fitted once to the decoder."""
    found = getattr(pipeline, "_preview_colours", None)
    if found is None:
        found = pipeline._preview_colours = fitted_colours(pipeline.vae)
    return found


@torch.no_grad()
def fitted_colours(vae: Any) -> Tensor:
    """Least squares over what the decoder makes of smooth random latents."""
    generator = torch.Generator().manual_seed(0)
    channels, factor = vae.config["latent_channels"], 2 ** (len(vae.config["block_out_channels"]) - 1)
    coarse = torch.randn(4, channels, 4, 4, generator=generator) * 1.2
    latents = torch.nn.functional.interpolate(coarse, scale_factor=4, mode="bicubic")
    pixels = vae.decode((latents / vae.config["scaling_factor"]).to(vae.device, vae.dtype), return_dict=False)[0].float().cpu()
    means = torch.nn.functional.avg_pool2d(pixels / 2 + 0.5, factor)
    x = torch.cat([latents, torch.ones_like(latents[:, :1])], 1).movedim(1, -1).flatten(0, 2)
    return torch.linalg.lstsq(x, means.movedim(1, -1).flatten(0, 2)).solution
