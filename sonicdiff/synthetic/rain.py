"""The cause that rains: grey light, a wet mirror for ground, rings and streaks."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, blend, blur, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage


def raining(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """Grey light and fog, low cloud, a wet mirror for ground, rings, and streaks in three layers of depth."""
    shown = float(smooth(0, 0.25, s)) * (0.45 + 0.55 * s)
    light = 0.28 + 0.5 * stage.light.brightness
    grey = colour(150, 162, 176) * light * 1.25
    stage.grade(colour(225, 235, 248), 0.8 * shown)
    cloud = noise(rng, stage.size, 1.7, 2.6)
    low = blend(grey * 0.62, grey * 1.02, smooth(-1.5, 1.8, cloud + 3 * (stage.y - 0.6 * stage.horizon))[..., None])
    stage.over(stage.sky * shown * 0.95, low)
    stage.over((0.15 + 0.5 * stage.depth) * (1 - stage.sky) * shown * 0.75, grey)
    wet = blur(stage.mirrored(stage.horizon, 1.0), 2.5 * stage.size / 256) * 1.05
    puddle = smooth(-0.6, 0.6, noise(rng, stage.size, 1.7, 4.0) + 1.2 * s - 0.3)
    stage.over(stage.ground * (0.3 + 0.6 * puddle) * shown, wet)
    _rings(stage, rng, s, shown, grey)
    lean = float(rng.uniform(-0.3, 0.3))
    pale = blend(grey, np.ones(3, np.float32), 0.55) * (0.6 + 0.4 * stage.light.brightness)
    far = noise(rng, stage.size, 0.75, 0.45, 9.0)
    stage.over(smooth(0.3, 2.4, _sheared(far, lean)) * shown * 0.55, pale)
    for n, length, width, opacity in ((70, 0.2, 0.0035, 0.45), (30, 0.34, 0.007, 0.5)):
        streaks = _streaks(stage, rng, n, length * (0.7 + 0.5 * s), width, lean, s)
        stage.over(streaks * opacity * (0.5 + 0.5 * s), pale)


def _sheared(field: Array, lean: float) -> Array:
    """Shift each row of a field, so that what was upright leans."""
    size = field.shape[0]
    rows = np.arange(size)[:, None]
    return field[rows, (np.arange(size)[None] - np.round(lean * rows).astype(int)) % size]


def _streaks(stage: Stage, rng: np.random.Generator, n: int, length: float, width: float, lean: float, s: float) -> Array:
    xs, ys, lengths = rng.uniform(-0.2, 1.2, n), rng.uniform(-0.2, 1.0, n), length * rng.uniform(0.6, 1.3, n)
    seen = np.clip(s * n * 1.05 - np.arange(n), 0, 1)

    def draw(d: ImageDraw.ImageDraw, k: float) -> None:
        for x, y, q, a in zip(xs, ys, lengths, seen, strict=True):
            if a > 0:
                d.polygon(
                    [(x * k, y * k), ((x + lean * q + width) * k, (y + q) * k), ((x + lean * q - width) * k, (y + q) * k)],
                    fill=int(255 * a),
                )

    return blur(stage.drawn(draw), 0.8 * stage.size / 256)


def _rings(stage: Stage, rng: np.random.Generator, s: float, shown: float, grey: Array) -> None:
    n = 34
    xs, near = rng.random(n), rng.random(n) ** 0.8
    grown = rng.uniform(0.5, 1.0, n)
    seen = np.clip(s * n * 1.05 - np.arange(n), 0, 1)

    def draw(d: ImageDraw.ImageDraw, k: float) -> None:
        for x, t, g, a in zip(xs, near, grown, seen, strict=True):
            y, w = stage.horizon + 0.06 + (0.94 - stage.horizon) * t, (0.015 + 0.06 * t) * g
            if a > 0:
                box = ((x - w) * k, (y - 0.33 * w) * k, (x + w) * k, (y + 0.33 * w) * k)
                d.ellipse(box, outline=int(255 * a), width=max(2, int(0.007 * k * (0.4 + t))))

    stage.over(stage.drawn(draw) * stage.ground * shown * 0.65, blend(grey, np.ones(3, np.float32), 0.5))
