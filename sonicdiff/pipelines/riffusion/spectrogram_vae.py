"""Between mel magnitudes and a pipeline's latents: heights of a grey picture, through the autoencoder, piece by piece if it is long."""

from __future__ import annotations

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from sonicdiff.audio.spectrogram import SpectrogramParams
from sonicdiff.pipelines.common.picture_vae import not_finite

MARGIN = 4  # latent columns of neighbours that a piece is seen with
PIECE = 128  # latent columns at a time


def heights_of(mel: Tensor, params: SpectrogramParams) -> tuple[Tensor, float]:
    """Mel magnitudes (channels, mel_bins, frames) as heights from 0 to 1, and the magnitude that is 1."""
    loudest = float(mel.max())
    return (mel / max(loudest, 1e-12)).pow(params.power), loudest


def mel_of(heights: Tensor, params: SpectrogramParams, loudest: float) -> Tensor:
    return heights.pow(1 / params.power) * loudest


def encode(vae: AutoencoderKL, heights: Tensor, circular: bool = False) -> Tensor:
    """Latents (channels, c, mel_bins / 8, frames / 8) of heights (channels, mel_bins, frames): each channel is a grey picture."""
    factor = factor_of(vae)
    pixels = (1 - 2 * heights.flip(1))[:, None].expand(-1, 3, -1, -1).to(vae.device, vae.dtype)
    parts = []
    for columns, cut in pieces(pixels.shape[-1] // factor, circular):
        pixel_columns = [column * factor + i for column in columns for i in range(factor)]
        parts.append(vae.encode(pixels[..., pixel_columns], return_dict=False)[0].mode().float()[..., cut])
    return torch.cat(parts, -1) * vae.config["scaling_factor"]


def decode(vae: AutoencoderKL, latents: Tensor, circular: bool = False) -> Tensor:
    """Heights (channels, mel_bins, frames) of latents; the mean of the three colours."""
    factor = factor_of(vae)
    scaled = (latents / vae.config["scaling_factor"]).to(vae.dtype)
    parts = []
    for columns, cut in pieces(latents.shape[-1], circular):
        pixels = vae.decode(scaled[..., columns], return_dict=False)[0]
        parts.append(pixels[..., factor * cut.start : factor * cut.stop].float().mean(1))
    grey = torch.cat(parts, -1)
    if not torch.isfinite(grey).all():
        raise not_finite("spectrogram", latents, vae.dtype)
    return ((1 - grey.clamp(-1, 1)) / 2).flip(1)


def factor_of(vae: AutoencoderKL) -> int:
    return 2 ** (len(vae.config["block_out_channels"]) - 1)


def pieces(wide: int, circular: bool) -> list[tuple[list[int], slice]]:
    """The columns of each piece with its neighbours', and which of them are its own."""
    found = []
    for start in range(0, wide, PIECE):
        stop = min(start + PIECE, wide)
        low, high = start - MARGIN, stop + MARGIN
        if not circular:
            low, high = max(low, 0), min(high, wide)
        found.append(([column % wide for column in range(low, high)], slice(start - low, stop - low)))
    return found
