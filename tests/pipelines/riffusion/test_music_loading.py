"""Models of music by name and path: ours, and Stable Diffusion's layout as Riffusion was released in it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from diffusers import PNDMScheduler, StableDiffusionPipeline
from tiny import make_text_encoder, make_tokenizer, make_unet, make_vae

from sonicdiff.audio.spectrogram import SpectrogramParams
from sonicdiff.hub.model_directory import variant_of
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

FAST = {"num_inference_steps": 2, "show_progress": False, "seed": 0}


def released(folder: Path, variant: str | None, dtype: torch.dtype = torch.float32) -> Path:
    """A directory as diffusers wrote Riffusion's: a StableDiffusionPipeline without its safety checker, with SD 1.5's scheduler."""
    tokenizer = make_tokenizer(folder / "tokenizer")
    scheduler = PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)
    unet = make_unet()
    unet.register_to_config(sample_size=64)
    StableDiffusionPipeline(
        vae=make_vae(), text_encoder=make_text_encoder(tokenizer), tokenizer=tokenizer, unet=unet, scheduler=scheduler,  # pyright: ignore
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,  # pyright: ignore
    ).to(dtype=dtype).save_pretrained(folder / "riffusion", variant=variant)  # fmt: skip
    return folder / "riffusion"


@pytest.mark.parametrize(("variant", "dtype"), [(None, torch.float32), ("fp16", torch.float16)])
def test_riffusions_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variant: str | None, dtype: torch.dtype) -> None:
    directory = released(tmp_path, variant, dtype)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    pipeline = loading.load("riffusion", "cpu")
    assert isinstance(pipeline, MusicPipeline) and pipeline.unet.dtype == torch.float32
    assert json.loads((directory / "model_index.json").read_text())["_class_name"] == "StableDiffusionPipeline"
    assert pipeline.params == SpectrogramParams() and pipeline.config["frames_a_beat"] is None
    clip = pipeline.music("jazz", **FAST)[0]
    assert clip.image.size == (512, 512) and clip.seconds == 5.12  # eight beats at 93.75
    assert clip.bpm == 93.75
    steady = pipeline.music("jazz, 110 bpm", bars=2, **FAST)[0]
    assert steady.bpm == 110 and steady.image.size == (448, 512)
    assert np.isfinite(steady.samples).all()


def test_it_is_saved_and_loaded_as_ours(tiny_music: MusicPipeline, tmp_path: Path) -> None:
    tiny_music.save_pretrained(tmp_path / "mine")
    again = loading.load_music(tmp_path / "mine", "cpu")
    assert again.params == tiny_music.params and again.config["frames_a_beat"] == 32
    assert np.array_equal(again.music("x", **FAST)[0].samples, tiny_music.music("x", **FAST)[0].samples)


def test_a_model_of_the_wrong_kind_is_told(tiny_music_directory: Path, tiny_directory: Path) -> None:
    with pytest.raises(ValueError, match="makes music"):
        loading.load_pictures(tiny_music_directory, "cpu")
    with pytest.raises(ValueError, match="makes pictures"):
        loading.load_music(tiny_directory, "cpu")


def test_without_a_network_it_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "cache"))
    with pytest.raises(OSError, match=r"'riffusion' is not here .* cannot be reached .* connect"):
        loading.load("riffusion", "cpu")


def test_half_precision_files_are_preferred() -> None:
    plain = ["unet/diffusion_pytorch_model.safetensors", "vae/diffusion_pytorch_model.safetensors"]
    assert variant_of(plain) is None
    assert variant_of([*plain, "unet/diffusion_pytorch_model.fp16.safetensors"]) == "fp16"
