"""The sounds of one call: one, or several with weights, as one vector and as what a record says of them."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor
from transformers import ClapAudioModelWithProjection

from sonicdiff.audio import waveform
from sonicdiff.audio.clap import ClapFrontEnd, embed
from sonicdiff.audio.waveform import Waveform

Sound = str | os.PathLike[str] | bytes | Waveform | tuple[np.ndarray, int]
Sounds = Sound | list[tuple[Sound, float]]


@dataclass(frozen=True)
class Heard:
    """embeds: (1, dim) of length 1, None for no sound. records: each sound's name, hash and weight. files: its path, if it has one."""

    embeds: Tensor | None = None
    records: tuple[dict[str, Any], ...] = ()
    files: tuple[str | None, ...] = ()


def hear(
    audio_encoder: ClapAudioModelWithProjection, front_end: ClapFrontEnd, audio: Sounds, start: float = 0.0, length: float | None = None
) -> Heard:
    """Embeds `length` seconds from `start` of a sound, or of each of several, mixed as the weighted sum of their embeddings."""
    pairs = audio if isinstance(audio, list) else [(audio, 1.0)]
    if not pairs or any(not isinstance(pair, (tuple, list)) or len(pair) != 2 for pair in pairs):
        raise ValueError("several sounds go in as a list of (sound, weight), for example [('rain.wav', 1.0), ('wind.wav', 0.5)]")
    waveforms = [waveform.load(source, start, length) for source, _ in pairs]
    weights = [float(weight) for _, weight in pairs]
    files = tuple(os.fspath(source) if isinstance(source, (str, os.PathLike)) else None for source, _ in pairs)
    records = tuple(
        {"name": Path(file).name if file else None, "sha256": clip.sha256(), "weight": weight}
        for file, clip, weight in zip(files, waveforms, weights, strict=True)
    )
    vectors = [embed(audio_encoder, front_end, clip) for clip in waveforms]
    return Heard(mixed(vectors, weights), records, files)


def from_embeds(embeds: Tensor) -> Heard:
    """What a caller embedded beforehand: there is nothing to find again but the hash of the vector."""
    digest = hashlib.sha256(embeds.float().cpu().numpy().tobytes()).hexdigest()
    return Heard(embeds, ({"embeds_sha256": digest},), (None,))


def sha256(file: str | os.PathLike[str], sound_start: float, sound_length: float | None) -> str:
    """Hash of the samples that a call with this part of the sound hears."""
    return waveform.load(file, sound_start, sound_length).sha256()


def mixed(vectors: list[Tensor], weights: list[float]) -> Tensor:
    """The weighted sum of vectors (1, dim), brought back to length 1."""
    total = sum(weight * vector for weight, vector in zip(weights, vectors, strict=True))
    if not isinstance(total, Tensor) or not total.norm() > 1e-6:
        raise ValueError(f"the sounds cancel out with the weights {weights}; expected weights that leave something to hear")
    return F.normalize(total, dim=-1)
