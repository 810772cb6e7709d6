"""Explosions and fires: blast waves with debris and echoes; crackles, roar and hiss."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.random import Generator

from sonicdiff.synthetic.impulses import lay, moments
from sonicdiff.synthetic.noise import Clock, amplitude, grow, hump, level, painted, ramp, response, steady, wander
from sonicdiff.synthetic.space import SURROUNDINGS, heard


def blast_wave(rate: int, duration: float) -> np.ndarray:
    """Friedlander's pressure curve: a shock, then an underpressure; `duration` seconds of overpressure."""
    t = np.arange(int(6 * duration * rate) + 2, dtype=np.float32) / (duration * rate)
    return ((1 - t) * np.exp(-1.1 * t) * np.minimum(1, (6 - t) / 2)).astype(np.float32)


def _blast(rng: Generator, clock: Clock, strength: float) -> np.ndarray:
    """One explosion, from its shock on: boom, fireball roar whose treble dies first, debris. At most as long as `clock`."""
    shock, roar, dirt = rng.spawn(3)
    rate = clock.rate
    duration = grow(0.0012, 0.028, strength) * rng.uniform(0.6, 1.6)
    tail = grow(0.18, 1.6, strength) * rng.uniform(0.6, 1.7)
    bass = grow(260, 55, strength) * rng.uniform(0.75, 1.4)
    hardness = min(rng.lognormal(-0.3, 0.7), 4.0)

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        # Each frequency has its own decay: the boom outlasts the crack.
        life = tail * (0.07 + 0.93 / (1 + (f / (3.2 * bass)) ** 0.8))
        shape = hump(f, bass, 1.3) + 0.35 * hardness * response(f, [(100, 0), (1500, -6), (6000, -15), (20000, -32)])
        rise = np.clip((t + 0.004) / (0.012 + 0.05 * strength), 0.1, 1)
        return shape * np.exp(-t / life) * rise

    rest = Clock(min(clock.n, int(9 * tail * rate) + 64), rate)
    cloud = painted(roar, rest, spectrum, frame=512)
    rolling = wander(roar, rest.seconds, grow(14, 5, strength))(np.linspace(0, rest.seconds, rest.n, dtype=np.float32))
    end = np.minimum(1, np.arange(rest.n, 0, -1, dtype=np.float32) / (0.3 * rate))
    out = np.zeros(clock.n, dtype=np.float32)
    out[: rest.n] = cloud / (np.abs(cloud).max() + 1e-9) * (0.75 + 0.35 * rolling) * end * 1.1
    wave = blast_wave(rate, duration) * np.float32(rng.uniform(0.7, 1.3))
    again = shock.exponential(0.02 + 0.05 * strength, shock.integers(1, 5))
    lay(out, rate, np.append(0.0, again), wave, np.append(1.0, shock.uniform(-0.4, 0.6, again.size)))
    count = dirt.poisson(grow(2, 160, strength) * dirt.uniform(0.1, 1.3))
    falls = 0.12 + dirt.gamma(1.8, 0.35 + 0.4 * strength, count)
    strew(dirt, out, rate, falls, amplitude(dirt.normal(-27, 7, count) + 4 * strength).clip(0, 0.5), 400, 6000, 0.003)
    return out


def explosion(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a distant thump or a firecracker (0) to an overloading detonation with a rolling tail and raining debris (1)."""
    plan, place, back, *charges = rng.spawn(9)
    count = 1 + min(int(plan.geometric(0.45)) - 1, 5)
    times = np.sort(plan.uniform(0.02, 0.72, count)) * clock.seconds
    times[0] = min(times[0], plan.uniform(0.01, 0.35) * clock.seconds)
    out = np.zeros(clock.n, dtype=np.float32)
    for index, (at, charge) in enumerate(zip(times, charges, strict=False)):
        # The loudest of a series has the full strength.
        own = strength if index == 0 else strength * plan.uniform(0.5, 1.0)
        start = int(at * clock.rate)
        blast = _blast(charge, Clock(clock.n - start, clock.rate), own)
        out[start:] += blast * np.float32(1.0 if index == 0 else plan.uniform(0.3, 1.0))
    where = ["valley", "street", "open", "forest", "valley", "hall"][plan.integers(6)]
    metres = grow(700, 12, strength) * plan.lognormal(0, 0.7)
    space = replace(SURROUNDINGS[where], distance=metres, wet=SURROUNDINGS[where].wet * ramp(0.8, 1.9, strength))
    out = heard(place, out, clock.rate, space)
    out /= np.abs(out).max() + 1e-9
    # A microphone near a detonation overloads.
    drive = ramp(0.6, 4.0, strength * plan.uniform(0, 1))
    out = np.tanh(drive * out) / np.tanh(drive)
    ambience = steady(back, clock, [(30, 0), (200, -4), (1500, -14), (12000, -34)])
    return out + level(ambience, float(back.uniform(-62, -46)))


def _burst(rng: Generator, rate: int, frequency: float, decay: float) -> np.ndarray:
    """One crackle: a grain of noise ringing at the resonance of the splinter that broke."""
    t = np.arange(int(7 * decay * rate) + 6, dtype=np.float32) / rate
    ring = np.sin(2 * np.pi * frequency * t + rng.uniform(0, 6.28))
    noise = rng.standard_normal(t.size)
    mix = rng.uniform(0.15, 0.75)
    grain = ((1 - mix) * ring + mix * noise) * np.exp(-t / decay) * np.minimum(1, (t[-1] - t) * rate / 4)
    return (grain / (np.abs(grain).max() + 1e-6)).astype(np.float32)


def strew(rng: Generator, out: np.ndarray, rate: int, times: np.ndarray, loud: np.ndarray, low: float, high: float, slow: float) -> None:
    """Lay bursts of 48 kinds, resonances `low` to `high` Hz, decays about `slow` seconds, into `out`."""
    kind, signed = rng.integers(48, size=times.size), loud * rng.choice([-1, 1], times.size)
    for index in range(48):
        mine = kind == index
        if mine.any():
            grain = _burst(rng, rate, grow(low, high, rng.uniform()), slow * rng.lognormal(0, 0.7))
            lay(out, rate, times[mine], grain, signed[mine])


def _crackles(rng: Generator, clock: Clock, per_second: float, loudness: float, low: float, high: float, slow: float) -> np.ndarray:
    """Clustered crackles with heavy-tailed loudness, resonances `low` to `high` Hz, lasting about `slow` seconds."""
    flicker = np.exp(2.2 * wander(rng, clock.seconds, 2.5)(np.linspace(0, clock.seconds, 400)))
    times = moments(rng, clock, per_second, flicker)
    # Splitting wood comes in showers: some crackles drag a few others behind them.
    parents = times[rng.uniform(size=times.size) < 0.12]
    showers = [parent + rng.exponential(0.035, rng.integers(2, 9)) for parent in parents[:200]]
    times = np.concatenate([times, *showers])
    loud = np.minimum(amplitude(loudness) * (rng.pareto(1.5, times.size) + 0.3) * 0.5, 1.3)
    out = np.zeros(clock.n, dtype=np.float32)
    strew(rng, out, clock.rate, times, loud, low, high, slow)
    return out


def fire(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a small, sparsely ticking fire (0) to a roaring blaze (1)."""
    plan, snap, pop, low, high, place = rng.spawn(6)
    wood = plan.uniform(0.5, 2.0)
    fine = _crackles(
        snap, clock, grow(4, 75, strength) * wood, ramp(-16, -9, strength), plan.uniform(900, 2500), plan.uniform(5000, 11000), 0.0012
    )
    pops = _crackles(
        pop, clock, grow(0.5, 7, strength) * plan.uniform(0.3, 2), ramp(-11, -4, strength), 250, 1500, plan.uniform(0.003, 0.008)
    )
    flutter, gusts = wander(low, clock.seconds, plan.uniform(6, 12)), wander(low, clock.seconds, 0.8)
    body = grow(110, 320, strength) * plan.uniform(0.7, 1.4)

    def roar_spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.exp(0.5 * flutter(t) + 0.7 * gusts(t)) * response(
            f, [(15, -4), (40, 0), (body, 0), (4 * body, -18), (16 * body, -38), (20000, -60)]
        )

    roar = level(painted(low, clock, roar_spectrum, frame=2048), ramp(-43, -15, strength) + plan.uniform(-9, 4) * ramp(1.3, 0.6, strength))
    simmer = wander(high, clock.seconds, 1.5)

    def hiss_spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.exp(0.5 * simmer(t)) * response(f, [(300, -26), (1500, -8), (4000, 0), (9000, -3), (20000, -16)])

    hiss = level(painted(high, clock, hiss_spectrum), ramp(-46, -29, strength) + plan.uniform(-6, 4))
    space = replace(SURROUNDINGS[["open", "open", "forest", "room", "hall"][plan.integers(5)]], distance=grow(1, 25, plan.uniform()))
    return heard(place, fine + pops + roar + hiss, clock.rate, space)
