"""Microsoft CLAP 2022's audio tower, which the paper's weights hear with: CNN14 (PANNs, Kong et al. 2020) and CLAP's projection."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn
from transformers.models.clap.modeling_clap import ClapAudioModelOutput


class Cnn14AudioEncoder(ModelMixin, ConfigMixin):
    """Log-mel spectrogram (B, 1, frames, mels) in dB -> `.audio_embeds` (B, embed_dim), called as ClapAudioModelWithProjection is.

    The front end of the released weights is 64 mels of 50-14000 Hz at 44.1 kHz, hop 320, 10 s. The original's dropout is left out:
    the tower is never trained here.
    """

    @register_to_config
    def __init__(
        self, widths: Sequence[int] = (64, 128, 256, 512, 1024, 2048), mels: int = 64, hidden: int = 2048, embed_dim: int = 1024
    ) -> None:
        super().__init__()
        self.bn0 = nn.BatchNorm2d(mels)
        self.blocks = nn.ModuleList(DoubleConv(before, after) for before, after in zip((1, *widths), widths, strict=False))
        self.fc1 = nn.Linear(widths[-1], hidden)
        self.projection = Projection(hidden, embed_dim)

    @property
    def shrinks(self) -> int:
        """The frames and mels that become one: each block but the last halves both."""
        return 2 ** (len(self.blocks) - 1)

    def forward(self, input_features: Tensor, is_longer: Tensor | None = None) -> ClapAudioModelOutput:
        """`is_longer` is there for the sake of transformers' signature and has no effect. ValueError for another shape."""
        mels = self.config["mels"]
        shape = tuple(input_features.shape)
        if len(shape) != 4 or shape[1] != 1 or shape[3] != mels or shape[2] < self.shrinks:
            raise ValueError(f"got input_features of shape {shape}; expected (batch, 1, {self.shrinks} frames or more, {mels} mels)")
        x = self.bn0(input_features.transpose(1, 3)).transpose(1, 3)  # a channel a mel
        for block in self.blocks[:-1]:
            x = F.avg_pool2d(block(x), 2)
        x = self.blocks[-1](x).mean(dim=3)  # (B, channels, time)
        x = x.amax(dim=2) + x.mean(dim=2)
        return ClapAudioModelOutput(audio_embeds=self.projection(F.relu(self.fc1(x))))


class DoubleConv(nn.Module):
    """Twice a 3x3 convolution, batch norm and ReLU."""

    def __init__(self, before: int, after: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)

    def forward(self, x: Tensor) -> Tensor:  # (B, channels, frames, mels)
        return F.relu(self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x))))))


class Projection(nn.Module):
    """layer_norm(y + linear2(gelu(y))) of y = linear1(x)."""

    def __init__(self, dim: int, embed_dim: int) -> None:
        super().__init__()
        self.linear1 = nn.Linear(dim, embed_dim, bias=False)
        self.linear2 = nn.Linear(embed_dim, embed_dim, bias=False)
        self.layer_norm = nn.LayerNorm(embed_dim)

    def forward(self, x: Tensor) -> Tensor:  # (B, dim)
        y = self.linear1(x)
        return self.layer_norm(y + self.linear2(F.gelu(y)))
