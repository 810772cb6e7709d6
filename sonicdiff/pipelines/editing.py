"""Plug-and-play editing of one photo (SonicDiffusion, section 3.4): invert, record the photo's features, sample again with them."""

from __future__ import annotations

from diffusers import UNet2DConditionModel
from torch import Tensor

from sonicdiff.diffusion.ddim import EpsModel, Schedule, StepCallback, notify, sample
from sonicdiff.diffusion.injection import attention_layers, conv_layers, injected, recorded
from sonicdiff.pipelines.source import Source

Plan = dict[int, list[str]]
"""The layers that are injected, by timestep; timesteps without any are not in it."""


def check_fractions(**fractions: float) -> None:
    """Raises ValueError for a named argument that is not between 0 and 1."""
    for name, fraction in fractions.items():
        if not 0 <= fraction <= 1:
            raise ValueError(f"got {name} {fraction}; expected a fraction from 0 to 1")


def injection_plan(unet: UNet2DConditionModel, schedule: Schedule, features: float, attention: float) -> Plan:
    """Residual features in the first fraction `features` of the steps, self-attention queries and keys in the first `attention`."""
    parts = ((features, conv_layers(unet)), (attention, attention_layers(unet)))
    steps = enumerate(schedule.timesteps)
    plan = {t: [layer for part, layers in parts if step < part * len(schedule) for layer in layers] for step, t in steps}
    return {t: layers for t, layers in plan.items() if layers}


def record_features(unet: UNet2DConditionModel, text: Tensor, source: Source, plan: Plan, callback: StepCallback) -> None:
    """Adds to `source` what the plan's layers compute for it, reading `text` and hearing nothing."""
    for step, (t, layers) in enumerate(plan.items()):
        x = source.latents[t]
        with recorded(unet, layers) as features:
            unet(x.to(unet.dtype), t, encoder_hidden_states=text)
        source.features.setdefault(t, {}).update(features)
        notify(callback, step, t, x)


def resample(
    unet: UNet2DConditionModel, eps_model: EpsModel, source: Source, start: Tensor, schedule: Schedule, plan: Plan, callback: StepCallback
) -> Tensor:
    """Samples from `start`, the photo's noise or some near it, with the photo's features injected as planned."""

    def eps_with_source(x: Tensor, t: int) -> Tensor:
        with injected(unet, {layer: source.features[t][layer] for layer in plan.get(t, [])}):
            return eps_model(x, t)

    return sample(eps_with_source, start, schedule, callback)


def plain_model(unet: UNet2DConditionModel, text: Tensor) -> EpsModel:
    """The UNet reading `text`, without guidance or sound."""

    def eps_model(x: Tensor, t: int) -> Tensor:
        return unet(x.to(unet.dtype), t, encoder_hidden_states=text).sample.to(x.dtype)

    return eps_model
