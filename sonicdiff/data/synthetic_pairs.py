"""The pairs that this project makes by code, as data sets like any other: landscapes, materials, voices."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import overload

from PIL import Image

from sonicdiff.audio.waveform import Waveform
from sonicdiff.audio.waveform import load as load_sound
from sonicdiff.data.sample import Sample
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound

NAMES = ("landscape", "materials", "voices")
SIZES = {"train": 8192, "validation": 512, "test": 1024}  # of the landscapes, of which there is no end
VERSION = 2  # of what a row looks and sounds like: raised when the makers change


@dataclass(frozen=True)
class Made(Sequence[Sample]):
    """`length` samples, each described when it is asked for."""

    length: int
    sample: Callable[[int], Sample]

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> list[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | list[Sample]:
        if isinstance(index, slice):
            return [self.sample(i) for i in range(*index.indices(self.length))]
        if not -self.length <= index < self.length:
            raise IndexError(f"index {index} is out of range: there are {self.length} samples")
        return self.sample(index % self.length)


def open_synthetic(name: str, split: str) -> Made:
    """The pairs called `name` of `split`: the landscapes' have 256 pixels, and 10 s at 48 kHz. Raises ValueError for an unknown name."""
    if name not in NAMES:
        raise ValueError(f"unknown synthetic data set {name!r}: expected one of {', '.join(NAMES)}")
    if name == "landscape":
        return Made(SIZES[split], partial(_landscape, split))
    from sonicdiff.synthetic.pairs import open_pairs

    pairs = open_pairs(name, split)
    return Made(len(pairs), partial(_pair, name, split, pairs))


def _landscape(split: str, index: int) -> Sample:
    drawn, key = row(index, split), f"{split}/{index:06d}"
    picture, sound = partial(_landscape_picture, split, index), partial(_landscape_sound, split, index)
    return Sample(key, picture, sound, partial(_fingerprint, "landscape", key), drawn.caption, drawn.scene.cause, key)


def _landscape_picture(split: str, index: int) -> Image.Image:
    return Image.fromarray(render(row(index, split).scene))


def _landscape_sound(split: str, index: int) -> Waveform:
    drawn = row(index, split)
    return Waveform(render_sound(drawn.scene.cause, drawn.scene.intensity, drawn.sound_seed)[None], 48_000)


def _pair(name: str, split: str, pairs: Sequence, index: int) -> Sample:
    pair, key = pairs[index], f"{split}/{pairs[index].key}"
    picture, sound = partial(_picture, pairs, index), partial(_sound, pairs, index)
    return Sample(key, picture, sound, partial(_fingerprint, name, key), pair.caption, pair.label, f"{split}/{pair.group}")


def _picture(pairs: Sequence, index: int) -> Image.Image:
    return Image.fromarray(pairs[index].picture())


def _sound(pairs: Sequence, index: int) -> Waveform:
    return load_sound(pairs[index].sound())


def _fingerprint(name: str, key: str) -> str:
    return hashlib.sha256(f"synthetic {name}, version {VERSION}: {key}".encode()).hexdigest()
