"""Houses for street and harbour: wall colours, and windows that are lit at dusk and at night."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, hsv
from sonicdiff.synthetic.stage import Stage

Corner = tuple[float, float]


def facade_tone(rng: np.random.Generator) -> Array:
    """A wall's colour: plaster, brick, stone or paint."""
    hue, saturation = float(rng.choice((0.02, 0.07, 0.1, 0.13, 0.55, 0.4))), rng.uniform(0.08, 0.5)
    return hsv((hue + rng.normal(0, 0.015)) % 1, saturation, rng.uniform(0.6, 0.92))


def lamplight(stage: Stage) -> Array | None:
    """The colour of lit windows, or None by day."""
    return colour(255, 206, 116) if stage.light.name in ("night", "dusk") else None


def fill(stage: Stage, shapes: list[list[Corner]]) -> Array:
    """The mask of some polygons."""
    return stage.drawn(lambda d, s: [d.polygon([(x * s, y * s) for x, y in shape], fill=255) for shape in shapes])


def windows(stage: Stage, rng: np.random.Generator, at, floors: int, wall: Array, depth: float) -> None:
    """Three windows a floor; in the dark two in three are lit."""
    lit, dark = [], []
    for i in range(3):
        for j in range(floors):
            u, v = (i + 0.24) / 3, (j + 0.3) / floors * 0.92 + 0.02
            w, t = 0.18, 0.5 / floors
            (lit if rng.random() < 0.62 else dark).append([at(u, v), at(u + w, v), at(u + w, v + t), at(u, v + t)])
    lamp = lamplight(stage)
    pane = blend(colour(62, 74, 92), stage.light.bottom, 0.25)
    stage.lay(fill(stage, dark + (lit if lamp is None else [])), pane, depth)
    if lamp is not None:
        stage.over(fill(stage, lit), lamp * rng.uniform(0.8, 1.0))
