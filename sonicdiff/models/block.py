"""diffusers' transformer block with one more residual layer, made by adopting the stock block's children under their own names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, cast

import torch
from diffusers.models.attention import BasicTransformerBlock
from torch import Tensor, nn

AudioScale = float | Mapping[str, float]
Listener = Callable[[Tensor, Tensor, float], Tensor]  # (x, audio tokens, scale) -> x


class AudioTransformerBlock(nn.Module):
    """The four residual layers of an SD 1.x block (self-attention, text, audio, feed-forward); `audio=None` leaves it stock.

    `cross_attention_kwargs` may hold `audio_tokens` (N, tokens, context_dim), `audio_scale` (the paper's beta: a number, or numbers
    by layer-name pattern) and `audio_rows` (the slice of the batch the N tokens belong to; without it, all of it).
    """

    def __init__(self, block: BasicTransformerBlock, audio: nn.Module | None, path: str, layers: Sequence[str]) -> None:
        super().__init__()
        self.norm1, self.attn1 = block.norm1, block.attn1
        self.norm2, self.attn2 = cast(nn.Module, block.norm2), cast(nn.Module, block.attn2)
        self.audio = audio
        self.norm3, self.ff = cast(nn.Module, block.norm3), block.ff
        self.path, self.layers = path, tuple(layers)
        self.stock = (block,)  # in a tuple: PyTorch must not register it a second time

    # The argument order is diffusers': gradient checkpointing passes them by position.
    def forward(
        self,
        hidden_states: Tensor,
        attention_mask: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        timestep: Tensor | None = None,
        cross_attention_kwargs: dict[str, Any] | None = None,
        class_labels: Tensor | None = None,
    ) -> Tensor:
        kwargs = dict(cross_attention_kwargs or {})
        tokens, rows = kwargs.pop("audio_tokens", None), kwargs.pop("audio_rows", None)
        scale = layer_scale(kwargs.pop("audio_scale", 1.0), self.path, self.layers)

        x = hidden_states
        x = self.attn1(self.norm1(x), attention_mask=attention_mask, **kwargs) + x
        y = self.norm2(x)
        x = self.attn2(y, encoder_hidden_states, attention_mask=encoder_attention_mask, **kwargs) + x
        if self.audio is not None and tokens is not None and scale != 0:
            x = hear(self.listener(self.audio, y[rows or slice(None)]), x, tokens.to(x.dtype), scale, rows)
        return self.ff(self.norm3(x)) + x

    def listener(self, audio: nn.Module, asking: Tensor) -> Listener:
        """What hears, of what asked the text."""
        return audio


def hear(audio: Listener, x: Tensor, tokens: Tensor, scale: float, rows: slice | None) -> Tensor:
    """Applies the audio layer to `rows` of the batch and leaves the other rows untouched."""
    start, stop, _ = (rows or slice(None)).indices(len(x))
    if len(tokens) != stop - start:
        raise ValueError(f"got audio_tokens for {len(tokens)} rows of a batch of {len(x)}; expected {stop - start} (audio_rows says which)")
    heard = audio(x[start:stop], tokens, scale)
    return heard if len(heard) == len(x) else torch.cat([x[:start], heard, x[stop:]])


def layer_scale(scale: AudioScale, path: str, layers: Sequence[str]) -> float:
    """Beta of the layer at `path`: the last pattern that matches it, 1.0 where none does. A pattern no layer matches is an error."""
    if not isinstance(scale, Mapping):
        return float(scale)
    for pattern in scale:
        if not any(fnmatchcase(layer, pattern) for layer in layers):
            raise ValueError(f"audio_scale names {pattern!r}, which is none of the audio layers: {', '.join(layers)}")
    return next((float(scale[pattern]) for pattern in reversed(list(scale)) if fnmatchcase(path, pattern)), 1.0)
