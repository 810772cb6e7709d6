"""Reading the weights of others: pickles from which nothing but tensors is taken, and strictly, each of them accounted for."""

from __future__ import annotations

import argparse
import re
import warnings
import zipfile
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from sonicdiff.audio.clap import ClapFrontEnd

KINDS = {
    "the gates of SonicDiffusion": "*.attn_adapter.*",
    "the projector of SonicDiffusion": "audio_emb_projection.*",
    "Microsoft CLAP 2023": "audio_encoder.base.htsat.*",
    "Microsoft CLAP 2022": "audio_encoder.base.*",
    "LAION's CLAP": "audio_branch.*",
}
"""What a file holds, by a pattern that the names of its tensors have."""


def read(path: Path, kind: str, wrapped_in: str | None = None) -> dict[str, Tensor]:
    """The tensors by name of a file that torch.save wrote, once `kind` is found to be what it holds. No code in it is run.

    wrapped_in: the entry of the file that holds them, beside a training run's other state. OSError for a file that cannot be read,
    ValueError for one that is broken, holds more than data, or is of another kind.
    """
    content = load(path)
    state = content[wrapped_in] if isinstance(content, Mapping) and wrapped_in in content else content
    if wrapped_in is None and isinstance(state, Mapping) and any(isinstance(value, Tensor) for value in state.values()):
        state = {name: value for name, value in state.items() if not isinstance(value, argparse.Namespace)}
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{path} holds no plain dictionary of tensors; expected {kind}, as released")
    tensors = {str(name).removeprefix("module."): value.detach() for name, value in state.items()}
    found = next((other for other, pattern in KINDS.items() if matching(tensors, pattern)), None)
    if found != kind:
        raise ValueError(f"{path} holds {found or 'nothing known here'}; expected {kind}: check which file goes where")
    return tensors


def load(path: Path) -> Any:
    """torch.load that runs no code, in a sentence where it fails; a large file is mapped, so that only what is used is read."""
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}; expected released weights there: download them first")
    try:
        with records_allowed():
            return torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except OSError:
        raise
    except Exception as error:  # RuntimeError, EOFError, pickle's own, and whatever a broken stream leads to
        if maker := re.search(r"GLOBAL (\S+)", str(error)):
            raise ValueError(
                f"{path} holds code or objects ({maker[1]}), which are not run; expected tensors only: take the released file"
            ) from None
        if "Unsupported operand" in str(error) and zipfile.is_zipfile(path):
            raise ValueError(
                f"{path} is a pickle of a later protocol than torch reads without running code; expected the released file, which is of "
                "torch.save's own: if you trust this one, load and save its tensors once yourself"
            ) from None
        raise ValueError(f"{path} ({size(path)}) is broken or no file of torch.save; download the released file again") from error


def records_allowed() -> AbstractContextManager:
    """What training runs leave beside the weights, and no code: NumPy's scalars, whose maker NumPy 2 knows under another name, and
    argparse's namespaces, plain records of options."""
    scalar: Any = np.float64(0).__reduce__()[0]
    names = ("numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar")
    kinds: list[Any] = [type(np.dtype(kind)) for kind in (np.float64, np.float32, np.int64, np.int32, np.bool_)]
    return torch.serialization.safe_globals([*((scalar, name) for name in names), np.dtype, *kinds, argparse.Namespace])


def check_names(path: Path, tensors: Iterable[str], wanted: Iterable[str], dropped: Iterable[str], others: bool = False) -> None:
    """ValueError unless every wanted name is there and every other is one of the patterns `dropped`.

    others: tensors that nothing here reads are left out with a warning, as where each stands for itself.
    """
    tensors, wanted, dropped = list(tensors), set(wanted), list(dropped)
    extra = [name for name in tensors if name not in wanted and not any(fnmatchcase(name, pattern) for pattern in dropped)]
    if extra and others:
        warnings.warn(f"{path} has {several(extra)} not known here, which are left out", stacklevel=3)
    elif extra:
        raise ValueError(f"{path} has {several(extra)} not known here; expected the {len(wanted)} of the released file and no other")
    if missing := sorted(wanted - set(tensors)):
        raise ValueError(f"{path} lacks {several(missing)}; expected all {len(wanted)} of the released file: download it again")


def fill(path: Path, model: nn.Module, tensors: Mapping[str, Tensor], names: Mapping[str, str], measure: str = "its others") -> None:
    """Puts `tensors` into a model made on the meta device, as float32; `names` gives each of the model's names that of the file.

    ValueError for a shape that is not the model's, whose sizes are those of `measure`.
    """
    for ours, value in model.state_dict().items():
        found = tensors[names[ours]]
        if found.shape != value.shape:
            raise ValueError(f"{path} has {names[ours]} of shape {tuple(found.shape)}; expected {tuple(value.shape)}, to fit {measure}")
    state = {ours: tensors[theirs] for ours, theirs in names.items()}
    state = {name: (value.float() if value.is_floating_point() else value).contiguous() for name, value in state.items()}
    model.load_state_dict(state, strict=True, assign=True)
    model.eval()


def check_filters(path: Path, front_end: ClapFrontEnd, filters: Tensor | None) -> None:
    """ValueError if the file's own mel filters (bins, mels), where it holds any, are not those that our front end hears with."""
    if filters is None:
        return
    ours = front_end.filters.float()
    if filters.shape != ours.shape or not (filters - ours).abs().max() < 0.01 * ours.max():
        raise ValueError(
            f"{path} hears with other mel filters than {front_end.feature_size} of {front_end.frequency_min:g}-"
            f"{front_end.frequency_max:g} Hz at {front_end.sampling_rate} Hz; expected the released weights, which hear with these"
        )


def shape(path: Path, tensors: Mapping[str, Tensor], name: str, rank: int) -> tuple[int, ...]:
    """The shape of a tensor that says how large a model is. ValueError unless it has `rank` axes."""
    found = tuple(tensors[name].shape)
    if len(found) != rank or 0 in found:
        raise ValueError(f"{path} has {name} of shape {found}; expected {rank} axes: download it again")
    return found


def matching(names: Iterable[str], pattern: str) -> list[str]:
    return [name for name in names if fnmatchcase(name, pattern)]


def several(names: list[str]) -> str:
    """How many tensors they are, and the first few."""
    return f"{len(names)} tensor{'s'[: len(names) > 1]} ({', '.join(names[:3])}{', ...' if len(names) > 3 else ''})"


def size(path: Path) -> str:
    return f"{path.stat().st_size:,} bytes"
