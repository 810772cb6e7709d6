"""Scenes with two causes, each laid by its own part of the picture: left and right, or far and near; both are heard."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sonicdiff.synthetic.captions import CAUSE_WORDS, LIGHT_WORDS, PLACE_WORDS, pick, strength
from sonicdiff.synthetic.classes import CALM, CLASSES, HELD_OUT, LIGHTS, PLACES, SPLIT_SIZE
from sonicdiff.synthetic.painting import Array, ridge, smooth, to_bytes
from sonicdiff.synthetic.scenes import Scene, render
from sonicdiff.synthetic.sounds import mix, render_sound

COMBINATIONS = tuple(f"{a} and {b}" for a, b in combinations(CLASSES, 2))
# What can be at the back of a scene, and what in front.
FAR = frozenset(("explosion", "raining", "thunder", "waterfall burbling", "wind noise"))
NEAR = frozenset(("fire crackling", "splashing water", "squishing water", "underwater bubbling", "sea waves"))
SHIFT = 3 * SPLIT_SIZE // 10  # these scenes are none of those with one cause
LEAST_INTENSITY = 0.35
SIDES = (
    "{a} on the left and {b} on the right, {place} {light}",
    "{place} {light}, with {a} on the left and {b} on the right",
    "{b} on the right, {a} on the left, {place}",
    "a photo of {place} {light}: {a} on the left, {b} on the right",
)
DEPTHS = (
    "{b} in front and {a} behind, {place} {light}",
    "{place} {light}, with {a} behind and {b} in front",
    "{a} behind, {b} in front, {place}",
    "a photo of {place} {light}: {b} in front, {a} behind",
)


@dataclass(frozen=True)
class Part:
    """A cause and where it is. box: left, top, right, bottom in fractions of the picture's side. stream: which of the cause's forms."""

    cause: str
    intensity: float
    box: tuple[float, float, float, float]
    stream: int


@dataclass(frozen=True)
class TwoCauses:
    """A calm scene and two parts that meet along a line `border` wide: the left or far one, and the right or near one."""

    scene: Scene
    parts: tuple[Part, Part]
    border: float

    @property
    def beside(self) -> bool:
        """Whether the parts are left and right of each other, not far and near."""
        return self.parts[0].box[2] < 1.0

    @property
    def label(self) -> str:
        """The pair of causes in the order of CLASSES: one of COMBINATIONS."""
        return " and ".join(sorted((part.cause for part in self.parts), key=CLASSES.index))


def two_causes(seed: int) -> TwoCauses:
    """What `seed` shows: always the same, and never a pair of HELD_OUT. A cause beside another keeps to its own side, where it can."""
    rng = np.random.default_rng((seed, 0x2CA))
    place = PLACES[rng.integers(len(PLACES))]
    free = [cause for cause in CLASSES if (cause, place) not in HELD_OUT]
    first, second = (free[i] for i in rng.choice(len(free), 2, replace=False))
    if (second in FAR and first in NEAR) or (first in NEAR and second not in NEAR):
        first, second = second, first
    beside = not (first in FAR and second in NEAR) or rng.random() < 0.5
    split = float(rng.uniform(0.4, 0.6) if beside else rng.uniform(0.55, 0.7))
    boxes = ((0.0, 0.0, split, 1.0), (split, 0.0, 1.0, 1.0)) if beside else ((0.0, 0.0, 1.0, split), (0.0, split, 1.0, 1.0))
    scene = Scene(seed + SHIFT, place, LIGHTS[rng.integers(len(LIGHTS))], CALM, 0.0)
    strengths, border = rng.uniform(LEAST_INTENSITY, 1.0, 2), float(rng.uniform(0.05, 0.1))
    parts = [
        Part(cause, float(much), box, _stream(scene.seed, box, beside))
        for cause, much, box in zip((first, second), strengths, boxes, strict=True)
    ]
    return TwoCauses(scene, (parts[0], parts[1]), border)


def _stream(seed: int, box: tuple[float, float, float, float], beside: bool) -> int:
    """A stream of the cause whose first number, which says where most causes stand, is in the outer part of its own side."""
    at = [float(np.random.default_rng((seed, 1, stream)).random()) for stream in range(1, 17)]
    wanted = 0.15 if box[0] == 0.0 else 0.85
    return 1 + int(np.argmin(np.abs(np.array(at) - wanted))) if beside else 1


def render_two_causes(of: TwoCauses, size: int = 256) -> np.ndarray:
    """uint8 (size, size, 3): the scene with the one cause and with the other, joined along a soft line."""
    one, other = (render(replace(of.scene, cause=part.cause, intensity=part.intensity), size, part.stream) for part in of.parts)
    of_other = mask(of, size)[..., None]
    return to_bytes((one * (1 - of_other) + other * of_other) / 255)


def mask(of: TwoCauses, size: int) -> Array:
    """How much of the second part there is: float32 (size, size), 0 to 1 across the border."""
    line = 0.015 * ridge(np.random.default_rng((of.scene.seed, 2)), size)
    along = (np.arange(size, dtype=np.float32) + 0.5) / size
    split = of.parts[0].box[2] if of.beside else of.parts[0].box[3]
    across = along[:, None] - split - line[None]
    share = smooth(-of.border / 2, of.border / 2, across)
    return share.T if of.beside else share


def sound_two_causes(of: TwoCauses, seconds: float = 6.0, sample_rate: int = 48_000) -> np.ndarray:
    """Both causes at once, each at its own intensity: float32 (seconds * sample_rate,)."""
    return mix([render_sound(p.cause, p.intensity, of.scene.seed, seconds, sample_rate) for p in of.parts], [1.0, 1.0])


def caption(of: TwoCauses, seed: int) -> str:
    """A sentence that says where each cause is."""
    rng = np.random.default_rng((seed, 0x2CA, 1))
    a, b = (pick(rng, CAUSE_WORDS[part.cause][strength(part.intensity)]) for part in of.parts)
    place, light = pick(rng, PLACE_WORDS[of.scene.place]), pick(rng, LIGHT_WORDS[of.scene.light])
    return pick(rng, SIDES if of.beside else DEPTHS).format(a=a, b=b, place=place, light=light)


def causes_caption(of: TwoCauses, seed: int) -> str:
    """The two causes and where they are, without the place."""
    rng = np.random.default_rng((seed, 0x2CA, 2))
    a, b = (pick(rng, CAUSE_WORDS[part.cause][strength(part.intensity)]) for part in of.parts)
    form = "{a} on the left and {b} on the right" if of.beside else "{b} in front and {a} behind"
    return form.format(a=a, b=b)
