"""Real photographs among what the base learns from: square crops of those that `sonicdiff data photographs` gathers."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from sonicdiff.data import photographs
from sonicdiff.training.cache import fill

NAME = "photographs"
SIDE = 256  # pixels of a crop
LEAST = 0.7  # of the photograph's short side
PLACES = 3  # how many crops of one that shows a place there are to each of another


def order() -> list[photographs.Photograph]:
    """The photographs that take turns; those of places come `PLACES` times."""
    chosen = [photograph for photograph in photographs.read_list() if not photograph.validation]
    return [photograph for photograph in chosen for _ in range(PLACES if photograph.place else 1)]


def captions(crops: int) -> list[str]:
    """What is said of each of the first `crops` crops."""
    turns = order()
    return [turns[number % len(turns)].caption for number in range(crops)]


def make_crops(gathered: Path, folder: Path, crops: int, worker: int = 0, workers: int = 1) -> None:
    """Fill `folder` with `crops` random squares, uint8 (SIDE, SIDE, 3), out of the folder `gathered`, which is filled before if need be."""
    if not gathered.exists():
        photographs.gather(gathered, gathered.with_name("packages"))
    fill(folder, crops, partial(crop, _pixels(gathered), order()), worker, workers)


def _pixels(gathered: Path) -> dict[int, np.ndarray]:
    return {photograph.number: pixels for photograph, pixels in photographs.load(gathered)}


def crop(pixels: dict[int, np.ndarray], turns: list[photographs.Photograph], number: int) -> np.ndarray:
    """The crop at `number`: a square of most of the short side, anywhere in its photograph."""
    image, rng = pixels[turns[number % len(turns)].number], np.random.default_rng((number, 0xF070))
    side = int(min(image.shape[:2]) * rng.uniform(LEAST, 1.0))
    top, left = (int(rng.integers(0, length - side + 1)) for length in image.shape[:2])
    return np.asarray(Image.fromarray(image[top : top + side, left : left + side]).resize((SIDE, SIDE), Image.Resampling.LANCZOS))
