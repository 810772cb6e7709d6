"""Loudness and true peaks: every sound at its target, however spiky, and a loop still one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import resample_poly
from tunes import tune

from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.riffusion.loudness import levelled, limited, loudness_of, true_peaks

RATE = 44_100


def drums(seconds: float = 3.0) -> Waveform:
    """Short bursts, with a crest of 20 dB."""
    rng, n = np.random.default_rng(0), round(seconds * RATE)
    since = (np.arange(n) / RATE) % 0.5
    return Waveform((0.3 * rng.standard_normal(n) * np.exp(-25 * since))[None].astype(np.float32), RATE)


@pytest.mark.parametrize("sound", [tune(), drums(), Waveform(0.0003 * tune().samples, RATE)])
def test_loudness_and_true_peak(sound: Waveform) -> None:
    level = levelled(sound, -16.0)
    assert loudness_of(level) == pytest.approx(-16, abs=0.2)
    assert 20 * math.log10(np.abs(resample_poly(level.samples[0].astype(float), 8, 1)).max()) < -1


def test_a_peak_between_the_samples_is_seen() -> None:
    """A tone at a quarter of the rate whose samples miss its crests by 3 dB."""
    tone = np.sin(np.pi / 2 * np.arange(8000) + np.pi / 4)[None]
    assert true_peaks(tone)[100:-100] == pytest.approx(0, abs=0.1)
    assert 20 * np.log10(np.abs(tone).max()) == pytest.approx(-3, abs=0.02)


def test_a_loop_stays_a_loop() -> None:
    """Turned by half, the same: the limiter knows what comes after the end."""
    sound = drums()
    turned = Waveform(np.roll(sound.samples, 50_000, 1), RATE)
    a, b = (limited(each.samples, np.full(each.samples.shape[1], 12.0), RATE, circular=True) for each in (sound, turned))
    assert np.allclose(np.roll(a, 50_000, 1), b, atol=1e-4)


def test_the_gain_falls_before_a_peak_and_rises_after_it() -> None:
    samples = np.full((1, RATE), 0.5, np.float32)
    samples[0, 20_000:20_050] = 2.0
    found = limited(samples, np.zeros(RATE), RATE)[0]
    assert found[:19_000].min() == pytest.approx(0.5) and found[-100:] == pytest.approx(0.5)
    assert np.abs(np.diff(20 * np.log10(found[20_100:]))).max() * RATE < 700


@pytest.mark.parametrize("target", [-16.0, None])
def test_what_has_no_loudness_keeps_its_level(target: float | None) -> None:
    silent, short = Waveform(np.zeros((1, RATE), np.float32), RATE), Waveform(np.full((2, 1000), 0.1, np.float32), RATE)
    assert not levelled(silent, target).samples.any()
    assert np.allclose(levelled(short, target).samples, short.samples)
