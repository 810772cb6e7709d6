"""The source of a voice: a speaker's own pitch and sound, and the flow through the folds as the manner of speaking bends it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.noise import grow, wander
from sonicdiff.synthetic.voices.emotions import Manner

RATE = 24_000  # Hz
HOP = 120  # samples from frame to frame: 5 ms


@dataclass(frozen=True)
class Speaker:
    """Whose voice it is."""

    pitch: float  # Hz
    tract: float  # formants, times a man's
    tempo: float
    breath: float
    tilt: float  # dB an octave
    open: float  # share of a period that the folds are open


def draw_speaker(rng: Generator) -> Speaker:
    """A man or a woman, of any voice."""
    low = rng.uniform() < 0.5
    pitch, tract = ((85, 140), (0.94, 1.06)) if low else ((170, 240), (1.1, 1.22))
    tempo, breath, tilt = rng.uniform(0.92, 1.08), rng.uniform(0.0, 0.08), rng.uniform(-1.5, 1.0)
    return Speaker(grow(*pitch, rng.uniform()), rng.uniform(*tract), tempo, breath, tilt, rng.uniform(0.5, 0.62))


def glottis(rng: Generator, speaker: Speaker, manner: Manner, accents: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The flow's derivative, unit RMS, and whether the folds are open: (n,) each."""
    t = np.arange(n, dtype=np.float32) / RATE
    seconds, own = n / RATE, speaker.pitch * 2 ** (manner.pitch / 12)
    shaking = manner.tremor * np.sin(2 * np.pi * (rng.uniform(5, 7) * t + 0.3 * wander(rng, seconds, 3)(t)))
    semitones = np.interp(t, np.arange(accents.size) * HOP / RATE, accents) + shaking + 0.25 * wander(rng, seconds, 4)(t)
    pitch = own * 2 ** (semitones / 12) * (1 + 1.7 * manner.jitter * wander(rng, seconds, own)(t))
    turns = np.cumsum(pitch) / RATE
    open_ = float(np.clip(speaker.open + 0.5 * (manner.breath - 0.08) - 0.02 * manner.tilt, 0.35, 0.8))
    # Twice the rate, then half of it: the pulse's corners would alias.
    pulse, between = _pulse(open_), turns - 0.5 * pitch / RATE
    wave, half = (pulse[(at % 1 * pulse.size).astype(int)] for at in (turns, between))
    wave = 0.5 * wave + 0.25 * (half + np.roll(half, -1))
    uneven = 1 + manner.creak * np.cos(np.pi * np.floor(turns)) + 6 * manner.jitter * wander(rng, seconds, own)(t)
    wave *= uneven * (1 - 0.15 * manner.tremor * (1 + np.sin(2 * np.pi * 5.5 * t)))
    return (wave / np.sqrt(np.mean(wave**2))).astype(np.float32), (turns % 1 < open_).astype(np.float32)


def _pulse(open_: float) -> np.ndarray:
    """One period of the derivative of the flow through the folds (Rosenberg 1971), open for the share `open_` of it."""
    phase, rise, fall = np.arange(2048) / 2048, 0.67 * open_, 0.33 * open_
    opening = np.sin(np.pi * phase / rise) / rise
    closing = -np.sin(0.5 * np.pi * (phase - rise) / fall) / fall * (phase < open_)
    return np.where(phase < rise, opening, closing).astype(np.float32)
