"""Saving an image with the record of what made it (JSON, as PNG text or EXIF user comment), reading it, making image or music again."""

from __future__ import annotations

import json
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import av
from PIL import ExifTags, Image, PngImagePlugin

from sonicdiff.audio.waveform import FORMATS
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.common import audio_conditioning, image_loading, record
from sonicdiff.pipelines.common.record import FILES, KEY
from sonicdiff.pipelines.riffusion import init_audio, jam
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

File = str | os.PathLike[str]
PICTURES = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""Endings of pictures that keep a record, and Pillow's names of their formats."""
QUALITY = 95  # of JPEG and WebP
ASCII = b"ASCII\0\0\0"  # what an EXIF user comment says of its text
NOT_REPLAYED = {
    "strip": "it is a strip of pictures; expected one of them, each of which has a record of its own",
    "live-jam": "it was played live, and its prompt may have changed meanwhile; it cannot be made again",
}
"""Tasks whose results say their settings and cannot be made again from them, and why."""


class ReplayError(ValueError):
    """An image that cannot be made again; the message says why in one sentence."""


def save(image: Image.Image, path: File, with_paths: bool = False) -> Path:
    """Writes a PNG, JPEG or WebP, by the name's ending, with the image's record. with_paths: also where its files are, for `replay`."""
    path = Path(path)
    kind = PICTURES.get(path.suffix.lower())
    if kind is None:
        raise ValueError(f"got the name {path.name!r}; expected one that ends in {', '.join(PICTURES)}: formats that keep the record")
    if KEY not in image.info:
        raise ValueError("this image has no record; expected one from generate, edit or interpolate")
    made = json.loads(image.info[KEY])
    if with_paths:
        made["files"] = record.relative_to(path.parent, json.loads(image.info[FILES]))
    if kind == "PNG":
        text = PngImagePlugin.PngInfo()
        text.add_itxt(KEY, json.dumps(made, ensure_ascii=False, sort_keys=True))
        image.save(path, format=kind, pnginfo=text)
    else:
        exif = Image.Exif()
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment] = ASCII + json.dumps({KEY: made}, sort_keys=True).encode()
        image.save(path, format=kind, exif=exif, quality=QUALITY)
    return path


def read(path: File) -> dict[str, Any]:
    """The record of a saved image or clip: task, model, revision, seed, settings, hashes of sounds and photo, versions."""
    try:
        if Path(path).suffix.lower() in FORMATS:
            made = json.loads(comment(path))
        else:
            with Image.open(path, formats=list(dict.fromkeys(PICTURES.values()))) as image:
                made = in_picture(image)
    except (OSError, KeyError, ValueError) as error:
        raise ReplayError(f"{Path(path).name} holds no record of sonicdiff; expected a file that sonicdiff saved, unchanged") from error
    if not isinstance(made, dict) or not made.keys() >= record.FIELDS:
        raise ReplayError(f"{Path(path).name} holds a record that lacks some of {', '.join(sorted(record.FIELDS))}")
    return made


def in_picture(image: Image.Image) -> Any:
    """The record in an opened picture. KeyError or ValueError if it has none."""
    if image.format == "PNG":
        image.load()  # text may stand after the pixels
        return json.loads(image.info[KEY])
    said = image.getexif().get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.UserComment]
    return json.loads(said.removeprefix(ASCII) if isinstance(said, bytes) else said)[KEY]


def comment(path: File) -> str:
    """The tag of that name of a sound file. KeyError if it has none."""
    try:
        with av.open(os.fspath(path)) as file:
            tags = [file.metadata, *(stream.metadata for stream in file.streams)]
    except av.FFmpegError as error:
        raise ValueError(str(error)) from error
    return {name.lower(): value for tag in tags for name, value in tag.items()}["comment"]


def replay(
    path: File,
    sound: File | Sequence[File] | None = None,
    image: File | None = None,
    pipeline: Any = None,
    show_progress: bool = True,
) -> Any:
    """Makes a saved image (PIL) or clip again: on the same machine with the same versions, the same bytes once saved as PNG, wav or flac.

    sound (several in their order) and image: the files used; by default those the record points to, or of the same name beside it.
    pipeline: the model, by default the one the record names. Raises ReplayError where anything is missing or is not what was used.
    """
    made, folder = read(path), Path(path).parent
    if made["task"] in NOT_REPLAYED:
        raise ReplayError(NOT_REPLAYED[made["task"]])
    settings, files = made["settings"], made.get("files") or {"sounds": [None] * len(made["sounds"]), "photo": None}
    if made["task"] not in ("edit", "edit-music") and made["seed"] is None:
        raise ReplayError("it was made with the caller's own generator, not a seed, and cannot be made again")
    pipeline = pipeline or loading.load(named(made))
    if made["revision"] != (revision := record.origin(pipeline)["revision"]):
        raise ReplayError(f"it was made by revision {made['revision']} of {made['model']!r}; this is revision {revision}")
    if (wanted := {name: made[name] for name in ("base", "loras") if name in made}) != record.put_on(pipeline):
        raise ReplayError(f"it was made with {json.dumps(wanted) if wanted else 'the model alone'}, the pipeline given is another")
    now = record.machine(pipeline)
    warn_of_changes(made["machine"], now)

    given = [sound] if isinstance(sound, (str, os.PathLike)) else list(sound or [None] * len(made["sounds"]))
    if len(given) != len(made["sounds"]) or (image is not None and made["photo"] is None):
        raise ReplayError(f"it was made from {len(made['sounds'])} sounds and {'a' if made['photo'] else 'no'} photo; got others")
    if is_music(made):
        return music_again(pipeline, made, given, image, files, folder, now, show_progress)
    clip = {name: settings[name] for name in ("sound_start", "sound_length")}
    audio: Any = [
        (found(entry, file, recorded, folder, lambda path: audio_conditioning.sha256(path, **clip)), entry.get("weight"))
        for entry, file, recorded in zip(made["sounds"], given, files["sounds"], strict=True)
    ]
    photo = made["photo"] and found(
        made["photo"], image, files["photo"], folder, lambda path: image_loading.sha256(image_loading.load(path))
    )
    run = pipeline.edit if made["task"] == "edit" else partial(generate_one, pipeline)
    again = run(seed=made["seed"], image=photo, audio=audio or None, show_progress=show_progress, **settings)
    again.info[KEY] = json.dumps({**made, "machine": now})
    return again


def is_music(made: dict[str, Any]) -> bool:
    return made["task"] in ("music", "riff", "edit-music", "interpolate-music", "jam")


def music_again(pipeline: MusicPipeline, made: dict[str, Any], given: list[Any], mask: File | None, files: dict[str, Any], folder: Path,
                now: dict[str, Any], show_progress: bool) -> Clip:  # fmt: skip
    settings = made["settings"]
    part = settings.get("sound_start", 0.0), settings.get("sound_length")

    untagged = init_audio.settings_of_untagged(settings.get("seed_picture", "riffusion"), pipeline.params)

    def sha256(path: Path) -> str:
        return init_audio.read(str(path), 120.0, *part, untagged).heard.records[0]["sha256"]

    sources = [str(found(*each, folder, sha256)) for each in zip(made["sounds"], given, files["sounds"], strict=True)]
    painted = made["photo"] and found(
        made["photo"], mask, files["photo"], folder, lambda path: image_loading.sha256(image_loading.load(path))
    )
    seed = {"seed": made["seed"], "show_progress": show_progress}
    if made["task"] == "music":
        start = {"seed_image": sources[0]} if sources else {}
        clip = pipeline.music(mask=painted, **{**settings, **start, **seed})[0]
    elif made["task"] == "interpolate-music":
        start = {"seed_image": sources[0]} if sources else {}
        clip = pipeline.interpolate(**{**settings, **start}, show_progress=show_progress)[made["clip"]]
    elif made["task"] == "jam":
        clip = jam.again(pipeline, made["seed"], **settings)
    elif made["task"] == "riff":
        clip = pipeline.riff(sources[0], **settings, **seed)
    else:
        clip = pipeline.edit(sources[0], **settings, show_progress=show_progress)
    return replace(clip, made={**made, "machine": now, "files": clip.made["files"]})


def generate_one(pipeline: SonicDiffusionPipeline, **options: Any) -> Image.Image:
    return pipeline.generate(**options)[0]


def named(made: dict[str, Any]) -> str:
    if made["model"] is None:
        raise ReplayError("it was made by a model that was never saved; give it as the pipeline")
    return made["model"]


def found(entry: dict[str, Any], given: File | None, recorded: str | None, folder: Path, sha256: Callable[[Path], str]) -> Path:
    """The file an entry of the record stands for: the one given, else the one recorded, else one of its name beside the image."""
    if "sha256" not in entry:
        raise ReplayError("it was made from audio_embeds, not from a sound, and cannot be made again")
    candidates = [Path(given)] if given is not None else [folder / name for name in (recorded, entry["name"]) if name]
    path = next((path for path in candidates if path.is_file()), None)
    if path is None:
        raise ReplayError(f"{entry['name'] or 'a file with no name'}, which it was made from, is not to be found; say where it is")
    if sha256(path) != entry["sha256"]:
        raise ReplayError(f"{path.name} is not what it was made from: its contents differ")
    return path


def warn_of_changes(then: dict[str, Any], now: dict[str, Any]) -> None:
    changed = [f"{name} {then[name]} -> {now[name]}" for name in then if then[name] != now[name]]
    if changed:
        warnings.warn(f"the result will be alike but not the same bytes: {', '.join(changed)}", stacklevel=3)
