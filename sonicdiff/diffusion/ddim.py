"""Deterministic DDIM (Song et al. 2021, equation 12 with sigma 0) and its second-order kin, in both directions by the same step."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

from torch import Tensor

EpsModel = Callable[[Tensor, int], Tensor]
Inversion = Literal["target", "current"]
Solver = Literal["ddim", "dpm"]
StepCallback = Callable[[int, int, Tensor], bool | None]
"""Called after each step with (step, timestep, x); returning False stops the run."""


class Stopped(RuntimeError):
    """A callback asked the run to stop."""


@dataclass(frozen=True)
class Schedule:
    """The timesteps of a run, noisiest first, with the cumulative alpha (signal power) of each and that of the clean end."""

    timesteps: tuple[int, ...]
    alphas: tuple[float, ...]
    final_alpha: float

    def __len__(self) -> int:
        return len(self.timesteps)

    @property
    def steps(self) -> list[tuple[int, float, float]]:
        """(timestep, alpha before, alpha after) of each denoising step."""
        return list(zip(self.timesteps, self.alphas, (*self.alphas[1:], self.final_alpha), strict=True))

    def last(self, count: int) -> Schedule:
        """The final `count` steps: what image-to-image runs."""
        start = len(self) - count
        return Schedule(self.timesteps[start:], self.alphas[start:], self.final_alpha)


def make_schedule(alphas_cumprod: Tensor, num_inference_steps: int) -> Schedule:
    """SD 1.x's spacing: multiples of T // steps, plus one, ending at timestep 1; the clean end has the alpha of timestep 0."""
    total = len(alphas_cumprod)
    if not 1 <= num_inference_steps < total:
        raise ValueError(f"got num_inference_steps {num_inference_steps}; expected 1 to {total - 1}")
    stride = total // num_inference_steps
    timesteps = tuple(step * stride + 1 for step in reversed(range(num_inference_steps)))
    return Schedule(timesteps, tuple(float(alphas_cumprod[t]) for t in timesteps), float(alphas_cumprod[0]))


def steps_of(strength: float, num_inference_steps: int) -> int:
    """How many of the last steps image-to-image runs at a strength from 0 (none but one) to 1 (all)."""
    if not 0 <= strength <= 1:
        raise ValueError(f"got strength {strength}; expected 0 to 1")
    return max(1, round(strength * num_inference_steps))


def ddim_step(x: Tensor, eps: Tensor, alpha_from: float, alpha_to: float) -> Tensor:
    """Moves x from one noise level to another along the noise eps: to less noise when sampling, to more when inverting."""
    x0 = (x - (1 - alpha_from) ** 0.5 * eps) / alpha_from**0.5
    return alpha_to**0.5 * x0 + (1 - alpha_to) ** 0.5 * eps


class Multistep:
    """DPM-Solver++(2M) (Lu et al. 2022, algorithm 2) as a step like `ddim_step`, which the first step is: a line through the last two
    predictions of the clean picture, over the logarithm of the signal-to-noise ratio."""

    def __init__(self) -> None:
        self.x0: Tensor | None = None
        self.way = 0.0

    def __call__(self, x: Tensor, eps: Tensor, alpha_from: float, alpha_to: float) -> Tensor:
        x0 = (x - (1 - alpha_from) ** 0.5 * eps) / alpha_from**0.5
        way = 0.5 * (math.log(alpha_to / (1 - alpha_to)) - math.log(alpha_from / (1 - alpha_from)))
        ahead = x0 if self.x0 is None else x0 + 0.5 * way / self.way * (x0 - self.x0)
        self.x0, self.way = x0, way
        return ((1 - alpha_to) / (1 - alpha_from)) ** 0.5 * x - alpha_to**0.5 * math.expm1(-way) * ahead


def stepper(solver: Solver) -> Callable[[Tensor, Tensor, float, float], Tensor]:
    """What moves x along its noise, for one walk."""
    if solver not in get_args(Solver):
        raise ValueError(f"got solver {solver!r}; expected one of {', '.join(get_args(Solver))}")
    return ddim_step if solver == "ddim" else Multistep()


def add_noise(x0: Tensor, noise: Tensor, alpha: float) -> Tensor:
    """x0 at the noise level alpha."""
    return alpha**0.5 * x0 + (1 - alpha) ** 0.5 * noise


def sample(eps_model: EpsModel, x: Tensor, schedule: Schedule, callback: StepCallback | None = None, solver: Solver = "ddim") -> Tensor:
    """Denoises x (at the schedule's noisiest level) to the clean end; raises Stopped where the callback returns False."""
    move = stepper(solver)
    for step, (t, alpha_from, alpha_to) in enumerate(schedule.steps):
        x = move(x, eps_model(x, t), alpha_from, alpha_to)
        notify(callback, step, t, x)
    return x


def invert(
    eps_model: EpsModel,
    x0: Tensor,
    schedule: Schedule,
    at: Inversion = "target",
    refinements: int = 0,
    callback: StepCallback | None = None,
    solver: Solver = "ddim",
) -> list[Tensor]:
    """Walks x0 up to the noise that `sample` brings back to it: trajectory[i] is the latent at schedule.timesteps[i].

    The exact step up needs the noise at the latent it leads to, which is not known yet. "target" takes it at the latent known and the
    timestep to come (the released code of plug-and-play and SonicDiffusion), "current" at latent and timestep both known (aligned: the
    UNet's features on the way are those of the trajectory). Each refinement takes it again at the latent just found.
    """
    if refinements and (at == "current" or solver != "ddim"):
        raise ValueError(f"refinements are for DDIM and at='target'; got {refinements} with solver={solver!r}, at={at!r}")
    move = stepper(solver)
    trajectory, x, t_from = [], x0, schedule.timesteps[-1]
    for step, (t, alpha_to, alpha_from) in enumerate(reversed(schedule.steps)):
        eps = eps_model(x, t if at == "target" else t_from)
        upper = move(x, eps, alpha_from, alpha_to)
        for _ in range(refinements):
            upper = ddim_step(x, eps_model(upper, t), alpha_from, alpha_to)
        x, t_from = upper, t
        trajectory.append(x)
        notify(callback, step, t, x)
    return trajectory[::-1]


def notify(callback: StepCallback | None, step: int, t: int, x: Tensor) -> None:
    if callback is not None and callback(step, t, x) is False:
        raise Stopped(f"stopped at step {step + 1} (timestep {t})")
