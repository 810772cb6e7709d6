"""The resampler of the released weights: the windowed sinc as torchaudio defines it, and torchaudio's own where it is."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.resampling import sinc_resample
from sonicdiff.audio.waveform import Waveform

RATES = [(22_050, 44_100), (16_000, 44_100), (8000, 44_100), (48_000, 44_100), (192_000, 44_100), (44_099, 44_100), (44_100, 44_100)]


def by_the_formula(samples: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """Each new sample as the sum over all old ones, written down plainly."""
    if rate == new_rate:
        return samples
    lower = min(rate, new_rate) * 0.99
    at = np.arange(math.ceil(len(samples) * new_rate / rate))[:, None] / new_rate - np.arange(len(samples)) / rate  # seconds
    t = np.clip(at * lower, -6, 6)
    return (np.sinc(t) * np.cos(np.pi * t / 12) ** 2 * lower / rate) @ samples


@pytest.mark.parametrize(("rate", "new_rate"), RATES)
def test_it_is_the_windowed_sinc(rate: int, new_rate: int) -> None:
    samples = np.random.default_rng(rate).normal(0, 0.2, 1001).astype(np.float32)
    resampled = sinc_resample(samples, rate, new_rate)
    expected = by_the_formula(samples.astype(np.float64), rate, new_rate)
    assert resampled.dtype == np.float32 and resampled.shape == expected.shape
    assert np.abs(resampled - expected).max() < 1e-6


def test_long_sounds_are_computed_in_parts_that_fit_together() -> None:
    samples = np.random.default_rng(0).normal(0, 0.2, 50_000).astype(np.float32)
    whole, tail = sinc_resample(samples, 22_050, 44_100), sinc_resample(samples[30_000:], 22_050, 44_100)
    assert np.array_equal(whole[60_100:], tail[100:])


@pytest.mark.parametrize(("rate", "new_rate"), RATES[:5])
def test_it_is_torchaudios(rate: int, new_rate: int) -> None:
    try:
        import torchaudio  # pyright: ignore[reportMissingImports]
    except (ImportError, OSError) as error:
        pytest.skip(f"torchaudio is not here, or does not fit: {error}")
    samples = np.random.default_rng(rate).normal(0, 0.2, 100_000).astype(np.float32)
    theirs = torchaudio.transforms.Resample(rate, new_rate)(torch.from_numpy(samples)).numpy()
    ours = sinc_resample(samples, rate, new_rate)
    assert ours.shape == theirs.shape and np.abs(ours - theirs).max() < 1e-5


def test_it_leaves_what_the_projector_was_taught_with() -> None:
    """A tone of 9 kHz at 22.05 kHz leaves an image at 13.05 kHz: about -26 dB by the sinc, none by soxr."""
    tone = Waveform(np.sin(2 * np.pi * 9000 / 22_050 * np.arange(22_050)).astype(np.float32)[None], 22_050)

    def image(resampler: str) -> float:
        samples = ClapFrontEnd(sampling_rate=44_100, resampler=resampler).resampled(tone)[4096:-4096]
        spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return 20 * np.log10(spectrum[round(13_050 / 44_100 * len(samples))] / spectrum.max())

    assert -45 < image("sinc") < -20 and image("soxr") < -90
