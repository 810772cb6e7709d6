"""The UNet as an `eps_model(x, t)`: what it reads and hears in each part of the schedule, and how strongly."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any

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
        betas = self.beta.values() if isinstance(self.beta, Mapping) else [self.beta]
        if not all(math.isfinite(beta) for beta in betas):
            raise ValueError(f"got beta {self.beta}; expected finite numbers")
        if not (math.isfinite(self.focus) and self.focus >= 0):
            raise ValueError(f"got focus {self.focus}; expected a number from 0 up")
        if not 0 <= self.guidance_rescale <= 1:
            raise ValueError(f"got guidance_rescale {self.guidance_rescale}; expected a fraction from 0 to 1")

    @property
    def hears(self) -> bool:
        """Whether the sound acts at all."""
        return self.audio is not None and self.audio_guidance_scale != 0 and self.beta != 0 and self.audio_start < self.audio_end


def guided_model(unet: UNet2DConditionModel, schedule: Schedule, conditions: Conditions, share_encoder: bool) -> EpsModel:
    """The guided noise as a function of (x, t). share_encoder: allowed where the encoder has no audio layers."""
    c = conditions
    scales = {"guidance_scale": c.guidance_scale, "audio_guidance_scale": c.audio_guidance_scale, "keep_null": c.focus > 0}
    acting = {"beta": c.beta, "share_encoder": share_encoder, "focus": c.focus, "guidance_rescale": c.guidance_rescale}
    hearing = Guided(unet, branches(c.null_text, c.text, c.audio, c.null_audio, **scales), **acting)
    deaf = Guided(unet, branches(c.null_text, c.text, None, None, **scales), **acting)
    first, last = c.audio_start * len(schedule), c.audio_end * len(schedule)
    window = {t for step, t in enumerate(schedule.timesteps) if first <= step < last}
    return lambda x, t: (hearing if t in window else deaf)(x, t)


@dataclass(frozen=True)
class Rows:
    """What one pass of the UNet is given beside its latents. text: of all rows; shared: of one branch's rows, where all read the same."""

    text: Tensor
    shared: Tensor | None
    audio: dict[str, Any] | None


@dataclass(frozen=True, eq=False)
class Guided:
    """The weighted sum of the branches' noise at (x, t), from one pass of the UNet; the branches that hear must come last.

    With `focus` the first branch must be the null one; `guidance_rescale` takes the last one's spread. What branches read and hear has
    a row for each of x, or one for all.
    """

    unet: UNet2DConditionModel
    branches: Sequence[Branch]
    beta: AudioScale = 1.0
    share_encoder: bool = False
    focus: float = 0.0
    guidance_rescale: float = 0.0
    laid_out: dict[int, Rows] = field(default_factory=dict)  # by the rows of x: the very same tensors in every step

    def __call__(self, x: Tensor, t: int) -> Tensor:
        count = len(self.branches)
        rows = self.laid_out.get(len(x)) or self.laid_out.setdefault(len(x), self._lay_out(len(x)))
        inputs = x if rows.shared is not None else torch.cat([x] * count)
        read = rows.text if rows.shared is None else rows.shared
        with shared_encoder(self.unet, count, rows.text) if rows.shared is not None else nullcontext():
            out = self.unet(inputs.to(self.unet.dtype), t, encoder_hidden_states=read, cross_attention_kwargs=rows.audio)
        return self._guide(out.sample.to(x.dtype).chunk(count))

    def _lay_out(self, rows: int) -> Rows:
        texts = [branch.text.expand(rows, -1, -1) for branch in self.branches]
        heard = [branch.audio.expand(rows, -1, -1) for branch in self.branches if branch.audio is not None]
        same = all(branch.text is self.branches[0].text for branch in self.branches)
        shared = texts[0] if self.share_encoder and same and len(texts) > 1 else None
        if not heard:
            return Rows(torch.cat(texts), shared, None)
        tokens = torch.cat(heard).to(self.unet.dtype)
        return Rows(torch.cat(texts), shared, {"audio_tokens": tokens, "audio_scale": self.beta, "audio_rows": slice(-len(tokens), None)})

    def _guide(self, parts: Sequence[Tensor]) -> Tensor:
        guided = sum((branch.weight * part for branch, part in zip(self.branches, parts, strict=True)), torch.zeros_like(parts[0]))
        if len(parts) == 1:
            return guided
        if self.focus:
            guided = focused(parts[0], guided, self.focus)
        return rescaled(guided, parts[-1], self.guidance_rescale) if self.guidance_rescale else guided
