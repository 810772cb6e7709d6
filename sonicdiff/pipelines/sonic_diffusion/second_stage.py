"""The second stage of a cascade in a pipeline: from the UNet's latents to those of twice the pixels, which are then decoded."""

# diffusers types its models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor

from sonicdiff.diffusion.ddim import StepCallback
from sonicdiff.diffusion.super_resolution import (
    FACTOR,
    MOST_NOISE,
    Guide,
    TrailingSchedule,
    detail_of,
    enlarge,
    sample_velocity,
    with_detail,
)

STEPS, NOISE = 10, 0.1  # what `generate` and `edit` use unless they are told otherwise
UNCHANGED = 0.5  # root mean square over the channels (of unit variance) of what an edit changed, below which the photo's detail is given


@dataclass(frozen=True)
class PhotoLatents:
    """The latents (1, C, h, w) of the photo that is edited, as the first stage has them, and those (1, C, 2h, 2w) of twice the pixels."""

    small: Tensor
    large: Tensor

    def detail_on(self, edit: Tensor) -> Tensor:
        """An edit's latents (1, C, h, w) enlarged, with what the photo's large ones have beyond its small ones."""
        return enlarge(edit) + self.large - enlarge(self.small)

    def unchanged(self, edit: Tensor) -> Tensor:
        """Where an edit's latents (1, C, h, w) are about the photo's: a mask (1, 1, 2h, 2w) of ones and zeros, decided over 3 x 3."""
        squared = (edit - self.small).square().mean(1, keepdim=True)
        apart = F.avg_pool2d(squared, 3, stride=1, padding=1, count_include_pad=False).sqrt()
        return F.interpolate((apart < UNCHANGED).float(), scale_factor=FACTOR)


@dataclass(frozen=True)
class SecondStage:
    """`steps` of v-prediction without guidance, from latents noised by `noise`: more lets it depart further from them."""

    unet: UNet2DConditionModel
    scheduler: DDIMScheduler
    steps: int
    noise: float
    device: torch.device

    def __post_init__(self) -> None:
        check(self.steps, self.noise)

    def __call__(self, small: Tensor, text: Tensor, audio_embeds: Tensor | None, generator: torch.Generator,
                 photo: PhotoLatents | None = None, callback: StepCallback | None = None) -> Tensor:  # fmt: skip
        """Latents (1, C, h, w) to (1, C, 2h, 2w). text: (1, 77, width). audio_embeds: (1, dim), None for no sound.

        photo: where the edit left it alone, the result has the photo's own detail. callback: is shown the latents that each step takes
        the result to be; `ddim.Stopped` is raised where it returns False.
        """
        enlarged = enlarge(small + self.noise * self.normal(small, generator))
        level = torch.full((len(small),), self.noise, device=self.device)
        embeds = torch.zeros(len(small), self.unet.config["cross_attention_dim"]) if audio_embeds is None else audio_embeds
        guide = Guide.make(enlarged, level, text.to(self.device), embeds.float().to(self.device))
        if photo is not None:
            guide = guide.knowing(detail_of(photo.detail_on(small), enlarged), photo.unchanged(small))

        def velocity(x: Tensor, t: int) -> Tensor:
            return guide.velocity(self.unet, x, torch.full((len(x),), t, device=self.device))

        def shown(step: int, t: int, detail: Tensor) -> bool | None:
            return None if callback is None else callback(step, t, with_detail(enlarged, detail))

        schedule = TrailingSchedule.make(self.scheduler.alphas_cumprod, self.steps)
        latents = with_detail(enlarged, sample_velocity(velocity, self.normal(enlarged, generator), schedule, shown))
        return latents if photo is None else torch.where(guide.mask > 0, photo.detail_on(small), latents)

    def normal(self, like: Tensor, generator: torch.Generator) -> Tensor:
        return torch.randn(like.shape, generator=generator, device=generator.device, dtype=torch.float32).to(self.device)


def check(steps: int, noise: float) -> None:
    """Raises ValueError for what is out of range."""
    if not 1 <= steps <= 1000:
        raise ValueError(f"got super_resolution_steps {steps}; expected 1 to 1000")
    if not 0 <= noise <= MOST_NOISE:
        raise ValueError(f"got super_resolution_noise {noise}; expected 0 to {MOST_NOISE}")
