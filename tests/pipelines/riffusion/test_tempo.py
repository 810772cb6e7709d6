"""Tempo: read from prompts, fitted to whole pixels, found in sounds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sonicdiff.audio.spectrogram import SpectrogramParams
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.riffusion import tempo


@pytest.mark.parametrize(
    ("prompt", "bpm"),
    [
        ("jazz, 110 bpm", 110),
        ("110BPM house", 110),
        ("a (97.5 bpm:1.2) groove", 97.5),
        ("120 beats per minute", 120),
        ("first 90 bpm, no, 140 bpm", 140),
        ("1990 bpm", None),
        ("808 drums", None),
        ("120 bpmx", None),
        ("", None),
        ("tempo 130", 130),
        ("tempo: 130, techno", 130),
        ("a tempo of 97.5", 97.5),
        ("house at 130", 130),
        ("house at 130, loud", 130),
        ("130bpm", 130),
        ("\u2669=130", 130),
        ("\u2669 = 130 jazz", 130),
        ("bpm: 130", 130),
        ("128 b.p.m.", 128),
        ("(tempo 130:1.2) house", 130),
        ("at 808 drums", None),
        ("tempo 1990", None),
    ],
)
def test_the_tempo_that_a_prompt_asks_for(prompt: str, bpm: float | None) -> None:
    assert tempo.asked(prompt) == bpm


@pytest.mark.parametrize("prompt", ["10 bpm", "999 bpm"])
def test_a_tempo_that_nobody_can_play(prompt: str) -> None:
    with pytest.raises(ValueError, match="expected 40 to 240"):
        tempo.asked(prompt)


@given(st.floats(40, 240), st.integers(1, 12), st.sampled_from([None, 32]))
def test_any_tempo_fits_whole_beats(bpm: float, bars: int, frames_a_beat: int | None) -> None:
    grid = tempo.fit(4.0 * bars, bpm, SpectrogramParams(), frames_a_beat, 64)
    assert grid.frames % 64 == 0
    assert grid.bpm == bpm and grid.step == pytest.approx(1, rel=3e-3)
    assert grid.beats >= 4 * bars - 1e-6
    assert grid.decoded == grid.frames * grid.params.hop_length
    assert grid.seconds * bpm / 60 == pytest.approx(grid.beats) and abs(grid.samples - grid.seconds * 44_100) <= 0.5
    if frames_a_beat:
        assert grid.frames == frames_a_beat * grid.beats
    else:  # the picture's time scale is near the one that the model knows
        assert 0.55 < grid.params.hop_length / 441 < 1.6


def clicks(bpm: float, seconds: float = 12.0, first: float = 0.13) -> Waveform:
    rate, rng = 22_050, np.random.default_rng(0)
    samples = np.zeros(round(seconds * rate), np.float32)
    burst = rng.standard_normal(1500) * np.exp(-np.arange(1500) / 200)
    for at in np.arange(first, seconds - 0.1, 60 / bpm):
        samples[round(at * rate) :][:1500] += burst
    return Waveform((0.2 * samples / abs(samples).max())[None].astype(np.float32), rate)


@pytest.mark.parametrize("bpm", [84.0, 97.3, 120.0, 141.0])
def test_the_tempo_of_a_sound_and_its_first_beat(bpm: float) -> None:
    found, first = tempo.estimate(clicks(bpm))
    assert found == pytest.approx(bpm, rel=0.01)
    off = (first - 0.13) % (60 / found)
    assert min(off, 60 / found - off) < 0.04


def test_what_has_no_beat() -> None:
    assert tempo.estimate(Waveform(np.full((1, 44_100), 0.1, np.float32), 44_100))[0] > 0
