"""The stage of a close-up: a picture lit from one side, fields that follow any direction, and reliefs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.spatial import KDTree

from sonicdiff.synthetic.painting import Array, blend, blur, smooth
from sonicdiff.synthetic.stage import Stage


@dataclass
class Closeup(Stage):
    """A stage with a light from `sun` (x, y down, towards the light) and a stick whose end is at `tip`."""

    sun: tuple[float, float] = (-0.6, -0.8)
    tip: tuple[float, float] = (0.5, 0.5)

    def along(self, angle: float) -> tuple[Array, Array]:
        """Coordinates turned by `angle` about the middle: along it and across."""
        x, y = self.x - 0.5, self.y - 0.5
        return x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)

    def lit(self, height: Array, gloss: float = 20.0) -> tuple[Array, Array]:
        """How a relief (in units of the picture's side) takes the light: diffuse, about 1 where it is flat, and its highlights, 0..1."""
        gy, gx = np.gradient(height * self.size)
        up = 1 / np.sqrt(gx * gx + gy * gy + 1)
        facing = up * (1 - 0.75 * (gx * self.sun[0] + gy * self.sun[1]))
        half = up * (1 - 0.42 * (gx * self.sun[0] + gy * self.sun[1])) / 1.085
        return np.clip(facing, 0.15, 1.8), np.clip(half, 0, 1) ** gloss

    def shadow(self, mask: Array, reach: float, softness: float, depth: float = 0.5) -> None:
        """Darken the picture where `mask` throws its shadow, `reach` away from the light."""
        shift = [round(-d * reach * self.size) for d in (self.sun[1], self.sun[0])]
        self.image *= (1 - depth * blur(np.roll(mask, shift, (0, 1)), softness * self.size))[..., None]


def sampled(field: Array, u: Array, v: Array) -> Array:
    """A periodic `field` read at the coordinates (u, v), its side being 1."""
    n = field.shape[0]
    return field[(v * n).astype(int) % n, (u * n).astype(int) % n]


def cells(rng: np.random.Generator, size: int, count: int, stretch: float = 1.0) -> tuple[Array, Array]:
    """A plane broken into about `count` pieces (Worley 1996): distance to the edge between them, and the number of each."""
    side = size * 5 // 8
    points = rng.uniform(-0.1, 1.1, (int(count * 1.44), 2))
    grid = np.stack(np.meshgrid(*[(np.arange(side) + 0.5) / side] * 2, indexing="ij"), -1)
    scale = np.array((stretch, 1.0))
    distance, index = KDTree(points * scale).query(grid * scale, k=2)
    edge = np.diff(distance, axis=-1)[..., 0].astype(np.float32)
    wide = np.asarray(Image.fromarray(edge).resize((size, size), Image.Resampling.BICUBIC))
    near = np.asarray(Image.fromarray(np.asarray(index)[..., 0].astype(np.int32)).resize((size, size), Image.Resampling.NEAREST))
    return wide, near


def gradient(stage: Closeup, top: Array, bottom: Array, low: float = 0.0, high: float = 1.0) -> Array:
    """A picture (size, size, 3) that goes from one colour to another down the page."""
    return blend(top, bottom, smooth(low, high, stage.y)[..., None])
