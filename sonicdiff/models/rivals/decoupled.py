"""Decoupled cross-attention: keys and values of the sound's own beside those of the text, under the text's queries and output.

IP-Adapter (Ye et al. 2023), and MACS (Zhou et al., AAAI 2026), which does it with CLAP: the UNet is frozen, every cross-attention layer
gets a second to_k and to_v that begin as copies of the text's, and its two answers are added. Smaller here: an MLP to 4 tokens
(IP-Adapter's number; MACS has 77), one sound instead of MACS's separated sources.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.adapter import AudioAdapter, key, stock_blocks
from sonicdiff.models.attention import attention
from sonicdiff.models.block import AudioTransformerBlock, Listener


class AudioMlp(ModelMixin, ConfigMixin):
    """CLAP's vector (B, embed_dim) -> audio tokens (B, tokens, context_dim), layer-normed."""

    @register_to_config
    def __init__(self, embed_dim: int, context_dim: int, tokens: int = 4) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(embed_dim, embed_dim), nn.GELU(), nn.Linear(embed_dim, tokens * context_dim))
        self.norm = nn.LayerNorm(context_dim)

    def forward(self, audio_embeds: Tensor) -> Tensor:
        tokens = self.net(audio_embeds * audio_embeds.shape[-1] ** 0.5)
        return self.norm(tokens.unflatten(-1, (self.config["tokens"], -1)))


class DecoupledAttention(nn.Module):
    """What a text attention's queries find in the audio tokens, through that attention's own output matrix."""

    def __init__(self, dim: int, context_dim: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_k = nn.Linear(context_dim, dim, bias=False)
        self.to_v = nn.Linear(context_dim, dim, bias=False)
        # Says where the layer is while a run has others in the place of to_k and to_v (`diffusion.reuse`).
        self.register_buffer("place", torch.empty(0), persistent=False)

    def forward(self, text: Any, y: Tensor, tokens: Tensor) -> Tensor:
        found = attention(text.to_q(y), self.to_k(tokens), self.to_v(tokens), self.heads)
        return F.linear(found, text.to_out[0].weight)  # its bias is in the text's answer


class DecoupledAdapter(AudioAdapter):
    """A `DecoupledAttention` for every cross-attention layer of a UNet; attached, saved and loaded as an AudioAdapter is."""

    @register_to_config
    def __init__(self, context_dim: int, blocks: dict[str, tuple[int, int]]) -> None:
        super(AudioAdapter, self).__init__()
        self.layers = nn.ModuleDict({key(path): DecoupledAttention(dim, context_dim, heads) for path, (dim, heads) in blocks.items()})

    @classmethod
    def beside(cls, unet: UNet2DConditionModel) -> DecoupledAdapter:
        """Copies of the text's keys and values."""
        stock: Mapping[str, Any] = stock_blocks(unet)
        blocks = {path: (block.dim, block.num_attention_heads) for path, block in stock.items()}
        adapter = cls(unet.config["cross_attention_dim"], blocks)
        for path, block in stock.items():
            layer = adapter.layers[key(path)]
            for name in ("to_k", "to_v"):
                layer.get_submodule(name).load_state_dict(getattr(block.attn2, name).state_dict())
        return adapter

    def attach(self, unet: UNet2DConditionModel) -> None:
        for path, block in stock_blocks(unet).items():
            own = DecoupledBlock(block, self.layers[key(path)], path, self.paths)
            unet.set_submodule(path, own.train(block.training))


class DecoupledBlock(AudioTransformerBlock):
    """A stock block whose text attention also answers from the audio tokens."""

    def listener(self, audio: nn.Module, asking: Tensor) -> Listener:
        return lambda x, tokens, scale: x + scale * audio(self.attn2, asking, tokens)
