"""A small formant synthesiser (after Klatt 1980): a glottal source and noise, shaped by resonances that move from sound to sound."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.fft import irfft, rfft
from numpy.random import Generator
from scipy.ndimage import gaussian_filter1d

from sonicdiff.synthetic.noise import hump
from sonicdiff.synthetic.voices.emotions import Manner
from sonicdiff.synthetic.voices.glottis import HOP, RATE, Speaker, glottis
from sonicdiff.synthetic.voices.phones import Phone

FRAME = 480
FFT = 1024


@dataclass(frozen=True)
class Tracks:
    """The parameters of every frame, (frames,) each but for the formants, (frames, 3) in Hz."""

    formants: np.ndarray
    voice: np.ndarray
    breath: np.ndarray
    hiss: np.ndarray
    centre: np.ndarray
    octaves: np.ndarray
    nasal: np.ndarray
    accents: np.ndarray  # semitones


def speak(rng: Generator, speaker: Speaker, manner: Manner, phones: list[tuple[Phone, bool]]) -> np.ndarray:
    """`phones` (sound, stressed) said by `speaker` in `manner`: float32 (n,) at `RATE` Hz, voiced vowels at about unit RMS."""
    tracks = _tracks(rng, speaker, manner, phones)
    n = tracks.voice.size * HOP
    glottal, open_ = glottis(rng, speaker, manner, tracks.accents, n)
    white = rng.standard_normal((2, n), dtype=np.float32)
    f = np.linspace(0, RATE / 2, FFT // 2 + 1, dtype=np.float32)
    tilt = (np.maximum(f, 500) / 500) ** ((speaker.tilt + manner.tilt - 1.5) / 6.02)
    voiced = _frames(glottal) * (tilt * (f > 50)) * tracks.voice[:, None]
    breathy = _frames(white[0] * (0.35 + open_)) * np.minimum(f / 1500, 1) * tracks.breath[:, None]
    throat = (voiced + breathy) * _tract(tracks, speaker.tract * manner.tract, f)
    loud = tracks.hiss > 1e-3
    shape = hump(f[None], tracks.centre[loud, None], 1) ** (1 / tracks.octaves[loud, None] ** 2)
    throat[loud] += _frames(white[1], loud) * tracks.hiss[loud, None] * shape
    return _overlapped(throat, n)


def _tracks(rng: Generator, speaker: Speaker, manner: Manner, phones: list[tuple[Phone, bool]]) -> Tracks:
    """Every sound held for its time, then all of it smoothed, as tongue and lips are."""
    rows: list[tuple[float, ...]] = []
    accents: list[tuple[int, float]] = []
    last = max(i for i, (phone, _) in enumerate(phones) if phone.voice == 1)
    for i, (phone, stressed) in enumerate(phones):
        stretch = (1.25 * manner.drawl if stressed else 1.0) * (1.5 if i == last else 1.0) * rng.lognormal(0, 0.08)
        count = max(4, round(phone.seconds * stretch / (manner.rate * speaker.tempo) * RATE / HOP))
        if stressed:
            accents.append((len(rows) + count // 2, rng.uniform(0.75, 1.25)))
        rows += [_row(phone, k / count, k - int(0.6 * count)) for k in range(count)]
    still = (500.0, 1500.0, 2500.0, 0.0, 0.0, 0.0, 3000.0, 1.0, 0.0)
    table = np.array([still] * 30 + rows + [still] * 40, np.float32)
    loose = gaussian_filter1d(table, 4.5, axis=0)
    quick = gaussian_filter1d(table, 1.2, axis=0)
    rise = np.zeros(len(table))
    for at, strength in accents:
        rise += manner.accent * strength * np.exp(-0.5 * ((np.arange(len(table)) - 30 - at) / 14) ** 2)
    u = np.clip((np.arange(len(table)) - 30) / len(rows), 0, 1)
    rise += manner.fall * (u - 0.5) + manner.end * np.clip((u - 0.8) / 0.2, 0, 1) ** 1.5
    breath = quick[:, 4] + (manner.breath + speaker.breath) * quick[:, 3]
    nasal = np.maximum(loose[:, 8], 0.6 * manner.nasal)
    return Tracks(loose[:, :3], quick[:, 3], breath, quick[:, 5], table[:, 6], table[:, 7], nasal, rise)


def _row(phone: Phone, u: float, since: int) -> tuple[float, ...]:
    """One frame of a sound, `u` of the way through it; a stop lets go `since` frames ago."""
    voice, breath, hiss = phone.voice, phone.breath, phone.hiss
    if phone.burst:
        hiss *= float(0 <= since < 3)
        breath *= float(since >= 1)
        voice *= 0.35 if since < 0 else 1.0
    return (phone.f1, phone.f2, phone.f3, voice, breath, hiss, phone.centre or 3000.0, phone.octaves, float(phone.nasal))


def _frames(samples: np.ndarray, chosen: np.ndarray | slice = slice(None)) -> np.ndarray:
    """Spectra of the windowed frames of (n,), or of the `chosen` ones: complex64 (frames, FFT // 2 + 1)."""
    padded = np.pad(samples, (FRAME // 2, FRAME))
    count = samples.size // HOP
    blocks = np.lib.stride_tricks.sliding_window_view(padded, FRAME)[: count * HOP : HOP][chosen]
    window = 0.5 - 0.5 * np.cos(2 * np.pi * (np.arange(FRAME, dtype=np.float32) + 0.5) / FRAME)
    return rfft(blocks * (window * np.float32(2 * HOP / FRAME)), FFT, axis=1).astype(np.complex64)


def _overlapped(spectra: np.ndarray, n: int) -> np.ndarray:
    """Frames back to (n,): the inverse of `_frames`, with room for what rings on."""
    blocks = irfft(spectra, FFT, axis=1)
    out = np.zeros(n + 2 * FFT, dtype=np.float32)
    for at, block in enumerate(blocks):
        out[at * HOP : at * HOP + FFT] += block
    return out[FRAME // 2 : FRAME // 2 + n]


def _tract(tracks: Tracks, scale: float, f: np.ndarray) -> np.ndarray:
    """The transfer function of every frame (frames, bins): seven resonances in cascade, and the nose's pole and zero."""
    f = f[None] / np.float32(scale)
    nose = tracks.nasal[:, None]
    fixed = ((3500, 220), (4500, 300), (5500, 450), (6500, 600))
    out = np.prod([_pole(f, centre, width) for centre, width in fixed], axis=0) * _pole(f, 270, 100)
    for centre, width in zip(tracks.formants.T, (70, 95, 140), strict=True):
        out = out * _pole(f, centre[:, None], width * (1 + nose))
    return out / _pole(f, 270 + 330 * nose, 100 + 80 * nose)


def _pole(f: np.ndarray, centre: np.ndarray | float, width: np.ndarray | float) -> np.ndarray:
    """A resonance at `centre` Hz, `width` Hz wide, gain 1 at 0 Hz."""
    return centre**2 / (centre**2 - f * f + 1j * f * width)
