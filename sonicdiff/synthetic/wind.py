"""The cause that blows: bent trees, streaked clouds, dust, grass and leaves."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import blend, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.vegetation import blades


def bend(rng: np.random.Generator, s: float) -> float:
    """How far the wind of strength `s` bends what grows: signed by its direction."""
    return float(rng.choice((-1.0, 1.0))) * (0.25 + 0.75 * s) * float(smooth(0, 0.25, s)) * 0.75


def wind(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """Clouds drawn out into streaks, dust racing over the ground, grass lying over, leaves through the whole air."""
    shown = float(smooth(0, 0.25, s)) * (0.4 + 0.6 * s)
    way = 1.0 if stage.bend >= 0 else -1.0
    bright = 0.45 + 0.55 * stage.light.brightness
    stage.grade(colour(255, 238, 205), 0.35 * shown)
    pale = blend(stage.light.bottom, colour(250, 244, 228) * bright, 0.5)
    stage.over(stage.sky * smooth(-0.2, 1.6, noise(rng, stage.size, 1.15, 9.0, 0.8)) * shown * 0.85, pale)
    dust = smooth(-0.3, 1.8, noise(rng, stage.size, 1.25, 7.0, 1.0)) * np.exp(-(((stage.y - stage.horizon - 0.1) / 0.2) ** 2))
    stage.over(dust * shown * 0.8, colour(226, 198, 150) * bright)
    stage.over(smooth(0.6, 2.2, noise(rng, stage.size, 1.0, 12.0, 0.7)) * shown * 0.35, colour(248, 240, 220) * bright)
    lean = way * (0.25 + 0.65 * s)
    grown = float(smooth(0, 0.3, s)) * (0.6 + 0.4 * s)
    for base, tall, tone in (((0.98, 1.1), 0.34, colour(128, 124, 58)), ((1.02, 1.16), 0.36, colour(198, 178, 90))):
        mask = blades(stage, rng, 60, base, (0.5 * tall * grown + 0.001, tall * grown + 0.002), lean, 0.06)
        stage.over(mask * min(1.0, 3 * shown), tone * np.clip(stage.light.ambient * 0.8 + 0.2, 0, 1))
    _leaves(stage, rng, s, way, 0.35 + 0.65 * bright)


def _leaves(stage: Stage, rng: np.random.Generator, s: float, way: float, bright: float) -> None:
    """Leaves with a trail behind each, in three autumn colours."""
    for tone in (colour(214, 120, 36), colour(176, 62, 30), colour(222, 176, 60)):
        n = 16
        xs, ys, sizes, tilts = rng.random(n), rng.random(n) * 0.95, rng.uniform(0.014, 0.036, n), rng.normal(0.15, 0.35, n)
        sizes = sizes * np.clip(s * n * 1.1 - np.arange(n), 0, 1) * (0.7 + 0.3 * s)

        def draw(d: ImageDraw.ImageDraw, k: float, trail: float, xs=xs, ys=ys, sizes=sizes, tilts=tilts) -> None:
            for x, y, r, t in zip(xs, ys, sizes, tilts, strict=True):
                if r > 0.002:
                    tip, tail = (x + way * r * 1.3, y + t * r), (x - way * r * trail, y - t * r * 0.5 * trail)
                    d.polygon(
                        [(tip[0] * k, tip[1] * k), (x * k, (y - 0.55 * r) * k), (tail[0] * k, tail[1] * k), (x * k, (y + 0.55 * r) * k)],
                        fill=255,
                    )

        stage.over(stage.drawn(lambda d, k, draw=draw: draw(d, k, 6.0)) * 0.3, tone * bright)
        stage.over(stage.drawn(lambda d, k, draw=draw: draw(d, k, 1.3)) * 0.95, tone * bright)
