"""Rows of the synthetic set: scene, sound and caption from one index, with splits that differ by seed and pairs kept out of training."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, CLASSES, HELD_OUT, LIGHTS, PLACE_WEIGHTS, PLACES, SPLIT_SIZE, SPLITS, known
from sonicdiff.synthetic.scenes import Scene

CALM_SHARE = 0.12
LIGHT_SHARES = (0.36, 0.25, 0.17, 0.22)
LEAST_INTENSITY = 0.2
HELD_OUT_OFFSET = SPLIT_SIZE // 2


@dataclass(frozen=True)
class Row:
    """One example. Its class is `scene.cause`, its intensity `scene.intensity`; `sound_seed` and `scene.seed` belong to `split` alone."""

    scene: Scene
    sound_seed: int
    caption: str
    index: int
    split: str


def row(index: int, split: str = "train", held_out: bool = False) -> Row:
    """The row at `index` (0 <= index < 5 * 10**8) of `split`, always the same one.

    With `held_out` its (class, place) is one of `HELD_OUT`, otherwise never. Only train has calm rows. Raises ValueError on an unknown
    split or an index out of range.
    """
    known(split, tuple(SPLITS), "split")
    if not 0 <= index < HELD_OUT_OFFSET:
        raise ValueError(f"row index {index} is out of range: expected 0 <= index < {HELD_OUT_OFFSET}")
    seed = SPLITS[split] * SPLIT_SIZE + index + (HELD_OUT_OFFSET if held_out else 0)
    rng = np.random.default_rng((seed, 0xDA7A))
    cause, place = _pair(rng, held_out, calm=split == "train")
    intensity = float(rng.uniform(LEAST_INTENSITY, 1.0))
    light = LIGHTS[rng.choice(len(LIGHTS), p=LIGHT_SHARES)]
    scene = Scene(seed, place, light, cause, 0.0 if cause == CALM else intensity)
    return Row(scene, seed, caption(scene, seed), index, split)


def _pair(rng: np.random.Generator, held_out: bool, calm: bool) -> tuple[str, str]:
    """Draw (cause, place), from the held-out pairs alone or from all the others."""
    if held_out:
        pairs = sorted(HELD_OUT)
        return pairs[rng.integers(len(pairs))]
    cause = CALM if calm and rng.random() < CALM_SHARE else CLASSES[rng.integers(len(CLASSES))]
    weights = PLACE_WEIGHTS.get(cause, {})
    places = [place for place in PLACES if (cause, place) not in HELD_OUT for _ in range(weights.get(place, 1))]
    return cause, places[rng.integers(len(places))]
