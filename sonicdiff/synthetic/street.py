"""A street between two rows of houses."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.houses import Corner, facade_tone, fill, windows
from sonicdiff.synthetic.painting import Array, blend, child, colour, hsv
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.terrain import lay_ground, lay_mountains
from sonicdiff.synthetic.vegetation import Plant, paint_plants


def street(stage: Stage, rng: np.random.Generator) -> None:
    """A road between two rows of houses to a vanishing point, trees and lamps along it."""
    h, vx = stage.horizon, float(rng.uniform(0.36, 0.64))
    if rng.random() < 0.5:
        lay_mountains(stage, rng, 2, 0.16, colour(110, 120, 130), 0.0)
    lay_ground(stage, rng, stage.below(h), blend(colour(160, 152, 140), colour(132, 126, 124), rng.random()), 0.05)
    road = fill(stage, [[(vx - 0.012, h), (vx + 0.012, h), (vx + 0.72, 1.02), (vx - 0.72, 1.02)]])
    lay_ground(stage, rng, road, colour(84, 86, 94), 0.05)
    dashes = [0.02 * 1.75**k for k in range(9)]
    marks = [[(vx - 0.02 * a, h + a), (vx + 0.02 * a, h + a), (vx + 0.03 * a, h + a * 1.4), (vx - 0.03 * a, h + a * 1.4)] for a in dashes]
    stage.lay(fill(stage, marks) * 0.85, colour(235, 230, 212), 0.0, 1.0)
    for side in (-1, 1):
        _row(stage, child(rng), vx, side)
    leaf = hsv(0.2 + 0.1 * rng.random() - (0.12 if rng.random() < 0.3 else 0), 0.5, 0.5)
    near = float(rng.uniform(0.3, 1.0))
    for side in (-1, 1):
        _avenue(stage, child(rng), vx, side * near, leaf)


def _row(stage: Stage, rng: np.random.Generator, vx: float, side: int) -> None:
    """Houses from far to near; the point at distance z and width X lies at vx + X / z."""
    edges = 0.42 * 1.42 ** np.arange(8)
    wide, foot = 0.44, 0.33
    for k in range(6, -1, -1):
        z0, z1, tall = edges[k], edges[k + 1], rng.uniform(0.3, 0.75)
        x0, x1 = vx + side * wide / z0, vx + side * wide / z1

        def at(u: float, v: float, z0: float = z0, z1: float = z1, tall: float = tall) -> Corner:
            inverse = (1 - u) / z0 + u / z1
            return vx + side * wide * inverse, stage.horizon + (foot * (1 - v) - tall * v) * inverse

        wall = facade_tone(rng) * (0.72 if (stage.light.sun[0] - 0.5) * side > 0 else 0.95)
        depth = 0.5 * k / 6
        stage.lay(fill(stage, [[at(0, 0), at(1, 0), at(1, 1), at(0, 1)]]), wall, depth)
        stage.lay(fill(stage, [[at(0, 0.96), at(1, 0.96), at(1, 1.04), at(0, 1.04)]]), wall * 0.55, depth)
        if abs(x0 - x1) > 0.012:
            windows(stage, rng, at, int(3 + 5 * tall), wall, depth)


def _avenue(stage: Stage, rng: np.random.Generator, vx: float, lateral: float, leaf: Array) -> None:
    kind = ("broadleaf", "poplar")[rng.integers(2)]
    group = []
    for z in (3.2, 2.2, 1.5, 1.05):
        x = vx + (0.3 + 0.06 * abs(lateral)) * np.sign(lateral) / z
        group.append(Plant(kind, float(x), stage.horizon + 0.33 / z, float(0.5 / z * rng.uniform(0.8, 1.1)), int(rng.integers(2**31))))
    paint_plants(stage, group[: int(rng.integers(0, 5))], leaf, 0.15)
