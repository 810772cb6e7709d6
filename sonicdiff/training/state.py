"""Training state on disk: written whole or not at all, so that a run killed at any moment finds its last good state."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

MARKER = "state.json"  # written last: a folder without it is not a state


def save_state(run_dir: Path, step: int, tensors: dict[str, Tensor], meta: dict[str, Any], keep: int = 2) -> Path:
    """Write `tensors` and `meta` as `run_dir/state-STEP` and delete all but the newest `keep` states."""
    run_dir.mkdir(parents=True, exist_ok=True)
    target, partial = run_dir / f"state-{step:08d}", run_dir / "partial"
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, partial / "state.safetensors")
    (partial / MARKER).write_text(json.dumps({"step": step, **meta}))
    for file in partial.iterdir():
        _fsync(file)
    shutil.rmtree(target, ignore_errors=True)
    partial.replace(target)
    _fsync(run_dir)
    for old in states(run_dir)[:-keep]:
        shutil.rmtree(old)
    return target


def states(run_dir: Path) -> list[Path]:
    """The complete states of a run, oldest first."""
    return sorted(folder for folder in run_dir.glob("state-*") if (folder / MARKER).exists())


def load_state(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    return load_file(folder / "state.safetensors"), json.loads((folder / MARKER).read_text())


def _fsync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
