"""The stage a scene is painted on: the picture and, beside it, what a cause must know (where sky, ground and water are, and how far)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.lighting import Light
from sonicdiff.synthetic.painting import Array, blend, blur, drawn


def covered(mask: Array) -> tuple[slice, slice]:
    """The smallest box with all of a mask in it: most things cover little, and painting costs by the pixel."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def _within(value: Array | float, box: tuple[slice, slice]) -> Array | float:
    """The part of a field in `box`; a number or one colour is the same everywhere."""
    return value[box] if isinstance(value, np.ndarray) and value.ndim >= 2 else value


def _mix(target: Array, tone: Array | float, part: Array) -> None:
    """Move `target` (changed in place) towards `tone`."""
    target += (tone - target) * part


@dataclass
class Stage:
    """Fields are (size, size) float32; `image` has three channels. Positions are in units of the picture's side, y down."""

    size: int
    light: Light
    horizon: float
    bend: float = 0.0
    image: Array = field(init=False)
    sky: Array = field(init=False)
    depth: Array = field(init=False)
    ground: Array = field(init=False)
    x: Array = field(init=False)
    y: Array = field(init=False)

    def __post_init__(self) -> None:
        self.y, self.x = ((np.mgrid[: self.size, : self.size] + 0.5) / self.size).astype(np.float32)
        self.image = np.zeros((self.size, self.size, 3), np.float32)
        self.sky = np.ones_like(self.x)
        self.depth = np.ones_like(self.x)
        self.ground = np.zeros_like(self.x)

    def lay(self, mask: Array, tone: Array, depth: Array | float = 0.0, flat: float = 0.0) -> None:
        """Lay a thing of colour `tone` over what is there; it takes the scene's light, and its haze by `depth` (0 near, 1 at the sky)."""
        box = covered(mask)
        part, far = mask[box], _within(depth, box)
        lit = _within(tone, box) * self.light.ambient
        haze = np.asarray(far, np.float32) * self.light.haziness
        _mix(self.image[box], blend(lit, self.light.haze, haze[..., None]), part[..., None])
        self.sky[box] *= 1 - part
        _mix(self.depth[box], far, part)
        _mix(self.ground[box], flat, part)

    def over(self, mask: Array, tone: Array) -> None:
        """Lay `tone` over the picture as it is: no light, no haze."""
        box = covered(mask)
        _mix(self.image[box], _within(tone, box), mask[box][..., None])

    def add(self, mask: Array, tone: Array) -> None:
        """Add light."""
        self.image += mask[..., None] * tone

    def whiteness(self) -> Array:
        """The light on white water: the scene's, but paler and never quite dark."""
        return np.clip(0.45 * self.light.ambient + 0.32 * self.light.brightness + 0.26, 0, 1).astype(np.float32)

    def drawn(self, draw: Callable[[ImageDraw.ImageDraw, float], object]) -> Array:
        """See `painting.drawn`."""
        return drawn(self.size, draw)

    def below(self, line: Array | float, softness: float = 1.0) -> Array:
        """The mask of what lies under `line`: a height, or one for each column."""
        line = np.asarray(line, np.float32)
        return np.clip((self.y - (line[None] if line.ndim == 1 else line)) * self.size / softness, 0, 1)

    def mirrored(self, line: float, softness: float = 1.5) -> Array:
        """The picture upside down about the height `line`, as still water shows it."""
        rows = np.clip((2 * line * self.size - np.arange(self.size)).astype(int), 0, self.size - 1)
        return blur(self.image[rows], softness * self.size / 256)

    def grade(self, tone: Array, amount: Array | float) -> None:
        """Turn the picture's colours towards shades of `tone`, keeping its light and dark."""
        grey = self.image @ np.array((0.3, 0.59, 0.11), np.float32)
        self.image = blend(self.image, grey[..., None] * tone, np.asarray(amount, np.float32)[..., None])
