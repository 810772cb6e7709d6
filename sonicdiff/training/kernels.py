"""Attention and group normalisation in the forms that small networks learn fastest with on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable
from torch.overrides import TorchFunctionMode

MOST_SCORES = 2**26  # of one call: larger ones are left to PyTorch, whose kernels never hold them all


class PlainKernels(TorchFunctionMode):
    """Inside a `with`: attention as two products and a softmax, group normalisation whose gradient is sums by matrix products.

    In 16 bits the backward passes of PyTorch's own kernels take a third of a small UNet's step on a CPU, and a fifth of a decoder's.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention and is_plain(*args, **kwargs):
            return plain_attention(*args[:3])
        if func is F.group_norm and normalises_maps(*args, **kwargs):
            return plain_group_norm(*args, **kwargs)
        return func(*args, **kwargs)


def is_plain(
    q: Tensor | None = None, k: Tensor | None = None, v: Tensor | None = None, attn_mask: Tensor | None = None, dropout_p: float = 0.0,
    is_causal: bool = False, scale: float | None = None, **other: Any,
) -> bool:  # fmt: skip
    """Whether these arguments of PyTorch's attention ask for nothing more than `plain_attention` does."""
    if q is None or k is None or v is None or attn_mask is not None or dropout_p or is_causal or scale is not None or any(other.values()):
        return False
    return q.device.type == "cpu" and q.ndim == 4 and q.shape[:-1].numel() * k.shape[-2] <= MOST_SCORES


def plain_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax of the scaled products of q (B, heads, N, d) and k (B, heads, M, d), times v (B, heads, M, d)."""
    merged_q, merged_k, merged_v = (t.reshape(-1, *t.shape[2:]) for t in (q, k, v))
    scores = torch.baddbmm(q.new_empty(()), merged_q, merged_k.transpose(1, 2), beta=0, alpha=q.shape[-1] ** -0.5)
    return torch.bmm(scores.softmax(-1).to(v.dtype), merged_v).unflatten(0, q.shape[:2])


def normalises_maps(x: Tensor, num_groups: int, weight: Tensor | None = None, bias: Tensor | None = None, eps: float = 1e-5) -> bool:
    """Whether `plain_group_norm` can do it: maps (B, C, H, W) on a CPU, scaled and shifted, of which a gradient will be asked."""
    if x.device.type != "cpu" or x.ndim != 4 or weight is None or bias is None:
        return False
    return torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)


def plain_group_norm(x: Tensor, num_groups: int, weight: Tensor, bias: Tensor, eps: float = 1e-5) -> Tensor:
    """`torch.nn.functional.group_norm` of maps (B, C, H, W), in the same precision."""
    return GroupNorm.apply(x, num_groups, weight, bias, eps)  # pyright: ignore[reportReturnType]


class GroupNorm(torch.autograd.Function):
    """PyTorch's own forward pass; the gradient from sums over each channel's map, which are products with a row of ones."""

    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, groups: int, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        batch, channels, height, width = x.shape
        y, mean, scale = torch.native_group_norm(x, weight.to(x.dtype), bias.to(x.dtype), batch, channels, height * width, groups, eps)
        ctx.save_for_backward(x, weight, mean, scale)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, scale = ctx.saved_tensors
        batch, channels, height, width = x.shape
        groups, pixels = mean.shape[1], height * width
        inputs = x.permute(0, 2, 3, 1).reshape(batch, pixels, channels)
        outer = grad.to(x.dtype).contiguous(memory_format=torch.channels_last).permute(0, 2, 3, 1).reshape(batch, pixels, channels)
        ones = inputs.new_ones(batch, 1, pixels)
        of_grad = torch.bmm(ones, outer).float().view(batch, groups, -1)  # sums over the map: (B, G, C / G)
        of_product = torch.bmm(ones, outer * inputs).float().view(batch, groups, -1)
        mean, scale, weight_f = mean.float()[..., None], scale.float()[..., None], weight.float().view(groups, -1)
        normalised = (of_product - mean * of_grad) * scale  # sums of the gradient times the normalised map
        slope = -scale.square() * (weight_f * normalised).sum(2, keepdim=True) / (pixels * channels // groups)
        level = -scale * (weight_f * of_grad).sum(2, keepdim=True) / (pixels * channels // groups) - slope * mean
        by_channel = (t.expand(batch, groups, channels // groups) for t in (scale * weight_f, slope, level))
        gain, slope, level = (t.reshape(batch, 1, channels).to(x.dtype) for t in by_channel)
        inner = torch.addcmul(torch.addcmul(level, inputs, slope), outer, gain)
        inner = inner.view(batch, height, width, channels).permute(0, 3, 1, 2)
        to_weight, to_bias = normalised.sum(0).flatten(), of_grad.sum(0).flatten()
        return inner, None, to_weight.to(weight.dtype), to_bias.to(weight.dtype), None
