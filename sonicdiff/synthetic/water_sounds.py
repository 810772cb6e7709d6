"""Water: splashes, squelching mud, bubbles heard under water, falls and streams."""

from __future__ import annotations

from dataclasses import replace
from itertools import cycle

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import Generator

from sonicdiff.synthetic.impulses import bubbles, chirp, chirps, lay, moments
from sonicdiff.synthetic.noise import Clock, amplitude, grow, hump, level, painted, ramp, response, rms, steady, wander
from sonicdiff.synthetic.space import SURROUNDINGS, heard


def plunge(rng: Generator, rate: int, size: float) -> np.ndarray:
    """One body hitting water: slap, the cavity's note as it closes, a cloud of bubbles, spray and drops falling back."""
    slap, cloud, spray, drops = rng.spawn(4)
    life = grow(0.10, 0.75, size) * rng.uniform(0.6, 1.5)
    clock = Clock(int((5 * life + 0.4) * rate), rate)
    out = _mist(spray, clock, size, life)
    thump = chirps(clock, np.zeros(1), np.array([grow(240, 70, size)]), np.array([slap.uniform(0.1, 1.0)]), np.array([0.025]), -0.1)
    out += thump
    if slap.uniform() < 0.7:
        cavity = np.array([grow(0.004, 0.02, size) * slap.uniform(0.6, 1.5)])
        out += bubbles(clock, np.array([slap.uniform(0.06, 0.2)]), cavity, np.array([slap.uniform(0.1, 0.7)]), 0.5)
    count = cloud.poisson(grow(12, 190, size) * cloud.uniform(0.4, 1.4))
    times = np.append(0.02 + cloud.exponential(0.8 * life, count), drops.gamma(3.0, 0.12 + 0.12 * size, drops.poisson(grow(4, 60, size))))
    falling = np.arange(times.size) >= count
    radii = np.where(falling, 0.001, 0.0022) * cloud.lognormal(0, 0.5, times.size)
    loud = amplitude(cloud.normal(-20, 6, times.size))
    return out + bubbles(clock, times, radii.clip(0.0005, 0.012), loud, cloud.uniform(0, 0.3, times.size), kinds=20)


def _mist(rng: Generator, clock: Clock, size: float, life: float) -> np.ndarray:
    """The noise of a splash: body first, then spray that hisses on for `life` seconds."""
    bright, push = rng.uniform(2500, 7000), rng.uniform(0.004, 0.05)

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        body = 1.5 * hump(f, grow(1100, 380, size), 1.0) * np.exp(-t / (0.35 * life))
        fizz = hump(f, bright, 1.1) * np.exp(-t / life) * (0.25 + np.minimum(1, t / 0.06))
        return (body + fizz) * np.minimum(1, (t + 0.003) / push)

    noise = painted(rng, clock, spectrum, frame=512)
    fine = np.linspace(0, clock.seconds, clock.n, dtype=np.float32)
    grainy = np.exp(0.5 * wander(rng, clock.seconds, 45)(fine))
    return noise * grainy * np.minimum(1, (clock.seconds - fine) / 0.03) * np.float32(0.8 / (np.abs(noise).max() + 1e-9))


def splash(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From paddling and drips (0) to bodies crashing into water (1)."""
    plan, back, place, *hits = rng.spawn(64)
    kind = plan.choice(["strokes", "thrown", "paddle"])
    size, out = ramp(0.12, 1.0, strength), np.zeros(clock.n, dtype=np.float32)
    if kind == "strokes":
        period = grow(1.3, 0.5, strength * plan.uniform(0.5, 1))
        times = np.arange(plan.uniform(0, period), clock.seconds - 0.1, period)
        times = times + plan.normal(0, 0.1 * period, times.size)
    else:
        per_second = {"thrown": grow(0.25, 0.8, strength), "paddle": grow(1.0, 3.2, strength)}[kind]
        times = moments(plan, clock, per_second)
        if not times.size:
            times = np.array([plan.uniform(0.05, 0.4) * clock.seconds])
    scale = {"strokes": 0.7, "thrown": 1.0, "paddle": 0.45}[kind]
    for at, hit in zip(times.clip(0, clock.seconds - 0.05), cycle(hits), strict=False):
        own = min(1.0, size * scale * plan.uniform(0.6, 1.3))
        lay(out, clock.rate, np.array([at]), plunge(hit, clock.rate, own), np.array([own * plan.uniform(0.5, 1.2)]))
    ripple = wander(back, clock.seconds, 2.0)
    lapping = painted(back, clock, lambda t, f: hump(f, 700, 1.3) * np.exp(0.9 * ripple(t)))
    out += level(lapping, 20 * np.log10(rms(out) + 1e-6) - plan.uniform(14, 30))
    where = ["open", "open", "open", "hall", "room"][plan.integers(5)]
    return heard(place, out, clock.rate, replace(SURROUNDINGS[where], distance=grow(1, 50, plan.uniform())))


def _squelch(rng: Generator, rate: int, wetness: float, low: float, seconds: float, upward: bool) -> np.ndarray:
    """Mud or a soaked shoe giving way: hundreds of tiny wet resonances on a common gliding pitch, stuttering as air is pushed through."""
    count = int(seconds * grow(260, 900, wetness))
    u = np.sort(rng.beta(1.3, 1.6, count))
    climb = rng.uniform(0.7, 1.9) * (1 if upward else -0.6)
    pitch = low * 2 ** (climb * u) * rng.lognormal(0, 0.16, count)
    # The stick and slip of the suction, 18 to 55 times a second.
    beat = rng.uniform(18, 55)
    stutter = 0.25 + 0.75 * (np.sin(2 * np.pi * (beat * seconds * u + rng.uniform())) > rng.uniform(-0.6, 0.4))
    loud = stutter * np.sin(np.pi * u.clip(0.02, 0.98)) ** 0.7 * amplitude(rng.normal(-14, 5, count))
    overtone = np.where(rng.uniform(size=count) < 0.4, 1 + rng.uniform(0.6, 4.0, count), 1)
    pitch = (pitch * overtone).clip(80, 9000)
    clock = Clock(int((seconds + 0.1) * rate), rate)
    return chirps(clock, seconds * u, pitch, loud, rng.uniform(1.0, 4.0, count) / pitch, rng.uniform(-0.1, 0.35), kinds=24)


def _step(rng: Generator, rate: int, strength: float, wetness: float, low: float, period: float) -> np.ndarray:
    """One step or squeeze: press down, a dull thud, suck up, sometimes a pop and a small splash."""
    clock = Clock(int((period + 0.9) * rate), rate)
    out = np.zeros(clock.n, dtype=np.float32)
    press, voice = min(period * 0.45, rng.uniform(0.09, 0.26)), low * rng.lognormal(0, 0.13)
    lay(out, rate, np.zeros(1), _squelch(rng, rate, wetness, voice, press, False))
    thud = rng.uniform(0.1, 0.9) * ramp(0.2, 1.2, strength)
    lay(out, rate, np.zeros(1), chirp(rate, rng.uniform(70, 140), 0.03, 0.0) * np.float32(thud))
    if rng.uniform() < 0.75:
        lift = press + rng.uniform(0.01, 0.3) * period
        lay(out, rate, np.array([lift]), 0.8 * _squelch(rng, rate, wetness, voice * 1.15, min(period * 0.4, rng.uniform(0.07, 0.22)), True))
        if rng.uniform() < 0.5:
            out += bubbles(clock, np.array([lift + 0.15]), np.array([rng.uniform(0.002, 0.007)]), np.array([0.7]), 0.6)
    if rng.uniform() < ramp(0.1, 0.7, strength):
        lay(out, rate, np.zeros(1), 0.25 * plunge(rng, rate, ramp(0.05, 0.4, strength)))
    return out * np.float32(rng.uniform(0.5, 1.0))


def squish(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From slow soft squeezes (0) to heavy, fast steps through mud (1): press, suck, pop."""
    plan, back, place, *steps = rng.spawn(48)
    period = grow(1.5, 0.42, strength) * plan.uniform(0.75, 1.35)
    times = np.arange(plan.uniform(0.02, 0.5), clock.seconds - 0.15, period)
    times = times + plan.normal(0, plan.uniform(0.01, 0.14) * period, times.size)
    low, wetness = grow(190, 620, plan.uniform()) * ramp(1.15, 0.8, strength), plan.uniform(0.2, 1.0)
    out = np.zeros(clock.n, dtype=np.float32)
    for at, step in zip(times.clip(0, None), cycle(steps), strict=False):
        lay(out, clock.rate, np.array([at]), _step(step, clock.rate, strength, wetness, low, period))
    smear = steady(back, clock, [(60, -14), (300, -2), (900, 0), (3000, -10), (12000, -26)])
    out += level(smear, 20 * np.log10(rms(out) + 1e-6) - plan.uniform(22, 38))
    where = ["open", "open", "room", "forest"][plan.integers(4)]
    return heard(place, out, clock.rate, replace(SURROUNDINGS[where], distance=grow(0.7, 12, plan.uniform()), wet=0.08))


def underwater(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a thin string of bubbles (0) to a boiling cloud (1), heard below the surface: divers' breath, tank pumps, gurgles."""
    plan, air_, drone, tank, place = rng.spawn(5)
    kind = plan.choice(["breath", "pump", "boil", "glug"])
    rate = grow(6, 190, strength) * {"breath": 1.1, "pump": 0.9, "boil": 1.3, "glug": 0.35}[kind] * plan.uniform(0.7, 1.4)
    radius = {"breath": 0.0055, "pump": 0.0035, "boil": 0.0045, "glug": 0.011}[kind] * plan.uniform(0.7, 1.5) * ramp(0.75, 1.15, strength)
    density = _breathing(plan, clock, kind)
    times = moments(air_, clock, rate, density)
    if not times.size:
        times = air_.uniform(0, clock.seconds, 3)
    radii = (radius * air_.lognormal(0, 0.45, times.size)).clip(0.0012, 0.03)
    loud = amplitude(air_.normal(0, 5, times.size)) * (radii / radius) ** 0.8
    out = bubbles(clock, times, radii, loud, air_.uniform(0.05, 0.7 if kind == "glug" else 0.35, times.size))
    resonance, shimmer = plan.uniform(180, 700), wander(tank, clock.seconds, 9)
    envelope = np.interp(np.linspace(0, 1, 500), np.linspace(0, 1, density.size), density / density.max())

    def churn(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        present = np.interp(t, np.linspace(0, clock.seconds, 500), envelope)
        return present * np.exp(0.7 * shimmer(t)) * (hump(f, resonance, 0.7) + 0.5 * hump(f, 2.6 * resonance, 0.5))

    out = level(out, 0) + level(painted(tank, clock, churn), ramp(-16, -3, strength) + plan.uniform(-5, 3))
    hum = plan.choice([0.0, 0.03, 0.12]) * sum(np.sin(2 * np.pi * plan.uniform(45, 65) * k * clock.times) / k for k in (1, 2, 3))
    floor = steady(drone, clock, [(20, -2), (60, 0), (200, -8), (800, -24), (4000, -52), (20000, -90)])
    out = out + hum + level(floor, plan.uniform(-24, -9))
    # Water and the housing of the microphone swallow the treble.
    cut = grow(550, 8000, plan.uniform())
    out = heard(place, out.astype(np.float32), clock.rate, replace(SURROUNDINGS["room"], distance=1.0, decay=plan.uniform(0.2, 0.8)))
    electronics = steady(place, clock, [(50, -6), (1000, 0), (20000, -6)])
    return _lowpass(out, clock.rate, cut) + level(electronics, plan.uniform(-66, -44))


def _breathing(rng: Generator, clock: Clock, kind: str) -> np.ndarray:
    """How many bubbles there are over time: breaths of a diver, glugs of a bottle, or an even stream."""
    t = np.linspace(0, clock.seconds, 800)
    if kind == "breath":
        phase = (t / rng.uniform(3.2, 5.5) + rng.uniform()) % 1
        return 0.05 + np.clip(phase * 12, 0, 1) * np.exp(-np.maximum(phase - 0.3, 0) * 9)
    if kind == "glug":
        phase = (t * rng.uniform(1.2, 3.5) + rng.uniform()) % 1
        return 0.05 + np.exp(-phase * 4)
    return np.exp(rng.uniform(0.2, 0.8) * wander(rng, clock.seconds, 1.2)(t))


def _lowpass(samples: np.ndarray, rate: int, cut: float) -> np.ndarray:
    spectrum = rfft(samples)
    f = np.linspace(0, rate / 2, spectrum.size, dtype=np.float32)
    return irfft(spectrum / (1 + (f / np.float32(cut)) ** 4), samples.size)


def waterfall(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a trickling brook (0) to a thundering cataract (1): bubbles one by one, then a wall of noise."""
    plan, wall, brook, gurgle, place = rng.spawn(5)
    rate = grow(90, 900, strength**0.7) * plan.uniform(0.6, 1.4)
    flow = np.exp(0.6 * wander(brook, clock.seconds, 4)(np.linspace(0, clock.seconds, 500)))
    times = moments(brook, clock, rate, flow)
    radii = (grow(0.0016, 0.0032, plan.uniform()) * brook.lognormal(0, 0.5, times.size)).clip(0.0005, 0.011)
    out = level(
        bubbles(clock, times, radii, amplitude(brook.normal(0, 6, times.size)) * radii / 0.002, brook.uniform(0, 0.25, times.size)), 0
    )
    times = moments(gurgle, clock, plan.uniform(1, 9))
    low = bubbles(
        clock,
        times,
        gurgle.uniform(0.005, 0.014, times.size),
        amplitude(gurgle.normal(0, 5, times.size)),
        gurgle.uniform(0.1, 0.6, times.size),
    )
    out += level(low, plan.uniform(-12, -3)) if times.size else 0
    surge, patter = wander(wall, clock.seconds, 0.5), wander(wall, clock.seconds, 17)
    body, treble = grow(900, 240, strength) * plan.uniform(0.7, 1.4), plan.uniform(-15, -5)

    def curtain(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        shape = response(
            f, [(20, -18 + 12 * strength), (body / 4, -5 + 4 * strength), (body, 0), (6 * body, -4), (9000, treble), (20000, treble - 14)]
        )
        return np.exp(0.12 * surge(t) + 0.1 * patter(t)) * shape

    out += level(painted(wall, clock, curtain), ramp(-15, 15, strength) + plan.uniform(-5, 4))
    where = ["open", "open", "forest", "valley"][plan.integers(4)]
    return heard(place, out, clock.rate, replace(SURROUNDINGS[where], distance=grow(2, 120, plan.uniform()), echoes=2))
