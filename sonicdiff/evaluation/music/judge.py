"""The listener: a small network that names genre and leading instrument, and embeds clips and captions in one space.

It is trained on compositions of its own seeds (`train.py`) and shares nothing with the models it judges.
"""

from __future__ import annotations

import json
import re
import zlib
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonicdiff.audio.spectrogram import SpectrogramParams, mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.features import Residual
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS

PARAMS = SpectrogramParams(hop_length=882, win_length=2205, n_fft=4410, mel_bins=96)
FRAMES = 256  # 5.12 s: a shorter clip is repeated
FLOOR = 1e-4  # of the loudest magnitude
DIM = 64
BUCKETS = 2048  # of the words of captions
HEADS = {"genre": len(GENRES), "lead": len(INSTRUMENTS), "drums": 2}


def heard(clip: Waveform) -> np.ndarray:
    """What the listener hears of a clip: log mel magnitudes from 0 to 1, float16 (mel_bins, FRAMES)."""
    mono = clip.mono().resampled(PARAMS.sample_rate)
    wanted = FRAMES * PARAMS.hop_length
    samples = np.tile(mono.samples, (1, -(-wanted // mono.samples.shape[1])))[:, :wanted]
    mel = mel_spectrogram(Waveform(np.ascontiguousarray(samples), PARAMS.sample_rate), PARAMS)[0, :, :FRAMES]
    level = (mel / mel.max().clamp(min=1e-12)).clamp(min=FLOOR).log10() / -np.log10(FLOOR) + 1
    return level.numpy().astype(np.float16)


def words(caption: str) -> list[int]:
    """The buckets of a caption's words."""
    return [zlib.crc32(word.encode()) % BUCKETS for word in re.findall(r"[a-z0-9]+", caption.lower())] or [0]


class MusicJudge(nn.Module):
    """Log mels (B, mel_bins, FRAMES) to features (B, 192); `heads` name what is heard, `embed` and `read` meet in one space."""

    width = 192

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, (1, 2), 1)
        self.blocks = nn.Sequential(Residual(16, 24, 2), Residual(24, 48, 2), Residual(48, 64, 2), Residual(64, 96, 2))
        self.heads = nn.ModuleDict({name: nn.Linear(self.width, size) for name, size in HEADS.items()})
        self.embed = nn.Linear(self.width, DIM)
        self.words = nn.EmbeddingBag(BUCKETS, DIM)
        self.read = nn.Sequential(nn.Linear(DIM, 128), nn.ReLU(), nn.Linear(128, DIM))

    def forward(self, x: Tensor) -> Tensor:
        x = x.float()[:, None].contiguous(memory_format=torch.channels_last)
        x = self.blocks(F.relu(self.stem(x)))
        return torch.cat([x.mean((2, 3)), x.mean(3).amax(2)], 1)

    def listen(self, features: Tensor) -> Tensor:
        """Unit vectors (B, DIM)."""
        return F.normalize(self.embed(features), dim=-1)

    def caption(self, captions: list[str]) -> Tensor:
        """Unit vectors (B, DIM)."""
        found = [words(caption) for caption in captions]
        offsets = torch.tensor(np.cumsum([0, *map(len, found[:-1])]))
        return F.normalize(self.read(self.words(torch.tensor([word for each in found for word in each]), offsets)), dim=-1)

    @torch.no_grad()
    def judge(self, clips: list[np.ndarray]) -> Tensor:
        """Features (B, 192) of what was `heard` of clips."""
        parts = [self(torch.from_numpy(np.stack(clips[i : i + 32]))) for i in range(0, len(clips), 32)]
        return torch.cat(parts)

    def save(self, folder: Path, about: dict[str, Any], held_out: Tensor) -> None:
        """held_out: features (N, 192) of compositions that no model was trained on, for the Frechet distance."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in self.state_dict().items()}
        save_file({**tensors, "held_out": held_out.half()}, folder / "judge.safetensors")
        (folder / "config.json").write_text(json.dumps(about, indent=2) + "\n")

    @classmethod
    def load(cls, folder: Path) -> tuple[Self, dict[str, Any], Tensor]:
        """The judge, what its configuration says, and the features of held-out compositions."""
        tensors = load_file(folder / "judge.safetensors")
        held_out = tensors.pop("held_out").float()
        judge = cls()
        judge.load_state_dict({name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in tensors.items()})
        return judge.eval(), json.loads((folder / "config.json").read_text()), held_out
