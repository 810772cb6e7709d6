"""What a clip is scored by: what the listener names, whether its caption fits it best, its tempo, its seam, its level."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from sonicdiff.audio.compilation import import_librosa
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.music.judge import MusicJudge
from sonicdiff.evaluation.scores import win_rate
from sonicdiff.synthetic.music.composer import Brief
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS

TEMPO_SECONDS = 20.0  # of a loop that the tempo is read from: repeated as it would be played
TEMPO_ERROR = 0.04


@torch.no_grad()
def named(judge: MusicJudge, features: Tensor, briefs: list[Brief]) -> dict[str, np.ndarray]:
    """Whether each clip is heard as its brief's genre, lead, lead's family, with or without drums: bool (N,) each."""
    heard = {name: head(features).argmax(1).numpy() for name, head in judge.heads.items()}
    leads, genres = list(INSTRUMENTS), list(GENRES)
    families = [INSTRUMENTS[lead].family for lead in leads]
    return {
        "genre": np.array([genres[i] == b.genre for i, b in zip(heard["genre"], briefs, strict=True)]),
        "instrument": np.array([leads[i] == b.lead for i, b in zip(heard["lead"], briefs, strict=True)]),
        "family": np.array([families[i] == INSTRUMENTS[b.lead].family for i, b in zip(heard["lead"], briefs, strict=True)]),
        "drums": np.array([bool(i) == b.drums for i, b in zip(heard["drums"], briefs, strict=True)]),
    }


@torch.no_grad()
def wins(judge: MusicJudge, features: Tensor, captions: list[str]) -> np.ndarray:
    """For each clip, the share of the other clips' captions that fit it less well than its own: (N,), chance 0.5."""
    similar = (judge.listen(features) @ judge.caption(captions).T).numpy()
    others = ~np.eye(len(captions), dtype=bool)
    return np.concatenate([win_rate(similar[i, i : i + 1], similar[i : i + 1, others[i]]) for i in range(len(captions))])


def tempo_right(clip: Waveform, bpm: float) -> bool:
    """Whether librosa hears the tempo within 4 %; half and double are wrong."""
    return abs(tempo_of(clip) / bpm - 1) < TEMPO_ERROR


def tempo_of(clip: Waveform) -> float:
    """Beats a minute, by librosa's autocorrelation of onset strength over the clip repeated as a loop."""
    librosa = import_librosa()

    rate, hop = 22_050, 256
    samples = clip.mono().resampled(rate).samples[0]
    samples = np.tile(samples, max(1, round(TEMPO_SECONDS / clip.seconds)))
    return float(librosa.feature.tempo(y=samples, sr=rate, hop_length=hop)[0])


def seam(clip: Waveform) -> float:
    """The spectral jump at a loop's seam over the 99th percentile of those inside; at most about 1 where nothing is to be heard."""
    samples = clip.mono().samples[0]
    hop, window = 256, np.hanning(1024)
    around = np.concatenate([samples, samples[:4096]])
    frames = np.lib.stride_tricks.sliding_window_view(around, 1024)[::hop] * window
    spectra = np.abs(np.fft.rfft(frames, axis=1))
    flux = np.abs(np.diff(spectra, axis=0)).sum(1)
    joint = len(samples) // hop
    return float(flux[joint - 4 : joint + 1].max() / np.quantile(flux[: joint - 5], 0.99))
