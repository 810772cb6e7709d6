"""Plug-and-play injection (Tumanyan et al. 2023, section 4): an edit keeps the layout of its source by the source's features.

`recorded` keeps what layers compute for the source, `injected` makes them answer with it, for the length of a `with`. What only leads
up to an injected layer is not computed (performance notes, rows c and d), and branches that share queries and keys share their attention.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.resnet import ResnetBlock2D
from torch import Tensor, nn

Features = dict[str, Tensor]
"""The outputs of layers by the layers' paths in the UNet, one row each."""
QUERIES = 128  # whose attention is computed at once on a CPU: what they look at fits in the cache


def conv_layers(unet: UNet2DConditionModel) -> list[str]:
    """The last convolutions of the second decoder block's residual layers but the first: the paper's residual features."""
    return matching(unet, r"up_blocks\.1\.resnets\.\d+\.conv2")[1:]


def attention_layers(unet: UNet2DConditionModel) -> list[str]:
    """Queries and keys of every decoder self-attention but the first: the paper's layers 4 to 11."""
    return matching(unet, r"up_blocks\..+\.attn1\.to_[qk]")[2:]


def matching(unet: nn.Module, pattern: str) -> list[str]:
    return [path for path, _ in unet.named_modules() if re.fullmatch(pattern, path)]


class Complete(Exception):
    """All that was to be recorded is there."""


@contextmanager
def recorded(unet: UNet2DConditionModel, layers: list[str], only: bool = False) -> Iterator[Features]:
    """Inside, a forward pass leaves the outputs of `layers` in the dict this gives.

    only: the pass ends with the last of them, and the block with the pass.
    """
    features: Features = {}

    def keeper(path: str) -> Callable[[nn.Module, Any, Tensor], None]:
        def keep(module: nn.Module, args: Any, output: Tensor) -> None:
            features[path] = output.detach()
            if only and len(features) == len(layers):
                raise Complete

        return keep

    handles = [unet.get_submodule(path).register_forward_hook(keeper(path)) for path in layers]
    try:
        yield features
    except Complete:
        pass
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def injected(unet: UNet2DConditionModel, features: Features) -> Iterator[None]:
    """Inside, each layer named by `features` answers with them, whatever it is given, for every row of the batch.

    Convolutions must be the `conv2` of residual layers; queries and keys of a self-attention come together.
    """
    with ExitStack() as stack:
        for path, value in features.items():
            parent, _, layer = path.rpartition(".")
            if layer == "conv2":
                stack.enter_context(swapped(unet, parent, InjectedResnet(unet.get_submodule(parent), value)))  # pyright: ignore
            elif layer == "to_q":
                attention = unet.get_submodule(parent)
                stack.enter_context(processed(attention, InjectedAttention(value, features[f"{parent}.to_k"])))  # pyright: ignore
            elif layer != "to_k" or f"{parent}.to_q" not in features:
                raise ValueError(f"cannot inject {path}; expected a residual layer's conv2, or to_q and to_k of a self-attention")
        yield


class InjectedResnet(nn.Module):
    """A residual layer whose residue is given: its shortcut is all that is left to compute."""

    def __init__(self, resnet: ResnetBlock2D, residue: Tensor) -> None:
        super().__init__()
        self.shortcut = resnet.conv_shortcut or nn.Identity()
        self.scale, self.residue = resnet.output_scale_factor, residue

    def forward(self, x: Tensor, temb: Tensor, *_: Any) -> Tensor:
        return (self.shortcut(x) + self.residue) / self.scale


class InjectedAttention:
    """diffusers' attention processor for self-attention with given queries and keys (1, tokens, width): only the values are the batch's."""

    def __init__(self, q: Tensor, k: Tensor) -> None:
        self.q, self.k = q, k

    def __call__(self, attn: Attention, hidden_states: Tensor, *_: Any, **__: Any) -> Tensor:
        out: Any = attn.to_out
        values: Any = attn.to_v
        q, k, v = (x.unflatten(-1, (attn.heads, -1)).transpose(1, 2) for x in (self.q, self.k, values(hidden_states)))
        y = shared_attention(q, k, v).transpose(1, 2).flatten(2)
        return out[1](out[0](y)) / attn.rescale_output_factor


def shared_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of queries and keys (1, heads, n, d) on the values (rows, heads, n, d) of several rows.

    What looks at what is the same in all rows: on a CPU it is computed once, for a few queries at a time, with the rows' values side by
    side. A GPU's own attention is quicker even so.
    """
    rows, heads, n, d = v.shape
    if v.is_cuda:
        return F.scaled_dot_product_attention(q.expand(rows, -1, -1, -1), k.expand(rows, -1, -1, -1), v)
    values = v.permute(1, 2, 0, 3).reshape(heads, n, rows * d)
    q, k = q[0] * d**-0.5, k[0].transpose(1, 2)
    out = torch.cat([torch.bmm(torch.bmm(part, k).softmax(-1), values) for part in q.split(QUERIES, dim=1)], dim=1)
    return out.unflatten(-1, (rows, d)).permute(2, 0, 1, 3)


@contextmanager
def swapped(unet: nn.Module, path: str, module: nn.Module) -> Iterator[None]:
    """Inside, `module` stands at `path`."""
    stock = unet.get_submodule(path)
    unet.set_submodule(path, module)
    try:
        yield
    finally:
        unet.set_submodule(path, stock)


@contextmanager
def processed(attention: Attention, processor: Any) -> Iterator[None]:
    """Inside, `attention` is computed by `processor`."""
    stock, attention.processor = attention.processor, processor
    try:
        yield
    finally:
        attention.processor = stock


def at_layers(unet: nn.Module, layers: Mapping[str, nn.Module]) -> ExitStack:
    """`swapped` for several layers, by path."""
    stack = ExitStack()
    for path, module in layers.items():
        stack.enter_context(swapped(unet, path, module))
    return stack
