"""Rivals that speak to the text encoder: AudioToken's one token, TempoTokens' tokens of windows of several lengths.

AudioToken (Yariv et al., Interspeech 2023): three layers of BEATs, a two-layer MLP, attentive pooling over time. TempoTokens (Yariv et
al., AAAI 2024): the same, pooled over windows that double in length around each video frame, and over the whole sound. Both stand in
the prompt before the frozen text encoder. Smaller here: CLAP's last layer (16 frames in ten seconds) instead of BEATs, and of
TempoTokens what one picture needs, the windows around the middle.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.rivals.hearing import AttentivePool, Hearing
from sonicdiff.models.rivals.reading import Reader

LOUDNESS = 0.1  # of PyTorch's initial weights


class PooledTokens(ModelMixin, ConfigMixin):
    """frames (B, time, frame_dim) -> tokens (B, len(windows) + 1, context_dim): a window's each, then the whole sound's.

    windows: lengths in frames, around the middle.
    """

    @register_to_config
    def __init__(self, frame_dim: int, context_dim: int, windows: Sequence[int] = ()) -> None:
        super().__init__()
        self.mapper = nn.Sequential(nn.Linear(frame_dim, frame_dim), nn.GELU(), quiet(frame_dim, context_dim))
        self.pools = nn.ModuleList(AttentivePool(context_dim) for _ in (*windows, None))

    def forward(self, heard: Hearing) -> Tensor:
        x = self.mapper(heard.frames)
        parts = [*(middle(x, length) for length in self.config["windows"]), x]
        return torch.stack([pool(part) for pool, part in zip(self.pools, parts, strict=True)], 1)

    def states(self, heard: Hearing, reader: Reader) -> Tensor:
        """What the UNet is to read (B, 77, context_dim)."""
        return reader(self(heard))


def quiet(inputs: int, outputs: int) -> nn.Linear:
    """A layer whose answers begin about as loud as word embeddings are (0.02): far louder ones say nothing to the text encoder."""
    layer = nn.Linear(inputs, outputs)
    with torch.no_grad():
        layer.weight.mul_(LOUDNESS)
        layer.bias.mul_(LOUDNESS)
    return layer


def middle(x: Tensor, length: int) -> Tensor:
    start = max(0, (x.shape[1] - length) // 2)
    return x[:, start : start + length]
