"""The second stage of a cascade in latents: the detail that the latents of a picture have beyond the enlarged ones of its half.

Imagen's way (Saharia et al. 2022, section 2.3): the small latents are noised and their noise level is said (Ho et al. 2021). What is
diffused is not the picture but its detail, (latents - enlarged) / scale: the enlarged latents hold nine tenths of the variance, so the
steps go where something is still open, and the mean colours need not be painted again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from sonicdiff.diffusion.ddim import StepCallback, notify

FACTOR = 2
MOST_NOISE = 0.5  # the highest level that is trained
SCALE = 0.4  # what a detail is divided by: about its standard deviation (of landscapes .30, of materials and faces .45, and its noise)
LEVELS = 1000.0  # the UNet reads a noise level as a timestep: level times this
VelocityModel = Callable[[Tensor, int], Tensor]


def enlarge(small: Tensor) -> Tensor:
    """Latents (B, C, h, w) to (B, C, 2h, 2w), bicubic."""
    return F.interpolate(small, scale_factor=FACTOR, mode="bicubic")


def detail_of(latents: Tensor, enlarged: Tensor) -> Tensor:
    """What is diffused: of about unit variance."""
    return (latents - enlarged) / SCALE


def with_detail(enlarged: Tensor, detail: Tensor) -> Tensor:
    """The latents that have this detail."""
    return enlarged + SCALE * detail


@dataclass(frozen=True)
class Guide:
    """What the second stage is given beside its noisy detail.

    enlarged: (B, C, H, W), of the noised small latents. level: (B,), their noise's standard deviation, 0 to 0.5. text: (B, 77, width).
    audio_embeds: (B, dim), CLAP's unit vectors, zeros where there is no sound. known: (B, C, H, W), the detail of a photo where `mask`
    (B, 1, H, W) is 1, zeros elsewhere.
    """

    enlarged: Tensor
    level: Tensor
    text: Tensor
    audio_embeds: Tensor
    known: Tensor
    mask: Tensor

    @classmethod
    def make(cls, enlarged: Tensor, level: Tensor, text: Tensor, audio_embeds: Tensor) -> Guide:
        """One that knows no detail."""
        return cls(enlarged, level, text, audio_embeds, torch.zeros_like(enlarged), torch.zeros_like(enlarged[:, :1]))

    def knowing(self, detail: Tensor, mask: Tensor) -> Guide:
        """The same with the detail where the mask is 1."""
        return replace(self, known=detail * mask, mask=mask)

    def velocity(self, unet: Any, x: Tensor, timesteps: Tensor) -> Tensor:
        """The UNet's v (Salimans and Ho 2022) of the noisy detail x (B, C, H, W) at `timesteps` (B,)."""
        seen = torch.cat([x, self.enlarged, self.known, self.mask], 1).to(unet.dtype)
        said = {"class_labels": LEVELS * self.level, "added_cond_kwargs": {"image_embeds": self.audio_embeds.to(unet.dtype)}}
        return unet(seen, timesteps, self.text.to(unet.dtype), **said).sample.float()


@dataclass(frozen=True)
class TrailingSchedule:
    """Timesteps from the last one, pure noise, at even distances (Lin et al. 2024), with the alpha of each and of where it leads to."""

    steps: tuple[tuple[int, float, float], ...]

    @classmethod
    def make(cls, alphas_cumprod: Tensor, num_inference_steps: int) -> TrailingSchedule:
        """ValueError for fewer than one step or more than there are timesteps."""
        total = len(alphas_cumprod)
        if not 1 <= num_inference_steps <= total:
            raise ValueError(f"got super_resolution_steps {num_inference_steps}; expected 1 to {total}")
        timesteps = [round(total - number * total / num_inference_steps) - 1 for number in range(num_inference_steps)]
        alphas = [*(float(alphas_cumprod[t]) for t in timesteps), 1.0]
        return cls(tuple(zip(timesteps, alphas, alphas[1:], strict=False)))

    def __len__(self) -> int:
        return len(self.steps)


def sample_velocity(model: VelocityModel, x: Tensor, schedule: TrailingSchedule, callback: StepCallback | None = None) -> Tensor:
    """Denoises x, pure noise, to the clean end, by DDIM's steps on v = sqrt(alpha) noise - sqrt(1 - alpha) clean, defined at alpha 0, too.

    The callback is shown what each step takes to be the clean end; `ddim.Stopped` is raised where it returns False.
    """
    for step, (t, alpha_from, alpha_to) in enumerate(schedule.steps):
        v = model(x, t)
        clean = alpha_from**0.5 * x - (1 - alpha_from) ** 0.5 * v
        noise = alpha_from**0.5 * v + (1 - alpha_from) ** 0.5 * x
        x = alpha_to**0.5 * clean + (1 - alpha_to) ** 0.5 * noise
        notify(callback, step, t, clean)
    return x
