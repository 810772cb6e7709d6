"""The sound of a `Strike`: a rhythm of blows or of strokes, the material under it, and the room around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.impulses import lay, moments, train
from sonicdiff.synthetic.materials.bodies import BODIES, STICK, hit, rub
from sonicdiff.synthetic.materials.heaps import BLOWS, SWEEPS
from sonicdiff.synthetic.materials.strike import MATERIALS, Strike
from sonicdiff.synthetic.noise import Clock, grow, level, painted, ramp, response, rms, steady, wander
from sonicdiff.synthetic.sounds import finished
from sonicdiff.synthetic.space import SURROUNDINGS, heard

INDOORS = {"wood": 0.6, "metal": 0.6, "glass": 0.8, "plastic": 0.7, "ceramic": 0.9, "water": 0.3, "cloth": 0.9}


def render_strike(strike: Strike, seconds: float = 5.0, sample_rate: int = 48_000) -> np.ndarray:
    """The sound of `strike`, float32 (seconds * sample_rate,), |x| <= 1, the same for the same arguments.

    Intensity is how hard the stick is used: loudness (about -34 to -16 dBFS), brightness, and how often. Raises ValueError for less
    than half a second or a sample rate outside 8000 to 192000 Hz.
    """
    if not 0.5 <= seconds <= 600.0:
        raise ValueError(f"got {seconds} seconds; expected 0.5 to 600")
    if not 8000 <= sample_rate <= 192_000:
        raise ValueError(f"got a sample rate of {sample_rate} Hz; expected 8000 to 192000")
    clock = Clock(round(seconds * sample_rate), sample_rate)
    # The rhythm does not depend on the material, so that one can be exchanged for another.
    rhythm = np.random.default_rng((strike.seed, 2))
    making, place = np.random.default_rng((strike.seed, 3, MATERIALS.index(strike.material))).spawn(2)
    samples = (_hits if strike.action == "hit" else _scrapes)(rhythm, making, strike, clock)
    samples = _placed(place, samples, strike.material, clock)
    return finished(samples, clock, ramp(-34, -16, strike.intensity) + float(place.normal(0, 2)))


def _hits(rhythm: Generator, rng: Generator, strike: Strike, clock: Clock) -> np.ndarray:
    """Three to a dozen blows, nearly regular, none quite like the other."""
    period = grow(1.4, 0.42, 0.7 * strike.intensity + 0.3 * rhythm.uniform())
    times = np.arange(rhythm.uniform(0.05, 0.3), max(clock.seconds - 0.3, 0.3), period)
    times = (times + rhythm.normal(0, 0.06 * period, times.size)).clip(0.02)
    force = (ramp(0.35, 1.0, strike.intensity) * rhythm.uniform(0.55, 1.0, times.size)).clip(0.05)
    if strike.material in BODIES:
        struck = hit(rng, BODIES[strike.material], clock, times, force)
        tick = level(hit(rng, STICK, clock, times, force), 20 * np.log10(rms(struck) + 1e-9) - rng.uniform(12, 20))
        return struck + tick
    out = np.zeros(clock.n, dtype=np.float32)
    for at, own in zip(times, force, strict=True):
        lay(out, clock.rate, np.array([at]), BLOWS[strike.material](rng, clock.rate, float(own)), np.array([own]))
    return out


def _scrapes(rhythm: Generator, rng: Generator, strike: Strike, clock: Clock) -> np.ndarray:
    """Strokes to and fro; a hard body is stirred by what its roughness does to the stick."""
    speed = _strokes(rhythm, clock, strike.intensity)
    if strike.material not in BODIES:
        return SWEEPS[strike.material](rng, clock, speed)
    times = moments(rng, clock, grow(250, 1100, rng.uniform()), speed[::64])
    bumps = train(clock, times, rng.exponential(1.0, times.size)) * speed
    # The roughness is finer than the stick's tip: faster strokes are brighter.
    fine = painted(rng, clock, lambda t, f: response(f, [(100, -20), (1500, -4), (5000, 0), (16000, -10)]), frame=512)
    push = level(bumps, 0) + level(fine * speed**1.5, -14)
    return rub(rng, BODIES[strike.material], clock, push)


def _strokes(rng: Generator, clock: Clock, intensity: float) -> np.ndarray:
    """Speed of the stick over time, 0..1, float32 (n,): slow at the ends of a stroke, uneven in between."""
    length = grow(1.1, 0.4, 0.7 * intensity + 0.3 * rng.uniform())
    starts = np.arange(rng.uniform(0.0, 0.3), clock.seconds - 0.15, length * rng.uniform(1.02, 1.4))
    t, speed = clock.times, np.zeros(clock.n, dtype=np.float32)
    for start in starts:
        u = (t - start) / (length * rng.uniform(0.85, 1.0))
        speed += np.where((u > 0) & (u < 1), rng.uniform(0.6, 1.0) * np.sin(np.pi * u.clip(0, 1)) ** 0.7, 0)
    uneven = wander(rng, clock.seconds, 14)(t)
    return (speed * (1 + 0.3 * uneven)).clip(0, 1).astype(np.float32)


def _placed(rng: Generator, samples: np.ndarray, material: str, clock: Clock) -> np.ndarray:
    """In a room or outdoors, a metre or two from the microphone, over a little noise."""
    inside = rng.uniform() < INDOORS.get(material, 0.0)
    where = ("room", "room", "hall")[rng.integers(3)] if inside else ("open", "open", "street")[rng.integers(3)]
    out = heard(rng, samples, clock.rate, replace(SURROUNDINGS[where], distance=grow(0.5, 4, rng.uniform()), wet=rng.uniform(0.04, 0.2)))
    floor = steady(rng, clock, [(40, 0), (200, -8), (2000, -22), (12000, -34)])
    return out + level(floor, 20 * np.log10(rms(out) + 1e-9) - rng.uniform(34, 52))
