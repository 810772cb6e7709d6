"""Pairs on one sheet, to look at: each picture above the spectrogram of its sound, with its name and what is said of it."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont, ImageOps

from sonicdiff.audio.drawing import spectrogram
from sonicdiff.data.sample import Sample

CELL, SPECTRUM, LINE, GAP = 200, 56, 15, 10  # pixels: a picture's side, a spectrogram's height, a line of text, between cells
LETTERS = 32  # of a line
PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (120, 120, 120)


def spread(samples: Sequence[Sample], count: int) -> list[Sample]:
    """`count` of the samples, or all there are, in order: drawn, as classes often take turns, and always the same ones."""
    return [samples[index] for index in sorted(random.Random(0).sample(range(len(samples)), min(count, len(samples))))]


def sheet(samples: Sequence[Sample], columns: int = 6) -> Image.Image:
    """Draw the samples row by row. Raises SampleError where one cannot be read."""
    height = CELL + SPECTRUM + 3 * LINE + GAP
    size = GAP + min(columns, len(samples)) * (CELL + GAP), GAP + math.ceil(len(samples) / columns) * height
    page = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(12)
    for number, sample in enumerate(samples):
        x, y = GAP + number % columns * (CELL + GAP), GAP + number // columns * height
        sound = sample.sound().mono()
        page.paste(ImageOps.pad(sample.picture(), (CELL, CELL), color=PAPER), (x, y))
        page.paste(spectrogram(sound.samples[0], sound.sample_rate, (CELL, SPECTRUM)), (x, y + CELL))
        name = sample.key if len(sample.key) < LETTERS - 8 else f"…{sample.key[9 - LETTERS :]}"
        said = (sample.label or "no class", f"{name}, {sound.seconds:.1f} s", sample.caption or "no caption")
        for line, text in enumerate(said):
            draw.text((x, y + CELL + SPECTRUM + line * LINE), text[:LETTERS], FAINT if line else INK, font)
    return page
