"""The attention that small networks learn fastest with on a CPU."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

MOST_SCORES = 2**26  # of one call: larger ones are left to PyTorch, whose kernels never hold them all


class PlainAttention(TorchFunctionMode):
    """Attention as two products and a softmax, inside a `with`.

    In 16 bits the backward pass of PyTorch's own kernels takes a third of a small UNet's step on a CPU, this one a tenth.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func is F.scaled_dot_product_attention and is_plain(*args, **kwargs):
            return plain_attention(*args[:3])
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
