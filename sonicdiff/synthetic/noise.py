"""Building blocks of the synthetic sounds: noise whose spectrum changes with time, slow random curves, levels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.fft import irfft
from numpy.random import Generator

Points = Sequence[tuple[float, float]]  # (Hz or seconds, value), ascending in the first


@dataclass(frozen=True)
class Clock:
    """Length and rate of the sound being made."""

    n: int  # samples
    rate: int  # Hz

    @property
    def seconds(self) -> float:
        return self.n / self.rate

    @property
    def times(self) -> np.ndarray:
        return np.arange(self.n, dtype=np.float32) / self.rate


def grow(low: float, high: float, x: float) -> float:
    """Geometric path from `low` (x = 0) to `high` (x = 1): what ears hear as even steps."""
    return low * (high / low) ** x


def ramp(low: float, high: float, x: float) -> float:
    """Straight path from `low` (x = 0) to `high` (x = 1)."""
    return low + (high - low) * x


@overload
def amplitude(decibels: float) -> float: ...
@overload
def amplitude(decibels: np.ndarray) -> np.ndarray: ...
def amplitude(decibels: float | np.ndarray) -> float | np.ndarray:
    """The factor that `decibels` stand for."""
    return 10.0 ** (decibels / 20.0)


def rms(x: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(x, dtype=np.float64)))) if x.size else 0.0


def level(x: np.ndarray, decibels: float) -> np.ndarray:
    """`x` scaled to an RMS of `decibels` (0 = unit RMS); silence stays silence."""
    return (x * (10.0 ** (decibels / 20.0) / max(rms(x), 1e-9))).astype(np.float32)


def response(frequencies: np.ndarray, points: Points) -> np.ndarray:
    """Gain at `frequencies` (Hz) of a curve through (Hz, dB) points, straight in log frequency."""
    hertz, decibels = zip(*points, strict=True)
    log = np.log2(np.maximum(frequencies, 1.0))
    return (10.0 ** (np.interp(log, np.log2(hertz), decibels) / 20.0)).astype(np.float32)


def hump(frequencies: np.ndarray, centre: float | np.ndarray, octaves: float) -> np.ndarray:
    """Bell around `centre` (Hz) in log frequency, `octaves` wide to either side (-4.3 dB there)."""
    distance = np.log2(np.maximum(frequencies, 1.0) / centre) / octaves
    return np.exp(-0.5 * np.square(distance, dtype=np.float32)).astype(np.float32)


def painted(rng: Generator, clock: Clock, gain: Callable[[np.ndarray, np.ndarray], np.ndarray], frame: int = 1024) -> np.ndarray:
    """Gaussian noise whose spectrum follows `gain(t, f)`; gain 1 everywhere is white noise of unit RMS.

    `t` is (frames, 1) in seconds, `f` is (bins,) in Hz. Independent frames under a sine window overlap by half, so
    the power is even (the window's squares add up to one).
    """
    hop = frame // 2
    frames = clock.n // hop + 2
    t = (np.arange(frames, dtype=np.float32) * hop / clock.rate)[:, None]
    f = np.fft.rfftfreq(frame, 1 / clock.rate).astype(np.float32)
    spectrum = rng.standard_normal((frames, 2 * f.size), dtype=np.float32).view(np.complex64)
    # Nothing quieter than -240 dB: denormal numbers are slow.
    spectrum *= np.maximum(gain(t, f), 1e-12, dtype=np.float32)
    window = np.sin(np.pi * (np.arange(frame, dtype=np.float32) + 0.5) / frame) * np.sqrt(frame / 2, dtype=np.float32)
    grains = irfft(spectrum, n=frame, axis=1) * window
    out = np.zeros((frames + 1, hop), dtype=np.float32)
    out[:-1] += grains[:, :hop]
    out[1:] += grains[:, hop:]
    return out.reshape(-1)[hop : hop + clock.n]


def steady(rng: Generator, clock: Clock, points: Points) -> np.ndarray:
    """Noise of one spectrum through (Hz, dB) `points`, unit RMS."""
    return level(painted(rng, clock, lambda t, f: response(f, points), frame=2048), 0.0)


def wander(rng: Generator, seconds: float, per_second: float) -> Callable[[np.ndarray], np.ndarray]:
    """A slow random curve t -> about -1..1, whose bends come `per_second` times a second."""
    count = int(seconds * per_second) + 4
    values = rng.uniform(-1, 1, count)
    offset = rng.uniform()
    fine = np.arange(0, count - 1, 0.1)
    left = fine.astype(int)
    u = fine - left
    smooth = values[left] + (values[left + 1] - values[left]) * u * u * (3 - 2 * u)
    return lambda t: np.interp(np.asarray(t) * per_second + offset, fine, smooth).astype(np.float32)
