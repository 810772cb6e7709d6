"""A labelled sheet of what the code makes: places by causes, each cause at rising intensity as picture and as sound, textures."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.signal import stft

from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.scenes import Scene, render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.textures import texture

LABEL = 16


def contact_sheet(path: str | Path, seed: int = 0, size: int = 128) -> None:
    """Write the sheet to `path`: a row for each place (a column for each cause), two of intensities for each cause, two of textures."""
    causes = (CALM, *CLASSES)
    scenes = [
        [
            Scene(seed * 1000 + 10 * i, place, LIGHTS[(i + j // 3) % 4], cause, 0.0 if cause == CALM else (0.95, 0.7, 0.4)[(i + j) % 3])
            for j, cause in enumerate(causes)
        ]
        for i, place in enumerate(PLACES)
    ]
    rows = [[_labelled(render(s, 256), f"{s.place}, {s.light}" if s.cause == CALM else s.cause, size) for s in line] for line in scenes]
    for i, cause in enumerate(CLASSES):
        base = Scene(seed * 1000 + 500 + i, PLACES[i % 8], LIGHTS[i % 4], cause, 0.0)
        rows.append([_labelled(render(replace(base, intensity=k / 9), 256), f"{cause} {k / 9:.2f}", size) for k in range(10)])
        rows.append([_labelled(spectrogram(cause, k / 9, seed * 1000 + i), f"{cause} {k / 9:.2f}", size) for k in range(10)])
    rows += [[_labelled(texture(seed * 100 + 10 * r + k), "texture", size) for k in range(10)] for r in range(2)]
    Image.fromarray(np.concatenate([np.concatenate(line, 1) for line in rows])).save(path)


def spectrogram(cause: str, intensity: float, seed: int, seconds: float = 4.0, rate: int = 32_000) -> np.ndarray:
    """The sound as a picture, uint8 (height, width, 3): 80 dB from black to white, octaves above 60 Hz upwards."""
    _, _, spectrum = stft(render_sound(cause, intensity, seed, seconds, rate), rate, nperseg=1024, noverlap=768)
    decibels = 20 * np.log10(np.maximum(np.abs(spectrum), 1e-9))
    bins = np.geomspace(60 / rate * 1024, 512, 128).astype(int)[::-1]
    grey = np.clip((decibels[bins] + 100) / 80 * 255, 0, 255).astype(np.uint8)
    return np.repeat(grey[..., None], 3, 2)


def _labelled(image: np.ndarray, label: str, size: int) -> np.ndarray:
    """The picture reduced to `size`, its name above it."""
    tile = Image.new("RGB", (size, size + LABEL), "white")
    tile.paste(Image.fromarray(image).resize((size, size), Image.Resampling.LANCZOS), (0, LABEL))
    ImageDraw.Draw(tile).text((2, 2), label, fill="black", font=ImageFont.load_default(10))
    return np.asarray(tile)


def main(arguments: Sequence[str] | None = None) -> None:
    """`python -m sonicdiff.synthetic.contact_sheet OUT.png [--seed N] [--size PIXELS]`"""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args(arguments)
    contact_sheet(given.path, given.seed, given.size)


if __name__ == "__main__":
    main()
