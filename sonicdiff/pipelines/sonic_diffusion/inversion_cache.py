"""What plug-and-play needs of a photo, kept so that the next sound on the same photo does not pay for it again."""

from __future__ import annotations

import hashlib
import os
import warnings
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonicdiff.diffusion.injection import Features


@dataclass
class Source:
    """A photo's latent at each timestep of its inversion, its features there as far as they were needed, and a photo through the VAE."""

    latents: dict[int, Tensor]
    reconstruction: Image.Image | None = None
    features: dict[int, Features] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        return sum(tensor.nbytes for tensor in self.tensors().values())

    def tensors(self) -> dict[str, Tensor]:
        """Everything by name: `latents/T` and `T/layer` for a timestep T, and the photo's pixels."""
        named = {f"latents/{t}": latent for t, latent in self.latents.items()}
        named |= {f"{t}/{layer}": value for t, step in self.features.items() for layer, value in step.items()}
        return named if self.reconstruction is None else {**named, "photo": torch.from_numpy(np.array(self.reconstruction))}

    @classmethod
    def of(cls, tensors: dict[str, Tensor]) -> Source:
        """From `tensors`."""
        photo = tensors.pop("photo", None)
        source = cls({}, None if photo is None else Image.fromarray(photo.numpy()))
        for name, tensor in tensors.items():
            first, _, second = name.partition("/")
            if first == "latents":
                source.latents[int(second)] = tensor
            else:
                source.features.setdefault(int(first), {})[second] = tensor
        return source

    def missing(self, wanted: dict[int, list[str]]) -> dict[int, list[str]]:
        """The layers of `wanted`, by timestep, whose features are not here yet."""
        missing = {t: [layer for layer in layers if layer not in self.features.get(t, {})] for t, layers in wanted.items()}
        return {t: layers for t, layers in missing.items() if layers}


class SourceCache:
    """The most recently used sources, as many as fit in max_bytes; the last one always stays.

    directory: where they are kept on the disk as well, one file each, and are found again by other processes: memory-mapped, so that
    a step's features are read when the step comes. Of the files the oldest go when they are more than max_disk_bytes; a disk that is
    full is a warning. device: where features wait for their step, by default where they were computed.
    """

    def __init__(self, max_bytes: int, directory: str | os.PathLike[str] | None = None, max_disk_bytes: int = 2**34,
                 device: str | None = None) -> None:  # fmt: skip
        self.max_bytes, self.max_disk_bytes, self.device = max_bytes, max_disk_bytes, device
        self.directory = None if directory is None else Path(directory)
        self.sources: OrderedDict[Hashable, Source] = OrderedDict()
        self.folder: object = None  # a temporary directory that lives as long as the cache

    def get(self, key: Hashable) -> Source | None:
        if key in self.sources:
            self.sources.move_to_end(key)
        elif self.directory is not None:
            self.read(key)
        return self.sources.get(key)

    def put(self, key: Hashable, source: Source) -> None:
        self.sources[key] = source
        self.sources.move_to_end(key)
        if self.directory is not None:
            try:
                self.write(key, source)
                self.read(key)  # in the place of what fills the memory
            except OSError as error:
                warnings.warn(f"{error}; another sound on this photo will have to begin anew in another process", stacklevel=3)
        while len(self.sources) > 1 and sum(kept.nbytes for kept in self.sources.values()) > self.max_bytes:
            self.sources.popitem(last=False)

    def file(self, key: Hashable) -> Path:
        assert self.directory is not None
        return self.directory / f"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}.safetensors"

    def read(self, key: Hashable) -> None:
        """Maps a source's file; one that is damaged is removed."""
        file = self.file(key)
        if file.is_file():
            try:
                self.sources[key] = Source.of(load_file(file))
                file.touch()
            except SafetensorError:
                file.unlink(missing_ok=True)

    def write(self, key: Hashable, source: Source) -> None:
        """The whole file or none of it. OSError where the disk is full."""
        file = self.file(key)
        part = file.with_suffix(f".{os.getpid()}.part")
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            save_file({name: tensor.contiguous() for name, tensor in source.tensors().items()}, part)
            part.replace(file)
        except Exception as error:  # safetensors has errors of its own for what the system refuses
            raise OSError(f"the photo's features ({source.nbytes / 1e6:.0f} MB) could not be kept in {file.parent}: {error}") from None
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        files = sorted(file.parent.glob("*.safetensors"), key=lambda each: each.stat().st_mtime_ns, reverse=True)
        room = self.max_disk_bytes
        for each in files:
            room -= each.stat().st_size
            if room < 0 and each != file:
                each.unlink(missing_ok=True)


def fingerprint(*models: nn.Module) -> str:
    """Tells models apart whose weights differ, as by training or a LoRA: a hash of a few values of every tensor."""
    digest = hashlib.sha256()
    for model in models:
        for name, tensor in model.state_dict().items():
            few = min(8, tensor.numel())
            values = () if tensor.is_meta else tensor.as_strided((few,), (tensor.numel() // max(1, few),)).tolist()
            digest.update(f"{name} {tuple(tensor.shape)} {values}".encode())
        for module in model.modules():
            if hasattr(module, "active_adapters"):  # a layer with LoRAs, whose weights and switches are no tensors
                loras: Any = module
                digest.update(repr((getattr(loras, "scaling", None), loras.active_adapters, loras.disable_adapters)).encode())
    return digest.hexdigest()
