"""Causes that burn: an explosion (fireball, mushroom of smoke, debris) and a crackling fire (flames, glow, smoke, embers)."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.billows import billow, column, heap
from sonicdiff.synthetic.painting import Array, blur, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage


def fire_colours(heat: Array) -> Array:
    """Red, orange, yellow, near white: heat 0..1 to light (h, w, 3)."""
    return np.stack((smooth(0, 0.35, heat), smooth(0.12, 0.85, heat) * 0.92, smooth(0.55, 1.15, heat) * 0.8), -1)


def explosion(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """A fireball on the ground under a mushroom of dark smoke, debris thrown out, everything lit orange."""
    shown = float(smooth(0, 0.18, s))
    x = float(rng.uniform(0.28, 0.72))
    foot = stage.horizon + float(rng.uniform(0.05, 0.2))
    r = 0.06 + 0.125 * s
    cap = foot - 2.8 * r
    lean = float(rng.normal(0, 0.03))
    stage.image = stage.image * (1 - 0.35 * shown * s)
    glow = np.exp(-np.hypot(stage.x - x, stage.y - foot + r) / (1.9 * r))
    stage.add(glow * shown * (0.5 + 0.5 * s), colour(255, 120, 40) * 1.0)
    dark, bright = colour(34, 28, 30), colour(128, 96, 84)
    stem = column(rng, 9, (x, foot - 0.4 * r), cap, (0.5 * r, 0.75 * r), lean)
    crown = [
        (
            x + lean + float(q) * 1.7 * r,
            cap - (1 - abs(float(q))) * 0.8 * r + float(rng.uniform(-0.2, 0.2)) * r,
            r * float(rng.uniform(0.6, 0.95)),
        )
        for q in np.linspace(-1, 1, 9)
    ]
    billow(stage, rng, stem + crown, dark, bright, (-0.5, -0.8), shown * 0.97)
    belly = [(bx, by + 0.55 * br, br * 0.75) for bx, by, br in crown[1:-1]]
    stage.add(blur(heap(stage, belly, noise(rng, stage.size, 1.5)) / r, 3.0 * stage.size / 256) * shown * 0.45, colour(255, 96, 26))
    _debris(stage, rng, x, foot, r, shown)
    ball = [
        (x + float(rng.normal(0, 0.55)) * r, foot - 0.55 * r - float(rng.random()) * 0.9 * r, r * float(rng.uniform(0.45, 0.85)))
        for _ in range(9)
    ]
    ragged = noise(rng, stage.size, 1.65)
    height = heap(stage, [(x, foot - 0.7 * r, 1.05 * r), *ball], ragged, 0.45) / r
    core = np.exp(-(((stage.x - x) / (1.1 * r)) ** 2) - ((stage.y - foot + 0.6 * r) / (1.0 * r)) ** 2)
    heat = height * (0.45 + 0.75 * core) + 0.12 * ragged * (height > 0)
    stage.over(smooth(0.02, 0.25, height) * shown, fire_colours(np.clip(heat + 0.12, 0, 1.2)))
    dust = np.exp(-(((stage.x - x) / (2.6 * r)) ** 2) - ((stage.y - foot) / (0.16 * r + 0.01)) ** 2)
    stage.over(dust * 0.75 * shown, colour(178, 108, 62))


def _debris(stage: Stage, rng: np.random.Generator, x: float, foot: float, r: float, shown: float) -> None:
    angles, reaches, sizes = rng.uniform(-3.0, -0.14, 26), rng.uniform(1.3, 3.2, 26), rng.uniform(0.03, 0.1, 26)

    def draw(d: ImageDraw.ImageDraw, s: float) -> None:
        for a, q, w in zip(angles, reaches, sizes, strict=True):
            end = (x + np.cos(a) * q * r, foot - 0.6 * r + np.sin(a) * q * r)
            start = (x + np.cos(a) * q * 0.72 * r, foot - 0.6 * r + np.sin(a) * q * 0.72 * r)
            side = (-np.sin(a) * w * r, np.cos(a) * w * r)
            d.polygon(
                [
                    (start[0] * s, start[1] * s),
                    ((end[0] + side[0]) * s, (end[1] + side[1]) * s),
                    ((end[0] - side[0]) * s, (end[1] - side[1]) * s),
                ],
                fill=255,
            )

    stage.over(stage.drawn(draw) * shown * 0.95, colour(255, 176, 70))


def fire(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """Flames standing on the ground in clusters, smoke above, embers, and a red evening of their own."""
    shown = float(smooth(0, 0.15, s))
    h, size = stage.horizon, stage.size
    stage.grade(colour(255, 188, 140) * 0.8, 0.6 * s * shown)
    stage.image = stage.image * (1 - 0.25 * s * shown)
    hearths = [(float(rng.uniform(0.12, 0.88)), float(rng.uniform(h + 0.16, 0.97))) for _ in range(3)]
    hearths.sort(key=lambda hearth: hearth[1])
    smoke, tongues = [], []
    for i, (x, base) in enumerate(hearths):
        strong = float(np.clip(s * 3 - i * 0.5 if i < 2 else s * 3 - 1.4, 0, 1)) * (0.35 + 0.65 * s)
        big = (0.3 + 0.5 * (base - h) / (1 - h)) * strong
        smoke += column(
            rng, 7, (x, base - 0.5 * big), base - 1.7 * big - 0.05, (0.16 * big + 0.004, 0.42 * big + 0.004), float(rng.normal(0, 0.12))
        )
        tongues += _tongues(rng, x, base, big)
    billow(stage, rng, smoke, colour(40, 34, 34), colour(120, 92, 78), (0.0, 0.9), shown * (0.5 + 0.35 * s))
    heat = _flames(stage, rng, tongues)
    wide = blur(heat, 18 * size / 256) * 1.2 + blur(heat, 5 * size / 256) * 0.5
    stage.add(wide * shown, colour(255, 112, 30) * 0.9)
    stage.over(smooth(0.02, 0.28, heat) * shown, fire_colours(heat))
    _embers(stage, rng, s)


def _tongues(rng: np.random.Generator, x: float, base: float, big: float) -> list[tuple[float, float, float, float]]:
    """Nine tongues (x, base, height, width), the tall ones in the middle."""
    found = []
    for q in np.linspace(-1, 1, 9):
        tall = big * (1.05 - 0.6 * abs(q)) * rng.uniform(0.7, 1.2)
        found.append(
            (
                float(x + q * 0.42 * big + rng.normal(0, 0.03) * big),
                float(base + 0.04 * big * (1 - q * q)),
                float(tall),
                float(tall * rng.uniform(0.2, 0.3)),
            )
        )
    return found


def _flames(stage: Stage, rng: np.random.Generator, tongues: list[tuple[float, float, float, float]]) -> Array:
    """The heat (size, size) of all tongues: drops standing on their round end, licked sideways by rising turbulence."""
    lick, flicker = noise(rng, stage.size, 1.7, 1.0, 0.7), noise(rng, stage.size, 1.7, 1.0, 0.5)
    heat = np.zeros_like(stage.x)
    for x, base, tall, wide in tongues:
        if tall < 0.01:
            continue
        v = (base - stage.y) / tall
        inside = np.clip(v, 0, 1)
        body = wide * np.sqrt(np.clip(v * 3 + 0.25, 0, 1)) * np.clip(1 - v, 0, 1) ** 0.75
        off = np.abs(stage.x + lick * inside * 0.17 * tall - x)
        drop = np.clip(1 - off / np.maximum(body, 1e-4), 0, 1) * (v > -0.09) * (v < 1)
        heat = np.maximum(heat, drop**0.6 * (1.15 - 0.65 * inside) * np.clip(1 + 0.15 * flicker, 0.5, 1.4))
    return heat


def _embers(stage: Stage, rng: np.random.Generator, s: float) -> None:
    n = 46
    xs, ys, sizes = rng.random(n), rng.uniform(0.05, 0.95, n), rng.uniform(0.004, 0.009, n)
    lit = np.clip(s * n * 1.1 - np.arange(n), 0, 1)

    def draw(d: ImageDraw.ImageDraw, k: float) -> None:
        for x, y, r, a in zip(xs, ys, sizes * lit, lit, strict=True):
            if a > 0:
                d.ellipse(((x - r) * k, (y - r) * k, (x + r) * k, (y + r) * k), fill=int(255 * a))

    mask = stage.drawn(draw)
    stage.add(blur(mask, 3.0 * stage.size / 256) * 0.8, colour(255, 110, 30))
    stage.over(mask, colour(255, 200, 100))
