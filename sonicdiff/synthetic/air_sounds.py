"""Rain, thunder, wind, and the calm of a place where nothing happens, as sounds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import Generator
from scipy.fft import next_fast_len
from scipy.signal import oaconvolve

from sonicdiff.synthetic.impulses import bubbles, chirps, moments, ringing, train
from sonicdiff.synthetic.noise import Clock, Points, amplitude, grow, hump, level, painted, ramp, response, rms, steady, wander
from sonicdiff.synthetic.space import SURROUNDINGS, air, heard


@dataclass(frozen=True)
class Surface:
    """What the drops fall on."""

    modes: tuple[float, float]  # Hz, range of resonances
    cycles: tuple[float, float]  # periods they ring on
    hiss: Points  # spectrum of the drops too many to tell apart
    wet: float  # share of drops that trap a bubble


SURFACES = {
    "leaves": Surface((1800, 9000), (0.3, 0.9), [(100, -34), (800, -14), (2500, -3), (6000, 0), (12000, -7), (20000, -18)], 0.05),
    "roof": Surface((350, 4200), (1.5, 9), [(60, -20), (300, -6), (1200, 0), (4000, -6), (10000, -16), (20000, -28)], 0.0),
    "puddles": Surface((1500, 7000), (0.3, 0.9), [(100, -26), (600, -10), (2000, -2), (5000, 0), (14000, -5), (20000, -12)], 0.5),
    "pavement": Surface((2500, 12000), (0.25, 0.6), [(80, -24), (400, -9), (1500, -3), (6000, 0), (16000, -4), (20000, -10)], 0.12),
    "tent": Surface((180, 1600), (0.35, 1.2), [(40, -12), (200, -1), (700, 0), (2500, -9), (8000, -20), (20000, -36)], 0.0),
    "window": Surface((700, 5500), (0.5, 3), [(60, -16), (250, -4), (900, 0), (3000, -8), (9000, -18), (20000, -30)], 0.1),
}


def _drops(rng: Generator, clock: Clock, per_second: float, surface: Surface) -> np.ndarray:
    """Drops near enough to be heard one by one, unit RMS."""
    times = moments(rng, clock, per_second)
    loud = amplitude(rng.normal(0, 7, times.size).clip(-20, 15))
    low, high = surface.modes
    pitches = [grow(low, high, (k + rng.uniform()) / 5) for k in range(5)]
    modes = [(pitch, grow(*surface.cycles, rng.uniform()) / pitch) for pitch in pitches]
    out = ringing(rng, clock, times, loud, modes)
    wet = rng.uniform(size=times.size) < surface.wet
    count = min(int(wet.sum()), 2500)
    if count:
        radii = rng.lognormal(np.log(0.00085), 0.45, count).clip(0.0003, 0.004)
        delay = rng.uniform(0.002, 0.03, count)
        out += bubbles(clock, times[wet][:count] + delay, radii, 0.7 * loud[wet][:count], rng.uniform(0, 0.15, count))
    return level(out, 0.0)


def _drips(rng: Generator, clock: Clock) -> np.ndarray:
    """Water falling from an eave: a few slow, almost regular lines of big drops with a plink each."""
    times, radii = [], []
    for _ in range(rng.integers(1, 5)):
        period = rng.uniform(0.25, 1.6)
        line = np.arange(rng.uniform(0, period), clock.seconds, period)
        times.append(line + rng.normal(0, 0.06 * period, line.size))
        radii.append(np.full(line.size, rng.uniform(0.0012, 0.004)) * rng.lognormal(0, 0.08, line.size))
    moment, radius = np.concatenate(times), np.concatenate(radii)
    loud = amplitude(rng.normal(-3, 4, moment.size))
    return bubbles(clock, moment, radius, loud, rng.uniform(0, 0.25, moment.size)) + 0.5 * chirps(
        clock, moment - 0.012, rng.uniform(2000, 6000, moment.size), loud, np.full(moment.size, 0.0012)
    )


def rain(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From single drops (0) to a downpour whose drops merge into a roar (1), on one or two surfaces."""
    plan, near, second, broad, eave, place = rng.spawn(6)
    names = plan.choice(list(SURFACES), 2, replace=False)
    main, other = SURFACES[names[0]], SURFACES[names[1]]
    share = plan.choice([0.0, plan.uniform(0.2, 0.6)])
    rate = grow(14, 3200, strength) * plan.uniform(0.6, 1.5)
    drops = _drops(near, clock, rate, main) + (share * _drops(second, clock, rate * 0.5, other) if share else 0)
    swell, tilt = wander(broad, clock.seconds, 0.35), plan.uniform(-5, 5)
    body = ramp(-26, -5, strength)  # dB of what heavy rain adds below 400 Hz

    def curtain(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        shape = (
            response(f, main.hiss)
            + share * response(f, other.hiss)
            + amplitude(body) * response(f, [(40, -8), (150, 0), (500, -6), (3000, -22)])
        )
        return np.exp(0.22 * swell(t)) * shape * response(f, [(200, 0), (12000, tilt)])

    hiss = level(painted(broad, clock, curtain), ramp(-17, 7, strength) + plan.uniform(-5, 4))
    out = level(drops, 0) + hiss
    if plan.uniform() < 0.4:
        out = out + level(_drips(eave, clock), rms(out) and 20 * np.log10(rms(out)) + plan.uniform(-18, -4))
    where = ["open", "forest", "street", "room", "hall", "open"][plan.integers(6)]
    return heard(place, out, clock.rate, replace(SURROUNDINGS[where], distance=grow(2, 40, plan.uniform())))


def _channel(rng: Generator, distance: float, segments: int) -> tuple[np.ndarray, np.ndarray]:
    """A tortuous lightning channel: delay (s) after the first sound, and strength, of the sound of each segment (Few 1969, Ribner 1982)."""
    # A walk up to the cloud and then along it: the nearest part is the clap, the far parts the rumble.
    up = np.cumsum(rng.normal([0, 0, 1.0], [0.55, 0.55, 0.4], (segments // 2, 3)), axis=0)
    heading = rng.normal(0, 1, 3) * [1, 1, 0.1]
    along = up[-1] + np.cumsum(rng.normal(0, 0.7, (segments - segments // 2, 3)) + heading * 1.1 / np.linalg.norm(heading), axis=0)
    path = np.concatenate([up, along]) * rng.uniform(9, 16)
    path[:, 0] += distance
    reach = np.linalg.norm(path, axis=1)
    step = np.diff(path, axis=0, prepend=path[:1])
    cosine = np.abs((step * path).sum(1)) / (np.linalg.norm(step, axis=1) * reach + 1e-6)
    # A segment seen side-on radiates all at once, one seen end-on is spread out and weak.
    strength = np.exp(-3.0 * cosine) / reach * rng.lognormal(0, 0.5, segments)
    delays = (reach - reach.min()) / 343.0
    return delays, strength / strength.max()


def _strike(rng: Generator, clock: Clock, strength: float, at: float) -> np.ndarray:
    """One stroke heard from `strength` close: N-waves of every segment, thinned of treble by the air, and scattered into a roll."""
    distance = grow(5500, 110, strength) * rng.uniform(0.7, 1.4)
    delays, amplitudes = _channel(rng, distance, int(rng.integers(350, 900)))
    returns = rng.exponential(0.07, rng.integers(1, 4)).cumsum() - 0.05
    out = sum(train(clock, at + gap + delays, amplitudes * rng.choice([-1, 1], delays.size, p=[0.15, 0.85])) for gap in returns)
    width = grow(0.02, 0.006, strength) * rng.uniform(0.7, 1.5)
    t = np.linspace(-1, 1, int(width * clock.rate) + 8)
    wave = -t * np.minimum(1, 8 * (1 - np.abs(t)))
    out = oaconvolve(out, wave.astype(np.float32))[: clock.n]
    # The crack: noise of the channel's fine structure, too short to outlive the air of a long way.
    out += np.abs(out) * steady(rng, clock, [(300, -10), (1500, 0), (5000, -2), (15000, -14)]) * np.float32(grow(0.02, 0.9, strength))
    if strength > 0.55 and rng.uniform() < 0.8:
        # The tearing of the leaders just before and in a near clap.
        ticks = at + rng.exponential(0.12, int(grow(5, 250, strength))) - 0.03
        out += 1.2 * chirps(
            clock, ticks, rng.uniform(900, 7000, ticks.size), amplitude(rng.normal(-6, 6, ticks.size)), np.full(ticks.size, 0.0012)
        )
    return out / (np.abs(out).max() + 1e-9)


def thunder(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a far, soft roll (0) to a tearing crack overhead with long rumble (1); sometimes in light rain or wind."""
    plan, roll, back, *strokes = rng.spawn(7)
    count = 1 + int(plan.uniform() < 0.45) + int(plan.uniform() < 0.15)
    times = np.sort(plan.uniform(0.03, 0.65, count)) * clock.seconds
    times[0] = plan.uniform(0.02, 0.3) * clock.seconds
    weights = np.where(np.arange(count) == 0, 1.0, plan.uniform(0.2, 0.8, count))
    out = np.zeros(clock.n, dtype=np.float32)
    for index, (stroke, at, weight) in enumerate(zip(strokes, times, weights, strict=False)):
        out += _strike(stroke, clock, strength * (1 - 0.3 * (index > 0)), at) * np.float32(weight)
    # Turbulence and terrain spread the sound into a roll of several seconds, in claps and lulls.
    size = Clock(int(min(clock.seconds, plan.uniform(3, 7)) * clock.rate), clock.rate)
    claps, cut = wander(roll, size.seconds, plan.uniform(1.5, 4)), grow(160, 700, strength) * plan.uniform(0.7, 1.4)
    life = size.seconds * plan.uniform(0.16, 0.32)

    def rolling(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        fading = cut / (1 + t / life)
        return np.exp(1.6 * claps(t) - t / life) * np.minimum(1, t / 0.04 + 0.02) / (1 + (f / fading) ** 2) * (f > 18)

    tail = painted(roll, size, rolling, frame=1024)
    tail *= np.minimum(1, np.arange(size.n, 0, -1) / (0.5 * clock.rate))
    direct, spread = _thinned_and_spread(out, tail, clock, grow(2500, 60, strength))
    peak = np.abs(direct).max()
    out = direct * ramp(0.25, 1.0, strength) + spread / (np.abs(spread).max() + 1e-9) * peak * ramp(0.9, 0.55, strength)
    out = out / (np.abs(out).max() + 1e-9)
    out = out + level(_roar(roll, clock, strength, times, weights), 20 * np.log10(rms(out)) + ramp(-14, -3, strength) + plan.uniform(-6, 6))
    drive = ramp(0.3, 3.0, strength * plan.uniform())
    out = np.tanh(drive * out / np.abs(out).max()) / np.tanh(drive)
    return out + _behind_thunder(back, clock)


def _roar(rng: Generator, clock: Clock, strength: float, times: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The tearing, broad noise of each stroke: bright as it comes, darker for the seconds it takes to die away."""
    life, attack = rng.uniform(0.5, 2.2, times.size), rng.uniform(0.01, 0.3)
    cut, slope = grow(250, 4500, strength) * rng.uniform(0.5, 1.6), rng.uniform(0.7, 1.6)
    claps = wander(rng, clock.seconds, rng.uniform(1.5, 5))

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        total = np.zeros((t.size, f.size))
        for at, weight, own in zip(times, weights, life, strict=True):
            since = np.maximum(t - at, 0)
            loud = weight * np.where(t >= at, np.minimum(1, since / attack + 0.05) * np.exp(-since / own), 0)
            total += loud / (1 + (f * (1 + since / own) / cut) ** (2 * slope))
        return np.exp(0.5 * claps(t)) * total * (f > 18)

    return painted(rng, clock, spectrum)


def _thinned_and_spread(samples: np.ndarray, tail: np.ndarray, clock: Clock, distance: float) -> tuple[np.ndarray, np.ndarray]:
    """`samples` after `distance` metres of air, and those convolved with `tail`, sharing one spectrum."""
    size = next_fast_len(samples.size + tail.size, real=True)
    spectrum = rfft(samples, size)
    spectrum *= np.interp(
        np.linspace(0, 1, spectrum.size), np.linspace(0, 1, 128), air(np.linspace(0, clock.rate / 2, 128), distance)
    ).astype(np.float32)
    return irfft(spectrum, size)[: clock.n], irfft(spectrum * rfft(tail, size), size)[: clock.n]


def _behind_thunder(rng: Generator, clock: Clock) -> np.ndarray:
    """What a storm sounds like between the strokes: rain, wind, or quiet."""
    kind, loudness = rng.uniform(), float(rng.uniform(-46, -32))
    if kind < 0.45:
        return level(rain(rng.spawn(1)[0], float(rng.uniform(0.15, 0.6)), clock), loudness)
    if kind < 0.6:
        return level(wind(rng.spawn(1)[0], float(rng.uniform(0.1, 0.5)), clock), loudness - 4)
    return level(steady(rng, clock, [(30, 0), (150, -6), (2000, -20), (12000, -36)]), loudness - 12)


def _gusts(rng: Generator, seconds: float, strength: float) -> Callable[[np.ndarray], np.ndarray]:
    """Wind speed over time, about 0.3 to 1.6: slow gusts with turbulence on top."""
    slow, quick = wander(rng, seconds, rng.uniform(0.25, 0.6)), wander(rng, seconds, rng.uniform(1.5, 3.5))
    depth = rng.uniform(0.35, 0.6)
    return lambda t: np.maximum(0.25, 0.95 + depth * slow(t) + (0.1 + 0.15 * strength) * quick(t))


def wind(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """From a breath in the grass (0) to a howling gale that beats on the microphone (1)."""
    plan, air_, beat, tone, leaf, place = rng.spawn(6)
    speed = _gusts(plan, clock.seconds, strength)
    centre, breadth = grow(150, 480, strength) * grow(0.6, 3.0, plan.uniform()), plan.uniform(0.7, 1.7)

    def rush(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        v = speed(t)
        # Louder gusts are brighter: the band moves up with the speed.
        return v**2.2 * (hump(f, centre * v, breadth) + 0.12 * response(f, [(200, 0), (2000, -12), (8000, -28), (20000, -48)]) * v)

    out = level(painted(air_, clock, rush, frame=2048), 0.0)
    puffs = wander(beat, clock.seconds, plan.uniform(5, 9))

    def buffeting(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.maximum(0, speed(t) + 0.6 * puffs(t) - 0.5) ** 2 * response(f, [(8, -3), (25, 0), (70, -5), (200, -24), (1000, -60)])

    out += level(painted(beat, clock, buffeting, frame=4096), ramp(-14, 4, strength) + plan.uniform(-14, 3))
    if plan.uniform() < 0.3 + 0.45 * strength:
        out += level(_howl(tone, clock, speed), ramp(-14, -2, strength) + plan.uniform(-8, 3))
    if plan.uniform() < 0.5:
        out += level(_rustle(leaf, clock, speed, strength), ramp(-13, -4, strength) + plan.uniform(-5, 5))
    where = ["open", "open", "forest", "street", "room"][plan.integers(5)]
    return heard(place, out, clock.rate, replace(SURROUNDINGS[where], distance=grow(1, 60, plan.uniform()), wet=0.1))


def _howl(rng: Generator, clock: Clock, speed: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Aeolian tones at edges and wires: narrow noise whose pitch follows the wind's speed (Strouhal)."""
    tones = [
        (grow(280, 1300, rng.uniform()), rng.uniform(0.05, 0.14), rng.uniform(0.3, 1), wander(rng, clock.seconds, 0.7))
        for _ in range(rng.integers(1, 4))
    ]

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        v = speed(t)
        parts = [g * np.maximum(0.02, 0.6 + own(t)) * v**3 * hump(f, pitch * (0.55 + 0.45 * v), width) for pitch, width, g, own in tones]
        return np.sum(parts, axis=0)

    return painted(rng, clock, spectrum, frame=4096)


def _rustle(rng: Generator, clock: Clock, speed: Callable[[np.ndarray], np.ndarray], strength: float) -> np.ndarray:
    """Leaves: treble noise that comes after the gust, grainy with the single leaves' clicks."""
    peak = rng.uniform(2500, 6500)
    grain = rng.uniform(0.2, 0.9)
    flutter = wander(rng, clock.seconds, 11)
    body = painted(
        rng, clock, lambda t, f: speed(t - 0.2) ** 3 * np.exp(grain * flutter(t)) * (hump(f, peak, 0.9) + 0.3 * hump(f, 1500, 0.8))
    )
    ticks = moments(rng, clock, grow(30, 400, strength), speed(np.linspace(0, clock.seconds, 300)) ** 3)
    loud = amplitude(rng.normal(0, 6, ticks.size))
    return level(body, 0) + level(ringing(rng, clock, ticks, loud, [(peak * k, 0.0006) for k in (0.6, 1.0, 1.5)]), -8)


def calm(rng: Generator, strength: float, clock: Clock) -> np.ndarray:
    """Hardly anything: soft air, sometimes far birds or insects, a distant hum."""
    plan, air_, bird, insect = rng.spawn(4)
    drift = wander(air_, clock.seconds, 0.25)
    tilt, low = plan.uniform(-16, -6), plan.uniform(40, 160)

    def spectrum(t: np.ndarray, f: np.ndarray) -> np.ndarray:
        return np.exp(0.2 * drift(t)) * response(f, [(20, -8), (low, 0), (1000, tilt), (5000, 1.8 * tilt), (18000, 2.6 * tilt)])

    out = level(painted(air_, clock, spectrum, frame=2048), 0.0)
    if plan.uniform() < 0.45:
        out += level(
            heard(bird, _birds(bird, clock), clock.rate, replace(SURROUNDINGS["forest"], distance=80.0)), float(plan.uniform(-16, -4))
        )
    if plan.uniform() < 0.2:
        chirping = np.maximum(0, np.sin(2 * np.pi * insect.uniform(12, 30) * clock.times)) * (
            np.sin(2 * np.pi * insect.uniform(0.5, 2) * clock.times) > 0
        )
        out += level(chirping * np.sin(2 * np.pi * insect.uniform(3500, 6500) * clock.times), float(plan.uniform(-22, -12)))
    return out.astype(np.float32)


def _birds(rng: Generator, clock: Clock) -> np.ndarray:
    """A few far calls: short notes gliding in pitch, repeated in phrases."""
    out = np.zeros(clock.n, dtype=np.float32)
    for _ in range(rng.integers(1, 4)):
        low, span, count = rng.uniform(1800, 4500), rng.uniform(-0.5, 0.8), int(rng.integers(2, 7))
        note, gap = rng.uniform(0.04, 0.18), rng.uniform(0.08, 0.3)
        for start in rng.uniform(0, clock.seconds, rng.integers(1, 4)):
            times = start + np.arange(count) * gap
            out += chirps(clock, times, np.full(count, low), np.full(count, rng.uniform(0.3, 1)), np.full(count, note / 3), span / 3)
    return out
