"""Things that stand on a table: the table, bodies turned about an upright axis, ellipses, and light that slides down their sides."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup, gradient
from sonicdiff.synthetic.painting import Array, hsv, smooth

Profile = Callable[[Array], Array]


def table(stage: Closeup, rng: np.random.Generator) -> None:
    """A plain wall and a table top with a soft edge."""
    hue, line = float(rng.random()), rng.uniform(0.66, 0.8)
    wall, top = hsv(hue, rng.uniform(0.05, 0.3), rng.uniform(0.45, 0.9)), hsv(hue + 0.1, rng.uniform(0.05, 0.4), rng.uniform(0.3, 0.75))
    stage.image = gradient(stage, wall * 1.05, wall * 0.8)
    stage.over(smooth(line - 0.01, line + 0.01, stage.y), gradient(stage, top, top * 0.75, line, 1.0))


def turned(stage: Closeup, x: float, profile: Profile) -> tuple[Array, Array]:
    """Mask of a body turned about the upright axis at `x`, and the place across it (-1..1)."""
    half = profile(stage.y)
    return smooth(0, 1.5 / stage.size, half - np.abs(stage.x - x)), np.clip((stage.x - x) / np.maximum(half, 1e-3), -1, 1)


def ellipse(stage: Closeup, x: float, y: float, rx: float, ry: float) -> Array:
    far = np.hypot((stage.x - x) / rx, (stage.y - y) / ry)
    return smooth(1 + 1.0 / (stage.size * ry), 1 - 1.0 / (stage.size * ry), far)


def streak(across: Array, at: float, width: float) -> Array:
    return np.exp(-(((across - at) / width) ** 4))
