"""The commands that make images: edit, generate, interpolate, replay."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sonicdiff.cli import options

if TYPE_CHECKING:
    from PIL.Image import Image

    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

Photo = Annotated[Path, typer.Argument(help="The photo to edit.")]
LOADING = ("model", "base", "lora", "device", "dtype", "memory")


def edit(
    photo: Photo,
    sounds: options.Sounds,
    output: options.Output = None,
    prompt: options.Prompt = "",
    negative_prompt: options.NegativePrompt = "",
    num_inference_steps: options.Steps = 50,
    guidance_scale: options.Guidance = None,
    audio_guidance_scale: options.AudioGuidance = 7.5,
    guidance_rescale: options.Rescale = None,
    beta: options.Beta = None,
    audio_start: options.AudioStart = 0.0,
    audio_end: options.AudioEnd = 1.0,
    sound_start: options.SoundStart = 0.0,
    sound_length: options.SoundLength = None,
    structure: Annotated[float, typer.Option(min=0, max=1, help="How much of the photo's structure to keep.")] = 0.5,
    variation: Annotated[float, typer.Option(min=0, max=1, help="Another edit of the same kind, so far from the first.")] = 0.0,
    seed: Annotated[int | None, typer.Option(help="Which other edit, with --variation.  [default: drawn at random]")] = None,
    feature_injection: Annotated[
        float | None, typer.Option(min=0, max=1, help="How long the photo's features are held; less changes more.  [default: the model's]")
    ] = None,
    attention_injection: Annotated[
        float | None, typer.Option(min=0, max=1, help="How long its self-attention is held; less changes more.  [default: the model's]")
    ] = None,
    focus: Annotated[
        float | None, typer.Option(min=0, help="How far to spare what changes least; 0 acts everywhere.  [default: the model's]")
    ] = None,
    solver: Annotated[str, typer.Option(help="ddim, or dpm (DPM-Solver++), which does with 20 to 25 --steps.")] = "ddim",
    detail: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much fine detail of the photo is carried over.  [default: the model's]")
    ] = None,
    super_resolution_steps: options.SuperResolutionSteps = 10,
    super_resolution_noise: options.SuperResolutionNoise = 0.1,
    model: options.Model = "mini",
    base: options.Base = None,
    lora: options.Loras = None,
    device: options.Device = None,
    dtype: options.Dtype = "auto",
    memory: options.Memory = "auto",
    keep_photo: Annotated[
        Path | None, typer.Option(help="A folder for the photo's inversion and features: its next sound starts from them.")
    ] = None,
    paths: options.Paths = True,
    quiet: options.Quiet = False,
    request: options.Request = None,
) -> None:
    """Edit a photo with a sound. The scene stays, and shows what is heard."""
    started = time.perf_counter()
    settings = chosen(locals(), "output", "sounds", "photo", "keep_photo", *LOADING, "paths", "quiet", "request", "started")
    pairs = options.weighted(sounds)
    options.existing(photo, *(path for path, _ in pairs))
    from sonicdiff.pipelines.sonic_diffusion.inversion_cache import SourceCache

    path = options.destination(output, photo, *(path for path, _ in pairs))
    with loaded(model, base, lora, device, dtype, memory) as pipeline:
        if keep_photo is not None:
            pipeline.sources = SourceCache(pipeline.sources.max_bytes, keep_photo, device=pipeline.sources.device)
        image = pipeline.edit(photo, list(pairs), show_progress=not quiet, **settings)
        say_unknown(pipeline, model, pairs, sound_start, sound_length)
    keep(image, path, paths, started, request=request)


def reconstruct(
    photo: Annotated[Path, typer.Argument(help="The photo to invert.")],
    output: options.Output = None,
    num_inference_steps: options.Steps = 50,
    solver: Annotated[str, typer.Option(help="ddim, or dpm (DPM-Solver++), which does with 20 to 25 --steps.")] = "ddim",
    model: options.Model = "mini",
    base: options.Base = None,
    lora: options.Loras = None,
    device: options.Device = None,
    dtype: options.Dtype = "auto",
    memory: options.Memory = "auto",
    paths: options.Paths = True,
    quiet: options.Quiet = False,
) -> None:
    """Show what inversion alone gives back of a photo: how much of it an edit can keep."""
    started = time.perf_counter()
    options.existing(photo)
    path = options.destination(output, f"{photo.stem}-reconstructed")
    with loaded(model, base, lora, device, dtype, memory) as pipeline:
        image = pipeline.reconstruct(photo, num_inference_steps=num_inference_steps, solver=solver, show_progress=not quiet)
    keep(image, path, paths, started)


def generate(
    sounds: Annotated[list[str] | None, typer.Argument(metavar="SOUND", help="Sounds to hear; none for an image from text alone.")] = None,
    output: options.Output = None,
    prompt: options.Prompt = "",
    negative_prompt: options.NegativePrompt = "",
    image: Annotated[Path | None, typer.Option(help="A picture to start from.")] = None,
    strength: Annotated[float, typer.Option(min=0, max=1, help="How far to leave it.")] = 0.6,
    solver: Annotated[str | None, typer.Option(help="ddim, or pndm: Stable Diffusion 1.4's.  [default: the model's]")] = None,
    seed: options.Seed = None,
    num_inference_steps: options.Steps = 50,
    guidance_scale: options.Guidance = None,
    audio_guidance_scale: options.AudioGuidance = 7.5,
    guidance_rescale: options.Rescale = 0.0,
    beta: options.Beta = None,
    audio_start: options.AudioStart = 0.0,
    audio_end: options.AudioEnd = 1.0,
    sound_start: options.SoundStart = 0.0,
    sound_length: options.SoundLength = None,
    height: Annotated[int | None, typer.Option(min=1)] = None,
    width: Annotated[int | None, typer.Option(min=1)] = None,
    super_resolution_steps: options.SuperResolutionSteps = 10,
    super_resolution_noise: options.SuperResolutionNoise = 0.1,
    model: options.Model = "mini",
    base: options.Base = None,
    lora: options.Loras = None,
    device: options.Device = None,
    dtype: options.Dtype = "auto",
    memory: options.Memory = "auto",
    paths: options.Paths = True,
    quiet: options.Quiet = False,
    request: options.Request = None,
) -> None:
    """Make an image from a sound, a text, or both."""
    started = time.perf_counter()
    settings = chosen(locals(), "output", "sounds", *LOADING, "paths", "quiet", "request", "started")
    pairs = options.weighted(sounds or [])
    if not pairs and not prompt:
        raise typer.BadParameter("give a sound, a --prompt, or both")
    options.existing(*(path for path, _ in pairs), *([image] if image else []))
    path = options.destination(output, *(path for path, _ in pairs))
    settings["seed"] = seed if seed is not None else random_seed()
    with loaded(model, base, lora, device, dtype, memory) as pipeline:
        made = pipeline.generate(list(pairs) or None, num_images_per_prompt=1, show_progress=not quiet, **settings)[0]
        say_unknown(pipeline, model, pairs, sound_start, sound_length)
    keep(made, path, paths, started, f", seed {settings['seed']}", request)


@contextmanager
def loaded(
    model: str, base: str | None, loras: list[str] | None, device: str | None, dtype: str, memory: str
) -> Iterator[SonicDiffusionPipeline]:
    """A model that makes pictures, on its own base or another, with these LoRAs inside the `with`."""
    from sonicdiff.pipelines.common.loras import applied
    from sonicdiff.pipelines.loading import load_pictures

    pairs = options.weighted(loras or [])
    options.existing(*(path for path, _ in pairs))
    pipeline = load_pictures(model, device, base=base, dtype=dtype, memory=memory)
    with applied(pipeline, pairs):
        yield pipeline


def interpolate(
    sound_a: Annotated[Path, typer.Argument(help="The sound to begin with.")],
    sound_b: Annotated[Path, typer.Argument(help="The sound to end with.")],
    frames: Annotated[int, typer.Option(min=2, max=200, help="How many images.")] = 6,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The PNG of the strip; the frames go beside it.")] = None,
    prompt: options.Prompt = "",
    seed: options.Seed = None,
    num_inference_steps: options.Steps = 50,
    guidance_scale: options.Guidance = None,
    audio_guidance_scale: options.AudioGuidance = 7.5,
    guidance_rescale: options.Rescale = 0.0,
    beta: options.Beta = None,
    super_resolution_steps: options.SuperResolutionSteps = 10,
    super_resolution_noise: options.SuperResolutionNoise = 0.1,
    model: options.Model = "mini",
    device: options.Device = None,
    paths: options.Paths = True,
    quiet: options.Quiet = False,
) -> None:
    """Make a strip of images from one sound to another."""
    started = time.perf_counter()
    settings = chosen(locals(), "output", "sound_a", "sound_b", "model", "device", "paths", "quiet", "started")
    options.existing(sound_a, sound_b)
    path = options.destination(output, sound_a, sound_b)
    settings["seed"] = seed if seed is not None else random_seed()
    from sonicdiff.pipelines import replay
    from sonicdiff.pipelines.common.image_loading import side_by_side
    from sonicdiff.pipelines.loading import load_pictures

    images = load_pictures(model, device).interpolate(sound_a, sound_b, show_progress=not quiet, **settings)
    for number, image in enumerate(images, 1):
        replay.save(image, path.with_name(f"{path.stem}-{number:03d}{path.suffix}"), with_paths=paths)
    side_by_side(images).save(path)
    typer.echo(f"{path}  ({len(images)} frames beside it, {time.perf_counter() - started:.1f} s, seed {settings['seed']})")


def replay(
    saved: Annotated[Path, typer.Argument(help="A picture or a sound that sonicdiff saved.")],
    sounds: Annotated[list[Path] | None, typer.Argument(metavar="SOUND", help="Its sounds, where the record does not find them.")] = None,
    image: Annotated[Path | None, typer.Option(help="Its photo, or its mask, where the record does not find it.")] = None,
    output: options.Output = None,
    model: Annotated[str | None, typer.Option("--model", "-m", help="The model.  [default: the one recorded]")] = None,
    device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Make a saved image or piece of music again, from its record."""
    started = time.perf_counter()
    options.existing(saved, *(sounds or []), *([image] if image else []))
    import sonicdiff
    from sonicdiff.pipelines import replay

    made = replay.read(saved)
    ending = ".wav" if replay.is_music(made) and saved.suffix.lower() in replay.PICTURES else saved.suffix.lower()
    path = options.destination(output, f"{saved.stem}-replayed", endings=(ending,))
    pipeline = sonicdiff.load(model or replay.named(made), device)
    again = replay.replay(saved, sounds or None, image, pipeline, show_progress=not quiet)
    path = again.save(path, with_paths="files" in made) if replay.is_music(made) else replay.save(again, path)
    same = "the same bytes" if path.read_bytes() == saved.read_bytes() else "the same settings"
    typer.echo(f"{path}  ({same}, {time.perf_counter() - started:.1f} s)")


def say_unknown(
    pipeline: SonicDiffusionPipeline, model: str, pairs: Sequence[tuple[str, float]], sound_start: float, sound_length: float | None
) -> None:
    """On stderr, of each sound that is none of the model's classes, that it is not; the picture is made all the same."""
    if pipeline.labels is None:
        return
    for path, _ in pairs:
        heard = pipeline.heard(path, 1, sound_start, sound_length)
        if not heard.is_known:
            typer.echo(f"{Path(path).name} {heard.sentence(Path(model).name)}", err=True)


def chosen(arguments: dict[str, Any], *names: str) -> dict[str, Any]:
    """A command's arguments but those named, as the pipeline takes them."""
    settings = {name: value for name, value in arguments.items() if name not in names}
    return {**settings, "beta": options.scales(settings["beta"])}


def keep(image: Image, path: Path, with_paths: bool, started: float, more: str = "", request: str | None = None) -> None:
    """Saves an image with its record, `request` in it, and says where it is and how long it took."""
    from sonicdiff.pipelines import replay
    from sonicdiff.pipelines.common import record

    if request is not None:
        record.add(image, request=request)
    replay.save(image, path, with_paths=with_paths)
    typer.echo(f"{path}  ({time.perf_counter() - started:.1f} s{more})")


def random_seed() -> int:
    import secrets

    return secrets.randbelow(2**32)
