"""What every place is built from: flat ground, mirroring water, ridges of mountains."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, noise, ridge, smooth
from sonicdiff.synthetic.stage import Stage


def lay_ground(stage: Stage, rng: np.random.Generator, mask: Array, tone: Array, roughness: float = 0.12) -> None:
    """Flat ground down to the camera: grain that grows nearer, light patches, haze at the far end."""
    near = np.clip((stage.y - stage.horizon) / (1 - stage.horizon), 0, 1)
    grain = noise(rng, stage.size, 1.0, 2.2) * roughness + noise(rng, stage.size, 1.9, 3.0) * roughness
    stage.lay(mask, tone * ((0.78 + 0.3 * near) * (1 + grain))[..., None], (1 - near) ** 3 * 0.6, 1.0)


def lay_water(stage: Stage, rng: np.random.Generator, mask: Array, tone: Array, line: float, clearness: float = 0.55) -> None:
    """Water that mirrors what stands above the height `line`, broken by waves and the sun's glitter."""
    waves = noise(rng, stage.size, 1.15, 6.0, 0.9)
    near = np.clip((stage.y - line) / (1 - line), 0, 1)
    light = stage.light
    body = blend(stage.mirrored(line, 2.5), tone * light.ambient, (1 - clearness + clearness * near)[..., None])
    body = body * (1 + 0.13 * waves * (0.4 + near))[..., None]
    glitter = np.exp(-(((stage.x - light.sun[0]) / (0.05 + 0.12 * near)) ** 2)) * smooth(0.2, 1.6, waves) * light.glow * 1.2
    stage.over(mask, body + glitter[..., None] * light.disc)
    stage.sky = stage.sky * (1 - mask)
    stage.depth = blend(stage.depth, (1 - near) ** 2, mask)
    stage.ground = blend(stage.ground, 1.0, mask)


def lay_mountains(stage: Stage, rng: np.random.Generator, n: int, height: float, tone: Array, snow: float) -> None:
    """`n` ridges, the far ones paler, lit on the sun's side and white above the snow line."""
    side = 1.0 if stage.light.sun[0] > 0.5 else -1.0
    for k in range(n):
        near = (k + 1) / n
        peak, px = height * (1.1 - 0.45 * near), rng.uniform(0.1, 0.9)
        line = ridge(rng, stage.size, 1.45, 3)
        x = np.linspace(0, 1, stage.size, dtype=np.float32)
        top = stage.horizon + 0.02 - peak * np.clip(0.35 + 0.22 * line + 0.65 * np.exp(-(((x - px) / 0.22) ** 2)), 0.04, 1.5)
        folds = noise(rng, stage.size, 1.5, 0.8, 1.6)
        slope = np.gradient(folds, axis=1) * stage.size / 40 + np.gradient(top)[None] * stage.size * 0.55
        shade = np.clip(0.82 - 0.4 * side * np.tanh(slope), 0.45, 1.3)
        cap = smooth(-0.03, 0.05, snow * peak + 0.02 * folds + 0.04 * (line[None] > 0) - (stage.y - top[None]))
        body = blend(tone * (0.9 + 0.1 * k / n), colour(244, 247, 252), cap[..., None] * (snow > 0))
        stage.lay(stage.below(top), body * shade[..., None], 0.9 - 0.55 * near)
