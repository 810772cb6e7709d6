"""The cause that squishes: a bog with puddles, a track of footprints, reeds."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, blend, blur, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.vegetation import blades


def squishing(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """The ground turns to a brown-green bog that glistens: puddles, footprints filled with water, reeds at the edge."""
    shown = float(smooth(0, 0.22, s)) * (0.45 + 0.55 * s)
    bright = np.clip(stage.light.ambient * 0.85 + 0.16, 0, 1)
    line = stage.horizon + 0.03 + (1 - s) * 0.12 + 0.012 * noise(rng, stage.size, 2.0)[0]
    flat = np.clip((stage.y - line[None]) * stage.size / 5, 0, 1)
    near = np.clip((stage.y - stage.horizon) / (1 - stage.horizon), 0, 1)
    lumps = noise(rng, stage.size, 1.9, 2.5)
    mud = blend(colour(140, 96, 44), colour(88, 58, 28), smooth(-1, 1, lumps)[..., None])
    moss = smooth(0.2, 1.0, noise(rng, stage.size, 2.1, 3.0))
    mud = blend(mud, colour(122, 132, 40), (moss * 0.8)[..., None]) * (0.75 + 0.35 * near)[..., None]
    relief = np.gradient(blur(lumps, 2.0 * stage.size / 256), axis=0) * stage.size / 12
    mud = mud * np.clip(1 - 0.35 * relief, 0.5, 1.6)[..., None]
    stage.over(flat * shown, mud * (0.25 + 0.75 * bright))
    pool = smooth(1.45 - 0.8 * s, 1.8 - 0.8 * s, noise(rng, stage.size, 2.2, 4.0) + 0.2)
    mirror = blend(stage.light.bottom, colour(118, 112, 68) * bright, 0.62) * (1.05 - 0.45 * near)[..., None]
    stage.over(pool * flat * shown * 0.85, mirror)
    rim = np.clip(pool * (1 - pool) * 4, 0, 1)
    stage.over(rim * flat * shown * 0.4, colour(40, 28, 14) * bright)
    glints = smooth(0.9, 1.8, -relief - 0.3 + 0.5 * s) * flat
    stage.over(glints * shown * 0.6, blend(stage.light.bottom, colour(250, 246, 225), 0.5))
    _footprints(stage, rng, shown, s, bright)
    _reeds(stage, rng, s, bright)


def _footprints(stage: Stage, rng: np.random.Generator, shown: float, s: float, bright: Array) -> None:
    """A track walking away from the camera: dark prints with a wet rim and sky in them."""
    x0, x1 = float(rng.uniform(0.25, 0.75)), float(rng.uniform(0.35, 0.65))
    steps = [
        (
            x0 + (x1 - x0) * t + (0.07 if k % 2 else -0.07) * (1 - t),
            0.94 - (0.86 - stage.horizon) * (1 - (1 - t) ** 1.7),
            0.052 * (1 - 0.85 * t),
        )
        for k, t in enumerate(np.linspace(0, 0.85, 8))
    ]

    def ovals(scale: float, shift: float) -> Array:
        return stage.drawn(
            lambda d, k: [
                d.ellipse(
                    (
                        (x - w * scale) * k,
                        (y + shift * w - 0.62 * w * scale) * k,
                        (x + w * scale) * k,
                        (y + shift * w + 0.62 * w * scale) * k,
                    ),
                    fill=255,
                )
                for x, y, w in steps
            ]
        )

    stage.over(ovals(1.2, 0.12) * shown * 0.8, colour(140, 106, 62) * bright)
    stage.over(ovals(1.0, 0.0) * shown * 0.95, colour(30, 21, 11) * bright)
    stage.over(ovals(0.66, 0.22) * shown * 0.9, blend(stage.light.bottom, colour(110, 110, 80) * bright, 0.3))


def _reeds(stage: Stage, rng: np.random.Generator, s: float, bright: Array) -> None:
    grown = float(smooth(0, 0.3, s)) * (0.6 + 0.4 * s)
    for n, tall, tone in ((16, 0.5, colour(70, 84, 30)), (14, 0.42, colour(126, 132, 52))):
        mask = blades(stage, rng, n, (1.0, 1.08), (0.5 * tall * grown + 0.001, tall * grown + 0.002), float(rng.normal(0, 0.06)), 0.022)
        keep = smooth(0.2, 0.34, np.abs(stage.x - 0.5))
        stage.over(mask * keep * float(smooth(0, 0.15, s)), tone * bright)
    tails = [
        (float(x), float(y))
        for x, y in zip(rng.choice((0.06, 0.13, 0.87, 0.94), 4) + rng.normal(0, 0.03, 4), rng.uniform(0.6, 0.74, 4), strict=True)
    ]

    def draw(d: ImageDraw.ImageDraw, k: float) -> None:
        for x, y in tails:
            top = 1 - (1 - y) * grown
            d.line((x * k, top * k, x * k, k), fill=160, width=max(2, int(0.008 * k)))
            d.ellipse(((x - 0.014) * k, top * k, (x + 0.014) * k, (top + 0.1 * grown) * k), fill=255)

    stage.over(stage.drawn(draw) * float(smooth(0, 0.15, s)), colour(88, 50, 24) * bright)
