"""Mel magnitudes as a picture and back: Riffusion's grey values and EXIF tags; the exact settings also as PNG text."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from sonicdiff.audio.decoding import HIGHEST_RATE, LOWEST_RATE, AudioError
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_filters
from sonicdiff.audio.waveform import MOST_SECONDS

KEY = "sonicdiff-spectrogram"  # of the PNG text
FULL_SCALE = 32_768  # Riffusion counts samples as 16-bit integers
TYPICAL_MAX = 30e6 / FULL_SCALE  # the magnitude that white would be if a picture does not say: Riffusion's constant
GREY = 255
MOST_POINTS = 65_536  # of an FFT
MOST_BINS = 1024
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

    The settings are those in the picture: our PNG text, else Riffusion's tags; else `params`, else Riffusion's with the picture's height,
    stereo if its red is empty. What is transparent is silent; grey may have 16 bits. Raises AudioError for settings that are incomplete
    or absurd, and for a picture that was scaled after they were written.
    """
    planes = planes_of(image)
    found, loudest = settings(image)
    found = found or params or SpectrogramParams(mel_bins=image.height, stereo=_is_stereo(planes))
    if found.mel_bins != image.height:
        raise AudioError(f"got a spectrogram {image.height} pixels high whose settings say {found.mel_bins} mel bins; was it scaled?")
    _check(found, image.width)
    chosen = planes[..., 1:] if found.stereo else planes[..., :1]
    heights = 1 - torch.from_numpy(chosen.copy()).permute(2, 0, 1).flip(1).float()
    return heights.pow(1 / found.power) * loudest, found


def planes_of(image: Image.Image) -> np.ndarray:
    """Red, green and blue (height, width, 3) from 0 to 1 of a picture of any mode, over white where it is transparent."""
    if image.mode == "F" or image.mode.startswith("I"):
        grey = np.asarray(image).astype(np.float64)
        white = next((white for white in (1.0, 255.0) if image.mode == "F" and grey.max() <= white), 65_535.0)
        white = 255.0 if image.mode == "I" and grey.max() <= GREY else white
        return np.repeat(np.nan_to_num(grey / white, nan=1.0).clip(0, 1)[..., None], 3, axis=-1)
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (GREY,) * 4), colours)
    return np.asarray(image.convert("RGB")) / GREY


def _is_stereo(planes: np.ndarray) -> bool:
    """Whether red is empty, as in Riffusion's stereo, but for what JPEG leaves there."""
    red, green, blue = planes.mean((0, 1))
    return bool(red < 0.1 * max(green, blue) and planes[..., 0].std() < 0.1)


def _check(params: SpectrogramParams, width: int) -> None:
    """Raise AudioError for settings that no sound was drawn with, before any work of their size is done."""
    seconds = width * params.hop_length / params.sample_rate
    if params.n_fft > MOST_POINTS or params.mel_bins > MOST_BINS:
        got = f"{params.n_fft} FFT points and {params.mel_bins} mel bins"
        raise AudioError(f"got a spectrogram of {got}; expected at most {MOST_POINTS} and {MOST_BINS} (a bin is a pixel of its height)")
    if not LOWEST_RATE <= params.sample_rate <= HIGHEST_RATE or seconds > MOST_SECONDS:
        got = f"{seconds:.0f} s at {params.sample_rate} Hz"
        raise AudioError(f"got a spectrogram of {got}; expected at most {MOST_SECONDS:.0f} s at {LOWEST_RATE} to {HIGHEST_RATE} Hz")
    if not bool((mel_filters(params).sum(1) > 0).all()):
        got = f"{params.mel_bins} mel bins for {params.n_fft} FFT points"
        raise AudioError(f"got a spectrogram of {got}, some of them empty; expected fewer: a spectrogram's height is its number of bins")


def settings(image: Image.Image) -> tuple[SpectrogramParams | None, float]:
    """The settings that a picture carries, None if it carries none, and its loudest magnitude. AudioError if they cannot be right."""
    tags: Mapping[int, Any] = image.getexif()
    given = {RATE, STEP_MS, WINDOW_MS, PADDED_MS, BINS, HIGHEST}
    if KEY not in image.info and not (given | {POWER, LOUDEST}) & tags.keys():
        return None, TYPICAL_MAX
    try:
        params, loudest = _from_text(image.info[KEY]) if KEY in image.info else _from_tags(tags)
        whole = (params.sample_rate, params.hop_length, params.win_length, params.n_fft, params.mel_bins)
        if not all(isinstance(value, int) for value in whole) or not (math.isfinite(loudest) and loudest >= 0):
            raise ValueError(f"sizes {whole}, loudest {loudest}")
    except (TypeError, ValueError, KeyError, ArithmeticError, AttributeError) as error:
        missing = sorted(given - tags.keys()) if KEY not in image.info else []
        reason = f"EXIF tags {missing} are missing" if missing else f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
        raise AudioError(
            f"got a spectrogram whose settings cannot be read ({reason}); expected those it was drawn with, or none: save it without them"
        ) from None
    return params, loudest


def _from_text(text: str) -> tuple[SpectrogramParams, float]:
    stored = json.loads(text)
    missing = {field.name for field in fields(SpectrogramParams)} - stored.keys()
    if missing:
        raise ValueError(f"without {', '.join(sorted(missing))}")
    return SpectrogramParams(**{name: value for name, value in stored.items() if name != "loudest"}), float(stored["loudest"])


def _from_tags(tags: Mapping[int, Any]) -> tuple[SpectrogramParams, float]:
    samples = [int(tags[tag] / 1000 * tags[RATE]) for tag in (STEP_MS, WINDOW_MS, PADDED_MS)]
    bands = {"mel_bins": int(tags[BINS]), "min_frequency": float(tags.get(LOWEST, 0)), "max_frequency": float(tags[HIGHEST])}
    params = SpectrogramParams(int(tags[RATE]), *samples, **bands, power=float(tags.get(POWER, 0.25)))
    return replace(params, stereo=bool(tags.get(STEREO, 0))), float(tags.get(LOUDEST, 30e6)) / FULL_SCALE
