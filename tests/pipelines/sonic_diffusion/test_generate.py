"""generate: what each argument does, seeds, stopping, and interpolation, on the tiny pipeline."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import PNDMScheduler
from PIL import Image

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.common.audio_conditioning import mixed
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 3, "output_type": "latent", "show_progress": False}


def one(pipeline: SonicDiffusionPipeline, *args: Any, **options: Any) -> torch.Tensor:
    (latents,) = pipeline.generate(*args, **{**FAST, "seed": 7, **options})
    return latents


def test_sound_text_and_both_differ(tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path) -> None:
    results = [one(tiny), one(tiny, sound), one(tiny, other_sound), one(tiny, prompt="rain"), one(tiny, sound, "rain")]
    results += [one(tiny, sound, "rain", negative_prompt="sun"), one(tiny, sound, "rain", guidance_scale=2.0)]
    for index, a in enumerate(results):
        assert a.shape == (1, 4, 8, 8)
        assert all(not torch.equal(a, b) for b in results[:index])


def test_same_seed_same_image_alone_or_in_a_batch(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    batch = tiny.generate(sound, "rain", num_images_per_prompt=3, seed=7, **FAST)
    for index, latents in enumerate(batch):
        assert torch.equal(latents, one(tiny, sound, "rain", seed=7 + index))
    generators = [torch.Generator().manual_seed(7 + index) for index in range(3)]
    again = tiny.generate(sound, "rain", num_images_per_prompt=3, generator=generators, **FAST)
    assert all(torch.equal(a, b) for a, b in zip(batch, again, strict=True))


def test_noise_is_that_of_the_cpu_generator(tiny: SonicDiffusionPipeline) -> None:
    seen = []
    one(tiny, prompt="rain", seed=3, num_inference_steps=1, callback_on_step_end=lambda *a: seen.append(a))
    noise = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(3))
    assert torch.equal(tiny._noise((64, 64), torch.Generator().manual_seed(3)), noise)
    assert seen[0][0] is tiny and seen[0][1:3] == (0, 1)


def test_beta_and_guidance_of_zero_are_silence(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    silent = one(tiny, prompt="rain")
    torch.testing.assert_close(one(tiny, sound, "rain", audio_guidance_scale=0.0), silent)
    torch.testing.assert_close(one(tiny, sound, "rain", beta=0.0), silent, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(one(tiny, sound, "rain", audio_start=0.5, audio_end=0.5), silent)
    assert not torch.equal(one(tiny, sound, "rain", beta={"*": 0.0, "mid_block*": 1.0}), silent)
    with pytest.raises(ValueError, match="none of the audio layers"):
        one(tiny, sound, beta={"encoder*": 1.0})


def test_pndm_is_what_diffusers_loop_does(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    """SD 1.4's scheduler as StableDiffusionPipeline asks it, 11 passes for 10 steps; by default where the checkpoint says so."""
    tiny.register_to_config(null_audio="zeros")
    scheduler = PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)
    scheduler.set_timesteps(10)
    timesteps: Any = scheduler.timesteps
    seen: list[int] = []
    scales = {"guidance_scale": 3.0, "audio_guidance_scale": 3.0, "num_inference_steps": 10}
    found = one(tiny, sound, "rain", solver="pndm", **scales, callback_on_step_end=lambda pipe, step, t, state: seen.append(t))
    assert seen == timesteps.tolist() and len(seen) == 11
    x = torch.randn((1, 4, 8, 8), generator=torch.Generator().manual_seed(7))
    with torch.no_grad(), tiny.adapter.attached(tiny.unet):
        embeds = tiny.embed_audio(sound)
        tokens = torch.cat([tiny.projector(torch.zeros_like(embeds)), tiny.projector(embeds)])
        texts = torch.cat([tiny.encode_prompt(""), tiny.encode_prompt("rain")])
        given = {"audio_tokens": tokens, "audio_scale": 1.0, "audio_rows": slice(-2, None)}
        for t in timesteps:
            null, cond = tiny.unet(torch.cat([x, x]), t, encoder_hidden_states=texts, cross_attention_kwargs=given).sample.chunk(2)
            x = scheduler.step(null + 3.0 * (cond - null), int(t), x, return_dict=False)[0]
    assert (found - x).norm() < 1e-4 * x.norm()


def test_a_checkpoint_says_its_sampler(tiny: SonicDiffusionPipeline) -> None:
    ddim, pndm = (one(tiny, prompt="rain", solver=solver) for solver in ("ddim", "pndm"))
    assert torch.equal(one(tiny, prompt="rain"), ddim) and not torch.equal(ddim, pndm)
    tiny.register_to_config(sampler="pndm")
    assert torch.equal(one(tiny, prompt="rain"), pndm)
    with pytest.raises(ValueError, match="ddim, pndm"):
        one(tiny, solver="dpm")


def test_pndm_from_a_photo_begins_at_its_noise(tiny: SonicDiffusionPipeline, photo: Path) -> None:
    """The last steps are those of the schedule: what a step of noise leaves is a small difference."""
    ends = [one(tiny, image=photo, strength=0.3, num_inference_steps=10, solver=solver) for solver in ("ddim", "pndm")]
    assert (ends[0] - ends[1]).norm() < 0.1 * ends[0].norm()


def test_window(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    steps: dict[str, list[torch.Tensor]] = {"silent": [], "late": []}

    def keep(name: str) -> Any:
        return lambda pipeline, step, t, state: steps[name].append(state["latents"])

    one(tiny, prompt="rain", callback_on_step_end=keep("silent"))
    one(tiny, sound, "rain", audio_start=0.5, callback_on_step_end=keep("late"))
    same = [torch.equal(a, b) for a, b in zip(steps["silent"], steps["late"], strict=True)]
    assert same == [True, True, False]
    with pytest.raises(ValueError, match="0 <= start <= end <= 1"):
        one(tiny, sound, audio_start=0.8, audio_end=0.2)


def test_null_audio_rules(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    off, text = one(tiny, sound, "rain"), one(tiny, prompt="rain")
    tiny.register_to_config(null_audio="zeros")
    assert not torch.equal(one(tiny, sound, "rain"), off)
    assert torch.equal(one(tiny, prompt="rain"), text)


def test_encoder_sharing_changes_nothing(tiny: SonicDiffusionPipeline, sound: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = one(tiny, sound)
    monkeypatch.setattr(SonicDiffusionPipeline, "_shares_encoder", False)
    torch.testing.assert_close(one(tiny, sound), shared, atol=1e-4, rtol=1e-4)


def test_several_sounds(tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path) -> None:
    a, b = tiny.embed_audio(sound), tiny.embed_audio(other_sound)
    assert a.norm() == pytest.approx(1, abs=1e-5)
    torch.testing.assert_close(tiny.embed_audio([(sound, 1.0), (other_sound, 2.0)]), mixed([a, b], [1.0, 2.0]))
    assert torch.equal(one(tiny, [(sound, 1.0), (other_sound, 0.0)]), one(tiny, sound))
    assert torch.equal(one(tiny, audio_embeds=a), one(tiny, sound))
    for wrong in ([], [sound], [(sound, 1.0, 2.0)]):
        with pytest.raises(ValueError, match="list of"):
            one(tiny, wrong)
    with pytest.raises(ValueError, match="cancel out"):
        one(tiny, [(sound, 1.0), (sound, -1.0)])


def test_interpolation_ends_at_the_sounds(tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path) -> None:
    strip = tiny.interpolate(sound, other_sound, 3, seed=7, **FAST)
    torch.testing.assert_close(strip[0], one(tiny, sound), atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(strip[2], one(tiny, other_sound), atol=1e-3, rtol=1e-3)
    assert len(strip) == 3 and not torch.allclose(strip[1], strip[0], atol=1e-3)


def test_image_to_image(tiny: SonicDiffusionPipeline, sound: Path, photo: Path) -> None:
    clean = one(tiny, image=photo, strength=0.0, num_inference_steps=50)
    assert clean.shape == (1, 4, 8, 8) or clean.shape[-1] > clean.shape[-2]
    (image,) = tiny.generate(sound, image=photo, strength=0.7, seed=1, num_inference_steps=3, show_progress=False)
    assert image.size == Image.open(photo).size
    seen = []
    one(tiny, image=photo, strength=0.5, num_inference_steps=10, callback_on_step_end=lambda p, step, t, state: seen.append(t))
    assert seen == [401, 301, 201, 101, 1]


def test_output_types_and_sizes(tiny: SonicDiffusionPipeline) -> None:
    assert (tiny.multiple, tiny.size()) == (64, (64, 64))
    (image,) = tiny.generate(prompt="rain", seed=1, num_inference_steps=2, height=64, width=128, show_progress=False)
    (pixels,) = tiny.generate(prompt="rain", seed=1, num_inference_steps=2, height=64, width=128, show_progress=False, output_type="np")
    assert image.size == (128, 64) and pixels.shape == (64, 128, 3)
    assert np.array_equal(np.round(pixels * 255), np.asarray(image))
    with pytest.raises(ValueError, match="multiples of 64"):
        one(tiny, height=100, width=64)
    with pytest.raises(ValueError, match="output_type 'jpg'"):
        one(tiny, output_type="jpg")


def test_stops_and_works_again(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    expected = one(tiny, sound)
    keys = list(tiny.unet.state_dict())

    def interrupt(pipeline: SonicDiffusionPipeline, step: int, t: int, state: dict[str, Any]) -> None:
        pipeline._interrupt = step == 1

    for callback in (interrupt, lambda pipeline, step, t, state: step < 1):
        with pytest.raises(Stopped, match="step 2"):
            one(tiny, sound, callback_on_step_end=callback)
    assert list(tiny.unet.state_dict()) == keys
    assert torch.equal(one(tiny, sound), expected)


def test_progress_bar_can_be_turned_off(
    tiny: SonicDiffusionPipeline, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)  # bars are drawn to terminals
    one(tiny)
    assert capsys.readouterr().err == ""
    one(tiny, show_progress=True)
    assert "3/3" in capsys.readouterr().err
    tiny.set_progress_bar_config(disable=True)
    one(tiny, show_progress=True)
    assert capsys.readouterr().err == ""


def test_long_prompt_is_said(tiny: SonicDiffusionPipeline) -> None:
    with pytest.warns(UserWarning, match="only the first 77 are read"):
        one(tiny, prompt="rain " * 50)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_images_per_prompt": 0}, "at least 1"),
        ({"seed": -1}, "seed -1"),
        ({"generator": torch.Generator()}, "both a seed and a generator"),
        ({"guidance_scale": float("nan")}, "finite"),
        ({"num_inference_steps": 0}, "expected 1 to 999"),
        ({"audio_embeds": torch.ones(1, 32), "audio": (np.zeros(10), 16_000)}, "expected one of them"),
    ],
)
def test_errors(tiny: SonicDiffusionPipeline, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        one(tiny, **options)
