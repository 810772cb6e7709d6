"""The audio projector: one CLAP vector to the tokens the UNet's audio layers attend to (SonicDiffusion, section 3.1)."""

from __future__ import annotations

import torch
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.attention import attention

KERNEL = 17
STRETCH = 3  # the mapper's deconvolution lengthens the vector threefold before the last convolution cuts it to context_dim


class AudioProjector(ModelMixin, ConfigMixin):
    """CLAP vector (B, embed_dim) -> audio tokens (B, tokens, context_dim): a convolutional mapper, then chained self-attention blocks.

    The vector is read as a signal of one channel and each token is a channel of the mapper. At first the tokens have unit variance,
    the scale of layer-normed text tokens. In the paper's released weights only the last block counts; here each feeds the next.
    """

    @register_to_config
    def __init__(
        self, embed_dim: int = 512, context_dim: int = 768, tokens: int = 77, width: int = 256, heads: int = 8, blocks: int = 4
    ) -> None:
        super().__init__()
        self.mapper = mapper(embed_dim, context_dim, tokens)
        self.positions = nn.Parameter(torch.empty(tokens, context_dim))
        self.attention = nn.ModuleList(TokenBlock(context_dim, width, heads) for _ in range(blocks))
        self.norm = nn.LayerNorm(context_dim)
        self.to_out = nn.Linear(context_dim, context_dim)
        nn.init.normal_(self.positions, std=0.02)
        nn.init.orthogonal_(self.to_out.weight)
        nn.init.zeros_(self.to_out.bias)

    def forward(self, audio_embeds: Tensor) -> Tensor:
        embed_dim = self.config["embed_dim"]
        if audio_embeds.ndim != 2 or audio_embeds.shape[1] != embed_dim:
            raise ValueError(f"got audio_embeds of shape {tuple(audio_embeds.shape)}; expected (batch, {embed_dim})")
        signal = audio_embeds * embed_dim**0.5  # CLAP's vectors have length 1: bring their entries to unit variance
        x = self.mapper(signal.unsqueeze(1)) + self.positions
        for block in self.attention:
            x = block(x)
        return self.to_out(self.norm(x))


class TokenBlock(nn.Module):
    """x + feed_forward(self-attention(norm(x))) over the tokens."""

    def __init__(self, dim: int, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, width, bias=False)
        self.to_k = nn.Linear(dim, width, bias=False)
        self.to_v = nn.Linear(dim, width, bias=False)
        self.to_out = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, dim))

    def forward(self, x: Tensor) -> Tensor:  # (B, tokens, dim)
        y = self.norm(x)
        return x + self.to_out(attention(self.to_q(y), self.to_k(y), self.to_v(y), self.heads))


def mapper(embed_dim: int, context_dim: int, tokens: int) -> nn.Sequential:
    """(B, 1, embed_dim) -> (B, tokens, context_dim) by 1-D convolutions and one deconvolution; norms are joint over both axes."""
    long = STRETCH * embed_dim
    if long % context_dim:
        raise ValueError(f"got embed_dim {embed_dim} and context_dim {context_dim}; context_dim must divide {STRETCH} x embed_dim = {long}")
    stride = long // context_dim
    return nn.Sequential(
        nn.Conv1d(1, tokens, KERNEL, padding=KERNEL // 2),
        nn.GELU(),
        nn.Conv1d(tokens, tokens, KERNEL, padding=KERNEL // 2),
        nn.GELU(),
        nn.LayerNorm([tokens, embed_dim]),
        nn.Conv1d(tokens, tokens, KERNEL, padding=KERNEL // 2),
        nn.GELU(),
        nn.LayerNorm([tokens, embed_dim]),
        nn.ConvTranspose1d(tokens, tokens, KERNEL, stride=STRETCH, padding=(KERNEL - STRETCH) // 2),
        nn.GELU(),
        nn.LayerNorm([tokens, long]),
        nn.GELU(),
        nn.Conv1d(tokens, tokens, KERNEL, stride=stride, padding=KERNEL // 2),
    )
