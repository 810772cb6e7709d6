"""The number format that a device computes in: half as many bytes where it has units for them, and never one that overflows unseen."""

from __future__ import annotations

from typing import Any

import torch

NAMES = ("float32", "bfloat16", "float16")


def best_dtype(device: str | torch.device) -> torch.dtype:
    """bfloat16 where the processor (AMX, AVX-512) or the GPU computes in it, float16 on older GPUs (overflow is told), else float32."""
    kind = torch.device(device).type
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16
    if kind == "cpu" and (torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()):
        return torch.bfloat16
    return torch.float32


def dtype_of(dtype: torch.dtype | str | None) -> torch.dtype:
    """A number format, or the one of that name. ValueError for a name of none."""
    if isinstance(dtype, str):
        if dtype not in NAMES:
            raise ValueError(f"got dtype {dtype!r}; expected auto, {', '.join(NAMES)}")
        return getattr(torch, dtype)
    return dtype or torch.float32


def laid_out(model: Any) -> Any:
    """A model of convolutions with its weights laid out for this machine: the channels of a pixel side by side."""
    return model.to(memory_format=torch.channels_last)
