"""Hard bodies that ring: modal synthesis with damping that grows with frequency (van den Doel and Pai 1998, Klatzky et al. 2000)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.impulses import ring, train
from sonicdiff.synthetic.noise import Clock, grow


@dataclass(frozen=True)
class Body:
    """A kind of body; pairs are the ends of the range that a single body is drawn from."""

    pitch: tuple[float, float]  # Hz, its lowest mode
    modes: int
    spread: tuple[float, float]  # how far apart the modes lie: 0.35 a dense plate or shell, 1 a bar
    loss: tuple[float, float]  # internal friction: a mode dies by 1/e in 1 / (pi * loss * frequency) seconds
    held: tuple[float, float]  # seconds in which the supports alone would stop it
    contact: tuple[float, float]  # seconds the stick stays on it: a soft one is longer, and duller
    bright: tuple[float, float]  # dB an octave by which the modes are struck less


BODIES = {
    "wood": Body((130, 620), 18, (0.5, 0.9), (0.008, 0.02), (0.06, 0.16), (2.5e-4, 6e-4), (-3, 0)),
    "metal": Body((130, 1300), 26, (0.3, 0.7), (0.0003, 0.0011), (0.3, 1.6), (1e-4, 3e-4), (-2, 2)),
    "glass": Body((1300, 3200), 9, (0.3, 0.7), (0.0004, 0.0012), (0.12, 0.4), (8e-5, 2e-4), (-3, 1)),
    "plastic": Body((150, 600), 14, (0.4, 0.8), (0.05, 0.11), (0.012, 0.04), (1.2e-3, 2.6e-3), (-4, -1)),
    "ceramic": Body((600, 1500), 14, (0.35, 0.6), (0.0025, 0.006), (0.025, 0.08), (1e-4, 3e-4), (-2, 2)),
}
STICK = Body((900, 1500), 4, (0.8, 1.0), (0.02, 0.03), (0.02, 0.03), (3e-4, 6e-4), (-3, 0))

Modes = list[tuple[float, float, float]]  # Hz, seconds to 1/e, gain


def modes(rng: Generator, body: Body, rate: int) -> Modes:
    """The modes of one body, none above 0.42 of the rate: inharmonic, denser upwards where the spread is small."""
    pitch = grow(*body.pitch, rng.uniform())
    loss, held = grow(*body.loss, rng.uniform()), grow(*body.held, rng.uniform())
    # Between the k ** 2 of a bar and the even spacing of a plate, each mode a little out of its place.
    power, slope = 1 + rng.uniform(*body.spread), rng.uniform(*body.bright)
    ratios = (1 + np.arange(body.modes) * rng.uniform(0.35, 0.75)) ** power * rng.lognormal(0, 0.06, body.modes)
    frequencies = pitch * ratios / ratios[0]
    frequencies = frequencies[frequencies < 0.42 * rate]
    decays = 1 / (1 / held + np.pi * loss * frequencies)
    gains = 10 ** (slope * np.log2(frequencies / pitch) / 20) * rng.lognormal(0, 0.5, frequencies.size)
    return list(zip(frequencies.tolist(), decays.tolist(), (gains / np.linalg.norm(gains)).tolist(), strict=True))


def hit(rng: Generator, body: Body, clock: Clock, times: np.ndarray, force: np.ndarray) -> np.ndarray:
    """Impacts at `times` (s) of `force` (0..1), float32 (n,): each at another place of the body, so that it stirs the modes differently."""
    contact = grow(*body.contact, rng.uniform()) * force**-0.3
    out = np.zeros(clock.n, dtype=np.float32)
    for frequency, decay, gain in modes(rng, body, clock.rate):
        place = np.abs(np.cos(rng.uniform(0, np.pi) + rng.normal(0, 0.5, times.size)))
        amplitudes = gain * force * (0.15 + place) * _pulse(frequency * contact)
        out += ring(train(clock, times, amplitudes), clock, frequency, decay)
    return out


def rub(rng: Generator, body: Body, clock: Clock, push: np.ndarray) -> np.ndarray:
    """The body under a force `push` (n,) that rubs it, float32 (n,)."""
    contact = grow(*body.contact, rng.uniform())
    out = np.zeros(clock.n, dtype=np.float32)
    for frequency, decay, gain in modes(rng, body, clock.rate):
        # A stick that stays on the body takes part of the ring.
        out += ring(push * np.float32(gain * _pulse(frequency * contact)), clock, frequency, min(decay, 0.12))
    return out


def _pulse(cycles: np.ndarray | float) -> np.ndarray:
    """How much of a mode a half-sine force stirs that lasts for so many of its cycles: the envelope of its spectrum."""
    return 1 / (1 + 4 * np.square(cycles))
