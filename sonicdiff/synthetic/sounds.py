"""Sounds made by code: the ten classes and calm, with continuous intensity and variation by seed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.air_sounds import calm, rain, thunder, wind
from sonicdiff.synthetic.classes import CALM, CLASSES, known
from sonicdiff.synthetic.fire_sounds import explosion, fire
from sonicdiff.synthetic.noise import Clock, amplitude, ramp
from sonicdiff.synthetic.surf_sounds import surf
from sonicdiff.synthetic.water_sounds import splash, squish, underwater, waterfall

Maker = Callable[[Generator, float, Clock], np.ndarray]

MAKERS: dict[str, Maker] = {
    "explosion": explosion,
    "fire crackling": fire,
    "raining": rain,
    "splashing water": splash,
    "squishing water": squish,
    "thunder": thunder,
    "underwater bubbling": underwater,
    "waterfall burbling": waterfall,
    "wind noise": wind,
    CALM: calm,
    "sea waves": surf,
}


def render_sound(cause: str, intensity: float, seed: int, seconds: float = 10.0, sample_rate: int = 48_000) -> np.ndarray:
    """The sound of `cause` at `intensity` (0..1), float32 (seconds * sample_rate,), |x| <= 1, the same for the same arguments.

    Intensity changes loudness (about -38 to -14 dBFS) and character (rate, density, brightness, nearness), so that it is heard at
    any level. The seed chooses everything else: surface, rhythm, distance, room. `calm` is near-silent ambience at any intensity.
    Raises ValueError for an unknown cause, an intensity outside 0..1, or less than 0.05 seconds.
    """
    known(cause, (*CLASSES, CALM), "cause of sound")
    if not 0.0 <= intensity <= 1.0:
        raise ValueError(f"got intensity {intensity}; expected a number from 0 to 1")
    if not 0.05 <= seconds <= 600.0:
        raise ValueError(f"got {seconds} seconds; expected 0.05 to 600")
    if not 4000 <= sample_rate <= 192_000:
        raise ValueError(f"got a sample rate of {sample_rate} Hz; expected 4000 to 192000")
    clock = Clock(round(seconds * sample_rate), sample_rate)
    making, levelling = np.random.default_rng([list(MAKERS).index(cause), seed]).spawn(2)
    # Events are placed on a stage of at least a second, so that a very short sound still holds some.
    stage = Clock(max(clock.n, sample_rate), sample_rate)
    samples = MAKERS[cause](making, float(intensity), stage)[: clock.n]
    target = levelling.uniform(-62, -50) if cause == CALM else ramp(-38, -16, intensity) + levelling.normal(0, 2)
    return finished(samples, clock, float(target))


def mix(sounds: Sequence[np.ndarray], weights: Sequence[float]) -> np.ndarray:
    """Weighted sum of sounds (n,) of one rate, as long as the longest; scaled down only if it would pass full scale."""
    if len(sounds) != len(weights) or not sounds:
        raise ValueError(f"got {len(sounds)} sounds and {len(weights)} weights; expected as many weights as sounds, at least one")
    out = np.zeros(max(sound.size for sound in sounds), dtype=np.float32)
    for sound, weight in zip(sounds, weights, strict=True):
        out[: sound.size] += np.float32(weight) * sound
    return out / max(1.0, float(np.abs(out).max(initial=0.0)))


def _loudness(samples: np.ndarray, rate: int) -> float:
    """RMS of the loud parts: the 90th percentile over blocks of 0.2 s, or 8 dB under the loudest block of a sparse sound."""
    size = max(1, min(samples.size, rate // 5))
    blocks = samples[: samples.size // size * size].reshape(-1, size)
    loud = np.sqrt(np.mean(np.square(blocks, dtype=np.float64), axis=1))
    return float(max(np.percentile(loud, 90), 0.4 * loud.max()))


def finished(samples: np.ndarray, clock: Clock, decibels: float) -> np.ndarray:
    """No offset, no click at either end, at `decibels` (dBFS) in the loud parts, peaks bent below full scale."""
    samples = samples - np.mean(samples, dtype=np.float64)
    samples = samples * (amplitude(decibels) / max(_loudness(samples, clock.rate), 1e-9))
    # Below 0.7 the curve is a straight line; above, it bends towards 0.99.
    size = np.abs(samples)
    samples = np.where(size > 0.7, np.sign(samples) * (0.7 + 0.29 * np.tanh((size - 0.7) / 0.29)), samples)
    edge = max(2, min(clock.n // 4, clock.rate // 100))
    fade = np.sin(np.linspace(0, np.pi / 2, edge)) ** 2
    samples[:edge] *= fade
    samples[-edge:] *= fade[::-1]
    return samples.astype(np.float32)
