"""What a run is heading for, shown while it runs."""

from __future__ import annotations

import io
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sonicdiff.pipelines.common.latent_preview import preview

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
        if state["phase"] == "super-resolution":  # whose latents are clean already
            return jpeg(preview(pipeline, state["latents"][:1])) if wanted else None
        before, self.before = self.before, (timestep, state["latents"])
        if not wanted or before is None or state["phase"] in ("inversion", "features") or before[0] <= timestep:
            return None
        stride, alphas = before[0] - timestep, pipeline.scheduler.alphas_cumprod
        upper, lower = float(alphas[timestep]), float(alphas[max(0, timestep - stride)])
        (signal_u, noise_u), (signal_l, noise_l) = ((alpha**0.5, (1 - alpha) ** 0.5) for alpha in (upper, lower))
        clean = (noise_l * before[1] - noise_u * state["latents"]) / (noise_l * signal_u - noise_u * signal_l)
        return jpeg(preview(pipeline, clean[:1]))


def jpeg(picture: Image.Image) -> bytes:
    picture.thumbnail((SIDE, SIDE))
    file = io.BytesIO()
    picture.save(file, "JPEG", quality=85)
    return file.getvalue()
