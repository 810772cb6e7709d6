"""The command `demo`: real photos edited by real recordings, on one sheet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sonicdiff.cli import options

if TYPE_CHECKING:
    from torch import Tensor

    from sonicdiff.pipelines.sonic_diffusion import SonicDiffusionPipeline

EXAMPLES = Path(__file__).parents[2] / "examples"
PHOTOS = ("photos/valley.jpg", "photos/mountains.jpg", "photos/riverside.jpg")
SOUNDS = ("sounds/rain.ogg", "sounds/thunder-rolling.ogg", "sounds/campfire.ogg")


def demo(
    photos: Annotated[list[Path] | None, typer.Option("--photo", help="A photo, repeatable.  [default: three of examples/]")] = None,
    sounds: Annotated[list[Path] | None, typer.Option("--sound", help="A sound, repeatable.  [default: three of examples/]")] = None,
    folder: Annotated[Path, typer.Option(help="For the images.")] = Path("outputs/demo"),
    steps: options.Steps = 50,
    model: options.Model = "mini",
    device: options.Device = None,
    quiet: options.Quiet = False,
) -> None:
    """Edit example photos with example sounds. The results are laid out on one sheet."""
    photo_files, sound_files = photos or [EXAMPLES / name for name in PHOTOS], sounds or [EXAMPLES / name for name in SOUNDS]
    options.existing(*photo_files, *sound_files)
    started = time.perf_counter()
    import sonicdiff
    from sonicdiff.audio import waveform
    from sonicdiff.cli.pictures import sheet, spectrogram
    from sonicdiff.pipelines import photos as pictures
    from sonicdiff.pipelines import provenance

    pipeline = sonicdiff.load(model, device)
    typer.echo(f"loaded {model} ({time.perf_counter() - started:.1f} s)")
    columns = []
    known = class_embeddings(pipeline)
    for file in sound_files:
        heard, clip = hear(pipeline, file, known), waveform.load(file)
        columns.append((file.name, f"heard: {heard}", spectrogram(clip.mono().samples[0], clip.sample_rate)))
        typer.echo(f"{file.name} is heard as {heard}")
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for photo in photo_files:
        row = [pictures.load(photo)]
        for sound in sound_files:
            begun = time.perf_counter()
            row.append(pipeline.edit(photo, sound, num_inference_steps=steps, show_progress=not quiet))
            path = provenance.save(row[-1], folder / f"{photo.stem}-{sound.stem}.png", with_paths=True)
            typer.echo(f"{path}  ({time.perf_counter() - begun:.1f} s)")
        rows.append((photo.name, row))
    sheet(columns, rows).save(folder / "sheet.png")
    typer.echo(f"{len(photo_files) * len(sound_files)} edits in {time.perf_counter() - started:.0f} s; open {folder / 'sheet.png'}")


def class_embeddings(pipeline: SonicDiffusionPipeline, each: int = 4, seconds: float = 5.0) -> dict[str, Tensor]:
    """What each class sounds like to the model: the mean vector (1, dim) of a few sounds made by code, strong and weak."""
    from sonicdiff.pipelines.sounds import mixed
    from sonicdiff.synthetic.classes import CLASSES, SPLITS
    from sonicdiff.synthetic.sounds import render_sound

    def embedding(name: str) -> Tensor:
        seeds = range(SPLITS["validation"] * 10**9, SPLITS["validation"] * 10**9 + each)
        clips = [render_sound(name, (0.4, 0.9)[seed % 2], seed, seconds) for seed in seeds]
        return mixed([pipeline.embed_audio((clip, 48_000)) for clip in clips], [1.0] * each)

    return {name: embedding(name) for name in CLASSES}


def hear(pipeline: SonicDiffusionPipeline, sound: Path, known: dict[str, Tensor]) -> str:
    """The class whose embedding is nearest to the sound's."""
    embeds = pipeline.embed_audio(str(sound))
    return max(known, key=lambda name: float((embeds * known[name]).sum()))
