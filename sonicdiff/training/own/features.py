"""What is computed once of every pair: CLAP's vectors of its sound, its picture's latents, the text encoder's states of its caption."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sonicdiff.audio.clap import embed
from sonicdiff.audio.waveform import Waveform
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.pipelines.common.prompt_encoder import encode_prompt
from sonicdiff.pipelines.sonic_diffusion.inversion_cache import fingerprint
from sonicdiff.training.config import ConfigError
from sonicdiff.training.images import to_tensor
from sonicdiff.training.own.config import DataConfig
from sonicdiff.training.own.parts import Parts
from sonicdiff.training.own.store import Store
from sonicdiff.training.vae import encode

VIEWS = 3  # of a sound: all of it, its first half, its second half
PICTURES_AT_ONCE = 8


class Encoders:
    """The frozen encoders of a model with the settings of a data set, and the stores for what they give."""

    def __init__(self, parts: Parts, data: DataConfig, folder: Path) -> None:
        self.parts, self.data, self.size = parts, data, size_of(parts, data)
        self.sounds = Store(folder / named("sounds", parts.audio_encoder, asdict(parts.front_end), data.seconds))
        self.latents = Store(folder / named("latents", parts.vae, self.size, data.flip))
        words = sorted(parts.tokenizer.get_vocab().items())
        self.texts = Store(folder / named("texts", parts.text_encoder, words, parts.tokenizer.model_max_length))

    def read_sound(self, sample: Sample) -> list[Waveform]:
        """The sound, and its halves."""
        sound = sample.sound()
        sound = sound.clip(0.0, self.data.seconds) if self.data.seconds else sound
        middle = sound.samples.shape[1] // 2
        if middle == 0:
            raise SampleError(f"{sample.key}: its sound has {sound.samples.shape[1]} samples; expected at least two")
        halves = (sound.samples[:, :middle], sound.samples[:, middle:])
        return [sound, *(Waveform(half, sound.sample_rate) for half in halves)]

    def hear(self, sounds: Sequence[list[Waveform]]) -> list[Tensor]:
        """Unit vectors (VIEWS, dim) of each."""
        front_end = self.parts.front_end
        return [torch.cat([embed(self.parts.audio_encoder, front_end, view) for view in views]).cpu() for views in sounds]

    def read_picture(self, sample: Sample) -> np.ndarray:
        """The largest square around the middle, uint8 (size, size, 3)."""
        return np.asarray(ImageOps.fit(sample.picture().convert("RGB"), (self.size, self.size), Image.Resampling.LANCZOS))

    def see(self, pictures: Sequence[np.ndarray]) -> list[Tensor]:
        """Latents float16 (1 or 2, C, H, W) of each: as it is, and mirrored."""
        rows = []
        for start in range(0, len(pictures), PICTURES_AT_ONCE):
            pixels = to_tensor(np.stack(pictures[start : start + PICTURES_AT_ONCE]), self.parts.vae.device)
            versions = [encode(self.parts.vae, pixels)] + ([encode(self.parts.vae, pixels.flip(3))] if self.data.flip else [])
            rows += torch.stack(versions, 1).half().cpu().unbind()
        return rows

    @torch.no_grad()
    def say(self, captions: Sequence[str]) -> list[Tensor]:
        """States float16 (77, width) of each."""
        return [encode_prompt(self.parts.tokenizer, self.parts.text_encoder, caption)[0].half().cpu() for caption in captions]


def size_of(parts: Parts, data: DataConfig) -> int:
    """Pixels of a picture's side, as the autoencoder sees it."""
    factor = 2 ** (len(parts.vae.config["block_out_channels"]) - 1)
    size = data.size or parts.unet.config["sample_size"] * factor
    multiple = factor * 2 ** (len(parts.unet.config["block_out_channels"]) - 1)
    if size < multiple or size % multiple:
        raise ConfigError(f"[data]: size is {size}; expected a multiple of {multiple}, or 0 for what the base was trained at")
    return size


def named(kind: str, encoder: torch.nn.Module, *settings: Any) -> str:
    return f"{kind}-{hashlib.sha256(repr((fingerprint(encoder), settings)).encode()).hexdigest()[:16]}"


def text_key(caption: str) -> str:
    return hashlib.sha256(caption.encode()).hexdigest()


class Rows:
    """Latents of some keys of a store, one version of each, read when they are asked for."""

    def __init__(self, store: Store, keys: Sequence[str], version: int) -> None:
        self.store, self.keys, self.version = store, keys, version

    def __len__(self) -> int:
        return len(self.keys)

    def __getitem__(self, indices: np.ndarray) -> np.ndarray:
        return np.stack([self.store.part(self.keys[i], self.version).numpy() for i in indices])
