"""The cause that falls: a cliff in the scene, white water down its face, a pool and mist at its foot."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.billows import billow
from sonicdiff.synthetic.painting import blend, colour, noise, ridge, smooth
from sonicdiff.synthetic.stage import Stage


def waterfall(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """Cliff, fall, pool and mist, all of them growing with `s`."""
    shown = float(smooth(0, 0.15, s))
    bright = stage.whiteness()
    x, half = float(rng.uniform(0.3, 0.7)), 0.05 + 0.13 * s
    top, foot = stage.horizon - 0.2 - 0.16 * s, stage.horizon + 0.2 + 0.07 * s
    rock = blend(colour(146, 126, 108), colour(110, 116, 116), float(rng.random()))
    wander = ridge(rng, stage.size, 1.5) * 0.022
    strata = noise(rng, stage.size, 1.8, 1.3, 0.6)
    wide = half + 0.13 + 0.08 * s + 0.25 * np.clip(stage.y - top, 0, 1) ** 1.5 + (0.035 * ridge(rng, stage.size, 1.3))[:, None]
    brow = top - 0.025 + 0.022 * ridge(rng, stage.size, 1.2) + np.abs(stage.x[0] - x) ** 2 * 1.2
    cliff = smooth(0, 0.02, wide - np.abs(stage.x - x)) * stage.below(brow) * smooth(foot + 0.05, foot + 0.02, stage.y)
    side = 1.0 if stage.light.sun[0] > x else -1.0
    shade = np.clip(0.9 + 0.45 * np.tanh(np.gradient(strata, axis=1) * -side * stage.size / 45) + 0.1 * strata, 0.4, 1.5)
    moss = smooth(0.035, 0.0, stage.y - brow[None]) + 0.5 * smooth(0.8, 1.6, strata)
    stage.over(cliff * shown, blend(rock * shade[..., None], colour(84, 118, 52), np.clip(moss, 0, 0.9)[..., None]) * bright)
    _pool(stage, rng, x, half, foot, shown, bright)
    _fall(stage, rng, x + wander[:, None], half, top, foot, shown, bright)
    _mist(stage, rng, x, half, foot, s, shown, bright)


def _pool(stage: Stage, rng: np.random.Generator, x: float, half: float, foot: float, shown: float, bright: np.ndarray) -> None:
    """Turquoise water spreading to the front, with rings of foam."""
    waves = noise(rng, stage.size, 1.3, 4.0)
    down = stage.y - foot
    basin = smooth(0, 0.03, 0.16 + half + 1.3 * np.clip(down + 0.02, 0, 1) - np.abs(stage.x - x) + 0.02 * waves) * smooth(
        -0.01, 0.015, down
    )
    water = blend(colour(92, 178, 188), colour(24, 92, 122), smooth(0, 0.32, down)[..., None]) * (1 + 0.12 * waves)[..., None]
    stage.over(basin * shown, water * bright)
    ripple = smooth(0.45, 1.0, np.sin(np.hypot((stage.x - x) * 0.55, down) * 120 + waves) * 0.7 + 0.3 * waves) * np.exp(-down / 0.13)
    stage.over(ripple * basin * shown * 0.65, colour(238, 250, 252) * bright)


def _fall(
    stage: Stage, rng: np.random.Generator, x: np.ndarray, half: float, top: float, foot: float, shown: float, bright: np.ndarray
) -> None:
    """A white curtain in strands, widening as it falls, smooth where it turns over the edge."""
    down = np.clip((stage.y - top) / (foot - top), 0, 1)
    strands = noise(rng, stage.size, 0.95, 0.6, 14.0)
    reach = half * (0.8 + 0.35 * down) - np.abs(stage.x - x) + 0.008 * strands * (0.3 + down)
    mask = smooth(0, 0.018, reach) * smooth(-0.012, 0.012, stage.y - top) * smooth(foot + 0.04, foot, stage.y)
    tone = blend(colour(168, 206, 222), colour(252, 254, 255), smooth(-1.2, 0.7, strands + 0.5 * down)[..., None])
    stage.over(mask * shown, tone * bright)


def _mist(stage: Stage, rng: np.random.Generator, x: float, half: float, foot: float, s: float, shown: float, bright: np.ndarray) -> None:
    white = colour(246, 251, 254) * bright
    foam = [
        (x + float(q) * 1.3 * half, foot + 0.015 + 0.012 * float(rng.random()), (0.022 + 0.02 * float(rng.random())) * (0.7 + s))
        for q in np.linspace(-1, 1, 13)
    ]
    billow(stage, rng, foam, colour(168, 206, 220) * bright, white, (-0.3, -0.9), shown * 0.9)
    puffs = 0.75 + 0.25 * noise(rng, stage.size, 1.8)
    cloud = np.exp(-(((stage.x - x) / (half * 1.9 + 0.04)) ** 2) - ((stage.y - foot + 0.02) / (0.05 + 0.08 * s)) ** 2)
    stage.over(np.clip(cloud * puffs, 0, 1) * shown * (0.5 + 0.35 * s), white)
