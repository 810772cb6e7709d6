"""Trees, bushes, reeds and grass, drawn in groups: one mask for trunks, one for leaves, one for the leaves the light falls on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, colour
from sonicdiff.synthetic.stage import Stage

KINDS = ("conifer", "broadleaf", "poplar", "palm")


@dataclass(frozen=True)
class Plant:
    """A tree standing at (x, base), `height` tall, its shape fixed by `seed`."""

    kind: str
    x: float
    base: float
    height: float
    seed: int


def plants(rng: np.random.Generator, n: int, kinds: Sequence[str], base: tuple[float, float], height: tuple[float, float]) -> list[Plant]:
    """`n` plants scattered over the width, far ones first; heights grow from `height[0]` at `base[0]` to `height[1]` at `base[1]`."""
    found = []
    for t in np.sort(rng.random(n)):
        tall = (height[0] + (height[1] - height[0]) * t) * rng.uniform(0.75, 1.3)
        kind = kinds[int(rng.integers(len(kinds)))]
        found.append(Plant(kind, float(rng.uniform(-0.05, 1.05)), base[0] + (base[1] - base[0]) * t, float(tall), int(rng.integers(2**31))))
    return found


def paint_plants(stage: Stage, group: Sequence[Plant], tone: Array, depth: float) -> None:
    """Paint a group of one depth; `tone` colours its leaves, palms and conifers taking a share of their own."""
    if not group:
        return
    side = 1.0 if stage.light.sun[0] > 0.5 else -1.0
    masks = [np.zeros_like(stage.x)] * 3
    for part in range(3):
        masks[part] = stage.drawn(lambda d, s, part=part: [_draw_plant(d, s, plant, stage.bend, side, part) for plant in group])
    stage.lay(masks[0], colour(74, 52, 38) * 0.9, depth)
    stage.lay(masks[1], tone * 0.62, depth)
    stage.lay(masks[2] * 0.85, tone * 1.18, depth)


def sway(bend: float, plant: Plant, y: float) -> float:
    """How far the wind pushes a plant's point at height `y` aside."""
    up = max(plant.base - y, 0.0) / plant.height
    return bend * plant.height * up**1.5 * 0.9


def _draw_plant(d: ImageDraw.ImageDraw, s: float, plant: Plant, bend: float, side: float, part: int) -> None:
    rng = np.random.default_rng(plant.seed)
    if part == 0:
        _trunk(d, s, plant, bend)
    elif plant.kind == "conifer":
        _conifer(d, s, plant, bend, side, part, rng)
    elif plant.kind == "palm":
        _palm(d, s, plant, bend, side, part, rng)
    else:
        _crown(d, s, plant, bend, side, part, rng)


def _trunk(d: ImageDraw.ImageDraw, s: float, plant: Plant, bend: float) -> None:
    top = 0.92 if plant.kind == "palm" else 0.6
    heights = [plant.base - plant.height * top * k / 6 for k in range(7)]
    points = [((plant.x + sway(bend, plant, y)) * s, y * s) for y in heights]
    d.line(points, fill=255, width=max(2, int(plant.height * s * (0.032 if plant.kind == "palm" else 0.055))), joint="curve")


def _conifer(d: ImageDraw.ImageDraw, s: float, plant: Plant, bend: float, side: float, part: int, rng: np.random.Generator) -> None:
    tiers, width = 6, rng.uniform(0.19, 0.26)
    for k in range(tiers):
        low = plant.base - plant.height * (0.1 + 0.72 * k / tiers)
        tip = low - plant.height * 0.3
        half = plant.height * width * (1 - 0.82 * k / tiers)
        x, xt = plant.x + sway(bend, plant, low), plant.x + sway(bend, plant, tip)
        if part == 1:
            d.polygon(
                [((x - half) * s, low * s), (x * s, (low - 0.02 * plant.height) * s), ((x + half) * s, low * s), (xt * s, tip * s)],
                fill=255,
            )
        else:
            edge = x + side * half * 0.85
            d.polygon([((x + side * half * 0.15) * s, low * s), (edge * s, (low - 0.01) * s), (xt * s, tip * s)], fill=255)


def _crown(d: ImageDraw.ImageDraw, s: float, plant: Plant, bend: float, side: float, part: int, rng: np.random.Generator) -> None:
    n = 18
    spread, rise, middle = (0.1, 0.33, 0.55) if plant.kind == "poplar" else (0.21, 0.2, 0.66)
    for _ in range(n):
        a, q, r = (
            rng.uniform(0, 6.283),
            rng.random() ** 0.5,
            plant.height * rng.uniform(0.1, 0.17) * (0.75 if plant.kind == "poplar" else 1.0),
        )
        y = plant.base - plant.height * (middle + rise * q * np.sin(a))
        x = plant.x + plant.height * spread * q * np.cos(a) + sway(bend, plant, y)
        if part == 2:
            x, y, r = x + side * r * 0.3, y - r * 0.32, r * 0.62
        d.ellipse(((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s), fill=255)


def _palm(d: ImageDraw.ImageDraw, s: float, plant: Plant, bend: float, side: float, part: int, rng: np.random.Generator) -> None:
    y0 = plant.base - plant.height * 0.92
    x0 = plant.x + sway(bend, plant, y0)
    for k in range(9):
        a = np.pi * (0.05 + 0.9 * k / 8) + rng.normal(0, 0.08)
        length = plant.height * rng.uniform(0.3, 0.42)
        if part == 2 and np.cos(a) * side < 0.1:
            continue
        along = np.linspace(0, 1, 6)
        xs = x0 + (np.cos(a) * along + bend * 0.9 * along) * length
        ys = y0 - np.sin(a) * along * length * 0.55 + along**2 * length * 0.55
        thick = length * 0.1 * (0.5 if part == 2 else 1.0)
        upper = [(float(x) * s, float(y - thick * np.sin(np.pi * t)) * s) for x, y, t in zip(xs, ys, along, strict=True)]
        lower = [(float(x) * s, float(y + thick * np.sin(np.pi * t) * (part == 1)) * s) for x, y, t in zip(xs, ys, along, strict=True)]
        d.polygon(upper + lower[::-1], fill=255)


def blades(
    stage: Stage, rng: np.random.Generator, n: int, base: tuple[float, float], height: tuple[float, float], lean: float, width: float
) -> Array:
    """The mask of `n` blades of grass rooted between the heights `base`, leaning by `lean` (0 upright, 1 lying over)."""
    roots, at = rng.uniform(-0.15, 1.15, n), rng.uniform(*base, n)
    tall, tilt = rng.uniform(*height, n), rng.normal(0, 0.15, n)

    def draw(d: ImageDraw.ImageDraw, s: float) -> None:
        for x, y, h, t in zip(roots, at, tall, tilt, strict=True):
            dx, w = (lean + t) * h, width * h
            up = h * float(np.sqrt(max(1 - min(abs(lean), 0.95) ** 2, 0.1)))
            d.polygon(
                [
                    ((x - w) * s, y * s),
                    ((x + 0.35 * dx) * s, (y - 0.6 * up) * s),
                    ((x + dx) * s, (y - up) * s),
                    ((x + 0.4 * dx + w) * s, (y - 0.5 * up) * s),
                    ((x + w) * s, y * s),
                ],
                fill=255,
            )

    return stage.drawn(draw)
