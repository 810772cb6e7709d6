"""Plug-and-play editing of one photo (SonicDiffusion, section 3.4): invert, record the photo's features, sample again with them."""

from __future__ import annotations

from diffusers import UNet2DConditionModel
from torch import Tensor

from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.ddim import EpsModel, Inversion, Schedule, Solver, StepCallback, notify, sample
from sonicdiff.diffusion.injection import Features, attention_layers, conv_layers, injected, recorded
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import Source

Plan = dict[int, list[str]]
"""The layers that are injected, by timestep; timesteps without any are not in it."""


def check_fractions(**fractions: float) -> None:
    """Raises ValueError for a named argument that is not between 0 and 1."""
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise ValueError(f"got {name} {fraction}; expected a fraction from 0 to 1")


def injection_plan(unet: UNet2DConditionModel, schedule: Schedule, features: float, attention: float) -> Plan:
    """Residual features in the first fraction `features` of the steps, self-attention queries and keys in the first `attention`.

    Fractions are rounded down to whole steps, as in the paper's code.
    """
    parts = ((features, conv_layers(unet)), (attention, attention_layers(unet)))
    steps = enumerate(schedule.timesteps)
    plan = {t: [layer for part, layers in parts if step < int(part * len(schedule)) for layer in layers] for step, t in steps}
    return {t: layers for t, layers in plan.items() if layers}


def invert(unet: UNet2DConditionModel, deaf: EpsModel, x0: Tensor, schedule: Schedule, inversion: Inversion, refinements: int,
           plan: Plan, callback: StepCallback, solver: Solver = "ddim", device: str | None = None) -> Source:  # fmt: skip
    """A photo's latents by DDIM inversion, with what the plan's layers compute on the way: that of its latents if the plan is empty or
    the inversion is "current", see `ddim.invert`."""
    source = Source({})

    def eps_model(x: Tensor, t: int) -> Tensor:
        with recorded(unet, plan.get(t, [])) as features:
            eps = deaf(x, t)
        source.features[t] = waiting(features, device)
        return eps

    trajectory = ddim.invert(eps_model, x0, schedule, inversion, refinements, callback, solver)
    source.latents.update(zip(schedule.timesteps, trajectory, strict=True))
    return source


def record_features(unet: UNet2DConditionModel, eps_model: EpsModel, source: Source, plan: Plan, callback: StepCallback,
                    device: str | None = None) -> None:  # fmt: skip
    """Adds to `source` what the plan's layers compute for it in `eps_model`, whose passes end there. device: where it is to wait."""
    for step, (t, layers) in enumerate(plan.items()):
        x = source.latents[t]
        with recorded(unet, layers, only=True) as features:
            eps_model(x, t)
        source.features.setdefault(t, {}).update(waiting(features, device))
        notify(callback, step, t, x)


def resample(unet: UNet2DConditionModel, eps_model: EpsModel, source: Source, start: Tensor, schedule: Schedule, plan: Plan,
             callback: StepCallback, solver: Solver = "ddim") -> Tensor:  # fmt: skip
    """Samples from `start`, the photo's noise or some near it, with the photo's features injected as planned."""

    def eps_with_source(x: Tensor, t: int) -> Tensor:
        with injected(unet, {layer: source.features[t][layer].to(x.device) for layer in plan.get(t, [])}):
            return eps_model(x, t)

    return sample(eps_with_source, start, schedule, callback, solver)


def waiting(features: Features, device: str | None) -> Features:
    return features if device is None else {layer: value.to(device) for layer, value in features.items()}


def plain_model(unet: UNet2DConditionModel, text: Tensor) -> EpsModel:
    """The UNet reading `text`, without guidance or sound."""

    def eps_model(x: Tensor, t: int) -> Tensor:
        return unet(x.to(unet.dtype), t, encoder_hidden_states=text).sample.to(x.dtype)

    return eps_model
