"""What several tests share: the tiny pipeline, and a few files for it to work on. Heavy imports wait for the test that needs them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest

if TYPE_CHECKING:
    from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

# How long an example takes is the machine's affair: a first call compiles, and others may be busy beside it.
hypothesis.settings.register_profile("sonicdiff", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("sonicdiff")


@pytest.fixture(scope="session")
def tiny_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny pipeline saved: a model directory like those in checkpoints/."""
    from tiny import make_pipeline

    folder = tmp_path_factory.mktemp("models") / "tiny"
    make_pipeline(tmp_path_factory.mktemp("tokenizer")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def loaded_tiny(tiny_directory: Path) -> SonicDiffusionPipeline:
    from sonicdiff.pipelines.loading import load_pictures

    return load_pictures(tiny_directory, "cpu")


@pytest.fixture
def tiny(loaded_tiny: SonicDiffusionPipeline) -> SonicDiffusionPipeline:
    """The tiny pipeline, as if loaded afresh."""
    fresh = copy.deepcopy(loaded_tiny)
    fresh.sources.sources.clear()  # other tests' photos
    return fresh


@pytest.fixture(scope="session")
def tiny_music_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny music pipeline saved."""
    from tiny import make_music_pipeline

    folder = tmp_path_factory.mktemp("models") / "tiny-music"
    make_music_pipeline(tmp_path_factory.mktemp("tokenizer")).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_music(tiny_music_directory: Path) -> MusicPipeline:
    from sonicdiff.pipelines.loading import load_music

    return load_music(tiny_music_directory, "cpu")


@pytest.fixture(scope="session")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A photo-like picture, 96 x 64: smooth colours, edges, noise."""
    from PIL import Image

    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:64, 0:96]
    pixels = np.stack([x * 2.5, y * 4, 255 - x * 2], -1) + 60 * (y > 40)[..., None] + rng.normal(0, 12, (64, 96, 3))
    path = tmp_path_factory.mktemp("photos") / "coast.png"
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return path


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sounds") / "hiss.wav", seed=0)


@pytest.fixture(scope="session")
def other_sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sounds") / "hum.wav", seed=1, hum=True)


def write_sound(path: Path, seed: int, hum: bool = False) -> Path:
    import soundfile

    noise = np.random.default_rng(seed).normal(0, 0.1, 24_000)
    tone = 0.5 * np.sin(2 * np.pi * 110 * np.arange(24_000) / 16_000)
    soundfile.write(path, tone + 0.1 * noise if hum else noise, 16_000)
    return path
