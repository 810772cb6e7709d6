"""Plug-and-play editing by sound as it is published, written out plainly: what ours is compared with, in result, work and time.

DDIM inversion with the empty prompt and without audio layers; then one batch [source | unconditional | conditional] a step, whose source
row overwrites the others' residual features and self-attention queries and keys; one guidance scale for text and sound.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from sonicdiff.diffusion.ddim import Schedule, ddim_step, make_schedule
from sonicdiff.diffusion.injection import attention_layers, conv_layers
from sonicdiff.pipelines.common import picture_vae

Each = Callable[[int], object]  # told the number of each step done


def none(step: int) -> None:
    pass


@torch.no_grad()
def invert(unet: Any, x: Tensor, nothing: Tensor, schedule: Schedule, each: Each = none) -> list[Tensor]:
    """The latents (1, c, h, w) of a photo at each timestep of the schedule, noisiest first."""
    found = []
    for step, (t, alpha_to, alpha_from) in enumerate(reversed(schedule.steps)):
        x = ddim_step(x, unet(x, t, encoder_hidden_states=nothing).sample, alpha_from, alpha_to)
        found.append(x)
        each(step)
    return found[::-1]


@torch.no_grad()
def edit(unet: Any, adapter: Any, trajectory: list[Tensor], schedule: Schedule, nothing: Tensor, text: Tensor, tokens: Tensor,
         null_tokens: Tensor | None, scale: float = 7.5, features: float = 0.8, attention: float = 0.8, each: Each = none,
         attached: bool = False) -> Tensor:  # fmt: skip
    """The edited latent. null_tokens: what the audio layers hear in the first two rows; None: there they are skipped."""
    x = trajectory[0]
    audio = {"audio_tokens": tokens, "audio_rows": slice(2, 3)}
    if null_tokens is not None:
        audio = {"audio_tokens": torch.cat([null_tokens, null_tokens, tokens])}
    with nullcontext() if attached else adapter.attached(unet):
        for step, (t, alpha_from, alpha_to) in enumerate(schedule.steps):
            layers = conv_layers(unet) * (step < int(len(schedule) * features))
            layers += attention_layers(unet) * (step < int(len(schedule) * attention))
            hooks = [unet.get_submodule(layer).register_forward_hook(overwritten) for layer in layers]
            batch, read = torch.cat([trajectory[step], x, x]), torch.cat([nothing, nothing, text])
            _, null, both = unet(batch, t, encoder_hidden_states=read, cross_attention_kwargs=audio).sample.chunk(3)
            x = ddim_step(x, null + scale * (both - null), alpha_from, alpha_to)
            for hook in hooks:
                hook.remove()
            each(step)
    return x


def overwritten(module: Any, args: Any, output: Tensor) -> Tensor:
    return output[:1].repeat(3, *(1,) * (output.ndim - 1))


@torch.no_grad()
def of_pipeline(pipeline: Any, photo: Image.Image, sound: Any, prompt: str, scale: float, attention: float, steps: int = 50) -> Tensor:
    """The latent that the plain loops make of a photo with a pipeline's models, and its rule for silence."""
    schedule = make_schedule(pipeline.scheduler.alphas_cumprod, steps)
    nothing, text, embeds = pipeline.encode_prompt(""), pipeline.encode_prompt(prompt), pipeline.embed_audio(sound)
    tokens, null = (pipeline.projector(vector) for vector in (embeds, torch.zeros_like(embeds)))
    trajectory = invert(pipeline.unet, picture_vae.encode(pipeline.vae, photo, pipeline.size(photo)), nothing, schedule)
    heard = tokens, null if pipeline.config["null_audio"] == "zeros" else None
    return edit(pipeline.unet, pipeline.adapter, trajectory, schedule, nothing, text, *heard, scale, attention=attention)
