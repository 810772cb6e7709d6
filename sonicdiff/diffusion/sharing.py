"""Guidance branches that read the same text share the UNet's encoder: it runs once, and its outputs are repeated for the decoder.

Exact as long as the encoder has no audio layers; saves the encoder, and the head of the middle block, of every branch but the first
(performance notes, row b).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn


@contextmanager
def shared_encoder(unet: UNet2DConditionModel, branches: int, text: Tensor) -> Iterator[None]:
    """Inside, the UNet is given B rows and answers with branches x B, ordered [first branch | second branch | ...].

    text: what the rows of the decoder read, (branches x B, tokens, dim).
    """
    rows = 0

    def note(module: nn.Module, args: tuple[Any, ...]) -> None:
        nonlocal rows
        rows = len(args[0])

    def widen(value: Any) -> Any:
        if isinstance(value, tuple):
            return tuple(widen(item) for item in value)
        return torch.cat([value] * branches) if isinstance(value, Tensor) and value.ndim and len(value) == rows else value

    def widen_inputs(module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        reads = {"encoder_hidden_states": text} if "encoder_hidden_states" in kwargs else {}
        return widen(args), {name: widen(value) for name, value in kwargs.items()} | reads

    mid: Any = unet.mid_block
    handles = [unet.conv_in.register_forward_pre_hook(note)]
    for part in (*mid.attentions, *mid.resnets[1:], *unet.up_blocks):
        handles.append(part.register_forward_pre_hook(widen_inputs, with_kwargs=True))
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
