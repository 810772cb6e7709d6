"""Tempo: what a prompt asks for, what a sound has, and the grid of frames on which whole beats fit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
from scipy.ndimage import map_coordinates

from sonicdiff.audio.compilation import import_librosa
from sonicdiff.audio.spectrogram import SpectrogramParams
from sonicdiff.audio.waveform import Waveform

SLOWEST, FASTEST = 40.0, 240.0  # beats a minute
BEATS_A_BAR = 4
NUMBER = r"(?<![\d.])(\d{2,3}(?:\.\d+)?)(?![\d.]*\d)"
ASKED = re.compile(
    rf"{NUMBER}\s*-?\s*(?:bpm|b\.p\.m\.?|beats (?:per|a) minute)(?![^\W\d_])"  # 130bpm
    rf"|(?:\b(?:tempo|bpm)\b\s*(?:of|is|at|about)?|[\u2669-\u266c\U0001d15f])\s*[:=]?\s*{NUMBER}"  # tempo 130, a note = 130
    rf"|\bat\s+{NUMBER}(?=\s*(?:$|[,.;!:)\]]))",  # at 130
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Grid:
    """How a stretch of music lies on a picture: `beats` of it, at `bpm`, on `frames` columns, each a hop of `params`.

    A hop is whole samples, so that what is decoded is a little too long or too short; `retimed` makes it `seconds` long.
    """

    params: SpectrogramParams
    frames: int
    beats: float
    bpm: float

    @property
    def decoded(self) -> int:
        """The samples of its frames, as they are decoded."""
        return self.frames * self.params.hop_length

    @property
    def seconds(self) -> float:
        return self.beats * 60 / self.bpm

    @property
    def samples(self) -> int:
        return round(self.seconds * self.params.sample_rate)

    @property
    def step(self) -> float:
        """Decoded samples in a sample of the exact tempo."""
        return self.decoded / (self.seconds * self.params.sample_rate)

    def frames_of(self, beats: float) -> int:
        return round(beats * self.frames / self.beats)


def asked(prompt: str) -> float | None:
    """The tempo a prompt names ("110 bpm", "tempo 110", "at 110"), in beats a minute. The last one counts; ValueError if out of range."""
    found = ASKED.findall(prompt)
    return checked(float(next(filter(None, found[-1])))) if found else None


def checked(bpm: float) -> float:
    if not (math.isfinite(bpm) and SLOWEST <= bpm <= FASTEST):
        raise ValueError(f"got a tempo of {bpm:g} bpm; expected {SLOWEST:g} to {FASTEST:g}")
    return float(bpm)


def fit(beats: float, bpm: float, params: SpectrogramParams, frames_a_beat: float | None, multiple: int) -> Grid:
    """A grid for `beats` at `bpm`. With `frames_a_beat` the picture of a beat is that wide, whatever the tempo, and the hop follows it.

    Without, the hop stays near that of `params` and the picture's width follows the tempo, in multiples of `multiple`; the hop takes
    up what is left, but for less than half a sample, which `retimed` makes good.
    """
    seconds = beats * 60 / bpm
    wanted = beats * frames_a_beat if frames_a_beat else seconds * params.frames_per_second
    frames = multiple * max(1, round(wanted / multiple) if not frames_a_beat else math.ceil(round(wanted / multiple, 6)))
    if frames_a_beat:
        beats = frames / frames_a_beat
        seconds = beats * 60 / bpm
    hop = max(1, round(seconds * params.sample_rate / frames))
    window = max(params.win_length, 2 * hop + 2)  # so that the last frames reach the end
    return Grid(replace(params, hop_length=hop, win_length=window, n_fft=max(params.n_fft, window)), frames, beats, bpm)


def retimed(samples: np.ndarray, grid: Grid, circular: bool) -> np.ndarray:
    """A grid's decoded samples (channels, n) at its exact tempo. A loop stays one: its length is the whole sample nearest."""
    if circular:
        return read_at(samples, np.arange(grid.samples) * (samples.shape[1] / grid.samples), True)
    return read_at(samples, np.arange(round(samples.shape[1] / grid.step)) * grid.step)


def read_at(samples: np.ndarray, positions: np.ndarray, circular: bool = False) -> np.ndarray:
    """Float32 (channels, m) of samples (channels, n) at fractional positions (m,), by quintic splines (errors of -64 dB at 10 kHz)."""
    if np.array_equal(positions, np.arange(samples.shape[1])):
        return samples
    mode = "grid-wrap" if circular else "nearest"
    read = [map_coordinates(channel.astype(np.float64), positions[None], order=5, mode=mode) for channel in samples]
    return np.stack(read).astype(np.float32)


def estimate(sound: Waveform) -> tuple[float, float]:
    """The tempo of a sound in beats a minute and the time of its first beat in seconds; 120 and 0 where it has no beat.

    librosa's tempo, made more exact: of the even grids of beats near it, the one on which most onsets fall.
    """
    librosa = import_librosa()

    rate, hop = 22_050, 256
    samples = sound.mono().resampled(rate).samples[0]
    strength = librosa.onset.onset_strength(y=samples, sr=rate, hop_length=hop)
    if not np.any(strength > 0):
        return 120.0, 0.0
    coarse = float(np.clip(librosa.feature.tempo(onset_envelope=strength, sr=rate, hop_length=hop)[0], SLOWEST, FASTEST))
    frames, best = np.arange(len(strength)), (-1.0, coarse, 0.0)
    for bpm in coarse * np.linspace(0.97, 1.03, 121):
        beat = 60 / bpm * rate / hop
        for phase in np.linspace(0, beat, 24, endpoint=False):
            fallen = float(np.interp(np.arange(phase, len(strength), beat), frames, strength).mean())
            best = max(best, (fallen, bpm, phase))
    _, bpm, phase = best
    return float(np.clip(bpm, SLOWEST, FASTEST)), float(phase * hop / rate)
