"""What the evaluators learn from and are tested on: renders and sounds of their own seeds, with calm scenes and held-out combinations."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound

R = TypeVar("R")
CAUSES = (*CLASSES, CALM)
BLOCK = 100  # rows a file
SIZE = 128  # pixels the image evaluator sees
RATE = 16_000  # Hz the audio evaluator hears


@dataclass(frozen=True)
class Labels:
    """What n rows show: indices into CAUSES, PLACES and LIGHTS, and the intensity; each (n,)."""

    cause: np.ndarray
    place: np.ndarray
    light: np.ndarray
    intensity: np.ndarray

    def __len__(self) -> int:
        return len(self.cause)

    def __getitem__(self, rows: np.ndarray) -> Labels:
        return Labels(self.cause[rows], self.place[rows], self.light[rows], self.intensity[rows])


def evaluator_row(index: int, split: str) -> Row:
    """Of every eight rows one is calm and one is a combination kept out of the generator's training."""
    drawn = row(index, split, held_out=index % 8 == 1)
    return replace(drawn, scene=replace(drawn.scene, cause=CALM, intensity=0.0)) if index % 8 == 0 else drawn


def labels(rows: list[Row]) -> Labels:
    scenes = [r.scene for r in rows]
    return Labels(
        np.array([CAUSES.index(scene.cause) for scene in scenes]),
        np.array([PLACES.index(scene.place) for scene in scenes]),
        np.array([LIGHTS.index(scene.light) for scene in scenes]),
        np.array([scene.intensity for scene in scenes], np.float32),
    )


def picture(of: Row) -> np.ndarray:
    """uint8 (256, 256, 3)."""
    return render(of.scene)


def small_picture(of: Row) -> np.ndarray:
    """uint8 (SIZE, SIZE, 3): a third rendered at full size and reduced, the others, for speed, at once."""
    return reduced(render(of.scene)) if of.index % 3 == 0 else render(of.scene, SIZE)


def reduced(image: np.ndarray, size: int = SIZE) -> np.ndarray:
    """uint8 (h, w, 3) -> (size, size, 3)"""
    whole = image.shape[0] % size == 0 and image.shape[1] % size == 0
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BOX if whole else Image.Resampling.LANCZOS))


def sound(of: Row, augmented: bool | None = None) -> np.ndarray:
    """The row's sound at RATE, float16 (n,); by default every second one as another microphone in another room would hear it."""
    samples = render_sound(of.scene.cause, of.scene.intensity, of.sound_seed, sample_rate=RATE)
    if of.index % 2 if augmented is None else augmented:
        samples = augment(samples, RATE, np.random.default_rng((of.sound_seed, 0xEA4)))
    return samples.astype(np.float16)


def made(folder: Path, rows: Sequence[R], make: Callable[[R], np.ndarray], log: Callable[[str], None] = print) -> np.ndarray:
    """`make` of every row, stacked; blocks of BLOCK rows already in `folder` are read, so a stopped run goes on where it was."""
    folder.mkdir(parents=True, exist_ok=True)
    blocks = []
    for start in range(0, len(rows), BLOCK):
        file = folder / f"{start:06d}-{min(start + BLOCK, len(rows)):06d}.npy"
        if not file.exists():
            partial = file.with_suffix(f".partial-{os.getpid()}.npy")
            np.save(partial, np.stack([make(r) for r in rows[start : start + BLOCK]]))
            partial.rename(file)
            log(f"{folder.name}: {min(start + BLOCK, len(rows))} of {len(rows)}")
        blocks.append(np.load(file))
    return np.concatenate(blocks)
