"""diffusers' samplers by name, and one loop for them all: from noise, or from a picture with a mask."""

from __future__ import annotations

from typing import Any, Literal, get_args

import diffusers
import torch
from torch import Tensor

from sonicdiff.diffusion.ddim import EpsModel, Schedule, StepCallback, notify, steps_of

SCHEDULERS = {
    "dpm": diffusers.DPMSolverMultistepScheduler,
    "ddim": diffusers.DDIMScheduler,
    "pndm": diffusers.PNDMScheduler,
    "euler": diffusers.EulerDiscreteScheduler,
    "euler-a": diffusers.EulerAncestralDiscreteScheduler,
    "lms": diffusers.LMSDiscreteScheduler,
    "unipc": diffusers.UniPCMultistepScheduler,
}


Sampler = Literal["ddim", "pndm"]
"""Those that `generate` has; "pndm" is what Stable Diffusion 1.4 comes with."""


def check_sampler(sampler: str) -> None:
    """ValueError for a sampler that `generate` does not have."""
    if sampler not in get_args(Sampler):
        raise ValueError(f"got solver {sampler!r}; expected one of {', '.join(get_args(Sampler))}")


def make_scheduler(name: str, like: Any) -> Any:
    """A sampler by name with the noise schedule of the scheduler `like`."""
    if name not in SCHEDULERS:
        raise ValueError(f"got scheduler {name!r}; expected one of {', '.join(SCHEDULERS)}")
    more = {"skip_prk_steps": True} if name == "pndm" else {}  # as Stable Diffusion has it
    return SCHEDULERS[name].from_config(like.config, **more)


def sample_pndm(
    eps_model: EpsModel, x: Tensor, schedule: Schedule, num_inference_steps: int, like: Any, callback: StepCallback | None = None
) -> Tensor:
    """`ddim.sample` by PNDM's linear multistep (Liu et al. 2022), as Stable Diffusion 1.4 runs it: the second timestep is asked twice.

    schedule: that of `num_inference_steps`, or its last steps. like: the scheduler whose noise schedule it is.
    """
    scheduler = make_scheduler("pndm", like)
    scheduler.set_timesteps(num_inference_steps)
    return sample(scheduler, torch.tensor([*schedule.timesteps[:2], *schedule.timesteps[1:]]), eps_model, x, callback=callback)


def prepare(scheduler: Any, num_inference_steps: int, strength: float, device: torch.device) -> Tensor:
    """The timesteps of the last part `strength` of a run; 1 is all of it."""
    total = scheduler.config.num_train_timesteps
    if not 1 <= num_inference_steps < total:
        raise ValueError(f"got num_inference_steps {num_inference_steps}; expected 1 to {total - 1}")
    scheduler.set_timesteps(num_inference_steps, device=device)
    if strength >= 1:
        return scheduler.timesteps
    skipped = len(scheduler.timesteps) - steps_of(strength, len(scheduler.timesteps))
    if hasattr(scheduler, "set_begin_index"):
        scheduler.set_begin_index(skipped)
    return scheduler.timesteps[skipped:]


def sample(
    scheduler: Any,
    timesteps: Tensor,
    eps_model: EpsModel,
    noise: Tensor,
    clean: Tensor | None = None,
    mask: Tensor | None = None,
    generator: torch.Generator | None = None,
    callback: StepCallback | None = None,
) -> Tensor:
    """From `noise`, or from `clean` with that noise at the first of `timesteps`, to a picture, all (n, c, h, w).

    mask: (1, 1, h, w), 1 repaints and 0 keeps `clean`; what is between is left as it is for that share of the steps less, as in
    differential diffusion (Levin and Fried 2023). generator: of the samplers that add noise.
    """
    x = noise * scheduler.init_noise_sigma if clean is None else scheduler.add_noise(clean, noise, timesteps[:1])
    stochastic: dict[str, Any] = {"generator": generator} if type(scheduler) is SCHEDULERS["euler-a"] else {}
    for step, t in enumerate(timesteps):
        eps = eps_model(scheduler.scale_model_input(x, t), int(t))
        x = scheduler.step(eps, t, x, **stochastic).prev_sample
        if mask is not None and clean is not None:
            done = step + 1
            held = (mask <= 0) | (done < (1 - mask) * len(timesteps))
            kept = clean if done == len(timesteps) else scheduler.add_noise(clean, noise, timesteps[done : done + 1])
            x = torch.where(held, kept, x)
        notify(callback, step, int(t), x)
    return x
