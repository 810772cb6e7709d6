"""What a run is heading for, shown while it runs."""

from __future__ import annotations

import io
import time
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sonicdiff.pipelines import codec

CHEAP = 0.15  # seconds: in place of a decoder that takes longer there is a linear map
CORNER = 16  # latents
SIDE = 512  # pixels, at most


class Preview:
    """Small JPEGs of the picture that the latents of one run hold under their noise.

    Two neighbouring latents of a DDIM run hold the same picture x0 and the same noise at two levels (Song et al. 2021, eq. 12), which
    two equations tell apart. Of other samplers it is nearly true.
    """

    def __init__(self) -> None:
        self.before: tuple[int, Tensor] | None = None  # a timestep, and the latents that the step from it led to

    @torch.no_grad()
    def __call__(self, pipeline: Any, timestep: int, state: dict[str, Any], wanted: bool) -> bytes | None:
        """After a step from `timestep`; None where no picture is `wanted`, or where there is none to be seen."""
        before, self.before = self.before, (timestep, state["latents"])
        if not wanted or before is None or state["phase"] in ("inversion", "features") or before[0] <= timestep:
            return None
        stride, alphas = before[0] - timestep, pipeline.scheduler.alphas_cumprod
        upper, lower = float(alphas[timestep]), float(alphas[max(0, timestep - stride)])
        (signal_u, noise_u), (signal_l, noise_l) = ((alpha**0.5, (1 - alpha) ** 0.5) for alpha in (upper, lower))
        clean = (noise_l * before[1] - noise_u * state["latents"]) / (noise_l * signal_u - noise_u * signal_l)
        return jpeg(seen(pipeline, clean[:1]))


def seen(pipeline: Any, latents: Tensor) -> Image.Image:
    """Through the decoder where that is quick, else a pixel a latent."""
    if decoding(pipeline, latents) <= CHEAP:
        return codec.to_image(codec.decode(pipeline.vae, latents))
    x, colours = latents[0].float().cpu(), colours_of(pipeline)
    return codec.to_image(torch.einsum("chw,cr->hwr", torch.cat([x, torch.ones_like(x[:1])]), colours).clamp(0, 1).numpy())


def decoding(pipeline: Any, latents: Tensor) -> float:
    """Seconds that the decoder would take: as many as for a corner of the latents, which is tried once, for each of their pixels."""
    corner = latents[..., :CORNER, :CORNER]
    if not hasattr(pipeline, "_preview_seconds"):
        codec.decode(pipeline.vae, corner)  # the first time is slower
        began = time.perf_counter()
        codec.decode(pipeline.vae, corner)
        pipeline._preview_seconds = (time.perf_counter() - began) / corner[0, 0].numel()
    return pipeline._preview_seconds * latents[0, 0].numel()


def jpeg(picture: Image.Image) -> bytes:
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()


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
