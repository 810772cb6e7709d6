"""Resampling by a short Hann-windowed sinc, torchaudio's default: what the authors' projector heard sounds below 44.1 kHz through.

It leaves images of the sound above the source's Nyquist frequency, of -24 to -42 dB; soxr, which `Waveform.resampled` uses, leaves
-100 dB. Here because torchaudio is no dependency: one built for CUDA beside a torch for CPUs breaks the import of diffusers.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

ZERO_CROSSINGS = 6  # torchaudio's lowpass_filter_width
ROLLOFF = 0.99  # of the lower Nyquist frequency
CHUNK = 2**16  # samples computed at once


def sinc_resample(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Samples (n,) at `rate` Hz -> float32 (ceil(n * new_rate / rate),) at `new_rate`; equal to torchaudio's Resample to 1e-6."""
    factor = math.gcd(rate, new_rate)
    source, target = rate // factor, new_rate // factor
    if source == target:
        return np.asarray(samples, np.float32)
    first, kernels = _kernels(source, target)
    width = kernels.shape[1]
    padded = np.pad(np.asarray(samples, np.float64), width)
    length = -(-target * len(samples) // source)
    resampled = np.empty(length, np.float32)
    for start in range(0, length, CHUNK):
        place = np.arange(start, min(start + CHUNK, length))
        turn, phase = place // target, place % target
        taps = (turn * source + first[phase] + width)[:, None] + np.arange(width)
        resampled[place] = (padded[taps] * kernels[phase]).sum(1)
    return resampled


@lru_cache(maxsize=16)
def _kernels(source: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """For each of the `target` phases the first input sample it reads, and the weights of that one and the next: (phases, taps)."""
    lower = min(source, target) * ROLLOFF
    half = math.ceil(ZERO_CROSSINGS * source / lower)
    middle = np.arange(target) * source / target
    first = np.floor(middle).astype(np.int64) - half
    taps = first[:, None] + np.arange(2 * half + 2)
    t = np.clip((taps - middle[:, None]) * lower / source, -ZERO_CROSSINGS, ZERO_CROSSINGS)
    window = np.cos(t * np.pi / ZERO_CROSSINGS / 2) ** 2
    return first, np.sinc(t) * window * lower / source
