"""diffusers' samplers behind one loop."""

from __future__ import annotations

import pytest
import torch
from tiny import make_scheduler as like
from torch import Tensor

from sonicdiff.diffusion import ddim
from sonicdiff.diffusion.schedulers import SCHEDULERS, make_scheduler, prepare, sample

CPU = torch.device("cpu")


def towards(clean: Tensor, alphas: Tensor) -> ddim.EpsModel:
    """A perfect model of one picture, for samplers that keep the variance."""

    def eps_model(x: Tensor, t: int) -> Tensor:
        alpha = float(alphas[t])
        return (x - alpha**0.5 * clean) / (1 - alpha) ** 0.5

    return eps_model


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("strength", [1.0, 0.6])
def test_a_perfect_model_leads_to_its_picture(name: str, strength: float) -> None:
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 1, 4, 8, 8, generator=generator)
    scheduler = make_scheduler(name, like())
    timesteps = prepare(scheduler, 20, strength, CPU)
    start = torch.zeros_like(clean) if strength < 1 else None
    found = sample(scheduler, timesteps, towards(clean, like().alphas_cumprod), noise, start, generator=generator)
    assert float((found - clean).abs().max()) < 0.15  # a sampler ends at the noise of timestep 0
    assert len(timesteps) == (12 if strength < 1 else 21 if name == "pndm" else 20) or name == "pndm"


def test_ddim_is_our_ddim() -> None:
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))

    def eps_model(x: Tensor, t: int) -> Tensor:
        return (x * (1 + t / 1000)).tanh()

    scheduler = make_scheduler("ddim", like())
    found = sample(scheduler, prepare(scheduler, 10, 1.0, CPU), eps_model, noise)
    torch.testing.assert_close(found, ddim.sample(eps_model, noise, ddim.make_schedule(like().alphas_cumprod, 10)), atol=1e-4, rtol=1e-4)


def test_noise_of_samplers_that_add_some_comes_from_the_generator() -> None:
    noise = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    results = []
    for seed in (1, 1, 2):
        scheduler = make_scheduler("euler-a", like())
        timesteps = prepare(scheduler, 4, 1.0, CPU)
        results.append(sample(scheduler, timesteps, lambda x, t: 0.1 * x, noise, generator=torch.Generator().manual_seed(seed)))
    assert torch.equal(results[0], results[1]) and not torch.equal(results[0], results[2])


@pytest.mark.parametrize("name", ["ddim", "dpm", "euler"])
def test_a_mask_holds_what_it_is_told_to(name: str) -> None:
    clean = torch.full((1, 4, 4, 4), 0.5)
    mask = torch.tensor([0.0, 0.4, 0.8, 1.0]).expand(1, 1, 4, 4)
    scheduler = make_scheduler(name, like())
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(clean.shape, generator=generator)
    eps_model = towards(torch.full_like(clean, -1.0), like().alphas_cumprod) if name != "euler" else lambda x, t: 0.5 * x
    found = sample(scheduler, prepare(scheduler, 10, 1.0, CPU), eps_model, noise, clean, mask)
    change = (found - clean).abs().mean((0, 1, 2))
    assert float(change[0]) == 0 and bool((change[1:] > 0.01).all())


def test_unknown_names_and_numbers_are_told() -> None:
    with pytest.raises(ValueError, match="dpm, ddim"):
        make_scheduler("fast", like())
    for steps in (0, 1000):
        with pytest.raises(ValueError, match="1 to 999"):
            prepare(make_scheduler("ddim", like()), steps, 1.0, CPU)
