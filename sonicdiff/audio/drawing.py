"""A sound as a picture for people to look at; `image` is the one that music is made of."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from PIL import Image


def spectrogram(samples: np.ndarray, sample_rate: int, size: tuple[int, int] = (256, 64)) -> Image.Image:
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
