"""Labelled sheets of what the code makes: landscapes by place, cause and intensity, and pairs of materials and of voices, with sounds."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.signal import stft

from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.pairs import Pair, open_pairs
from sonicdiff.synthetic.scenes import Scene, render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.textures import texture

LABEL = 16  # pixels above a picture
COLUMNS = 10  # pairs of a label


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
        sounds = [render_sound(cause, k / 9, seed * 1000 + i, 4.0, 32_000) for k in range(10)]
        rows.append([_labelled(spectrogram(sound, 32_000), f"{cause} {k / 9:.2f}", size) for k, sound in enumerate(sounds)])
    rows += [[_labelled(texture(seed * 100 + 10 * r + k), "texture", size) for k in range(10)] for r in range(2)]
    Image.fromarray(np.concatenate([np.concatenate(line, 1) for line in rows])).save(path)


def pairs_sheet(path: str | Path, name: str, seed: int = 0, size: int = 128) -> None:
    """Write a sheet of materials or voices to `path`: for each label a row of pictures over one of their sounds."""
    found: dict[str, list[Pair]] = {}
    pairs = open_pairs(name)
    for index in range(seed * 10 * COLUMNS, len(pairs)):
        pair = pairs[index]
        shown = found.setdefault(pair.label, [])
        if len(shown) < COLUMNS:
            shown.append(pair)
        elif all(len(line) == COLUMNS for line in found.values()):
            break
    rows = []
    for line in found.values():
        rows.append([_labelled(pair.picture(), f"{pair.label} {pair.intensity:.2f}", size) for pair in line])
        rows.append([_labelled(spectrogram(*pair.sound()), pair.key, size) for pair in line])
    Image.fromarray(np.concatenate([np.concatenate(line, 1) for line in rows])).save(path)


def spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """The sound (n,) as a picture, uint8 (height, width, 3): 80 dB from black to white, octaves above 60 Hz upwards."""
    _, _, spectrum = stft(samples, rate, nperseg=1024, noverlap=768)
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
    """`python -m sonicdiff.synthetic.contact_sheet [landscape | materials | voices] OUT.png [--seed N] [--size PIXELS]`"""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("what", nargs="?", choices=("landscape", "materials", "voices"), default="landscape")
    parser.add_argument("path", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--size", type=int, default=128)
    given = parser.parse_args(arguments)
    if given.what == "landscape":
        contact_sheet(given.path, given.seed, given.size)
    else:
        pairs_sheet(given.path, given.what, given.seed, given.size)


if __name__ == "__main__":
    main()
