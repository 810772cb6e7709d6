"""Distance and surroundings: air absorption, ground and wall echoes, diffuse decay (one FFT convolution)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import Generator
from scipy.fft import next_fast_len

from sonicdiff.synthetic.noise import Clock, painted, rms


@dataclass(frozen=True)
class Space:
    """Where a sound is heard."""

    distance: float = 5.0  # metres to the source: sets what the air takes of the treble
    decay: float = 0.4  # seconds to -60 dB of the diffuse sound at 500 Hz
    wet: float = 0.15  # RMS of the diffuse sound over the direct
    echoes: int = 2  # discrete reflections
    reach: float = 0.05  # seconds within which they return


SURROUNDINGS = {
    "open": Space(decay=0.5, wet=0.06, echoes=1, reach=0.03),
    "forest": Space(decay=1.1, wet=0.25, echoes=6, reach=0.25),
    "street": Space(decay=1.4, wet=0.3, echoes=5, reach=0.12),
    "valley": Space(decay=3.2, wet=0.3, echoes=5, reach=1.6),
    "room": Space(decay=0.35, wet=0.35, echoes=6, reach=0.02),
    "hall": Space(decay=1.8, wet=0.5, echoes=6, reach=0.06),
}


def air(frequencies: np.ndarray, distance: float) -> np.ndarray:
    """Gain of `distance` metres of air at 20 C and half humidity: about 0.005 dB/m at 1 kHz, 0.1 at 8 kHz (after ISO 9613-1)."""
    return (10.0 ** (-0.005 * distance * np.minimum((frequencies / 1000.0) ** 1.5, 200.0) / 20.0)).astype(np.float32)


def impulse_response(rng: Generator, rate: int, space: Space) -> np.ndarray:
    """Direct sound, echoes and diffuse tail, float32; treble dies sooner than bass."""
    length = max(int((space.decay * 0.8 + space.reach) * rate), 256)
    clock = Clock(length, rate)
    tail = painted(rng, clock, lambda t, f: np.exp(-6.9 * t / space.decay * (0.7 + f / 4000.0)) / (1 + f / 6000.0), frame=512)
    tail *= space.wet / (rms(tail) * np.sqrt(length) + 1e-9)
    delays = (rng.uniform(0.15, 1.0, space.echoes) * space.reach * rate).astype(int)
    strength = rng.uniform(0.15, 0.7, space.echoes) * rng.choice([-1, 1], space.echoes) * np.sqrt(space.wet)
    for delay, gain in zip(delays.tolist(), strength.tolist(), strict=True):
        # A reflection off leaves or rock is spread over a millisecond or two.
        spread = np.exp(-np.arange(min(96, length - delay)) / 30.0)
        tail[delay : delay + spread.size] += gain * spread * rng.standard_normal(spread.size) / 4
    tail[0] += 1.0
    return tail.astype(np.float32)


def heard(rng: Generator, samples: np.ndarray, rate: int, space: Space) -> np.ndarray:
    """`samples` as they arrive through `space`, same length."""
    response = impulse_response(rng, rate, space)
    size = next_fast_len(samples.size + response.size, real=True)
    spectrum = rfft(samples.astype(np.float32), size) * rfft(response, size)
    spectrum *= np.interp(np.linspace(0, rate / 2, spectrum.size), *_air_curve(rate, space.distance)).astype(np.float32)
    return irfft(spectrum, size)[: samples.size].astype(np.float32)


def _air_curve(rate: int, distance: float) -> tuple[np.ndarray, np.ndarray]:
    grid = np.linspace(0, rate / 2, 128)
    return grid, air(grid, distance)
