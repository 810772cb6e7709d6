"""The projector of the paper's released weights, as it behaves: a convolutional mapper and one attention block over its tokens."""

from __future__ import annotations

from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.attention import attention
from sonicdiff.models.projector import KERNEL, STRETCH, mapper


class ReleasedProjector(ModelMixin, ConfigMixin):
    """CLAP vector (B, embed_dim) -> audio tokens (B, tokens, context_dim): to_out(a + between(attention(a))), a = mapper(vector).

    The released code gives the mapper's tokens `a` to each of four attention blocks and keeps only what the last returns, so the first
    three have no effect and are not here. Unlike our AudioProjector it neither scales the vector, nor norms, nor knows positions.
    """

    @register_to_config
    def __init__(self, embed_dim: int = 1024, context_dim: int = 768, tokens: int = 77, width: int = 320, heads: int = 8) -> None:
        super().__init__()
        if context_dim > embed_dim or width % heads:
            raise ValueError(
                f"got embed_dim {embed_dim}, context_dim {context_dim}, width {width} and {heads} heads; "
                "expected a context_dim no larger than embed_dim, and heads that divide the width"
            )
        self.mapper = mapper(embed_dim, context_dim, tokens)
        stride = STRETCH * embed_dim // context_dim
        self.mapper[-1] = nn.Conv1d(tokens, tokens, KERNEL, stride=stride, padding=KERNEL // 2 - 1)  # ours starts one place earlier
        self.to_q = nn.Linear(context_dim, width, bias=False)
        self.to_k = nn.Linear(context_dim, width, bias=False)
        self.to_v = nn.Linear(context_dim, width, bias=False)
        self.between = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, context_dim))
        self.to_out = nn.Linear(context_dim, context_dim)

    def forward(self, audio_embeds: Tensor) -> Tensor:
        embed_dim = self.config["embed_dim"]
        if audio_embeds.ndim != 2 or audio_embeds.shape[1] != embed_dim:
            raise ValueError(f"got audio_embeds of shape {tuple(audio_embeds.shape)}; expected (batch, {embed_dim})")
        a = self.mapper(audio_embeds.unsqueeze(1))
        return self.to_out(a + self.between(attention(self.to_q(a), self.to_k(a), self.to_v(a), self.config["heads"])))
