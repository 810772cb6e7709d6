"""Two green places: forest and field."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, child, colour, hsv, noise, ridge, smooth
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.terrain import lay_ground, lay_mountains
from sonicdiff.synthetic.vegetation import paint_plants, plants


def forest(stage: Stage, rng: np.random.Generator) -> None:
    """Bands of trees fading into haze, a winding path between them, ferns at the feet."""
    kinds = (("conifer",), ("broadleaf", "poplar"), ("conifer", "broadleaf"))[rng.integers(3)]
    leaf = hsv(0.2 + 0.2 * rng.random() - (0.13 if rng.random() < 0.3 else 0), 0.4 + 0.3 * rng.random(), 0.5 + 0.15 * rng.random())
    h = stage.horizon
    if rng.random() < 0.5:
        lay_mountains(stage, rng, 2, 0.2, leaf * 0.7, 0.0)
    paint_plants(stage, plants(child(rng), 26, kinds, (h, h + 0.02), (0.13, 0.2)), leaf, 0.6)
    lay_ground(stage, rng, stage.below(h + 0.01 * ridge(rng, stage.size)), blend(leaf, colour(92, 84, 48), rng.random() * 0.8) * 0.8)
    down = np.clip(stage.y - h, 0, 1)
    middle = rng.uniform(0.35, 0.65) + 0.05 * np.sin(stage.y * 11 + rng.random() * 6) + rng.uniform(-0.3, 0.3) * down
    lay_ground(
        stage, rng, smooth(0, 0.03, 0.012 + 0.32 * down - np.abs(stage.x - middle)) * (stage.y > h + 0.01), colour(168, 140, 104), 0.08
    )
    for k, (near, tall) in enumerate(((0.05, 0.32), (0.16, 0.5), (0.4, 0.85))):
        group = [p for p in plants(child(rng), 13 - 4 * k, kinds, (h + near * 0.6, h + near), (tall * 0.85, tall)) if _beside(p.x, near)]
        paint_plants(stage, group, leaf * (0.95 - 0.14 * k), 0.42 - 0.2 * k)


def _beside(x: float, near: float) -> bool:
    return abs(x - 0.5) > 0.1 + 0.55 * near


def field(stage: Stage, rng: np.random.Generator) -> None:
    """Rolling fields in strips of crop, furrows to a vanishing point, a barn, lone trees."""
    h = stage.horizon
    for k in range(3):
        line = h + 0.01 - (0.07 - 0.025 * k) * (0.6 + 0.6 * ridge(rng, stage.size, 2.2, 3))
        stage.lay(
            stage.below(line),
            hsv(0.12 + 0.2 * rng.random(), 0.45, 0.6) * (1 + 0.06 * noise(rng, stage.size, 1))[..., None],
            0.75 - 0.2 * k,
            1.0,
        )
    crop = hsv(0.1 + 0.19 * rng.random(), 0.45 + 0.3 * rng.random(), 0.62 + 0.22 * rng.random())
    soil = blend(crop * 0.6, colour(110, 82, 50), rng.random() * 0.6)
    line = h + 0.03 + 0.012 * ridge(rng, stage.size, 2.2)
    lay_ground(stage, rng, stage.below(line), crop)
    vx, rows = rng.uniform(0.1, 0.9), rng.uniform(9, 20)
    furrows = smooth(-0.5, 0.6, np.sin((stage.x - vx) / np.maximum(stage.y - h + 0.02, 0.02) * rows * 0.6)) * smooth(0.05, 0.2, stage.y - h)
    stage.over(furrows * 0.6 * stage.below(line), soil * stage.light.ambient)
    house_x, house = rng.uniform(0.12, 0.88), rng.uniform(0.1, 0.2)
    wall, roof = (
        blend(colour(168, 60, 48), colour(226, 214, 190), rng.random()),
        blend(colour(92, 66, 58), colour(150, 80, 60), rng.random()),
    )
    _barn(stage, house_x, h + 0.05, house, wall, roof)
    leaf = hsv(0.2 + 0.12 * rng.random() - (0.12 if rng.random() < 0.25 else 0), 0.5, 0.5)
    paint_plants(
        stage, plants(child(rng), int(rng.integers(3, 12)), ("broadleaf", "poplar"), (h + 0.03, h + 0.06), (0.08, 0.14)), leaf, 0.4
    )
    paint_plants(stage, plants(child(rng), int(rng.integers(1, 4)), ("broadleaf",), (h + 0.1, 0.9), (0.25, 0.5)), leaf, 0.1)


def _barn(stage: Stage, x: float, base: float, w: float, wall: Array, roof: Array) -> None:
    x0, x1, eaves, top = x - w / 2, x + w / 2, base - w * 0.5, base - w * 0.95
    stage.lay(stage.drawn(lambda d, s: d.rectangle((x0 * s, eaves * s, x1 * s, base * s), fill=255)), wall, 0.25)
    ridge_left, ridge_right = x0 + w * 0.12, x1 - w * 0.12
    corners = ((x0 - 0.02, eaves), (ridge_left, top), (ridge_right, top), (x1 + 0.02, eaves))
    stage.lay(stage.drawn(lambda d, s: d.polygon([(px * s, py * s) for px, py in corners], fill=255)), roof, 0.25)
    panes = stage.drawn(
        lambda d, s: [
            d.rectangle(((x0 + w * u) * s, (base - w * 0.38) * s, (x0 + w * (u + 0.16)) * s, (base - w * 0.16) * s), fill=255)
            for u in (0.14, 0.42, 0.7)
        ]
    )
    stage.over(panes, colour(255, 208, 112) if stage.light.name in ("night", "dusk") else colour(58, 60, 70) * stage.light.ambient)
