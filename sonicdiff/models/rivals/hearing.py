"""What rivals hear: CLAP's vector and, for those that pool over time themselves, the frames of the audio tower's last layer."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ClapAudioModelWithProjection


@dataclass(frozen=True)
class Hearing:
    """frames (B, time, frame_dim); embeds (B, embed_dim) of length 1."""

    frames: Tensor
    embeds: Tensor


@torch.no_grad()
def hear(audio_encoder: ClapAudioModelWithProjection, mels: Tensor) -> Hearing:
    """From log-mel spectrograms (B, 1, frames, bins), as CLAP's front end makes them."""
    out = audio_encoder(input_features=mels)
    frames = out.last_hidden_state.mean(2).transpose(1, 2)  # (B, frame_dim, frequency, time)
    return Hearing(frames.float(), F.normalize(out.audio_embeds.float(), dim=-1))


class AttentivePool(nn.Module):
    """The mean over time with learnt weights: (B, time, dim) -> (B, dim)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.score = nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 1))

    def forward(self, x: Tensor) -> Tensor:
        return (self.score(x).softmax(1) * x).sum(1)
