"""Plug-and-play injection (Tumanyan et al. 2023, section 4): an edit keeps the layout of its source by the source's features.

`recorded` keeps what layers compute for the source, `injected` makes them answer with it; both are hooks for the length of a `with`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from diffusers import UNet2DConditionModel
from torch import Tensor, nn

Features = dict[str, Tensor]
"""The outputs of layers by the layers' paths in the UNet, one row each."""


def conv_layers(unet: UNet2DConditionModel) -> list[str]:
    """The last convolutions of the second decoder block's residual layers but the first: the paper's residual features."""
    return matching(unet, r"up_blocks\.1\.resnets\.\d+\.conv2")[1:]


def attention_layers(unet: UNet2DConditionModel) -> list[str]:
    """Queries and keys of every decoder self-attention but the first: the paper's layers 4 to 11."""
    return matching(unet, r"up_blocks\..+\.attn1\.to_[qk]")[2:]


def matching(unet: nn.Module, pattern: str) -> list[str]:
    return [path for path, _ in unet.named_modules() if re.fullmatch(pattern, path)]


@contextmanager
def recorded(unet: UNet2DConditionModel, layers: list[str]) -> Iterator[Features]:
    """Inside, a forward pass leaves the outputs of `layers` in the dict this gives."""
    features: Features = {}

    def keep(path: str, output: Tensor) -> None:
        features[path] = output.detach()

    with hooked(unet, {path: lambda module, args, output, path=path: keep(path, output) for path in layers}):
        yield features


@contextmanager
def injected(unet: UNet2DConditionModel, features: Features) -> Iterator[None]:
    """Inside, each layer named by `features` answers with them, whatever it is given, for every row of the batch."""
    with hooked(unet, {path: lambda module, args, output, value=value: value.expand_as(output) for path, value in features.items()}):
        yield


@contextmanager
def hooked(unet: nn.Module, hooks: Mapping[str, object]) -> Iterator[None]:
    handles = [unet.get_submodule(path).register_forward_hook(hook) for path, hook in hooks.items()]  # pyright: ignore
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
