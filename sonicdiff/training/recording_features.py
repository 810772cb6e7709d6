"""What the ears hear of real recordings while they learn: many augmented takes of each, and noises made by code, as mel features."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.random import Generator

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import load
from sonicdiff.data.recordings import OTHER, Recording
from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.noise import Clock, steady

SHORTEST, LONGEST = 1.0, 9.0  # seconds of a take
MOST_SECONDS = 40.0  # of a long recording, from its beginning


def takes_of(recordings: Sequence[Recording], known: int, other: int) -> list[tuple[int, int]]:
    """(recording, version) of every take: `known` of each recording of a class, `other` of each that is none of them."""
    versions = (other if recording.label == OTHER else known for recording in recordings)
    return [(number, version) for number, count in enumerate(versions) for version in range(count)]


def take(front_end: ClapFrontEnd, folder: Path, recording: Recording, version: int) -> np.ndarray:
    """The features float16 (frames, mel bins) of a recording's first window as it is (version 0), or of an augmented stretch of it."""
    rate = front_end.sampling_rate
    samples = _samples(folder / recording.file, rate)
    if version == 0:
        return features(front_end, samples[: front_end.window_samples])
    rng = np.random.default_rng([*recording.file.encode(), version])
    length = min(samples.size, int(np.exp(rng.uniform(np.log(SHORTEST), np.log(LONGEST))) * rate))
    start = int(rng.integers(samples.size - length + 1))
    return features(front_end, augment(samples[start : start + length], rate, rng))


@lru_cache(maxsize=4)
def _samples(path: Path, rate: int) -> np.ndarray:
    return load(path, length=MOST_SECONDS).mono().resampled(rate).samples[0]


def features(front_end: ClapFrontEnd, samples: np.ndarray) -> np.ndarray:
    """Mono samples (n,) at the front end's rate as its features: float16 (frames, mel bins)."""
    window = np.resize(samples, front_end.window_samples).astype(np.float32)
    return front_end.features(window)[0, 0].numpy().astype(np.float16)


def noise_take(front_end: ClapFrontEnd, index: int) -> np.ndarray:
    """Features of a sound that is none of the classes and that no one recorded: tones, hum, clicks, sweeps, plain noise."""
    rng, rate = np.random.default_rng((index, 0x2015E)), front_end.sampling_rate
    makers = (tones, hum, clicks, sweep, plain_noise)
    samples = makers[index % len(makers)](rng, int(rng.uniform(2, 6) * rate), rate)
    return features(front_end, augment((0.3 * samples / max(1e-9, np.abs(samples).max())).astype(np.float32), rate, rng))


def tones(rng: Generator, n: int, rate: int) -> np.ndarray:
    """Beeps: a pitch at a time, of a few harmonics, with silence between."""
    t, out, at = np.arange(n) / rate, np.zeros(n), 0
    while at < n:
        length = int(rng.uniform(0.05, 1.0) * rate)
        part, pitch = t[at : at + length], np.exp(rng.uniform(np.log(120), np.log(4000)))
        out[at : at + length] = sum(np.sin(2 * np.pi * pitch * k * part) / k ** rng.uniform(1, 3) for k in (1, 2, 3))
        at += length + int(rng.uniform(0, 0.6) * rate)
    return out


def hum(rng: Generator, n: int, rate: int) -> np.ndarray:
    """A motor or transformer: harmonics of a low pitch, slowly beating."""
    t, pitch = np.arange(n) / rate, rng.uniform(25, 200)
    turning = t + 0.002 * np.sin(2 * np.pi * rng.uniform(0.2, 3) * t + rng.uniform(0, 6))
    return np.asarray(sum(rng.uniform(0, 1) / k**0.7 * np.sin(2 * np.pi * pitch * k * turning + rng.uniform(0, 6)) for k in range(1, 16)))


def clicks(rng: Generator, n: int, rate: int) -> np.ndarray:
    """A clock, keys, ratchets: short impulses at an even or uneven pace, ringing a little."""
    out, pace = np.zeros(n), np.exp(rng.uniform(np.log(0.6), np.log(14)))
    uneven = rng.uniform(0, 0.4)
    at = np.cumsum(np.maximum(rng.normal(1, uneven, int(n / rate * pace) + 2), 0.1)) / pace * rate
    out[at[at < n].astype(int)] = 1
    ring = np.exp(-np.arange(rate // 20) / rate * rng.uniform(60, 800))
    ring = ring * np.sin(2 * np.pi * rng.uniform(300, 6000) * np.arange(ring.size) / rate)
    return np.convolve(out, ring)[:n]


def sweep(rng: Generator, n: int, rate: int) -> np.ndarray:
    """A pitch that wails up and down: sirens, whistles."""
    t = np.arange(n) / rate
    octaves = rng.uniform(0.3, 1.5) * np.sin(2 * np.pi * rng.uniform(0.15, 4) * t + rng.uniform(0, 6))
    phase = 2 * np.pi * np.cumsum(np.exp(rng.uniform(np.log(200), np.log(3000))) * 2**octaves) / rate
    return np.sin(phase) + rng.uniform(0, 0.6) * np.sin(2 * phase)


def plain_noise(rng: Generator, n: int, rate: int) -> np.ndarray:
    """A fault of the line: noise of one narrow band, or switched on and off."""
    low = np.exp(rng.uniform(np.log(150), np.log(5000)))
    noise = steady(rng, Clock(n, rate), [(low / 4, -60), (low, 0), (low * 1.3, 0), (low * 5, -60)])
    gate = np.repeat(rng.random(int(n / rate * 6) + 1) > 0.4, rate // 6 + 1)[:n]
    return noise * gate if rng.random() < 0.5 else noise
