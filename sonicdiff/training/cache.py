"""Arrays computed once and kept in chunk files: renders, mel features, latents. A chunk exists whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

CHUNK = 64  # rows a file


def fill(folder: Path, count: int, make: Callable[[int], np.ndarray], worker: int = 0, workers: int = 1) -> None:
    """Compute rows 0..count-1 with `make(index)`, in chunk files under `folder`; those already there are kept.

    Several processes may fill one folder: worker k of n takes every n-th chunk.
    """
    fill_batches(folder, count, lambda indices: np.stack([make(int(i)) for i in indices]), worker, workers)


def fill_batches(folder: Path, count: int, make: Callable[[np.ndarray], np.ndarray], worker: int = 0, workers: int = 1) -> None:
    """Like `fill`, with `make` computing all rows of a chunk at once: (indices) -> (rows, ...)."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(worker, -(-count // CHUNK), workers):
        target = folder / f"{number:05d}.npy"
        if not target.exists():
            rows = make(np.arange(number * CHUNK, min((number + 1) * CHUNK, count)))
            partial = folder / f"{number:05d}.partial-{worker}.npy"
            np.save(partial, rows)
            partial.replace(target)


class Chunks:
    """The rows of a filled folder, read through memory maps: `chunks[indices]` is an array (len(indices), ...)."""

    def __init__(self, folder: Path):
        files = sorted(file for file in folder.glob("*.npy") if "partial" not in file.name)
        if not files:
            raise FileNotFoundError(f"{folder} holds no rows; run the recipe's data stage first (sonicdiff train mini)")
        expected = [f"{number:05d}.npy" for number in range(len(files))]
        if [file.name for file in files] != expected:
            raise FileNotFoundError(f"{folder} misses chunks; run the recipe's data stage again to fill them")
        self.maps = [np.load(file, mmap_mode="r") for file in files]

    def __len__(self) -> int:
        return CHUNK * (len(self.maps) - 1) + len(self.maps[-1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self.maps[i // CHUNK][i % CHUNK] for i in np.asarray(indices)])


class Joined:
    """The rows of several folders, one after another, read like those of one."""

    def __init__(self, parts: Sequence[Chunks]):
        self.parts, self.ends = parts, np.cumsum([len(part) for part in parts])

    def __len__(self) -> int:
        return int(self.ends[-1])

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        which = np.searchsorted(self.ends, indices, side="right")
        starts = np.concatenate([[0], self.ends])[which]
        return np.concatenate([self.parts[part][[index]] for part, index in zip(which, np.asarray(indices) - starts, strict=True)])
