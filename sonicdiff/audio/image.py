"""Mel magnitudes as a picture and back: Riffusion's grey values and EXIF tags; the exact settings also as PNG text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from sonicdiff.audio.decoding import AudioError
from sonicdiff.audio.spectrogram import SpectrogramParams

KEY = "sonicdiff-spectrogram"  # of the PNG text
FULL_SCALE = 32_768  # Riffusion counts samples as 16-bit integers
TYPICAL_MAX = 30e6 / FULL_SCALE  # the magnitude that white would be if a picture does not say: Riffusion's constant
GREY = 255
# Riffusion's EXIF tags. Durations are whole milliseconds there, so that other hops are exact in the PNG text alone.
RATE, STEREO, STEP_MS, WINDOW_MS, PADDED_MS, BINS, LOWEST, HIGHEST, POWER, LOUDEST = 11000, 11005, *range(11010, 11090, 10)


def to_image(mel: Tensor, params: SpectrogramParams, truncate: bool = False) -> Image.Image:
    """A picture (frames x mel_bins, RGB) of mel magnitudes (channels, mel_bins, frames): loud is dark, high is up.

    Mono fills all three colours; stereo is red 0, green left, blue right. Grey values are rounded, or cut off as Riffusion does
    (`truncate`). The settings and the loudest magnitude stand in `.info`, from where `save` writes them.
    """
    if tuple(mel.shape[:2]) != (params.channels, params.mel_bins):
        raise AudioError(f"got mel magnitudes {tuple(mel.shape)}; expected ({params.channels}, {params.mel_bins}, frames)")
    loudest = float(mel.max())
    heights = (mel / loudest).pow(params.power) if loudest > 0 else mel
    grey = GREY - heights.flip(1).cpu().double().numpy() * GREY
    planes = (np.floor(grey) if truncate else np.round(grey)).clip(0, GREY).astype(np.uint8)
    planes = (np.zeros_like(planes[0]), *planes) if params.stereo else (planes[0],) * 3
    image = Image.fromarray(np.stack(planes, axis=-1))
    image.info[KEY] = json.dumps({**asdict(params), "loudest": loudest})
    image.info["exif"] = exif(params, loudest).tobytes()
    return image


def exif(params: SpectrogramParams, loudest: float) -> Image.Exif:
    """Riffusion's tags."""
    tags = Image.Exif()
    milliseconds = {STEP_MS: params.hop_length, WINDOW_MS: params.win_length, PADDED_MS: params.n_fft}
    tags.update({tag: round(1000 * samples / params.sample_rate) for tag, samples in milliseconds.items()})
    tags.update({RATE: params.sample_rate, STEREO: int(params.stereo), BINS: params.mel_bins})
    tags.update({LOWEST: int(params.min_frequency), HIGHEST: int(params.max_frequency)})
    tags.update({POWER: float(params.power), LOUDEST: float(loudest * FULL_SCALE)})
    return tags


def save(image: Image.Image, path: Path, texts: Mapping[str, str] | None = None) -> Path:
    """Write a spectrogram as PNG, with its settings and other PNG texts by name."""
    text = PngImagePlugin.PngInfo()
    text.add_text(KEY, image.info[KEY])
    for name, value in (texts or {}).items():
        text.add_itxt(name, value)
    image.save(path, pnginfo=text, exif=image.info["exif"])
    return path


def from_image(image: Image.Image, params: SpectrogramParams | None = None) -> tuple[Tensor, SpectrogramParams]:
    """Mel magnitudes (channels, mel_bins, frames) of a picture, and its settings.

    The settings are those in the picture: our PNG text, else Riffusion's tags; else `params`, else Riffusion's defaults with the
    picture's height, stereo if its red is empty. Raises AudioError for a picture that was scaled after its settings were written.
    """
    planes = np.asarray(image.convert("RGB"))
    found, loudest = settings(image)
    if found is None:
        found = params or SpectrogramParams(mel_bins=image.height, stereo=bool(planes[..., 0].max() == 0 and planes.max() > 0))
    if found.mel_bins != image.height:
        raise AudioError(f"got a spectrogram {image.height} pixels high whose settings say {found.mel_bins} mel bins; was it scaled?")
    chosen = planes[..., 1:] if found.stereo else planes[..., :1]
    heights = (GREY - torch.from_numpy(chosen.copy()).permute(2, 0, 1).flip(1).float()) / GREY
    return heights.pow(1 / found.power) * loudest, found


def settings(image: Image.Image) -> tuple[SpectrogramParams | None, float]:
    """The settings that a picture carries, None if it carries none, and its loudest magnitude."""
    if KEY in image.info:
        stored = json.loads(image.info[KEY])
        return SpectrogramParams(**{name: value for name, value in stored.items() if name != "loudest"}), stored["loudest"]
    tags: Mapping[int, Any] = image.getexif()
    if not {RATE, STEP_MS, WINDOW_MS, PADDED_MS, BINS, HIGHEST} <= tags.keys():
        return None, TYPICAL_MAX
    samples = [int(tags[tag] / 1000 * tags[RATE]) for tag in (STEP_MS, WINDOW_MS, PADDED_MS)]
    bands = {"mel_bins": int(tags[BINS]), "min_frequency": float(tags.get(LOWEST, 0)), "max_frequency": float(tags[HIGHEST])}
    params = SpectrogramParams(int(tags[RATE]), *samples, **bands, power=float(tags.get(POWER, 0.25)))
    return replace(params, stereo=bool(tags.get(STEREO, 0))), float(tags.get(LOUDEST, 30e6)) / FULL_SCALE
