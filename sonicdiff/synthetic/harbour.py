"""A harbour: coloured houses across the water, boats, a quay."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.houses import facade_tone, fill, windows
from sonicdiff.synthetic.painting import blend, child, colour, hsv, ridge
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.terrain import lay_ground, lay_mountains, lay_water


def harbour(stage: Stage, rng: np.random.Generator) -> None:
    """Coloured houses across the water, boats with masts, a quay in front."""
    h = stage.horizon
    lay_mountains(stage, rng, int(rng.integers(1, 3)), rng.uniform(0.14, 0.32), hsv(0.2 + 0.4 * rng.random(), 0.25, 0.5), 0.0)
    _quarter(stage, child(rng))
    water = hsv(0.48 + 0.13 * rng.random(), 0.4 + 0.3 * rng.random(), 0.36 + 0.2 * rng.random())
    boats = child(rng)
    fleet = [
        (float(boats.uniform(0.02, 0.98)), float(t), float(boats.uniform(0.8, 1.2)))
        for t in np.sort(boats.random(int(boats.integers(3, 8))))
    ]
    lay_water(stage, rng, stage.below(h + 0.03), water, h + 0.03, 0.9)
    for x, t, scale in fleet:
        _boat(stage, boats, x, h + 0.06 + (0.8 - h) * t * 0.75, (0.09 + 0.2 * t) * scale, 0.4 * (1 - t))
    quay = float(rng.uniform(0.86, 0.95)) + rng.uniform(-0.2, 0.2) * (stage.x[0] - 0.5) + 0.002 * ridge(rng, stage.size)
    stone = blend(colour(170, 158, 140), colour(128, 124, 124), rng.random())
    stage.lay(stage.below(quay - 0.02), stone * 0.5)
    lay_ground(stage, rng, stage.below(quay), stone, 0.07)


def _quarter(stage: Stage, rng: np.random.Generator) -> None:
    x = -0.05
    while x < 1.0:
        w, tall, base = rng.uniform(0.06, 0.12), rng.uniform(0.08, 0.18), stage.horizon + 0.03
        wall, roof = facade_tone(rng), blend(colour(160, 84, 62), colour(90, 88, 96), rng.random())
        stage.lay(fill(stage, [[(x, base), (x + w, base), (x + w, base - tall), (x, base - tall)]]), wall, 0.3)
        stage.lay(fill(stage, [[(x - 0.005, base - tall), (x + w / 2, base - tall - w * 0.4), (x + w + 0.005, base - tall)]]), roof, 0.3)
        windows(stage, rng, lambda u, v, x=x, w=w, b=base, t=tall: (x + w * u, b - t * v), int(2 + tall * 14), wall, 0.3)
        x += w * rng.uniform(1.0, 1.25)


def _boat(stage: Stage, rng: np.random.Generator, x: float, base: float, w: float, depth: float) -> None:
    hull = facade_tone(rng) if rng.random() < 0.6 else colour(240, 240, 236)
    stage.lay(np.exp(-(((stage.x - x) / (w * 0.5)) ** 4) - ((stage.y - base - w * 0.06) / (w * 0.1)) ** 2) * 0.5, hull * 0.4, depth, 1.0)
    stage.lay(
        fill(
            stage,
            [
                [
                    (x - w / 2, base - w * 0.17),
                    (x + w * 0.55, base - w * 0.2),
                    (x + w * 0.36, base + w * 0.03),
                    (x - w * 0.38, base + w * 0.03),
                ]
            ],
        ),
        hull,
        depth,
    )
    stage.lay(
        fill(
            stage,
            [
                [
                    (x - w * 0.2, base - w * 0.17),
                    (x + w * 0.2, base - w * 0.17),
                    (x + w * 0.13, base - w * 0.32),
                    (x - w * 0.18, base - w * 0.32),
                ]
            ],
        ),
        colour(236, 228, 214),
        depth,
    )
    mast, thick = w * rng.uniform(0.9, 1.5), max(w * 0.022, 0.003)
    stage.lay(
        fill(stage, [[(x - thick, base - w * 0.17), (x + thick, base - w * 0.17), (x + thick, base - mast), (x - thick, base - mast)]]),
        colour(120, 92, 70),
        depth,
    )
    if rng.random() < 0.5:
        lean = stage.bend * w * 0.2
        sail = [(x + thick * 2, base - w * 0.25), (x + w * 0.45 + lean, base - w * 0.25), (x + thick * 2 + lean, base - mast * 0.97)]
        stage.lay(fill(stage, [sail]), blend(colour(250, 246, 236), colour(214, 110, 80), rng.random() ** 3), depth)
