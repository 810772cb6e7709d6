"""The UNet as an `eps_model(x, t)`: what it reads and hears in each part of the schedule, and how strongly."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor

from sonicdiff.diffusion.ddim import EpsModel, Schedule
from sonicdiff.diffusion.guidance import Branch, branches, focused, rescaled
from sonicdiff.diffusion.sharing import shared_encoder
from sonicdiff.models.block import AudioScale


@dataclass(frozen=True)
class Conditions:
    """What guides the images of one batch: tensors of one row an image. `audio` None: no sound, the audio layers are skipped."""

    null_text: Tensor
    text: Tensor
    audio: Tensor | None
    null_audio: Tensor | None
    guidance_scale: float
    audio_guidance_scale: float
    beta: AudioScale
    audio_start: float  # the sound acts from this fraction of the schedule ...
    audio_end: float  # ... to this one
    focus: float = 0.0  # see `diffusion.guidance.focused`
    guidance_rescale: float = 0.0  # see `diffusion.guidance.rescaled`

    def __post_init__(self) -> None:
        if not 0 <= self.audio_start <= self.audio_end <= 1:
            raise ValueError(f"got audio_start {self.audio_start} and audio_end {self.audio_end}; expected 0 <= start <= end <= 1")
        if not (math.isfinite(self.guidance_scale) and math.isfinite(self.audio_guidance_scale)):
            raise ValueError(f"got guidance scales {self.guidance_scale} and {self.audio_guidance_scale}; expected finite numbers")
        if not (math.isfinite(self.focus) and self.focus >= 0):
            raise ValueError(f"got focus {self.focus}; expected a number from 0 up")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError(f"got guidance_rescale {self.guidance_rescale}; expected a fraction from 0 to 1")


def guided_model(unet: UNet2DConditionModel, schedule: Schedule, conditions: Conditions, share_encoder: bool) -> EpsModel:
    """The guided noise as a function of (x, t). share_encoder: allowed where the encoder has no audio layers."""
    c = conditions
    scales = {"guidance_scale": c.guidance_scale, "audio_guidance_scale": c.audio_guidance_scale, "keep_null": c.focus > 0}
    hearing = branches(c.null_text, c.text, c.audio, c.null_audio, **scales)
    deaf = branches(c.null_text, c.text, None, None, **scales)
    first, last = c.audio_start * len(schedule), c.audio_end * len(schedule)
    window = {t for step, t in enumerate(schedule.timesteps) if first <= step < last}

    def eps_model(x: Tensor, t: int) -> Tensor:
        return guided_eps(unet, x, t, hearing if t in window else deaf, c.beta, share_encoder, c.focus, c.guidance_rescale)

    return eps_model


def guided_eps(
    unet: UNet2DConditionModel,
    x: Tensor,
    t: int,
    branches: Sequence[Branch],
    beta: AudioScale = 1.0,
    share_encoder: bool = False,
    focus: float = 0.0,
    guidance_rescale: float = 0.0,
) -> Tensor:
    """The weighted sum of the branches' noise at (x, t), from one pass of the UNet; the branches that hear must come last.

    With `focus` the first branch must be the null one; `guidance_rescale` takes the last one's spread.
    """
    count, text = len(branches), [branch.text for branch in branches]
    heard = [branch.audio for branch in branches if branch.audio is not None]
    share = share_encoder and count > 1 and all(other is text[0] for other in text)
    hears = {"audio_tokens": torch.cat(heard), "audio_scale": beta, "audio_rows": slice(-len(heard) * len(x), None)} if heard else None
    with shared_encoder(unet, count) if share else nullcontext():
        eps = unet(
            (x if share else torch.cat([x] * count)).to(unet.dtype),
            t,
            encoder_hidden_states=text[0] if share else torch.cat(text),
            cross_attention_kwargs=hears,
        ).sample.to(x.dtype)
    parts = eps.chunk(count)
    guided = sum((branch.weight * part for branch, part in zip(branches, parts, strict=True)), torch.zeros_like(x))
    if count == 1:
        return guided
    if focus:
        guided = focused(parts[0], guided, focus)
    return rescaled(guided, parts[-1], guidance_rescale) if guidance_rescale else guided
