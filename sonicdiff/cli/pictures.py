"""Pictures made of pictures for the command line: a strip of frames, and a sheet of photos edited by sounds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP, CELL, LINE = 10, 256, 18  # pixels between cells, of a cell's width, of a line of text
PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (120, 120, 120)


def strip(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one size side by side."""
    return Image.fromarray(np.concatenate([np.asarray(image) for image in images], axis=1))


def sheet(columns: Sequence[tuple[str, str, Image.Image]], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Photos before and after: a row a photo (name; the photo, then its edits), a column a sound (name, what was heard, spectrogram)."""
    pictures = [
        [image.resize((CELL, round(CELL * image.height / image.width)), Image.Resampling.LANCZOS) for image in row] for _, row in rows
    ]
    heights = [max(image.height for image in row) for row in pictures]
    top = 2 * LINE + max((picture.height for _, _, picture in columns), default=0) + 2 * GAP
    size = GAP + (CELL + GAP) * (1 + len(columns)), top + sum(height + LINE + GAP for height in heights) + GAP
    page = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for number, (name, heard, picture) in enumerate(columns, 1):
        x = GAP + number * (CELL + GAP)
        draw.text((x, GAP), name, INK, font)
        draw.text((x, GAP + LINE), heard, FAINT, font)
        page.paste(picture, (x, GAP + 2 * LINE))
    y = top
    for (name, _), row, height in zip(rows, pictures, heights, strict=True):
        for number, image in enumerate(row):
            page.paste(image, (GAP + number * (CELL + GAP), y))
        draw.text((GAP, y + height + 1), name, FAINT, font)
        y += height + LINE + GAP
    return page


def spectrogram(samples: np.ndarray, sample_rate: int, size: tuple[int, int] = (CELL, 64)) -> Image.Image:
    """A small picture of a mono sound: time to the right, frequency upwards on a logarithmic axis from 50 Hz, 70 dB from pale to dark."""
    (width, height), window, each = size, 1024, 4  # each: spectra averaged in a column
    padded = np.pad(samples, (0, max(0, window - len(samples))))
    starts = np.linspace(0, len(padded) - window, width * each).astype(int)
    power = np.abs(np.fft.rfft(padded[starts[:, None] + np.arange(window)] * np.hanning(window), axis=1)) ** 2
    power = power.reshape(width, each, -1).mean(1)  # (width, bins)
    edges = np.geomspace(50, sample_rate / 2, height + 1) * window / sample_rate
    bins = np.clip(edges.astype(int), 0, power.shape[1] - 1)
    bands = np.stack([power[:, low : max(low + 1, high)].mean(1) for low, high in pairwise(bins)])  # (height, width)
    level = 10 * np.log10(np.maximum(bands, 1e-12))
    shade = np.clip((level - level.max() + 70) / 70, 0, 1)[::-1, :, None]
    return Image.fromarray(np.round(244 + shade * (np.array([38, 70, 120]) - 244)).astype(np.uint8))
