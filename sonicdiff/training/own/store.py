"""Tensors computed once and kept under the fingerprint of what they are of, in safetensors shards that exist whole or not at all.

Stopped work goes on where it was, several processes fill one store, and several runs share it.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from sonicdiff.data.sample import SampleError
from sonicdiff.training.state import fsync

ROWS = 64  # a shard
READERS = 4  # threads
S = TypeVar("S")


class Store:
    """A folder of shards of one kind: `key in store`, `store[key]`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.places: dict[str, Path] = {}
        self.files: dict[Path, Any] = {}
        self.look()

    def look(self) -> None:
        """Finds the shards that are there now; one that is damaged is removed, and computed again."""
        self.places.clear()
        for file in sorted(self.folder.glob("*.safetensors")):
            try:
                if file not in self.files:
                    self.files[file] = safe_open(file, "pt")
                self.places |= dict.fromkeys(self.files[file].keys(), file)
            except SafetensorError:
                print(f"{file} is damaged; what was in it is computed again", flush=True)
                file.unlink()

    def __contains__(self, key: str) -> bool:
        return key in self.places

    def __getitem__(self, key: str) -> Tensor:
        return self.files[self.places[key]].get_tensor(key)

    def part(self, key: str, number: int) -> Tensor:
        """One row of a tensor, without the others."""
        return self.files[self.places[key]].get_slice(key)[number]

    def add(self, rows: Mapping[str, Tensor]) -> None:
        """Writes a shard; it is found after `look`."""
        self.folder.mkdir(parents=True, exist_ok=True)
        target = self.folder / f"{hashlib.sha256(' '.join(sorted(rows)).encode()).hexdigest()[:32]}.safetensors"
        partial = target.with_suffix(f".partial-{os.getpid()}")
        try:
            save_file({key: tensor.contiguous() for key, tensor in rows.items()}, partial)
            fsync(partial)
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)


def fill(store: Store, wanted: Mapping[str, S], read: Callable[[S], Any], encode: Callable[[list[Any]], Sequence[Tensor]],
         worker: int = 0, workers: int = 1) -> dict[str, str]:  # fmt: skip
    """Computes what the store lacks of `wanted`, by key: read in threads, encoded a shard at a time; worker k of n takes every n-th.

    Returns what could not be read, by key, and why.
    """
    missing, failed, began = [key for key in wanted if key not in store][worker::workers], {}, time.monotonic()
    shards = [missing[start : start + ROWS] for start in range(0, len(missing), ROWS)]
    with ThreadPoolExecutor(READERS) as pool:
        for number, keys in enumerate(shards, 1):
            found = dict(zip(keys, pool.map(lambda key: attempted(read, wanted[key]), keys), strict=True))
            failed |= {key: str(value) for key, value in found.items() if isinstance(value, SampleError)}
            good = {key: value for key, value in found.items() if not isinstance(value, SampleError)}
            rows = dict(checked(good, encode(list(good.values())), failed)) if good else {}
            if rows:
                store.add(rows)
            left = (time.monotonic() - began) / number * (len(shards) - number)
            print(f"{store.folder.name}: {number} of {len(shards)} shards  {left / 60:.0f} min left", flush=True)
    return failed


def attempted(read: Callable[[S], Any], of: S) -> Any:
    try:
        return read(of)
    except SampleError as error:
        return error


def checked(good: Mapping[str, Any], tensors: Sequence[Tensor], failed: dict[str, str]) -> Iterator[tuple[str, Tensor]]:
    """What is finite; what is not is noted in `failed`."""
    for key, tensor in zip(good, tensors, strict=True):
        if torch.isfinite(tensor).all():
            yield key, tensor.cpu()
        else:
            failed[key] = "its features hold values that are not finite"
