"""What does not ring when it is struck: water, grass, gravel, cloth and dirt, by bubbles, grains and short noise."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.impulses import bubbles, chirps, lay, moments, ringing
from sonicdiff.synthetic.noise import Clock, Points, amplitude, grow, level, painted, ramp, response
from sonicdiff.synthetic.water_sounds import plunge

Blow = Callable[[Generator, int, float], np.ndarray]
Sweep = Callable[[Generator, Clock, np.ndarray], np.ndarray]


def _burst(rng: Generator, rate: int, points: Points, rise: float, life: float) -> np.ndarray:
    """Noise of one spectrum that comes in `rise` and dies by 1/e in `life` seconds, peak 1."""
    clock = Clock(int((rise + 6 * life) * rate) + 512, rate)
    noise = painted(rng, clock, lambda t, f: response(f, points), frame=512)
    t = clock.times
    noise *= np.minimum(1, t / rise) * np.exp(-np.maximum(t - rise, 0) / life) * np.minimum(1, (clock.seconds - t) / 0.01)
    return noise / (np.abs(noise).max() + 1e-9)


def _thud(rng: Generator, rate: int, low: float, high: float, life: float) -> np.ndarray:
    """The dull note of something soft giving way, sinking in pitch, peak about 1."""
    clock = Clock(int(7 * life * rate) + 64, rate)
    zero, pitch = np.zeros(1), np.array([grow(low, high, rng.uniform())])
    return chirps(clock, zero, pitch, np.ones(1), np.array([life * rng.uniform(0.8, 1.2)]), -0.25)


def _sum(rate: int, *parts: tuple[float, np.ndarray]) -> np.ndarray:
    out = np.zeros(max(part.size for _, part in parts), dtype=np.float32)
    for gain, part in parts:
        lay(out, rate, np.zeros(1), part, np.array([gain]))
    return out


def _stones(rng: Generator, rate: int, size: float) -> list[tuple[float, float]]:
    """Modes (Hz, s) of pebbles: high, and gone in a few milliseconds."""
    pitches = np.sort(rng.uniform(1500, 9500, 16)) * grow(1.3, 0.7, size)
    return [(min(float(pitch), 0.4 * rate), float(rng.uniform(3, 9) / pitch)) for pitch in pitches]


def water_hit(rng: Generator, rate: int, force: float) -> np.ndarray:
    return plunge(rng, rate, ramp(0.15, 0.65, force))


def grass_hit(rng: Generator, rate: int, force: float) -> np.ndarray:
    swish = _burst(
        rng, rate, [(300, -50), (1500, -14), (3500, -2), (7000, 0), (14000, -8)], rng.uniform(0.02, 0.05), rng.uniform(0.05, 0.1)
    )
    clock = Clock(int(0.3 * rate), rate)
    times = rng.exponential(0.06, int(60 + 120 * force))
    ticks = ringing(rng, clock, times, amplitude(rng.normal(-18, 6, times.size)), [(2800, 7e-4), (4400, 5e-4), (6800, 4e-4), (9500, 3e-4)])
    return _sum(rate, (0.35, _thud(rng, rate, 75, 130, 0.025)), (0.9, swish), (0.8, ticks))


def gravel_hit(rng: Generator, rate: int, force: float) -> np.ndarray:
    clock = Clock(int(0.7 * rate), rate)
    count = int(grow(14, 70, force))
    times = np.append(rng.exponential(0.012, count // 3), rng.exponential(0.11, count))  # those struck, then those that roll away
    loud = amplitude(rng.normal(-4, 6, times.size)) * np.exp(-times / 0.14)
    crunch = _burst(rng, rate, [(200, -24), (900, -8), (2500, 0), (6000, -2), (14000, -12)], 0.002, 0.018)
    return _sum(rate, (1.3, ringing(rng, clock, times, loud, _stones(rng, rate, force))), (0.5, crunch))


def cloth_hit(rng: Generator, rate: int, force: float) -> np.ndarray:
    puff = _burst(rng, rate, [(60, -8), (160, 0), (500, -12), (1500, -26), (5000, -46)], 0.008, rng.uniform(0.03, 0.06))
    return _sum(rate, (0.7, _thud(rng, rate, 90, 190, rng.uniform(0.025, 0.045))), (0.6, puff))


def dirt_hit(rng: Generator, rate: int, force: float) -> np.ndarray:
    pat = _burst(rng, rate, [(60, -14), (200, -4), (500, 0), (1400, -5), (3500, -20), (9000, -40)], 0.002, rng.uniform(0.012, 0.028))
    clock = Clock(int(0.5 * rate), rate)
    times = rng.exponential(0.07, int(grow(20, 90, force)))
    crumbs = ringing(rng, clock, times, amplitude(rng.normal(-16, 6, times.size)), [(500, 2e-3), (850, 1.4e-3), (1300, 1e-3), (2100, 6e-4)])
    return _sum(rate, (0.8, _thud(rng, rate, 60, 110, 0.022)), (0.8, pat), (0.6, crumbs))


def _grains(rng: Generator, clock: Clock, speed: np.ndarray, per_second: float, grains: list[tuple[float, float]]) -> np.ndarray:
    """Grains that a stick moves, more of them and stronger the faster it goes, unit RMS."""
    times = moments(rng, clock, per_second, speed[::64])
    strength = speed[(times * clock.rate).astype(int).clip(0, clock.n - 1)]
    return level(ringing(rng, clock, times, amplitude(rng.normal(0, 6, times.size)) * strength, grains), 0)


def _hiss(rng: Generator, clock: Clock, speed: np.ndarray, points: Points) -> np.ndarray:
    """Noise that is louder, and brighter, the faster the stick goes, unit RMS."""
    at = np.linspace(0, clock.seconds, 2000)
    pace = np.interp(at, clock.times, speed)

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        now = np.interp(t, at, pace)
        return now * response(f, points) * (0.4 + 0.6 * now * np.minimum(1, f / 3000))

    return level(painted(rng, clock, spectrum, frame=512), 0)


def water_scrape(rng: Generator, clock: Clock, speed: np.ndarray) -> np.ndarray:
    times = moments(rng, clock, 130, speed[::64] ** 2)
    radii = (0.0026 * rng.lognormal(0, 0.55, times.size)).clip(0.0006, 0.012)
    wet = level(bubbles(clock, times, radii, amplitude(rng.normal(0, 5, times.size)) * radii / 0.002, rng.uniform(0, 0.4, times.size)), 0)
    return wet + 0.22 * _hiss(rng, clock, speed, [(150, -8), (500, 0), (1500, -6), (5000, -16), (14000, -26)])


def grass_scrape(rng: Generator, clock: Clock, speed: np.ndarray) -> np.ndarray:
    hiss = _hiss(rng, clock, speed, [(300, -50), (1500, -16), (4000, -2), (8000, 0), (15000, -8)])
    return hiss + 0.6 * _grains(rng, clock, speed, 700, [(2800, 7e-4), (4400, 5e-4), (6800, 4e-4), (9500, 3e-4)])


def gravel_scrape(rng: Generator, clock: Clock, speed: np.ndarray) -> np.ndarray:
    stones = _grains(rng, clock, speed, grow(120, 260, rng.uniform()), _stones(rng, clock.rate, rng.uniform()))
    return stones + 0.25 * _hiss(rng, clock, speed, [(200, -20), (900, -8), (3000, 0), (7000, -4), (14000, -14)])


def cloth_scrape(rng: Generator, clock: Clock, speed: np.ndarray) -> np.ndarray:
    """A rub whose threads can be counted: a zip of 60 to 160 Hz over a soft hiss."""
    turns = np.cumsum(speed) / clock.rate * rng.uniform(60, 160)
    threads = (0.55 + 0.45 * np.sin(2 * np.pi * turns)).astype(np.float32)
    return threads * _hiss(rng, clock, speed, [(80, -6), (250, 0), (900, -4), (2200, -14), (6000, -34)])


def dirt_scrape(rng: Generator, clock: Clock, speed: np.ndarray) -> np.ndarray:
    grit = _grains(rng, clock, speed, 420, [(500, 2e-3), (850, 1.4e-3), (1300, 1e-3), (2100, 6e-4), (3000, 4e-4)])
    return grit + 0.9 * _hiss(rng, clock, speed, [(150, -14), (500, -2), (1200, 0), (2600, -6), (6000, -24), (14000, -44)])


BLOWS: dict[str, Blow] = {"water": water_hit, "grass": grass_hit, "gravel": gravel_hit, "cloth": cloth_hit, "dirt": dirt_hit}
SWEEPS: dict[str, Sweep] = {
    "water": water_scrape,
    "grass": grass_scrape,
    "gravel": gravel_scrape,
    "cloth": cloth_scrape,
    "dirt": dirt_scrape,
}
