"""Sound to mel magnitudes: the right bins, the right number of frames, loops read around their end."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from tunes import tune

from sonicdiff.audio.spectrogram import SpectrogramParams, mel_filters, mel_spectrogram, stft
from sonicdiff.audio.waveform import AudioError, Waveform

PARAMS = SpectrogramParams()


def test_filters_share_every_frequency_between_their_centres() -> None:
    filters = mel_filters(PARAMS)
    total = filters.sum(0)
    inside = total[10 : int(9900 / 2.5)]
    torch.testing.assert_close(inside, torch.ones_like(inside))
    assert filters.shape == (512, 8821) and float(total[4001:].max()) == 0 and int((filters.sum(1) == 0).sum()) == 0


@pytest.mark.parametrize("frequency", [55.0, 440.0, 3000.0])
def test_a_tone_lights_its_bin(frequency: float) -> None:
    time = np.arange(44_100) / 44_100
    mel = mel_spectrogram(Waveform(np.sin(2 * np.pi * frequency * time).astype(np.float32)[None], 44_100))
    place = 2595 * np.log10(1 + frequency / 700) / (2595 * np.log10(1 + 10_000 / 700)) * 513 - 1
    assert abs(int(mel[0, :, 50].argmax()) - place) <= 1


def test_frames_and_channels() -> None:
    sound = tune(1.0)
    stereo = Waveform(np.concatenate([sound.samples, -0.5 * sound.samples]), sound.sample_rate)
    assert mel_spectrogram(sound).shape == (1, 512, 101)
    both = mel_spectrogram(stereo, SpectrogramParams(stereo=True))
    torch.testing.assert_close(both[0], 2 * both[1])
    torch.testing.assert_close(mel_spectrogram(stereo), 0.25 * mel_spectrogram(sound))
    assert torch.equal(*mel_spectrogram(sound, SpectrogramParams(stereo=True)))
    assert mel_spectrogram(sound.resampled(22_050)).shape == (1, 512, 101)
    assert (PARAMS.frames(5.12), PARAMS.frames(5.121)) == (512, 513)


@pytest.mark.parametrize("seconds", [0.1, 2.56])
def test_a_loop_has_no_beginning(seconds: float) -> None:
    sound = tune(2.56).clip(length=seconds)
    turned = Waveform(np.roll(sound.samples, 7 * 441, axis=1), sound.sample_rate)
    first, second = (mel_spectrogram(x, circular=True) for x in (sound, turned))
    assert first.shape[-1] == round(100 * seconds)
    torch.testing.assert_close(first.roll(7, -1), second, atol=1e-3, rtol=1e-4)
    with pytest.raises(AudioError, match="a loop of 4000 samples; expected a multiple of the hop of 441"):
        mel_spectrogram(Waveform(sound.samples[:, :4000], 44_100), circular=True)


def test_shorter_than_a_frame() -> None:
    assert mel_spectrogram(tune(0.05)).shape == (1, 512, 6)
    assert stft(torch.ones(1, 100), 64, 16, 64).shape == (1, 33, 7)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"hop_length": 0}, "got hop_length 0, win_length 4410"),
        ({"n_fft": 2048}, "n_fft 2048; expected each larger"),
        ({"max_frequency": 30_000.0}, "0.0 to 30000.0 Hz at a rate of 44100 Hz"),
        ({"mel_bins": 0}, "got mel_bins 0"),
        ({"power": 0.0}, "power 0.0; expected"),
    ],
)
def test_settings_that_cannot_be(wrong: dict[str, float], said: str) -> None:
    with pytest.raises(AudioError, match=said):
        SpectrogramParams(**wrong)  # pyright: ignore
