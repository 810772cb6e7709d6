"""edit: the photo comes back in its size, the cache pays, and what is left alone stays as it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import TEXT_DIM
from torch import Tensor

from bench import plain
from sonicdiff.diffusion import ddim
from sonicdiff.pipelines.common.record import KEY
from sonicdiff.pipelines.sonic_diffusion import plug_and_play
from sonicdiff.pipelines.sonic_diffusion.detail import carry_over, similarity
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import Source, SourceCache
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 4, "show_progress": False}


@pytest.mark.parametrize("null_audio", ["off", "zeros"])
@pytest.mark.parametrize("prompt", ["", "rain"])
def test_equals_the_published_loops(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, prompt: str, null_audio: str) -> None:
    tiny.register_to_config(null_audio=null_audio)
    expected = plain.of_pipeline(tiny, Image.open(photo), sound, prompt, scale=3.0, attention=0.5, steps=10)
    options: dict[str, Any] = {"num_inference_steps": 10, "inversion_refinements": 0, "show_progress": False, "output_type": "latent"}
    scales = {"guidance_scale": 3.0, "audio_guidance_scale": 3.0}
    found = tiny.edit(photo, sound, prompt, **scales, **options)
    assert (found - expected).norm() < 1e-4 * expected.norm()


def test_photo_size_and_determinism(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    first = tiny.edit(photo, sound, **FAST)
    assert first.size == (96, 64)
    assert np.array_equal(np.asarray(tiny.edit(photo, sound, **FAST)), np.asarray(first))
    pixels = tiny.edit(photo, sound, **FAST, output_type="np")
    assert np.array_equal(np.round(pixels * 255), np.asarray(first))


@pytest.mark.parametrize("size", [(64, 64), (300, 100), (33, 250), (8, 64), (500, 375)])
def test_any_shape(tiny: SonicDiffusionPipeline, sound: Path, size: tuple[int, int]) -> None:
    photo = Image.effect_noise(size, 60).convert("RGB")
    width, height = tiny.size(photo)
    assert width % 64 == height % 64 == 0 and 0.4 < width * height / 64**2 < 9
    assert tiny.edit(photo, sound, num_inference_steps=1, show_progress=False).size == size


def test_second_sound_costs_no_inversion(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, other_sound: Path) -> None:
    phases: list[str] = []

    def note(pipeline: Any, step: int, t: int, state: dict[str, Any]) -> None:
        phases.append(state["phase"])
        assert step == len(phases) - 1 < state["total"]

    fresh = tiny.edit(photo, other_sound, **FAST)
    tiny.sources = SourceCache(2**31)
    tiny.edit(photo, sound, **FAST, callback_on_step_end=note)
    assert phases == ["inversion"] * 4 + ["features"] * 3 + ["edit"] * 4
    phases.clear()
    second = tiny.edit(photo, other_sound, **FAST, callback_on_step_end=note)
    assert phases == ["edit"] * 4
    assert np.array_equal(np.asarray(second), np.asarray(fresh))
    phases.clear()
    more = tiny.edit(photo, sound, **FAST, attention_injection=1.0, callback_on_step_end=note)
    assert phases == ["features"] * 2 + ["edit"] * 4
    tiny.sources = SourceCache(2**31)
    assert np.array_equal(np.asarray(tiny.edit(photo, sound, **FAST, attention_injection=1.0)), np.asarray(more))


def test_other_photo_or_settings_are_inverted_anew(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    other = Image.open(photo).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    tiny.edit(photo, sound, **FAST)
    tiny.edit(other, sound, **FAST)
    for inversion in ("target", "current"):
        tiny.edit(photo, sound, **FAST, inversion=inversion, inversion_refinements=0)
    assert len(tiny.sources.sources) == 4


def test_stopped_inversion_leaves_nothing_half_done(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    for last in (2, 6, 9):
        with pytest.raises(ddim.Stopped):
            tiny.edit(photo, sound, **FAST, callback_on_step_end=lambda pipeline, step, t, state, last=last: step < last)
    stopped = tiny.edit(photo, sound, **FAST)
    tiny.sources = SourceCache(2**31)
    assert np.array_equal(np.asarray(tiny.edit(photo, sound, **FAST)), np.asarray(stopped))


@torch.no_grad()
def test_injecting_what_would_be_there_anyway_changes_nothing(tiny: SonicDiffusionPipeline) -> None:
    schedule, nothing = ddim.make_schedule(tiny.scheduler.alphas_cumprod, 4), tiny.encode_prompt("")
    x, eps_model = tiny._noise((64, 64), torch.Generator().manual_seed(0)), plug_and_play.plain_model(tiny.unet, nothing)
    latents = [x]
    ddim.sample(eps_model, x, schedule, lambda step, t, after: latents.append(after))
    source = Source(dict(zip(schedule.timesteps, latents, strict=False)), Image.new("RGB", (64, 64)))
    plan = plug_and_play.injection_plan(tiny.unet, schedule, 1.0, 1.0)
    plug_and_play.record_features(tiny.unet, eps_model, source, plan, lambda *_: None)
    assert source.missing(plan) == {} and len(source.features) == 4
    start = source.latents[schedule.timesteps[0]]
    found = plug_and_play.resample(tiny.unet, eps_model, source, start, schedule, plan, lambda *_: None)
    torch.testing.assert_close(found, latents[-1], atol=1e-4, rtol=1e-4)


def test_plan_is_fractions_of_the_schedule(tiny: SonicDiffusionPipeline) -> None:
    schedule = ddim.make_schedule(tiny.scheduler.alphas_cumprod, 10)
    plan = plug_and_play.injection_plan(tiny.unet, schedule, 0.8, 0.5)
    assert [len(plan.get(t, [])) for t in schedule.timesteps] == [18] * 5 + [2] * 3 + [0] * 2
    assert plug_and_play.injection_plan(tiny.unet, schedule, 0, 0) == {}
    schedule = ddim.make_schedule(tiny.scheduler.alphas_cumprod, 25)
    plan = plug_and_play.injection_plan(tiny.unet, schedule, 0.79, 0.5)
    assert [len(plan.get(t, [])) for t in schedule.timesteps] == [18] * 12 + [2] * 7 + [0] * 6  # 12.5 and 19.75 rounded down
    assert plug_and_play.injection_plan(tiny.unet, schedule, 0.03, 0.03) == {}


def test_reconstruct_is_inversion_and_back(tiny: SonicDiffusionPipeline, photo: Path) -> None:
    """The paper's code's recon.jpg: no text, no sound, no guidance, nothing of the photo held."""
    nothing = plug_and_play.plain_model(tiny.unet, tiny.encode_prompt(""))
    schedule = ddim.make_schedule(tiny.scheduler.alphas_cumprod, 4)
    with torch.no_grad():
        x0 = tiny._encode(Image.open(photo), tiny.size(Image.open(photo)))
        expected = ddim.sample(nothing, ddim.invert(nothing, x0, schedule)[0], schedule)
    found = tiny.reconstruct(photo, **FAST, inversion_refinements=0, output_type="latent")
    assert (found - expected).norm() < 1e-4 * expected.norm()
    picture = tiny.reconstruct(photo, **FAST)
    assert picture.size == (96, 64) and json.loads(picture.info[KEY])["settings"]["detail"] == 0


def test_what_suits_a_checkpoint_is_its_configurations(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    def settings(**options: Any) -> dict[str, Any]:
        made = tiny.edit(photo, sound, num_inference_steps=1, show_progress=False, **options)
        return json.loads(made.info[KEY])["settings"]

    assert (settings()["guidance_scale"], settings()["detail"]) == (5.0, 1.0)
    tiny.register_to_config(guidance_scale=7.5, detail=0.0)
    assert (settings()["guidance_scale"], settings()["detail"]) == (7.5, 0.0)
    assert settings(guidance_scale=0.0, detail=0.5)["guidance_scale"] == 0.0


@pytest.mark.parametrize(
    ("photo_size", "expected"),
    [
        ((1920, 1080), (896, 512)),
        ((1080, 1920), (512, 896)),
        ((640, 640), (512, 512)),
        ((4000, 3000), (704, 512)),
        ((3000, 500), (1920, 320)),
    ],
)
def test_the_short_side_is_stable_diffusions(tiny: SonicDiffusionPipeline, photo_size: tuple[int, int], expected: tuple[int, int]) -> None:
    photo = Image.new("RGB", photo_size)
    tiny.unet.register_to_config(sample_size=512 // tiny.latent_pixels)
    assert tiny.size(photo) == expected
    tiny.memory = "low"
    width, height = tiny.size(photo)
    assert width * height < 1.2 * 512**2


def test_detail() -> None:
    rng = np.random.default_rng(0)
    photo = Image.fromarray(rng.integers(0, 256, (90, 70, 3), dtype=np.uint8))
    blurred = photo.resize((32, 40)).resize((35, 45))
    assert np.array_equal(np.asarray(carry_over(photo, blurred, blurred, 1.0)), np.asarray(photo))
    larger = blurred.resize(photo.size, Image.Resampling.BICUBIC)
    assert np.array_equal(np.asarray(carry_over(photo, blurred, blurred, 0.0)), np.asarray(larger))
    changed = np.asarray(blurred).copy()
    changed[:20] = 255 - changed[:20]
    kept = np.abs(np.asarray(carry_over(photo, Image.fromarray(changed), blurred, 1.0)).astype(int) - np.asarray(photo)).mean((1, 2))
    assert kept[60:].max() == 0 and kept[:30].min() > 10


def test_similarity_is_one_for_the_same_and_low_for_other_structure() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 256, (2, 40, 40, 3), dtype=np.uint8)
    np.testing.assert_allclose(similarity(a, a), 1)
    assert similarity(a, b).mean() < 0.3


def test_cache_is_bounded() -> None:
    cache, image = SourceCache(max_bytes=1300), Image.new("RGB", (8, 8))
    for name in "abc":
        cache.put(name, Source({1: torch.zeros(100)}, image))
    assert cache.get("a") is None and cache.get("b") is not None
    cache.put("d", Source({1: torch.zeros(100)}, image))
    assert cache.get("b") is not None and cache.get("c") is None
    cache.put("large", Source({1: torch.zeros(1000)}, image))
    assert list(cache.sources) == ["large"]


def test_text_alone_edits_too(tiny: SonicDiffusionPipeline, photo: Path) -> None:
    plain, rain = (tiny.edit(photo, prompt=prompt, **FAST, output_type="latent") for prompt in ("", "rain"))
    assert tiny.text_encoder.config.hidden_size == TEXT_DIM and not torch.equal(plain, rain)


def test_a_checkpoint_says_how_much_of_a_photo_is_held(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    options: dict[str, Any] = {**FAST, "output_type": "latent"}
    paper: dict[str, Any] = {"feature_injection": 0.8, "attention_injection": 0.5, "focus": 0.0, "guidance_rescale": 0.0}
    loose: dict[str, Any] = {"feature_injection": 0.3, "attention_injection": 0.0, "focus": 2.0, "guidance_rescale": 0.5}
    assert torch.equal(tiny.edit(photo, sound, **options), tiny.edit(photo, sound, **options, **paper))
    tiny.register_to_config(**loose)
    changed = tiny.edit(photo, sound, **options)
    assert torch.equal(changed, tiny.edit(photo, sound, **options, **loose))
    assert not torch.equal(changed, tiny.edit(photo, sound, **options, **paper))


def test_focus_leaves_more_of_the_photo(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    options: dict[str, Any] = {**FAST, "feature_injection": 0.0, "attention_injection": 0.0, "output_type": "latent"}
    unheard = tiny.edit(photo, **options)
    far = [float((tiny.edit(photo, sound, **options, focus=focus) - unheard).square().mean()) for focus in (0.0, 2.0, 8.0)]
    assert far[0] > far[1] > far[2] > 0
    with pytest.raises(ValueError, match=r"focus -1\.0; expected a number from 0 up"):
        tiny.edit(photo, sound, focus=-1, **FAST)
    with pytest.raises(ValueError, match=r"guidance_rescale 1\.5; expected a fraction"):
        tiny.generate(sound, guidance_rescale=1.5, **FAST)


def test_rescaling_narrows_an_edit(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    options: dict[str, Any] = {**FAST, "audio_guidance_scale": 20.0, "output_type": "latent"}
    glaring, tame = (tiny.edit(photo, sound, **options, guidance_rescale=share).std() for share in (0.0, 1.0))
    assert tame < glaring


@pytest.mark.parametrize("name", ["structure", "feature_injection", "attention_injection", "detail", "variation"])
def test_fractions_are_checked_first(tiny: SonicDiffusionPipeline, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} 1.5; expected a fraction from 0 to 1"):
        tiny.edit("nowhere.png", **{name: 1.5})  # pyright: ignore


def test_structure_is_in_terms_of_what_suits_the_checkpoint(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    tiny.register_to_config(feature_injection=0.6, attention_injection=0.2, focus=1.5)

    def used(**options: Any) -> tuple[float, float, float]:
        settings = json.loads(tiny.edit(photo, sound, **FAST, **options).info[KEY])["settings"]
        return settings["feature_injection"], settings["attention_injection"], settings["focus"]

    assert used() == (0.6, 0.2, 1.5) and used(structure=0.0) == (0, 0, 0)
    assert used(structure=1.0) == (1.0, 0.4, 3.0) and used(structure=1.0, focus=0.5) == (1.0, 0.4, 0.5)


def test_variations_differ_and_stay_near(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    def edit(**options: Any) -> Tensor:
        return tiny.edit(photo, sound, **FAST, **options, output_type="latent")

    itself = edit()
    assert torch.equal(edit(seed=1), itself)  # a seed alone means nothing
    assert torch.equal(edit(variation=0.3, seed=1), edit(variation=0.3, seed=1))
    assert not torch.equal(edit(variation=0.3, seed=1), edit(variation=0.3, seed=2))
    distances = [float((edit(variation=variation, seed=1) - itself).norm()) for variation in (0.1, 0.3, 1.0)]
    assert 0 < distances[0] < distances[1] < distances[2]
    torch.manual_seed(0)
    assert not torch.equal(edit(variation=0.3), edit(variation=0.3))  # without a seed one is drawn
