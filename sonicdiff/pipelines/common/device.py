"""Devices, their number formats, and how much memory a model takes there; where it is not enough, the next smaller mode and the run again.

    full      all components stay on the device.
    low       one component at a time is on the device; a photo's features wait in the host's memory.
    very-low  one layer at a time is on the device, and pictures are decoded in tiles.

Where the device is the processor itself, there is nothing to move: `low` keeps a photo's features on the disk, from where they are
mapped into memory, `very-low` decodes in tiles, too.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Callable
from functools import wraps
from typing import Any, Literal, TypeVar, get_args

import torch

from sonicdiff.pipelines.sonic_diffusion.inversion_cache import SourceCache

Memory = Literal["auto", "full", "low", "very-low"]
MODES: tuple[Memory, ...] = ("full", "low", "very-low")
WORK = 3.0e9  # bytes beside the weights that an edit of 512 x 512 takes: features, activations, the decoder's
PHRASES = ("out of memory", "can't allocate memory", "not enough memory")  # of what is no OutOfMemoryError
Method = TypeVar("Method", bound=Callable[..., Any])


def set_memory(pipeline: Any, mode: Memory, device: str | torch.device) -> None:
    """Puts a pipeline that is on the CPU onto `device` in one of the modes; "auto": the first that seems to fit.

    Raises ImportError where moving components needs accelerate and it is not there.
    """
    if mode not in get_args(Memory):
        raise ValueError(f"got memory {mode!r}; expected one of {', '.join(get_args(Memory))}")
    device = torch.device(device)
    mode = fitting(pipeline, device) if mode == "auto" else mode
    moves = device.type != "cpu"
    if moves and mode != "full":
        need_accelerate(mode)
        (pipeline.enable_model_cpu_offload if mode == "low" else pipeline.enable_sequential_cpu_offload)(device=device)
    else:
        pipeline.to(device)
    if mode == "very-low":
        pipeline.vae.enable_tiling()
    if hasattr(pipeline, "sources"):
        folder = tempfile.TemporaryDirectory(prefix="sonicdiff-") if mode != "full" and not moves else None
        pipeline.sources = SourceCache(pipeline.sources.max_bytes, folder and folder.name, device="cpu" if mode != "full" else None)
        pipeline.sources.folder = folder  # which lives as long as the cache
    pipeline.memory = mode


def fitting(pipeline: Any, device: torch.device) -> Memory:
    """The first mode that a GPU's free memory has room for."""
    if device.type != "cuda":
        return "full"
    sizes = [sum(p.nbytes for p in part.parameters()) for part in pipeline.components.values() if isinstance(part, torch.nn.Module)]
    free, _ = torch.cuda.mem_get_info(device)
    needed = sum(sizes) + WORK, max(sizes) + WORK / 2
    return "full" if needed[0] < free else "low" if needed[1] < free else "very-low"


def falls_back(method: Method) -> Method:
    """A pipeline's method that, where memory runs out, starts again in the next smaller mode."""

    @wraps(method)
    def run(pipeline: Any, *args: Any, **kwargs: Any) -> Any:
        while True:
            try:
                return method(pipeline, *args, **kwargs)
            except (RuntimeError, MemoryError) as error:
                if not ran_out(error):
                    raise
                said = str(error).splitlines()[0] if str(error) else type(error).__name__
            # Outside of the `except`, so that the frames that hold what filled the memory are gone.
            make_room(pipeline, said)

    return run  # pyright: ignore[reportReturnType]


def ran_out(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or any(phrase in str(error) for phrase in PHRASES)


def make_room(pipeline: Any, said: str) -> None:
    """The next smaller mode. MemoryError where there is none."""
    mode = getattr(pipeline, "memory", "full")
    if mode == MODES[-1]:
        raise MemoryError(f"the memory is not enough even in the mode {mode!r} ({said}); make a smaller picture, or close other programs")
    smaller = MODES[MODES.index(mode) + 1]
    warnings.warn(f"the memory is not enough in the mode {mode!r} ({said}); the run starts again in {smaller!r}", stacklevel=3)
    device = pipeline._execution_device
    pipeline.remove_all_hooks()
    pipeline.to("cpu", silence_dtype_warnings=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    set_memory(pipeline, smaller, device)


def need_accelerate(mode: str) -> None:
    try:
        import accelerate  # noqa: F401
    except ImportError:
        raise ImportError(f"the memory mode {mode!r} needs accelerate; pip install accelerate") from None


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
