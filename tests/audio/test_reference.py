"""The codec against torchaudio, on which Riffusion's is built; torchaudio goes into an environment of its own (see CONTRIBUTING)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiff.audio import waveform
from sonicdiff.audio.image import to_image
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_filters, mel_spectrogram, stft

try:
    import torchaudio  # pyright: ignore[reportMissingImports]
except (ImportError, OSError) as error:  # the second is a build for CUDA beside a torch for CPUs
    pytest.skip(f"torchaudio is not here, or does not fit: {error}", allow_module_level=True)

PARAMS = SpectrogramParams()
MUSIC = sorted((Path(__file__).parents[2] / "examples" / "music").glob("*.ogg"))


def riffusions_mel(samples: torch.Tensor) -> torch.Tensor:
    """As Riffusion 0.3.1 computes it (reference page, section 2.1), from samples (channels, n)."""
    transform = torchaudio.transforms.Spectrogram(
        n_fft=PARAMS.n_fft, hop_length=PARAMS.hop_length, win_length=PARAMS.win_length, pad=0, window_fn=torch.hann_window, power=None,
        normalized=False, center=True, pad_mode="reflect", onesided=True,
    )  # fmt: skip
    scale = torchaudio.transforms.MelScale(
        n_mels=PARAMS.mel_bins, sample_rate=44_100, f_min=0, f_max=10_000, n_stft=PARAMS.n_fft // 2 + 1, norm=None, mel_scale="htk"
    )
    return scale(transform(samples).abs())


def riffusions_image(mel: torch.Tensor) -> np.ndarray:
    data = np.power(mel.numpy() / mel.numpy().max(), 0.25) * 255
    return (255 - data).astype(np.uint8)[:, ::-1]


def music(file: Path) -> waveform.Waveform:
    return waveform.load(file, length=12).resampled(44_100)


def test_the_filters_are_torchaudios() -> None:
    theirs = torchaudio.functional.melscale_fbanks(PARAMS.n_fft // 2 + 1, 0.0, 10_000.0, 512, 44_100, None, "htk").T
    assert float((mel_filters(PARAMS) - theirs).abs().max()) < 1e-4


@pytest.mark.parametrize("file", MUSIC, ids=lambda file: file.stem)
def test_pictures_are_riffusions(file: Path) -> None:
    """On real music, truncated as there: no pixel is off by more than one grey level, 99.9 % are equal."""
    sound = music(file)
    theirs = riffusions_image(riffusions_mel(torch.from_numpy(sound.mono().samples * 32_768)))[0]
    ours = np.asarray(to_image(mel_spectrogram(sound, PARAMS), PARAMS, truncate=True))[..., 0]
    assert ours.shape == theirs.shape
    apart = np.abs(ours.astype(int) - theirs.astype(int))
    assert apart.max() <= 1 and (apart == 0).mean() >= 0.999


@pytest.mark.parametrize("file", MUSIC[:1], ids=lambda file: file.stem)
def test_stereo_pictures_are_riffusions(file: Path) -> None:
    sound = music(file)
    assert sound.samples.shape[0] == 2
    theirs = riffusions_image(riffusions_mel(torch.from_numpy(sound.samples * 32_768)))
    params = SpectrogramParams(stereo=True)
    ours = np.asarray(to_image(mel_spectrogram(sound, params), params, truncate=True))
    apart = np.abs(ours[..., 1:].transpose(2, 0, 1).astype(int) - theirs.astype(int))
    assert ours[..., 0].max() == 0 and apart.max() <= 1 and (apart == 0).mean() >= 0.999


def test_the_spectrum_is_torchaudios() -> None:
    samples = torch.randn(1, 44_100, generator=torch.Generator().manual_seed(0))
    theirs = torchaudio.transforms.Spectrogram(17_640, 4410, 441, power=None)(samples)
    torch.testing.assert_close(stft(samples, 17_640, 441, 4410), theirs, atol=1e-3, rtol=1e-4)
