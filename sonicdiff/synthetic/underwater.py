"""The cause that bubbles: the whole scene under blue-green water."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import blend, blur, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage


def bubbling(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """The scene under water: blue-green depth, slanting rays, caustics on the ground, columns of rising bubbles."""
    shown = float(smooth(0, 0.25, s)) * (0.35 + 0.65 * s)
    bright = 0.4 + 0.6 * stage.light.brightness
    hue = float(rng.random())
    shallow, deep = blend(colour(84, 214, 214), colour(70, 190, 232), hue), blend(colour(6, 66, 88), colour(6, 44, 104), hue)
    stage.image = blend(stage.image, blur(stage.image, 1.6 * stage.size / 256), shown)
    stage.grade(blend(shallow, deep, 0.25) * 1.25, 0.92 * shown)
    depth = blend(shallow, deep, smooth(-0.1, 1.15 - 0.25 * s, stage.y)[..., None]) * bright
    stage.over((0.3 + 0.55 * stage.depth) * shown * (0.75 + 0.25 * s), depth)
    net = np.abs(noise(rng, stage.size, 1.5, 2.4)) + np.abs(noise(rng, stage.size, 1.5, 2.4))
    stage.add(smooth(0.55, 0.05, net) * stage.ground * shown * 0.4 * bright, shallow)
    surface = smooth(0.16, 0.0, stage.y + 0.03 * noise(rng, stage.size, 1.6, 3.0))
    stage.add(surface * shown * 0.6 * bright, colour(190, 250, 250))
    px, slant = float(rng.uniform(0.25, 0.75)), float(rng.uniform(-0.25, 0.25))
    fan = (stage.x - px) / (stage.y + 0.45) + slant
    beams = noise(rng, stage.size, 1.1)[0]
    lit = np.interp(fan, np.linspace(-1.6, 1.6, stage.size), beams).astype(np.float32)
    stage.add(smooth(0.1, 1.7, lit) * smooth(1.0, 0.0, stage.y) * shown * 0.42 * bright, colour(170, 245, 240))
    _bubbles(stage, rng, s, bright)


def _bubbles(stage: Stage, rng: np.random.Generator, s: float, bright: float) -> None:
    n = 66
    feet = rng.uniform(0.1, 0.9, 4)
    up = rng.random(n) ** 0.9
    xs = feet[np.arange(n) % 4] + rng.normal(0, 0.05, n) * (0.35 + up) + 0.025 * np.sin(up * 9 + feet[np.arange(n) % 4] * 40)
    ys = 1.02 - up * 1.0
    sizes = (0.008 + 0.03 * rng.random(n) ** 2) * (0.65 + 0.6 * up)
    seen = np.clip(s * n * 1.05 - np.arange(n), 0, 1)
    sizes = sizes * np.sqrt(seen) * (0.75 + 0.35 * s)

    def balls(d: ImageDraw.ImageDraw, k: float, scale: float, dx: float, dy: float, outline: float = 0.0) -> None:
        for x, y, r in zip(xs + dx * sizes, ys + dy * sizes, sizes * scale, strict=True):
            if r * k < 1:
                continue
            box = ((x - r) * k, (y - r) * k, (x + r) * k, (y + r) * k)
            if outline:
                d.ellipse(box, outline=255, width=max(2, int(outline * r * k)))
            else:
                d.ellipse(box, fill=255)

    pale = colour(214, 252, 252) * (0.55 + 0.45 * bright)
    stage.over(stage.drawn(lambda d, k: balls(d, k, 1.0, 0, 0)) * 0.3, pale)
    stage.over(stage.drawn(lambda d, k: balls(d, k, 1.0, 0, 0, 0.28)) * 0.85, pale)
    stage.over(stage.drawn(lambda d, k: balls(d, k, 0.3, -0.35, -0.35)), np.ones(3, np.float32) * (0.6 + 0.4 * bright))
