"""Training state on disk: written whole or not at all, so that a run killed at any moment finds its last good state."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load, save_file
from torch import Tensor

TENSORS = "state.safetensors"
MARKER = "state.json"  # written last, with the hash of the tensors: a folder without it is not a state


class DamagedState(ValueError):
    """A state whose tensors are not those that its marker was written for."""


def save_state(run_dir: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any], keep: int = 2) -> Path:
    """Write `tensors` and `meta` as `run_dir/state-STEP` and delete all but the newest `keep` states."""
    run_dir.mkdir(parents=True, exist_ok=True)
    target, partial = run_dir / f"state-{step:08d}", run_dir / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial / TENSORS)
    with (partial / TENSORS).open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    fsync(partial / TENSORS)
    (partial / MARKER).write_text(json.dumps({"step": step, "sha256": digest, **meta}))
    fsync(partial / MARKER)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    fsync(run_dir)
    for old in states(run_dir)[:-keep]:
        (old / MARKER).unlink()  # first: what is left by a kill in between is no state
    for rest in run_dir.glob("state-*"):
        if not (rest / MARKER).exists():
            shutil.rmtree(rest)
    return target


def states(run_dir: Path) -> list[Path]:
    """The complete states of a run, oldest first."""
    return sorted(folder for folder in run_dir.glob("state-*") if (folder / MARKER).exists())


def newest(run_dir: Path) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
    """The tensors and the meta of the newest state that is whole, None where there is none at all; says which ones are damaged.

    DamagedState if there are states and none is whole.
    """
    found = states(run_dir)
    for folder in reversed(found):
        try:
            return load_state(folder)
        except DamagedState as error:
            print(f"{error}; going back to the state before it", flush=True)
    if found:
        raise DamagedState(f"no state in {run_dir} is whole; remove the folder to begin anew")
    return None


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """DamagedState where the tensors do not have the hash in the marker."""
    try:
        content, meta = (folder / TENSORS).read_bytes(), json.loads((folder / MARKER).read_text())
    except (OSError, ValueError) as error:
        raise DamagedState(f"the state {folder} cannot be read ({error})") from None
    if "sha256" in meta and hashlib.sha256(content).hexdigest() != meta["sha256"]:  # states of before hashes have none
        raise DamagedState(f"the state {folder} is damaged: its tensors do not have the hash they were saved with")
    return load(content), meta


def fsync(path: Path) -> None:
    """Until what was written stands on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
