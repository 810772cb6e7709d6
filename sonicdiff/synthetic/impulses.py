"""Events in time: Poisson moments, damped grains laid into a sound, resonators, and bubbles (Minnaert 1933, van den Doel 2005)."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from scipy.signal import lfilter

from sonicdiff.synthetic.noise import Clock


def moments(rng: Generator, clock: Clock, per_second: float, density: np.ndarray | None = None) -> np.ndarray:
    """Sorted times (s) of a Poisson process; `density` (any length, spread over the clock) bends its rate around the mean."""
    count = rng.poisson(per_second * clock.seconds)
    draws = rng.uniform(size=count)
    if density is None:
        return np.sort(draws) * clock.seconds
    total = np.concatenate([[0.0], np.cumsum(np.maximum(density, 1e-6))])
    return np.sort(np.interp(draws, total / total[-1], np.linspace(0, clock.seconds, total.size)))


def train(clock: Clock, times: np.ndarray, amplitudes: np.ndarray) -> np.ndarray:
    """Impulses of `amplitudes` at `times` (s), float32 (n,)."""
    positions = (np.asarray(times) * clock.rate).astype(np.int64)
    inside = (positions >= 0) & (positions < clock.n)
    weights = np.broadcast_to(amplitudes, positions.shape)[inside]
    return np.bincount(positions[inside], weights, minlength=clock.n).astype(np.float32)


def ring(impulses: np.ndarray, clock: Clock, frequency: float, decay: float) -> np.ndarray:
    """`impulses` through a two-pole resonator: each becomes a sine of unit amplitude dying by 1/e in `decay` seconds."""
    angle = 2 * np.pi * min(frequency, 0.45 * clock.rate) / clock.rate
    radius = np.exp(-1 / (decay * clock.rate))
    feedback = np.array([1, -2 * radius * np.cos(angle), radius**2], dtype=impulses.dtype)
    # The offset, far below hearing, keeps a long decay from reaching denormal numbers, which are slow.
    ringing = lfilter(np.array([np.sin(angle)], dtype=impulses.dtype), feedback, impulses + impulses.dtype.type(1e-15))
    return np.asarray(ringing, dtype=np.float32)


def ringing(rng: Generator, clock: Clock, times: np.ndarray, amplitudes: np.ndarray, modes: list[tuple[float, float]]) -> np.ndarray:
    """Each event strikes one of `modes` (Hz, decay s), drawn at random: cheap for tens of thousands of events."""
    choice = rng.integers(len(modes), size=times.size)
    signs = rng.choice([-1.0, 1.0], size=times.size)
    out = np.zeros(clock.n, dtype=np.float32)
    for index, (frequency, decay) in enumerate(modes):
        mine = choice == index
        out += ring(train(clock, times[mine], (amplitudes * signs)[mine]), clock, frequency, decay)
    return out


def lay(out: np.ndarray, rate: int, times: np.ndarray, grains: np.ndarray, amplitudes: np.ndarray | None = None) -> None:
    """Add `grains` (events, length), or one grain (length,) for all of them, into `out` at `times` (s), cut at the end."""
    scales = (np.ones(times.size) if amplitudes is None else np.asarray(amplitudes)).astype(np.float32)
    grains = np.broadcast_to(grains, (times.size, grains.shape[-1]))
    length = grains.shape[1]
    for position, grain, scale in zip((times * rate).astype(int).tolist(), grains, scales, strict=True):
        if 0 <= position < out.size:
            room = min(length, out.size - position)
            out[position : position + room] += grain[:room] * scale


def chirp(rate: int, frequency: float, decay: float, rise: float) -> np.ndarray:
    """A damped sine of moving pitch, f(t) = frequency (1 + rise t / decay), `decay` seconds to 1/e, float32."""
    t = np.arange(int(6 * decay * rate) + 8, dtype=np.float32) / np.float32(rate)
    turns = np.float32(frequency) * t * (1 + np.float32(0.5 * rise / decay) * t)
    # The onset is softened over a quarter of a period, and the last hundredths fade out where the grain ends.
    envelope = -np.expm1(-4 * np.float32(frequency) * t) * (np.exp(-t / np.float32(decay)) - np.float32(np.exp(-6)) * t / t[-1])
    return np.sin(2 * np.pi * (turns % 1.0), dtype=np.float32) * envelope


def chirps(
    clock: Clock,
    times: np.ndarray,
    frequencies: np.ndarray,
    amplitudes: np.ndarray,
    decays: np.ndarray,
    rise: np.ndarray | float = 0.0,
    kinds: int = 96,
) -> np.ndarray:
    """Chirps at `times` (s), float32 (n,). Events of near-equal pitch share one of `kinds` waveforms, which makes it fast."""
    out = np.zeros(clock.n, dtype=np.float32)
    rise = np.broadcast_to(rise, times.shape)
    keep = np.flatnonzero(frequencies * (1 + 3 * np.maximum(rise, 0)) < 0.45 * clock.rate)
    order = keep[np.argsort(frequencies[keep], kind="stable")]
    for group in np.array_split(order, min(kinds, max(order.size, 1))):
        if group.size:
            middle = group[group.size // 2]
            grain = chirp(clock.rate, float(frequencies[middle]), float(decays[middle]), float(rise[middle]))
            lay(out, clock.rate, times[group], grain, amplitudes[group])
    return out


def bubbles(
    clock: Clock, times: np.ndarray, radii: np.ndarray, amplitudes: np.ndarray, rise: np.ndarray | float = 0.1, kinds: int = 96
) -> np.ndarray:
    """Air bubbles of `radii` (m) in water: Minnaert's 3.26 / r Hz, thermal and radiation damping, pitch rising as they near the surface."""
    damping = 0.13 / radii + 0.0072 * radii**-1.5
    return chirps(clock, times, 3.26 / radii, amplitudes, 1 / damping, rise, kinds)
