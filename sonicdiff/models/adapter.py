"""The gated audio layers of one UNet as a model of their own: attached to a stock diffusers UNet for a while, saved by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import torch
from diffusers import ConfigMixin, ModelMixin, UNet2DConditionModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.attention import BasicTransformerBlock
from torch import nn

from sonicdiff.models.attention import GatedCrossAttention
from sonicdiff.models.block import AudioTransformerBlock

PARTS = ("down_blocks", "mid_block", "up_blocks")


class AudioAdapter(ModelMixin, ConfigMixin):
    """Audio layers keyed by block path (its dots as underscores); the paper has them in the middle and the decoder: 10 in SD 1.x.

    `blocks` maps each block path to its (width, heads).
    """

    @register_to_config
    def __init__(self, context_dim: int, blocks: dict[str, tuple[int, int]], gate: float = 0.1) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(
            {key(path): GatedCrossAttention(dim, context_dim, heads, gate) for path, (dim, heads) in blocks.items()}
        )

    @classmethod
    def from_unet(cls, unet: UNet2DConditionModel, where: Sequence[str] = ("mid_block", "up_blocks"), gate: float = 0.1) -> AudioAdapter:
        """Fresh layers for the named parts of `unet`, any of "down_blocks", "mid_block", "up_blocks"."""
        unknown = sorted(set(where) - set(PARTS))
        if unknown or not where:
            raise ValueError(f"got where={tuple(where)}; expected one or more of {', '.join(PARTS)}")
        stock = stock_blocks(unet)
        blocks = {path: (block.dim, block.num_attention_heads) for path, block in stock.items() if path.split(".")[0] in where}
        return cls(unet.config["cross_attention_dim"], dict(sorted(blocks.items())), gate)

    @torch.no_grad()
    def copy_text(self, unet: UNet2DConditionModel) -> None:
        """Makes each audio layer the text cross-attention of its block, but for the gate: tokens that lie where text lies act at once."""
        blocks = stock_blocks(unet)
        for path in self.paths:
            layer, text = self.layers[key(path)], cast(Any, blocks[path].attn2)
            stock: dict[str, Any] = {
                "norm": blocks[path].norm2,
                "to_q": text.to_q,
                "to_k": text.to_k,
                "to_v": text.to_v,
                "to_out": text.to_out[0],
            }
            for name, module in stock.items():
                layer.get_submodule(name).load_state_dict(module.state_dict())

    @property
    def paths(self) -> tuple[str, ...]:
        """The block paths of the audio layers: the names that `audio_scale` may use."""
        return tuple(self.config["blocks"])

    def attach(self, unet: UNet2DConditionModel) -> None:
        """Puts an AudioTransformerBlock in the place of every stock block, also of those without an audio layer.

        (A stock block would hand `audio_tokens` on to diffusers' attention processors, which warn and drop it.)
        """
        blocks = stock_blocks(unet)
        for path, (dim, _) in self.config["blocks"].items():
            if path not in blocks or blocks[path].dim != dim:
                found = f"one {blocks[path].dim} wide" if path in blocks else "none"
                raise ValueError(f"this adapter has a layer {dim} wide for {path}; the UNet has {found} there")
        for path, block in blocks.items():
            audio = self.layers[key(path)] if path in self.config["blocks"] else None
            unet.set_submodule(path, AudioTransformerBlock(block, audio, path, self.paths).train(block.training))

    def detach(self, unet: UNet2DConditionModel) -> None:
        """Puts the stock blocks back; the UNet is then bitwise what it was before `attach`."""
        for path, block in [(path, block) for path, block in unet.named_modules() if isinstance(block, AudioTransformerBlock)]:
            unet.set_submodule(path, block.stock[0])

    def is_attached(self, unet: UNet2DConditionModel) -> bool:
        """Whether the audio layers in `unet` are these."""
        layers = [block.audio for block in unet.modules() if isinstance(block, AudioTransformerBlock) and block.audio is not None]
        return bool(layers) and all(any(layer is own for own in self.layers.values()) for layer in layers)

    @contextmanager
    def attached(self, unet: UNet2DConditionModel) -> Iterator[None]:
        """Attached inside the `with`, stock again after it; inside another `with` of the same two nothing changes."""
        if self.is_attached(unet):
            yield
            return
        self.attach(unet)
        try:
            yield
        finally:
            self.detach(unet)


def key(path: str) -> str:
    """A ModuleDict's key may hold no dot."""
    return path.replace(".", "_")


def stock_blocks(unet: UNet2DConditionModel) -> dict[str, BasicTransformerBlock]:
    """The transformer blocks of an unattached UNet by path; an error where audio layers cannot stand."""
    if any(isinstance(module, AudioTransformerBlock) for module in unet.modules()):
        raise ValueError("this UNet already has audio layers attached; detach them first")
    blocks = {path: block for path, block in unet.named_modules() if isinstance(block, BasicTransformerBlock)}
    for path, block in blocks.items():
        if hasattr(block, "fuser"):
            raise ValueError(f"{path} has the gated attention of GLIGEN, which audio layers would drop; expected attention_type 'default'")
        if block.norm_type != "layer_norm" or block.attn2 is None:
            raise ValueError(f"{path} has norm_type {block.norm_type!r}; audio layers need 'layer_norm' and text attention (SD 1.x)")
    return blocks
