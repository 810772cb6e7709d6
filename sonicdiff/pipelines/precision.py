"""The number format that a device computes in: half as many bytes where it has units for them, and never one that overflows unseen."""

from __future__ import annotations

from typing import Any

import torch

NAMES = ("float32", "bfloat16", "float16")


def usable_device(device: str | torch.device | None = None) -> torch.device:
    """A device that is here, by its name in any case; without one a GPU if there is one. ValueError for what is none, or not here."""
    gpu = torch.cuda.is_available()
    here = ["cpu", *(["cuda"] if gpu else []), *(["mps"] if torch.backends.mps.is_available() else [])]
    name = str(device or ("cuda" if gpu else "cpu")).lower()
    try:
        found = torch.device(name)
    except RuntimeError:
        raise ValueError(f"got the device {str(device)!r}; expected one that is here: {', '.join(here)}") from None
    count = torch.cuda.device_count() if found.type == "cuda" else 1
    if found.type not in (*here, "meta") or (found.index or 0) >= count:
        hint = "; the torch installed here may be a build without it" if found.type in ("cuda", "mps") and found.type not in here else ""
        raise ValueError(f"the device {name!r} is not here; expected {', '.join(here)}{hint}")
    return found


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
