"""Gated cross-attention to audio tokens: the one layer added to each transformer block (SonicDiffusion, section 3.2)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def attention(q: Tensor, k: Tensor, v: Tensor, heads: int) -> Tensor:
    """Multi-head attention over (B, tokens, width) tensors whose width is split into `heads`."""
    q, k, v = (t.unflatten(-1, (heads, -1)).transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)


class GatedCrossAttention(nn.Module):
    """x + scale * tanh(gate) * attention(norm(x), audio); a gate of zero leaves x as it was."""

    def __init__(self, dim: int, context_dim: int, heads: int, gate: float = 0.1) -> None:
        super().__init__()
        if dim % heads:
            raise ValueError(f"got dim {dim} and {heads} heads; the heads must divide the dim")
        self.heads = heads
        self.norm = nn.LayerNorm(dim)
        self.to_q = nn.Linear(dim, dim, bias=False)
        self.to_k = nn.Linear(context_dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim, dim, bias=False)
        self.to_out = nn.Linear(dim, dim)
        self.gate = nn.Parameter(torch.tensor([gate]))

    def forward(self, x: Tensor, audio: Tensor, scale: float = 1.0) -> Tensor:  # (B, pixels, dim), (B, tokens, context_dim)
        out = self.to_out(attention(self.to_q(self.norm(x)), self.to_k(audio), self.to_v(audio), self.heads))
        return x + scale * self.gate.tanh() * out
