"""DDIM against diffusers' scheduler, there and back, and stopping."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
from __future__ import annotations

import pytest
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from sonicdiff.diffusion import ddim

SCHEDULER = DDIMScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1
)


def toy(x: Tensor, t: int) -> Tensor:
    """The exact noise of data that is N(0.5, 0.1): what a perfect network would say."""
    alpha = float(SCHEDULER.alphas_cumprod[t])
    mean, variance = alpha**0.5 * 0.5, alpha * 0.01 + 1 - alpha
    return (1 - alpha) ** 0.5 * (x - mean) / variance


def noise(rows: int = 1) -> Tensor:
    return torch.randn(rows, 4, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("steps", [1, 7, 20, 50, 999])
def test_schedule_is_diffusers(steps: int) -> None:
    SCHEDULER.set_timesteps(steps)
    assert list(ddim.make_schedule(SCHEDULER.alphas_cumprod, steps).timesteps) == SCHEDULER.timesteps.tolist()


def test_sample_is_diffusers() -> None:
    SCHEDULER.set_timesteps(10)
    expected = noise()
    for t in SCHEDULER.timesteps:
        expected = SCHEDULER.step(toy(expected, int(t)), t, expected).prev_sample
    found = ddim.sample(toy, noise(), ddim.make_schedule(SCHEDULER.alphas_cumprod, 10))
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=0)


@given(st.floats(0.01, 0.999), st.floats(0.01, 0.999))
def test_step_there_and_back(alpha: float, other: float) -> None:
    x, eps = noise().double(), noise().flip(0).double().roll(1)
    there = ddim.ddim_step(x, eps, alpha, other)
    torch.testing.assert_close(ddim.ddim_step(there, eps, other, alpha), x, atol=1e-9, rtol=1e-9)


def test_inversion_there_and_back() -> None:
    schedule = ddim.make_schedule(SCHEDULER.alphas_cumprod, 50)
    x0 = 0.5 + 0.1 * noise()

    def error(**options: object) -> float:
        trajectory = ddim.invert(toy, x0, schedule, **options)  # pyright: ignore
        assert len(trajectory) == 50 and trajectory[-1].std() < trajectory[0].std()
        return float((ddim.sample(toy, trajectory[0], schedule) - x0).abs().max())

    assert max(error(), error(at="current")) < 0.15
    assert error(refinements=1) < error() / 2
    assert error(refinements=5) < 0.005
    with pytest.raises(ValueError, match="refinements"):
        error(at="current", refinements=1)


def test_same_alone_or_in_a_batch() -> None:
    schedule = ddim.make_schedule(SCHEDULER.alphas_cumprod, 10)
    assert torch.equal(ddim.sample(toy, noise(3), schedule)[1:2], ddim.sample(toy, noise(3)[1:2], schedule))


def test_callback_sees_each_step_and_stops() -> None:
    schedule, seen = ddim.make_schedule(SCHEDULER.alphas_cumprod, 5), []
    ddim.sample(toy, noise(), schedule, lambda step, t, x: seen.append((step, t)))
    assert seen == list(enumerate(schedule.timesteps))
    with pytest.raises(ddim.Stopped, match="step 3"):
        ddim.sample(toy, noise(), schedule, lambda step, t, x: step < 2)
    with pytest.raises(ddim.Stopped):
        ddim.invert(toy, noise(), schedule, callback=lambda step, t, x: False)


def test_last_and_strength() -> None:
    schedule = ddim.make_schedule(SCHEDULER.alphas_cumprod, 10)
    assert schedule.last(3).timesteps == schedule.timesteps[-3:] and len(schedule.last(3).steps) == 3
    assert [ddim.steps_of(strength, 10) for strength in (0, 0.04, 0.6, 1)] == [1, 1, 6, 10]
    with pytest.raises(ValueError, match=r"strength 1\.5"):
        ddim.steps_of(1.5, 10)
    for steps in (0, 1000):
        with pytest.raises(ValueError, match="expected 1 to 999"):
            ddim.make_schedule(SCHEDULER.alphas_cumprod, steps)


def test_the_second_order_solver_is_diffusers() -> None:
    scheduler = DPMSolverMultistepScheduler.from_config(SCHEDULER.config, algorithm_type="dpmsolver++", final_sigmas_type="sigma_min")
    schedule = ddim.make_schedule(SCHEDULER.alphas_cumprod, 12)
    scheduler.set_timesteps(timesteps=list(schedule.timesteps))
    scheduler.config.lower_order_final = False
    expected = noise()
    for t in scheduler.timesteps:
        expected = scheduler.step(toy(expected, int(t)), t, expected).prev_sample
    torch.testing.assert_close(ddim.sample(toy, noise(), schedule, solver="dpm"), expected, atol=1e-4, rtol=1e-4)


def test_the_second_order_solver_needs_fewer_steps() -> None:
    exact = ddim.sample(toy, noise(), ddim.make_schedule(SCHEDULER.alphas_cumprod, 999))
    schedule = ddim.make_schedule(SCHEDULER.alphas_cumprod, 20)
    errors = [float((ddim.sample(toy, noise(), schedule, solver=solver) - exact).abs().max()) for solver in ("ddim", "dpm")]
    assert errors[1] < errors[0] / 3
    x0 = 0.5 + 0.1 * noise()
    back = []
    for solver in ("ddim", "dpm"):
        trajectory = ddim.invert(toy, x0, schedule, "current", solver=solver)
        back.append(float((ddim.sample(toy, trajectory[0], schedule, solver=solver) - x0).abs().max()))
    assert back[1] < 0.7 * back[0]
    with pytest.raises(ValueError, match="refinements"):
        ddim.invert(toy, x0, schedule, refinements=1, solver="dpm")
