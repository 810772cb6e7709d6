"""One row of the musical data: a brief, captions for it, and the spectrogram of what the composer makes of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from sonicdiff.audio.image import to_image
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_spectrogram
from sonicdiff.synthetic.music.captions import Said, describe
from sonicdiff.synthetic.music.composer import BEATS, Brief, compose, draw_brief

SPLITS = {"train": 0, "validation": 1, "test": 2, "evaluators": 3}
FRAMES_A_BEAT = 32  # of every picture, whatever its tempo: the hop is what changes, and so any tempo is exact
PARAMS = SpectrogramParams(hop_length=689, n_fft=8820, mel_bins=256)


@dataclass(frozen=True)
class MusicRow:
    brief: Brief
    said: tuple[Said, ...]


def music_row(index: int, split: str = "train", captions: int = 1) -> MusicRow:
    """Row `index` of a split; no two rows of any splits share a seed."""
    seed = 4 * index + SPLITS[split]
    brief = draw_brief(seed)
    return MusicRow(brief, tuple(describe(brief, 64 * seed + number) for number in range(captions)))


def params_at(bpm: float, params: SpectrogramParams = PARAMS, frames_a_beat: int = FRAMES_A_BEAT) -> SpectrogramParams:
    """`params` with the hop at which a beat is `frames_a_beat` frames."""
    return replace(params, hop_length=round(60 / bpm * params.sample_rate / frames_a_beat))


def spectrogram(brief: Brief) -> np.ndarray:
    """The picture of the brief's loop: grey values uint8 (mel_bins, BEATS * FRAMES_A_BEAT). Needs FluidSynth."""
    from sonicdiff.synthetic.music.soundfont import play

    params = params_at(brief.bpm)
    loop = play(compose(brief), params.hop_length * FRAMES_A_BEAT)
    assert loop.samples.shape[1] == BEATS * FRAMES_A_BEAT * params.hop_length
    return np.asarray(to_image(mel_spectrogram(loop, params, circular=True), params))[..., 0]
