"""Billowing bodies (smoke, storm cloud, spray): heaps of balls with ragged edges, shaded as one surface."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, blur, noise, smooth
from sonicdiff.synthetic.stage import Stage

Ball = tuple[float, float, float]


def heap(stage: Stage, balls: Sequence[Ball], ragged: Array, raggedness: float = 0.35) -> Array:
    """The height (size, size) of a heap of balls (x, y, radius) above the picture, 0 outside; a noise field makes its edge ragged."""
    size = stage.size
    height = np.zeros((size, size), np.float32)
    for x, y, r in balls:
        reach = r * 1.4
        top, bottom = (int(np.clip(v * size, 0, size)) for v in (y - reach, y + reach + 2 / size))
        left, right = (int(np.clip(v * size, 0, size)) for v in (x - reach, x + reach + 2 / size))
        if bottom <= top or right <= left:
            continue
        box = np.s_[top:bottom, left:right]
        d2 = ((stage.x[box] - x) / r) ** 2 + ((stage.y[box] - y) / r) ** 2
        dome = np.sqrt(np.clip(1 - d2 + raggedness * ragged[box], 0, 1.6)) * r
        height[box] = np.maximum(height[box], dome)
    return height


def shade(stage: Stage, rng: np.random.Generator, height: Array, light_from: tuple[float, float], relief: float = 1.0) -> Array:
    """How much light (0..1) falls on a heap from the direction `light_from` (x, y down)."""
    folds = height + 0.016 * relief * noise(rng, stage.size, 1.9)
    gy, gx = np.gradient(folds)
    slope = -(gx * light_from[0] + gy * light_from[1]) * stage.size
    return smooth(-1.3, 1.3, slope * 1.1)


def billow(
    stage: Stage,
    rng: np.random.Generator,
    balls: Sequence[Ball],
    dark: Array,
    bright: Array,
    light_from: tuple[float, float],
    opacity: float,
) -> Array:
    """Lay a heap over the picture, coloured between `dark` and `bright`; returns its mask. Always draws two noise fields."""
    ragged = noise(rng, stage.size, 1.75)
    height = heap(stage, balls, ragged)
    light = shade(stage, rng, blur(height, 1.6 * stage.size / 256), light_from)
    mask = smooth(0.0, 0.045, height) * opacity
    stage.over(mask, blend(dark, bright, light[..., None]))
    return mask


def column(rng: np.random.Generator, n: int, foot: tuple[float, float], top: float, width: tuple[float, float], drift: float) -> list[Ball]:
    """`2 n` balls rising from `foot` to the height `top`, the column widening and drifting aside."""
    balls = []
    for t in np.linspace(0, 1, 2 * n):
        spread = width[0] + (width[1] - width[0]) * t
        x = foot[0] + drift * t**1.4 + rng.normal(0, 0.45) * spread
        balls.append((float(x), float(foot[1] + (top - foot[1]) * t), float(spread * rng.uniform(0.7, 1.15))))
    return balls
