"""Sound as a mel spectrogram, the way Riffusion's training images were made: magnitudes of an STFT summed by triangular HTK filters."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from sonicdiff.audio.decoding import AudioError
from sonicdiff.audio.waveform import Waveform


@dataclass(frozen=True)
class SpectrogramParams:
    """How a sound becomes a picture and back. The defaults are Riffusion's: 100 frames a second, 512 mel bins up to 10 kHz.

    hop_length, win_length, n_fft: in samples; frames are Hann windows of win_length, padded with zeros to n_fft. mel_bins,
    min_frequency, max_frequency (Hz): the picture's height and range. power: of a magnitude, to become a grey value. stereo: two
    channels in one picture.
    """

    sample_rate: int = 44_100
    hop_length: int = 441
    win_length: int = 4410
    n_fft: int = 17_640
    mel_bins: int = 512
    min_frequency: float = 0.0
    max_frequency: float = 10_000.0
    power: float = 0.25
    stereo: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.hop_length < self.win_length <= self.n_fft:
            got = f"hop_length {self.hop_length}, win_length {self.win_length}, n_fft {self.n_fft}"
            raise AudioError(f"got {got}; expected each larger than the one before, n_fft at least win_length")
        if not 0 <= self.min_frequency < self.max_frequency <= self.sample_rate / 2:
            got = f"frequencies from {self.min_frequency} to {self.max_frequency} Hz at a rate of {self.sample_rate} Hz"
            raise AudioError(f"got {got}; expected 0 <= min < max <= half the rate")
        if self.mel_bins < 1 or not 0 < self.power <= 1:
            raise AudioError(f"got mel_bins {self.mel_bins}, power {self.power}; expected at least 1, and more than 0 up to 1")

    @property
    def channels(self) -> int:
        return 2 if self.stereo else 1

    @property
    def frames_per_second(self) -> float:
        return self.sample_rate / self.hop_length

    def frames(self, seconds: float) -> int:
        """The frames, and so the picture's width, that hold at least `seconds`."""
        return max(1, math.ceil(round(seconds * self.frames_per_second, 6)))


@lru_cache(maxsize=8)
def mel_filters(params: SpectrogramParams) -> Tensor:
    """Triangular filters on the HTK scale without normalisation, float64 (mel_bins, n_fft // 2 + 1), as torchaudio's `melscale_fbanks`."""
    frequencies = torch.linspace(0, params.sample_rate // 2, params.n_fft // 2 + 1, dtype=torch.float64)
    low, high = (2595 * math.log10(1 + f / 700) for f in (params.min_frequency, params.max_frequency))
    corners = 700 * (10 ** (torch.linspace(low, high, params.mel_bins + 2, dtype=torch.float64) / 2595) - 1)
    distance = corners[:, None] - frequencies
    width = corners.diff()[:, None]
    return torch.minimum(-distance[:-2] / width[:-1], distance[2:] / width[1:]).clamp(min=0)


def stft(samples: Tensor, n_fft: int, hop_length: int, win_length: int, circular: bool = False) -> Tensor:
    """Complex (channels, n_fft // 2 + 1, n // hop_length + 1) of samples (channels, n), frames centred, the ends mirrored.

    circular: the sound is a loop, read around its end; one frame less, since the last would be the first.
    """
    window = torch.hann_window(win_length, dtype=samples.dtype, device=samples.device)
    half, n = n_fft // 2, samples.shape[-1]
    if circular:
        samples = samples[..., torch.arange(-half, n + half, device=samples.device) % n]
    mode = "reflect" if n > half else "constant"
    spectrum = torch.stft(samples, n_fft, hop_length, win_length, window, not circular, mode, return_complex=True)
    return spectrum[..., : n // hop_length] if circular else spectrum


def mel_spectrogram(waveform: Waveform, params: SpectrogramParams | None = None, circular: bool = False, device: str = "cpu") -> Tensor:
    """Mel magnitudes float32 (channels, mel_bins, frames) in the sound's own scale, where 1 is full scale.

    Channels are mixed or doubled to what `params` hold. Raises AudioError for a loop (`circular`) that is not whole hops long.
    """
    params = params or SpectrogramParams()
    waveform = waveform.resampled(params.sample_rate)
    samples = torch.from_numpy(waveform.samples if params.stereo else waveform.mono().samples).to(device)
    samples = samples[:2] if samples.shape[0] > 1 else samples.expand(params.channels, -1)
    if circular and samples.shape[-1] % params.hop_length:
        raise AudioError(f"got a loop of {samples.shape[-1]} samples; expected a multiple of the hop of {params.hop_length}")
    return to_mel(stft(samples, params.n_fft, params.hop_length, params.win_length, circular).abs(), params)


def to_mel(magnitudes: Tensor, params: SpectrogramParams) -> Tensor:
    """(channels, n_fft // 2 + 1, frames) -> (channels, mel_bins, frames)"""
    return torch.matmul(mel_filters(params).to(magnitudes), magnitudes)
