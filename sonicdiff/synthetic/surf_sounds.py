"""Surf as a sound: swells that rise, break and hiss back over sand or pebbles, heard from the water's edge or from far away."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.impulses import bubbles, chirps, moments
from sonicdiff.synthetic.noise import Clock, amplitude, grow, hump, level, painted, ramp, response, rms, steady, wander
from sonicdiff.synthetic.space import SURROUNDINGS, heard


@dataclass(frozen=True)
class Swell:
    """Waves that break at `times` (s) with `power`; seconds to rise, to die away, and for the water to run back."""

    times: np.ndarray
    power: np.ndarray
    rise: float
    fade: float
    back: float

    def breaking(self, t: np.ndarray) -> np.ndarray:
        """How loudly the waves break at `t`: quick up, slower down, the loudest wave rules."""
        since = t[..., None] - self.times
        each = np.where(since < 0, np.exp(np.minimum(since, 0) / self.rise), np.exp(-np.maximum(since, 0) / self.fade))
        return (each**1.3 * self.power).sum(-1)

    def washing(self, t: np.ndarray) -> np.ndarray:
        """How much water runs over the beach at `t`: up after a wave has broken, and back."""
        since = np.maximum(t[..., None] - self.times, 0)
        return (np.minimum(since / (0.5 * self.back), 1) * np.exp(-since / self.back) * self.power).sum(-1)


def surf(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From ripples that lap at a shore (0) to high breakers that thunder (1)."""
    plan, sea, stones, rocks, air, birds, place = rng.spawn(7)
    swell = _swell(plan, strength, clock)
    far = plan.uniform() ** 1.5
    out = _roar(sea, strength, clock, swell, far)
    pebbles = plan.choice([0.0, plan.uniform(0.3, 1.0)], p=[0.6, 0.4]) * (1 - far)
    if pebbles > 0.05:
        out += level(_pebbles(stones, clock, swell, strength), _decibels(out) + ramp(-22, -6, pebbles))
    if plan.uniform() < 0.45:
        out += level(_lapping(rocks, clock, swell, strength), _decibels(out) + plan.uniform(-16, -2) - 10 * strength - 8 * far)
    if plan.uniform() < 0.3:
        gusts = wander(air, clock.seconds, 0.5)
        breeze = painted(air, clock, lambda t, f: np.exp(0.6 * gusts(t)) * response(f, [(30, 0), (200, -3), (600, -14), (4000, -40)]))
        out += level(breeze, _decibels(out) + plan.uniform(-12, 0))
    if plan.uniform() < 0.2:
        out += level(_gulls(birds, clock), _decibels(out) + plan.uniform(-20, -9))
    distance = grow(2, 400, far)
    return heard(place, out, clock.rate, replace(SURROUNDINGS["open"], distance=distance, wet=ramp(0.04, 0.2, far)))


def _decibels(x: np.ndarray) -> float:
    return 20 * np.log10(rms(x) + 1e-6)


def _swell(rng: Generator, strength: float, clock: Clock) -> Swell:
    """Periods of 3 to 12 s, the longer ones for high waves; ripples come every second or two."""
    period = rng.uniform(3.0, 12.0) * ramp(0.45, 1.0, min(1.0, 1.6 * strength))
    times = np.arange(rng.uniform(-1.5, 0.8) * period, clock.seconds + period, period)
    times = times + rng.normal(0, 0.12 * period, times.size)
    power = rng.uniform(0.35, 1.0, times.size)
    return Swell(times, power, period * rng.uniform(0.08, 0.28), period * rng.uniform(0.15, 0.4), period * rng.uniform(0.15, 0.35))


def _roar(rng: Generator, strength: float, clock: Clock, swell: Swell, far: float) -> np.ndarray:
    """The body of the sound: steady sea far out, breaking waves, fizzing foam. The far sea blurs many waves into one even roar."""
    low, bright = grow(700, 110, strength) * rng.uniform(0.7, 1.5), rng.uniform(-16, -4) + 5 * strength
    fizz, centre, floor = rng.uniform(0.3, 1.2) * (1 - 0.7 * far), rng.uniform(2600, 6500), ramp(0.03, 0.7, far) * rng.uniform(0.4, 1.3)
    swirl, boil = wander(rng, clock.seconds, rng.uniform(0.8, 2.5)), wander(rng, clock.seconds, rng.uniform(10, 30))
    unrest, thin = ramp(0.5, 0.12, far) * rng.uniform(0.4, 1.2), rng.choice([20.0, rng.uniform(60, 350)])  # Hz a small microphone begins at

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        loud = swell.breaking(t)
        # The higher a wave stands at the moment, the brighter it is.
        shine = response(f, [(30, -10), (low, 0), (3 * low, -3), (2500, bright), (8000, bright - 9), (18000, bright - 22)])
        dull = response(f, [(30, -8), (low, 0), (3 * low, -6), (2500, bright - 8), (8000, bright - 22), (18000, bright - 40)])
        crash = loud * (shine * np.minimum(loud, 1) + dull * (1 - np.minimum(loud, 1)))
        foam = 0.3 * fizz * swell.washing(t) * hump(f, centre, 1.1)
        return (floor * dull + crash + foam) * np.exp(unrest * (swirl(t) + 0.7 * boil(t))) / (1 + (thin / np.maximum(f, 1.0)) ** 3)

    return level(painted(rng, clock, spectrum), 0)


def _density(swell: Swell, clock: Clock) -> np.ndarray:
    return swell.washing(np.linspace(0, clock.seconds, 400)) + 0.02


def _pebbles(rng: Generator, clock: Clock, swell: Swell, strength: float) -> np.ndarray:
    """Stones rattling over each other in the water that runs back."""
    times = moments(rng, clock, grow(120, 1200, strength) * rng.uniform(0.5, 1.3), _density(swell, clock))
    pitch = grow(1200, 3200, rng.uniform()) * rng.lognormal(0, 0.4, times.size)
    return chirps(
        clock, times, pitch.clip(400, 9000), amplitude(rng.normal(-10, 6, times.size)), 2.5 / pitch, rng.uniform(-0.1, 0.1, times.size)
    )


def _lapping(rng: Generator, clock: Clock, swell: Swell, strength: float) -> np.ndarray:
    """Water in the gaps of rocks or under a pier: slaps and gurgles of trapped air."""
    times = moments(rng, clock, grow(14, 60, strength) * rng.uniform(0.5, 1.5), _density(swell, clock) + 0.2)
    radii = (rng.uniform(0.003, 0.007) * rng.lognormal(0, 0.5, times.size)).clip(0.001, 0.02)
    return bubbles(clock, times, radii, amplitude(rng.normal(-6, 6, times.size)), rng.uniform(0.05, 0.5, times.size), kinds=24)


def _gulls(rng: Generator, clock: Clock) -> np.ndarray:
    """Long calls of gulls: runs of cries whose pitch rises and falls, with two overtones."""
    out = np.zeros(clock.n, dtype=np.float32)
    for at in moments(rng, clock, 0.25):
        pitch, cries, length = rng.uniform(800, 1500), int(rng.integers(1, 7)), rng.uniform(0.18, 0.5)
        for cry in range(cries):
            start = int((at + cry * length * 1.3) * clock.rate)
            u = np.linspace(0, 1, int(length * clock.rate), dtype=np.float32)[: max(0, clock.n - start)]
            glide = pitch * (1 + 0.45 * np.sin(np.pi * u**0.7))
            phase = 2 * np.pi * np.cumsum(glide) / clock.rate
            voice = np.sin(phase) + 0.6 * np.sin(2 * phase) + 0.3 * np.sin(3 * phase)
            out[start : start + u.size] += (voice * np.abs(np.sin(np.pi * u)) ** 0.6 * np.float32(rng.uniform(0.4, 1.0))).astype(np.float32)
    return out if out.any() else 1e-3 * steady(rng, clock, [(500, 0), (4000, -6)])
