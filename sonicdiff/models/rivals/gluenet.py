"""GlueGen's rival way: a GlueNet maps what the audio encoder says to where the text encoder would have put a caption.

GlueGen (Qin et al., ICCV 2023): blocks that mix channels, then tokens, by MLPs with layer norms; learnt by MSE to the text states, by
mapping back (a second network of the kind), and by a discriminator of single tokens behind a gradient reversal; the UNet has no new
layers and sees no loss. Smaller here: CLAP's vector cut into 16 tokens (the original: AudioCLIP's), three blocks instead of five,
MLPs twice as wide instead of four times.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.rivals.hearing import Hearing
from sonicdiff.models.rivals.reading import Reader

PIECES = 16  # tokens that the vector is cut into


class GlueNet(ModelMixin, ConfigMixin):
    """embeds (B, embed_dim) -> text states (B, tokens, context_dim), and `back` again."""

    @register_to_config
    def __init__(self, embed_dim: int, context_dim: int, tokens: int = 77, depth: int = 3) -> None:
        super().__init__()
        self.there = translator((PIECES, embed_dim // PIECES), (tokens, context_dim), depth)
        self.back = translator((tokens, context_dim), (PIECES, embed_dim // PIECES), depth)

    def forward(self, embeds: Tensor) -> Tensor:
        return self.there(pieces(embeds))

    def states(self, heard: Hearing, reader: Reader) -> Tensor:
        return self(heard.embeds)


def pieces(embeds: Tensor) -> Tensor:
    """A unit vector (B, dim) as PIECES tokens of unit variance."""
    return (embeds * embeds.shape[-1] ** 0.5).unflatten(-1, (PIECES, -1))


def translator(inputs: tuple[int, int], outputs: tuple[int, int], depth: int) -> nn.Sequential:
    """(B, *inputs) -> (B, *outputs), both (tokens, dim): a head that changes the shape, residual mixers, a linear end."""
    return nn.Sequential(Mixer(inputs, outputs), *(Mixer(outputs, outputs) for _ in range(depth - 1)), nn.Linear(outputs[1], outputs[1]))


class Mixer(nn.Module):
    """An MLP over the channels, then one over the tokens; residual where the shape stays."""

    def __init__(self, inputs: tuple[int, int], outputs: tuple[int, int]) -> None:
        super().__init__()
        self.residual = inputs == outputs
        self.channels, self.tokens = mlp(inputs[1], outputs[1]), mlp(inputs[0], outputs[0])

    def forward(self, x: Tensor) -> Tensor:  # (B, tokens, dim)
        y = self.channels(x)
        y = x + y if self.residual else y
        z = self.tokens(y.transpose(1, 2)).transpose(1, 2)
        return y + z if self.residual else z


def mlp(inputs: int, outputs: int, times: int = 2) -> nn.Sequential:
    wide = times * outputs
    return nn.Sequential(
        nn.Linear(inputs, wide), nn.LayerNorm(wide), nn.GELU(),
        nn.Linear(wide, wide), nn.LayerNorm(wide), nn.GELU(),
        nn.Linear(wide, outputs), nn.LayerNorm(outputs),
    )  # fmt: skip


class Discriminator(nn.Module):
    """Tells text states from mapped ones, token by token: (N, dim) -> (N,) logits. What it is given learns the opposite."""

    def __init__(self, dim: int, reversal: float = 0.1) -> None:
        super().__init__()
        self.reversal = reversal
        self.net = nn.Sequential(nn.Linear(dim, dim // 4), nn.BatchNorm1d(dim // 4), nn.ReLU(), nn.Linear(dim // 4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return self.net(Reversed.apply(x, self.reversal))[:, 0]


class Reversed(torch.autograd.Function):
    """The identity, whose gradient is multiplied by -scale."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: float) -> Tensor:
        ctx.scale = scale
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.scale * gradients[0], None
