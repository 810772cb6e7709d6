"""The command `demo`: real photos edited by real recordings, on one sheet."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from sonicdiff.cli import options

PHOTOS = ("photos/valley.jpg", "photos/mountains.jpg", "photos/palace.jpg")
SOUNDS = ("copyleft/campfire-close.ogg", "sounds/splash.ogg", "sounds/thunder-near.ogg")


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
    from sonicdiff.pipelines.pulling import examples

    photo_files, sound_files = photos or [examples() / name for name in PHOTOS], sounds or [examples() / name for name in SOUNDS]
    options.existing(*photo_files, *sound_files)
    options.writable(folder)
    started = time.perf_counter()
    from sonicdiff.audio import waveform
    from sonicdiff.audio.drawing import spectrogram
    from sonicdiff.cli.pictures import sheet
    from sonicdiff.pipelines import replay
    from sonicdiff.pipelines.common import image_loading as pictures
    from sonicdiff.pipelines.loading import load_pictures

    pipeline = load_pictures(model, device)
    typer.echo(f"loaded {model} ({time.perf_counter() - started:.1f} s)")
    columns = []
    for file in sound_files:
        heard, clip = pipeline.heard(str(file), top=1), waveform.load(file)
        columns.append((file.name, f"heard: {heard.nearest}", spectrogram(clip.mono().samples[0], clip.sample_rate)))
        typer.echo(f"{file.name} is heard as {heard.nearest}" if heard.is_known else f"{file.name} {heard.sentence(Path(model).name)}")
    rows = []
    for photo in photo_files:
        row = [pictures.load(photo)]
        for sound in sound_files:
            begun = time.perf_counter()
            row.append(pipeline.edit(photo, sound, num_inference_steps=steps, show_progress=not quiet))
            path = replay.save(row[-1], folder / f"{photo.stem}-{sound.stem}.png", with_paths=True)
            typer.echo(f"{path}  ({time.perf_counter() - begun:.1f} s)")
        rows.append((photo.name, row))
    sheet(columns, rows).save(folder / "sheet.png")
    typer.echo(f"{len(photo_files) * len(sound_files)} edits in {time.perf_counter() - started:.0f} s; open {folder / 'sheet.png'}")
