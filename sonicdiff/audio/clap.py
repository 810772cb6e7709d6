"""From a waveform to CLAP's embedding, always the same: fixed windows, log-mel features, mean of the windows' embeddings."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor
from transformers.audio_utils import mel_filter_bank

from sonicdiff.audio.resampling import sinc_resample
from sonicdiff.audio.waveform import Waveform

PADDINGS = ("repeat", "repeatpad", "pad")
RESAMPLERS = ("soxr", "sinc")


@dataclass(frozen=True)
class ClapFrontEnd:
    """Parameters of CLAP's log-mel spectrogram, under ClapFeatureExtractor's names. Unfused models only (truncation `rand_trunc`)."""

    feature_size: int = 64  # mel bands
    sampling_rate: int = 48_000  # Hz
    hop_length: int = 480  # samples
    max_length_s: int = 10  # seconds a window
    fft_window_size: int = 1024  # samples
    frequency_min: float = 50.0  # Hz
    frequency_max: float = 14_000.0  # Hz
    max_windows: int = 12  # of a longer sound, so many windows spread evenly are heard
    padding: str = "repeat"  # how a short sound fills a window: see `filled`
    resampler: str = "soxr"  # "soxr", or "sinc": torchaudio's default, see `sonicdiff.audio.resampling`

    def __post_init__(self) -> None:
        for name, known in (("padding", PADDINGS), ("resampler", RESAMPLERS)):
            if getattr(self, name) not in known:
                raise ValueError(f"got a front end of CLAP with {name} {getattr(self, name)!r}; expected one of {', '.join(known)}")

    @classmethod
    def from_pretrained(cls, directory: str | os.PathLike[str], subfolder: str = "") -> ClapFrontEnd:
        """Read `preprocessor_config.json` as transformers writes it."""
        path = Path(directory) / subfolder / "preprocessor_config.json"
        return cls._from_config(json.loads(path.read_text(encoding="utf-8")), str(path))

    @classmethod
    def from_extractor(cls, extractor: ClapFeatureExtractor) -> ClapFrontEnd:
        """The front end that hears as `extractor` does."""
        return cls._from_config(extractor.to_dict(), "the feature extractor")

    @classmethod
    def _from_config(cls, config: dict, where: str) -> ClapFrontEnd:
        if config.get("truncation", "fusion") != "rand_trunc":
            found = config.get("truncation")
            raise ValueError(f"{where} has truncation {found!r}; expected 'rand_trunc': fused CLAP models are not supported")
        names = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in config.items() if name in names})

    def save_pretrained(self, directory: str | os.PathLike[str]) -> None:
        """Write `preprocessor_config.json`, which ClapFeatureExtractor reads too."""
        self.extractor().save_pretrained(directory)

    def extractor(self) -> ClapFeatureExtractor:
        """transformers' extractor with these parameters."""
        config = {field.name: getattr(self, field.name) for field in fields(self)}
        return ClapFeatureExtractor(**config, truncation="rand_trunc")

    @property
    def window_samples(self) -> int:
        return int(self.max_length_s * self.sampling_rate)

    @property
    def filters(self) -> Tensor:
        """The mel filters (bins, mels) float64."""
        return _mel_filters(self)

    def windows(self, waveform: Waveform) -> list[np.ndarray]:
        """Mono windows float32 (window_samples,) at the front end's rate, the same for the same sound.

        A short sound fills one as `filled` says; a longer one is cut end to end and its last window ends where it ends;
        of more than `max_windows`, as many are taken at even distances, the first and the last among them.
        """
        samples, size = self.resampled(waveform), self.window_samples
        if samples.size == 0:
            raise ValueError("got a sound without samples; expected at least one: sonicdiff.audio.waveform.load refuses empty ones")
        if samples.size <= size:
            return [self.filled(samples)]
        starts = [*range(0, samples.size - size, size), samples.size - size]
        if len(starts) > self.max_windows:
            starts = [starts[k] for k in np.linspace(0, len(starts) - 1, self.max_windows).round().astype(int)]
        return [samples[start : start + size].copy() for start in starts]

    def resampled(self, waveform: Waveform) -> np.ndarray:
        """The mean of the channels at the front end's rate, float32 (n,)."""
        mono = waveform.mono()
        if self.resampler == "sinc":
            return sinc_resample(mono.samples[0], mono.sample_rate, self.sampling_rate)
        return mono.resampled(self.sampling_rate).samples[0]

    def filled(self, samples: np.ndarray) -> np.ndarray:
        """At most a window's samples as a whole window: "repeat" says them again and again to its end (Microsoft CLAP 2022), "repeatpad"
        as often as they fit whole, then zeros (LAION's CLAP), "pad" once, then zeros."""
        size = self.window_samples
        if self.padding == "repeat":
            return np.resize(samples, size)
        whole = np.tile(samples, size // samples.size) if self.padding == "repeatpad" else samples
        return np.pad(whole, (0, size - whole.size))

    def features(self, window: np.ndarray) -> Tensor:
        """Log-mel spectrogram (1, 1, frames, mels) float32 in dB, equal to ClapFeatureExtractor's; frames = n // hop_length + 1."""
        samples = torch.from_numpy(np.ascontiguousarray(window, dtype=np.float64))
        hann = torch.hann_window(self.fft_window_size, dtype=torch.float64)
        spectrum = torch.stft(samples, self.fft_window_size, self.hop_length, window=hann, pad_mode="reflect", return_complex=True)
        power = spectrum.real.square() + spectrum.imag.square()  # (bins, frames)
        mel = power.T @ _mel_filters(self)
        return (10.0 * mel.clamp_min(1e-10).log10()).float()[None, None]


@lru_cache(maxsize=8)
def _mel_filters(front_end: ClapFrontEnd) -> Tensor:
    """Slaney's filters (bins, mels), those of `rand_trunc`."""
    filters = mel_filter_bank(
        num_frequency_bins=front_end.fft_window_size // 2 + 1,
        num_mel_filters=front_end.feature_size,
        min_frequency=front_end.frequency_min,
        max_frequency=front_end.frequency_max,
        sampling_rate=front_end.sampling_rate,
        norm="slaney",
        mel_scale="slaney",
    )
    return torch.from_numpy(filters)


@torch.no_grad()
def embed(audio_encoder: ClapAudioModelWithProjection, front_end: ClapFrontEnd, waveform: Waveform) -> Tensor:
    """CLAP's embedding (1, dim), float32 on the encoder's device: the mean of the windows' unit vectors, made a unit vector.

    One window at a time, so that a sound gives the same bits alone and among others.
    """
    if audio_encoder.training or getattr(audio_encoder.config, "enable_fusion", False):
        raise ValueError("expected an unfused CLAP audio encoder in eval mode: call .eval(), or choose an unfused checkpoint")
    vectors = []
    for window in front_end.windows(waveform):
        features = front_end.features(window).to(audio_encoder.device, audio_encoder.dtype)
        vector = audio_encoder(input_features=features).audio_embeds.float()
        vectors.append(torch.nn.functional.normalize(vector, dim=-1))
    return torch.nn.functional.normalize(torch.stack(vectors).mean(dim=0), dim=-1)
