"""sonicdiff: images from sounds, and photos edited by sounds.

    image = sonicdiff.edit("coast.jpg", "thunder.wav")                     # PIL.Image
    image = sonicdiff.generate("rain.wav", prompt="a harbour at night")    # PIL.Image

`load` gives the pipeline itself, with every option. The packages, each using only those above it:

    audio        sound files in, CLAP vectors out
    models       the projector and the gated audio layers of a stock UNet
    diffusion    DDIM both ways, guidance, plug-and-play injection: pure functions
    synthetic    scenes and sounds made by code
    pipelines    generate, edit, interpolate; checkpoints; the record in each image
    training     the commands that made the shipped model
    evaluation   its scores
    ui           the app in the browser
    cli          all of it on the command line
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sonicdiff import _torchaudio_guard

if TYPE_CHECKING:
    from PIL.Image import Image

    from sonicdiff.pipelines.photos import Photo
    from sonicdiff.pipelines.sonic_diffusion import SonicDiffusionPipeline
    from sonicdiff.pipelines.sounds import Sounds

__version__ = "0.1.0"
__all__ = ["__version__", "edit", "generate", "load"]

_torchaudio_guard.install()


def load(model: str = "mini", device: str | None = None) -> SonicDiffusionPipeline:
    """The pipeline of a model by name or path, on `device` (default: a GPU if there is one); loaded once and reused."""
    from sonicdiff.pipelines import checkpoints

    return checkpoints.load_once(model, device)


def generate(audio: Sounds | None = None, prompt: str = "", *, model: str = "mini", device: str | None = None, **options: Any) -> Image:
    """One image from a sound, a text, or both. options: those of `SonicDiffusionPipeline.generate` (seed, beta, image, strength ...)."""
    return load(model, device).generate(audio, prompt, num_images_per_prompt=1, **options)[0]


def edit(
    image: Photo, audio: Sounds | None = None, prompt: str = "", *, model: str = "mini", device: str | None = None, **options: Any
) -> Image:
    """A photo changed by a sound, in its own size. options: those of `SonicDiffusionPipeline.edit` (beta, attention_injection ...)."""
    return load(model, device).edit(image, audio, prompt, **options)
