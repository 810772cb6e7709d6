"""A pipeline with a second stage: twice the pixels from the same first stage, edits that keep the photo, seeds, replay, saving, modes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tiny import make_second_stage

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.diffusion.super_resolution import TrailingSchedule, sample_velocity
from sonicdiff.hub import model_directory
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.pipelines import replay
from sonicdiff.pipelines.common.device import set_memory
from sonicdiff.pipelines.loading import load
from sonicdiff.pipelines.sonic_diffusion import second_stage
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "super_resolution_steps": 3, "show_progress": False}


@pytest.fixture
def cascade(tiny: SonicDiffusionPipeline) -> SonicDiffusionPipeline:
    tiny.register_modules(**make_second_stage())
    return tiny


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def test_v_is_followed_to_the_clean_end_from_pure_noise() -> None:
    """A model that knows the clean end leads there in any number of steps; the first step is at alpha 0."""
    clean, alphas = torch.full((1, 1, 2, 2), 0.7), make_second_stage()["super_resolution_scheduler"].alphas_cumprod
    for steps in (1, 3, 10):
        schedule = TrailingSchedule.make(alphas, steps)
        assert schedule.steps[0][:2] == (999, 0.0) and schedule.steps[-1][2] == 1.0 and len(schedule) == steps

        def velocity(x: torch.Tensor, t: int) -> torch.Tensor:
            alpha = float(alphas[t])
            noise = (x - alpha**0.5 * clean) / (1 - alpha) ** 0.5
            return alpha**0.5 * noise - (1 - alpha) ** 0.5 * clean

        assert torch.allclose(sample_velocity(velocity, torch.randn(1, 1, 2, 2), schedule), clean, atol=1e-5)
    with pytest.raises(ValueError, match="super_resolution_steps 0"):
        TrailingSchedule.make(alphas, 0)


def test_sizes_latents_and_progress(cascade: SonicDiffusionPipeline, sound: Path) -> None:
    assert (cascade.multiple, cascade.size()) == (128, (128, 128))
    phases: list[tuple[str, int, tuple[int, ...]]] = []

    def note(pipeline: Any, step: int, t: int, state: dict[str, Any]) -> None:
        phases.append((state["phase"], state["total"], tuple(state["latents"].shape[2:])))

    (image,) = cascade.generate(sound, seed=1, height=128, width=256, callback_on_step_end=note, **FAST)
    assert image.size == (256, 128)
    assert phases == [("image 1 of 1", 5, (8, 16))] * 2 + [("super-resolution", 5, (16, 32))] * 3
    first = cascade.generate(sound, seed=1, height=128, width=256, output_type="latent", **FAST)[0]
    assert first.shape == (1, 4, 8, 16)  # the first stage's
    cascade.register_modules(super_resolution=None, super_resolution_scheduler=None)
    assert torch.equal(first, cascade.generate(sound, seed=1, height=64, width=128, output_type="latent", **FAST)[0])


def test_a_seed_is_the_same_alone_and_in_a_batch_and_all_arguments_act(cascade: SonicDiffusionPipeline, sound: Path) -> None:
    one, two = cascade.generate(sound, num_images_per_prompt=2, seed=5, **FAST)
    (again,) = cascade.generate(sound, seed=6, **FAST)
    assert np.array_equal(pixels(two), pixels(again)) and not np.array_equal(pixels(one), pixels(two))
    for other in ({"super_resolution_steps": 4}, {"super_resolution_noise": 0.3}):
        assert not np.array_equal(pixels(cascade.generate(sound, seed=6, **{**FAST, **other})[0]), pixels(again))
    for wrong in ({"super_resolution_steps": 0}, {"super_resolution_noise": 0.6}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            cascade.generate(sound, seed=6, **{**FAST, **wrong})


def test_the_second_stage_reads_and_hears(cascade: SonicDiffusionPipeline) -> None:
    stage = cascade._second_stage(3, 0.1, "pil")
    assert stage is not None and cascade._second_stage(3, 0.1, "latent") is None
    small, embeds = torch.zeros(1, 4, 8, 8), torch.nn.functional.normalize(torch.ones(1, 32), dim=-1)

    def made(prompt: str, heard: torch.Tensor | None) -> torch.Tensor:
        with torch.no_grad():
            return stage(small, cascade.encode_prompt(prompt), heard, torch.Generator().manual_seed(0))

    assert made("", None).shape == (1, 4, 16, 16)
    assert not torch.equal(made("", None), made("", embeds)) and not torch.equal(made("", None), made("rain", None))
    assert torch.equal(made("rain", embeds), made("rain", embeds))


def test_an_edit_keeps_the_photos_detail_where_it_left_it_alone(cascade: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    edited = cascade.edit(photo, sound, **FAST)
    assert edited.size == Image.open(photo).size
    assert np.array_equal(pixels(edited), pixels(cascade.edit(photo, sound, **FAST)))
    both = cascade.edit_many(photo, [sound, sound], **FAST)
    assert all(each.size == edited.size for each in both)
    stage = cascade._second_stage(3, 0.1, "pil")
    assert stage is not None
    generator = torch.Generator().manual_seed(0)
    small, large = torch.randn(1, 4, 8, 8, generator=generator), torch.randn(1, 4, 16, 16, generator=generator)
    changed = small.clone()
    changed[..., 4:] += 3
    with torch.no_grad():
        result = stage(changed, cascade.encode_prompt(""), None, generator, second_stage.PhotoLatents(small, large))
    assert torch.allclose(result[..., :5], large[..., :5], atol=1e-5)
    assert not torch.isclose(result[..., 8:], large[..., 8:]).any()


def test_nothing_changed_is_the_photo(cascade: SonicDiffusionPipeline) -> None:
    """The reconstruction is made at the size that is decoded in the end."""
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8))
    cascade.edit(photo, None, **FAST)
    (source,) = cascade.sources.sources.values()
    assert source.reconstruction is not None and source.reconstruction.size == cascade.size(photo)
    assert cascade.autoencode(photo).size == photo.size
    with torch.no_grad():
        through = cascade._decode(cascade._encode_large(photo, cascade.size(photo)))
    assert np.array_equal(pixels(through), pixels(source.reconstruction))


def test_a_run_can_be_stopped_in_the_second_stage(cascade: SonicDiffusionPipeline, sound: Path) -> None:
    with pytest.raises(Stopped):
        cascade.generate(sound, seed=1, callback_on_step_end=lambda p, step, t, state: state["phase"] != "super-resolution", **FAST)


def test_replay_gives_the_same_bytes(cascade: SonicDiffusionPipeline, sound: Path, photo: Path, tmp_path: Path) -> None:
    for number, image in enumerate(
        (cascade.generate(sound, seed=5, super_resolution_noise=0.2, **FAST)[0], cascade.edit(photo, sound, **FAST))
    ):
        path = replay.save(image, tmp_path / f"{number}.png")
        assert replay.read(path)["settings"]["super_resolution_steps"] == 3
        again = replay.replay(path, sound=sound, image=photo if number else None, pipeline=cascade, show_progress=False)
        assert replay.save(again, tmp_path / "again.png").read_bytes() == path.read_bytes()


def test_saved_and_loaded_it_is_the_same(cascade: SonicDiffusionPipeline, sound: Path, tmp_path: Path) -> None:
    cascade.save_pretrained(tmp_path / "model")
    loaded = load(tmp_path / "model", "cpu")
    before, after = (pixels(pipeline.generate(sound, seed=5, **FAST)[0]).astype(int) for pipeline in (cascade, loaded))
    assert np.abs(before - after).max() <= 1  # a loaded model's layers lie otherwise in memory
    (tmp_path / "model" / "super_resolution" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(ValueError, match="super_resolution"):
        load(tmp_path / "model", "cpu")


def test_a_model_beside_it_shares_it(cascade: SonicDiffusionPipeline, sound: Path, tmp_path: Path) -> None:
    cascade.save_pretrained(tmp_path / "whole")
    (tmp_path / "beside").mkdir()
    index = {**model_directory.index_of(tmp_path / "whole"), model_directory.SHARES: "whole"}
    (tmp_path / "beside" / "model_index.json").write_text(json.dumps(index))
    ours, its = (load(tmp_path / name, "cpu").generate(sound, seed=5, **FAST)[0] for name in ("whole", "beside"))
    assert its.size == (128, 128) and np.array_equal(pixels(ours), pixels(its))


@pytest.mark.parametrize("mode", ["low", "very-low"])
def test_the_memory_modes(cascade: SonicDiffusionPipeline, photo: Path, sound: Path, mode: Any) -> None:
    expected = cascade.edit(photo, sound, **FAST)
    set_memory(cascade, mode, "cpu")
    result = cascade.edit(photo, sound, **FAST)
    assert result.size == expected.size
    if mode == "low":  # the other decodes in tiles, which this small decoder's pictures show
        assert np.array_equal(pixels(result), pixels(expected))


def test_half_precision(cascade: SonicDiffusionPipeline, sound: Path) -> None:
    cascade.to(dtype=torch.bfloat16)
    assert cascade.generate(sound, seed=5, **FAST)[0].size == (128, 128)


def test_an_upscaler_beside_it_and_half_of_it_are_refused(cascade: SonicDiffusionPipeline) -> None:
    parts = dict(cascade.components)
    for wrong in ({"upscaler": Upscaler(8, 1)}, {"super_resolution": None}, {"super_resolution_scheduler": None}):
        with pytest.raises(ValueError, match="expected an upscaler, or super_resolution"):
            SonicDiffusionPipeline(**{**parts, **wrong})
