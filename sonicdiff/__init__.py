"""sonicdiff: images from sounds, photos edited by sounds, and music from text.

    image = sonicdiff.edit("coast.jpg", "thunder.wav")                     # PIL.Image
    image = sonicdiff.generate("rain.wav", prompt="a harbour at night")    # PIL.Image
    clip  = sonicdiff.music("(jazz:1.2) piano, 110 bpm", seconds=10)       # Clip: .samples, .sample_rate, .save()

`load` gives the pipeline itself, with every option. The packages, each using only those above it:

    audio        sound files in, CLAP vectors out; mel spectrograms as pictures, and back to sound
    models       the projector and the gated audio layers of a stock UNet
    diffusion    DDIM both ways, guidance, plug-and-play injection, windows: pure functions
    hub          models on disks and on the Hugging Face Hub: names, directories, downloads, files of others
    synthetic    scenes, sounds and music made by code
    pipelines    generate, edit, interpolate; music, riff, jam; checkpoints; the record in each result
    training     the commands that made the shipped models
    evaluation   their scores
    ui           the app in the browser
    cli          all of it on the command line
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from sonicdiff import _torchaudio_guard

if TYPE_CHECKING:
    from PIL.Image import Image

    from sonicdiff.pipelines.common.audio_conditioning import Sounds
    from sonicdiff.pipelines.common.image_loading import Photo
    from sonicdiff.pipelines.loading import Pipeline
    from sonicdiff.pipelines.riffusion.clip import Clip

__version__ = "0.1.0"
__all__ = ["__version__", "edit", "generate", "load", "music"]

_torchaudio_guard.install()


def load(model: str | os.PathLike[str] = "mini", device: str | None = None, **options: Any) -> Pipeline:
    """The pipeline of a model by name, path or repository of the Hugging Face Hub, on `device` (default: a GPU if there is one).

    It is loaded once and reused. options: those of `sonicdiff.pipelines.loading.load` (base, cache_dir, revision, token ...).
    """
    from sonicdiff.pipelines import loading

    return loading.load_once(model, device, **options)


def generate(audio: Sounds | None = None, prompt: str = "", *, model: str = "mini", device: str | None = None, **options: Any) -> Image:
    """One image from a sound, a text, or both. options: those of `SonicDiffusionPipeline.generate` (seed, beta, image, strength ...)."""
    from sonicdiff.pipelines.loading import load_pictures

    return load_pictures(model, device).generate(audio, prompt, num_images_per_prompt=1, **options)[0]


def edit(
    image: Photo, audio: Sounds | None = None, prompt: str = "", *, model: str = "mini", device: str | None = None, **options: Any
) -> Image:
    """A photo changed by a sound, in its own size. options: those of `SonicDiffusionPipeline.edit` (beta, attention_injection ...)."""
    from sonicdiff.pipelines.loading import load_pictures

    return load_pictures(model, device).edit(image, audio, prompt, **options)


def music(prompt: str, seconds: float | None = None, *, model: str = "mini-music", device: str | None = None, **options: Any) -> Clip:
    """A clip of music for a prompt. options: those of `MusicPipeline.music` (bpm, bars, loop, seed_image, strength, seed ...)."""
    from sonicdiff.pipelines.loading import load_music

    return load_music(model, device).music(prompt, seconds=seconds, num_clips=1, **options)[0]
