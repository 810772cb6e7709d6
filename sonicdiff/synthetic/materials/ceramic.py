"""Glazed ceramic: plates, tiles, mugs."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup
from sonicdiff.synthetic.materials.standing import ellipse, streak, table, turned
from sonicdiff.synthetic.painting import Array, blend, colour, hsv, smooth


def dish(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A white glazed plate with a painted rim, seen from above."""
    table(stage, rng)
    stage.image = stage.image * 0.65
    ink = hsv(rng.choice((0.6, 0.62, 0.0, 0.35, 0.08)), 0.8, rng.uniform(0.4, 0.8))
    glaze = colour(250, 248, 240) if rng.random() < 0.75 else hsv(rng.random(), 0.25, 0.9)
    x, y = stage.x - 0.5, stage.y - 0.5
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    radius, n = rng.uniform(0.43, 0.48), int(rng.integers(10, 22))
    disc = smooth(radius, radius - 0.006, far)
    stage.shadow(disc, 0.05, 0.025, 0.6)
    bowl = 0.05 * smooth(0.5 * radius, radius, far) - 0.02 * smooth(0.95 * radius, radius, far)
    bright, shine = stage.lit(bowl, 30)
    stage.over(disc, glaze * (0.93 * bright)[..., None])
    band = np.exp(-(((far - 0.95 * radius) / 0.007) ** 2)) + np.exp(-(((far - 0.66 * radius) / 0.005) ** 2))
    petals = smooth(0.25, 0.5, np.cos(n * angle) * smooth(0.12, 0.0, np.abs(far / radius - 0.81)))
    stage.over(disc * np.clip(band + petals, 0, 1) * 0.85, ink)
    gloss = np.exp(-(((x - 0.2 * stage.sun[0]) / 0.09) ** 2) - ((y - 0.2 * stage.sun[1]) / 0.06) ** 2)
    stage.over(disc * np.clip(gloss + 0.3 * shine**2, 0, 1) * 0.6, colour(255, 255, 255))


def tiles(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Glazed wall tiles in their grout, plain or painted."""
    count, turn = rng.uniform(2.6, 4.2), rng.uniform(-0.25, 0.25)
    u, v = stage.along(turn)
    a, b = (u + 1) * count, (v + 1) * count
    x, y = a % 1 - 0.5, b % 1 - 0.5
    glaze = (colour(244, 242, 234), colour(188, 214, 220), colour(206, 226, 210), colour(238, 222, 196))[rng.integers(4)]
    ink = hsv(rng.choice((0.6, 0.55, 0.03, 0.12)), 0.8, rng.uniform(0.4, 0.75))
    edge = 0.5 - np.maximum(np.abs(x), np.abs(y))
    bright, _ = stage.lit(0.012 * smooth(0.02, 0.1, edge), 30)
    lot = 1 + 0.06 * np.sin(np.floor(a) * 12.9 + np.floor(b) * 78.2)
    stage.image = glaze * (bright * lot)[..., None]
    if rng.random() < 0.7:
        star = np.abs(np.cos(2 * np.arctan2(y, x))) * 0.3 + 0.08
        far = np.hypot(x, y)
        motif = smooth(0.0, -0.03, far - star) - smooth(0.09, 0.07, far) + smooth(0.66, 0.68, far + 0.05 * star)
        stage.over(np.clip(motif, 0, 1) * smooth(0.03, 0.05, edge) * 0.85, ink)
    glare = np.exp(-(((x - 0.2 * stage.sun[0] + 0.15 * y) / 0.07) ** 2) - ((y - 0.15) / 0.2) ** 2)
    stage.over(glare * 0.55, colour(255, 255, 255))
    stage.over(smooth(0.03, 0.015, edge), colour(150, 146, 140))


def vase(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A mug or a pot with a painted band and a glaze that shines."""
    table(stage, rng)
    glaze = colour(246, 244, 236) if rng.random() < 0.6 else hsv(rng.choice((0.07, 0.5, 0.58)), 0.4, 0.75)
    ink, top, foot, half = hsv(rng.choice((0.6, 0.62, 0.02, 0.38)), 0.8, 0.55), rng.uniform(0.2, 0.3), 0.92, rng.uniform(0.27, 0.33)
    belly = rng.uniform(0.0, 0.35)

    def profile(y: Array) -> Array:
        t = np.clip((y - top) / (foot - top), 0, 1)
        return half * (1 - belly * (1 - np.sin(np.pi * (0.15 + 0.75 * t)))) * ((y > top) & (y < foot))

    grip = np.abs(np.hypot((stage.x - 0.5 - half) / 0.12, (stage.y - 0.55) / 0.19) - 1)
    stage.over(smooth(0.24, 0.18, grip), glaze * (0.6 + 0.4 * smooth(0.2, 0.0, grip))[..., None])
    stage.over(ellipse(stage, 0.54, foot, half * 1.15, 0.05) * 0.55, np.zeros(3, np.float32))
    mask, across = turned(stage, 0.5, profile)
    side = 1.0 if stage.sun[0] > 0 else -1.0
    body = np.broadcast_to(glaze, stage.image.shape)
    bend = 0.04 * np.sqrt(np.clip(1 - across**2, 0, 1))
    level, turn = (stage.y - bend - 0.55) / 0.12, np.arcsin(across * 0.98)
    band = smooth(0.06, 0.02, np.abs(np.abs(level) - 1)) + smooth(0.1, -0.1, np.abs(level) - 0.75 * np.abs(np.cos(turn * 5)))
    body = blend(body, ink, (np.clip(band, 0, 1) * 0.9)[..., None])
    stage.over(mask, body * (1 - 0.5 * smooth(-0.2, 1.1, -across * side) - 0.15 * np.abs(across) ** 4)[..., None])
    stage.over(mask * streak(across, 0.5 * side, 0.09) * smooth(top + 0.05, top + 0.12, stage.y) * 0.75, colour(255, 255, 255))
    wide = float(profile(np.array([top + 0.01]))[0])
    stage.over(ellipse(stage, 0.5, top, wide, 0.06), blend(glaze, 1.0, 0.4))
    stage.over(ellipse(stage, 0.5, top, wide - 0.025, 0.045), glaze * 0.45)
