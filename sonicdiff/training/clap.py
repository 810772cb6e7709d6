"""The small CLAP's audio tower: sounds move to the captions of their cause and strength, in the frozen text encoder's space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ClapAudioConfig, ClapAudioModelWithProjection, ClapFeatureExtractor

from sonicdiff.training.cache import Chunks
from sonicdiff.training.draw import Draw
from sonicdiff.training.text import Labels


@dataclass(frozen=True)
class ClapOptions:
    temperature: float = 0.07
    intensity_width: float = 0.15  # how far apart two strengths may be to count as the same
    mel_offset_db: float = 4.0  # random tilt and level of the features, on top of the sounds' own augmentation
    time_masks: int = 2


def make_feature_extractor() -> ClapFeatureExtractor:
    """32 mel bins, 512 frames for ten seconds: a quarter of LAION-CLAP's input."""
    return ClapFeatureExtractor(
        feature_size=32, sampling_rate=48_000, hop_length=938, max_length_s=10, fft_window_size=1024,
        frequency_min=50, frequency_max=14_000, truncation="rand_trunc", padding="repeat",
    )  # fmt: skip


def make_audio_encoder() -> ClapAudioModelWithProjection:
    config = ClapAudioConfig(
        window_size=4, num_mel_bins=32, spec_size=128, patch_embeds_hidden_size=32, hidden_size=256, projection_dim=256,
        depths=[2, 2, 2, 2], num_attention_heads=[2, 4, 8, 8], enable_fusion=False,
    )  # fmt: skip
    return ClapAudioModelWithProjection(config)


class ClapHeads(nn.Module):
    """The text side of the small CLAP (`text`), and readings of class and intensity that are needed while learning only."""

    def __init__(self, text_dim: int, embed_dim: int, causes: int):
        super().__init__()
        self.text = nn.Linear(text_dim, embed_dim)
        self.cause, self.intensity = nn.Linear(embed_dim, causes), nn.Linear(embed_dim, 1)


class ClapTask:
    """Sounds (`mels`, chunk rows (frames, mel bins) in dB) against pooled captions (N, width) by class and intensity."""

    def __init__(self, audio: ClapAudioModelWithProjection, heads: ClapHeads, options: ClapOptions,
                 mels: Chunks, sound_labels: Labels, pooled: Tensor, text_labels: Labels):  # fmt: skip
        self.audio, self.heads, self.options = audio, heads, options
        self.mels, self.sound_labels, self.pooled, self.text_labels = mels, sound_labels, pooled, text_labels

    def modules(self) -> dict[str, nn.Module]:
        return {"audio": self.audio, "heads": self.heads}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        sounds = draw.numpy.integers(0, len(self.mels), draw.batch_size)
        captions = draw.numpy.integers(0, len(self.pooled), draw.batch_size)[draw.rows]
        device = self.heads.text.weight.device
        mels = perturbed(torch.from_numpy(self.mels[sounds]).float(), self.options, draw.numpy)[draw.rows].to(device)
        sounds = sounds[draw.rows]
        audio = F.normalize(self.audio(input_features=mels[:, None]).audio_embeds, dim=-1)
        text = F.normalize(self.heads.text(self.pooled[torch.from_numpy(captions)].to(device)), dim=-1)

        heard, said = self.sound_labels, self.text_labels
        pairs = matches(heard, sounds, said, captions, self.options.intensity_width).to(device)
        peers = matches(heard, sounds, heard, sounds, self.options.intensity_width).to(device)
        t = self.options.temperature
        parts = {
            "pairs": 0.5 * soft_contrast(audio @ text.T / t, pairs) + 0.5 * soft_contrast(text @ audio.T / t, pairs.T),
            "peers": soft_contrast((audio @ audio.T / t).fill_diagonal_(-1e4), peers.fill_diagonal_(0)),
            "cause": F.cross_entropy(self.heads.cause(audio / t), torch.from_numpy(heard.cause[sounds]).to(device)),
            "intensity": F.smooth_l1_loss(self.heads.intensity(audio)[:, 0], torch.from_numpy(heard.intensity[sounds]).float().to(device)),
        }
        weights = (1.0, 0.5, 1.0, 5.0)
        hit = (self.heads.cause(audio / t).argmax(1).cpu().numpy() == heard.cause[sounds]).mean()
        loss = sum(weight * part for weight, part in zip(weights, parts.values(), strict=True))
        return {"loss": loss, "accuracy": torch.tensor(hit), **parts}  # pyright: ignore[reportReturnType]


def perturbed(mels: Tensor, options: ClapOptions, rng: np.random.Generator) -> Tensor:
    """Random level, spectral tilt and masked stretches of log-mel features (B, frames, bins) in dB: other microphones, other rooms."""
    batch, frames, bins = mels.shape
    level = rng.normal(0, options.mel_offset_db, (batch, 1, 1))
    tilt = rng.normal(0, options.mel_offset_db, (batch, 1, 1)) * np.linspace(-1, 1, bins)
    mels = mels + torch.from_numpy(level + tilt).float()
    mels = mels.roll(int(rng.integers(frames)), 1)
    for row in range(batch):
        for _ in range(options.time_masks):
            start, length = rng.integers(frames), rng.integers(0, frames // 8)
            mels[row, start : start + length] = mels[row].mean()
        low, width = rng.integers(bins), rng.integers(0, bins // 6)
        mels[row, :, low : low + width] = mels[row].mean()
    return mels


def matches(a: Labels, rows: np.ndarray, b: Labels, columns: np.ndarray, width: float) -> Tensor:
    """How well rows and columns agree: 0 for other classes, falling with the distance of intensities in the same class."""
    same = a.cause[rows][:, None] == b.cause[columns][None]
    distance = (a.intensity[rows][:, None] - b.intensity[columns][None]) / width
    return torch.from_numpy(same * np.exp(-0.5 * distance**2)).float()


def soft_contrast(logits: Tensor, agreement: Tensor) -> Tensor:
    """InfoNCE with graded positives: cross-entropy against the row-normalised agreement; rows without a partner do not count."""
    total = agreement.sum(1, keepdim=True)
    targets = agreement / total.clamp(min=1e-6)
    counted = (total[:, 0] > 1e-3).float()
    return -((targets * F.log_softmax(logits, 1)).sum(1) * counted).sum() / counted.sum().clamp(min=1)
