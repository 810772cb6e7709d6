"""Four open places: coast, mountain, desert, lake."""

from __future__ import annotations

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, blend, child, colour, hsv, noise, ridge, smooth
from sonicdiff.synthetic.stage import Stage
from sonicdiff.synthetic.terrain import lay_ground, lay_mountains, lay_water
from sonicdiff.synthetic.vegetation import paint_plants, plants


def coast(stage: Stage, rng: np.random.Generator) -> None:
    """Sea to the horizon, headlands, surf along a slanting beach, palms now and then."""
    side = -1.0 if rng.random() < 0.5 else 1.0
    x = stage.x[0] if side < 0 else 1 - stage.x[0]
    for k in range(2):
        reach, tall = rng.uniform(0.25, 0.75), rng.uniform(0.05, 0.26)
        line = stage.horizon + 0.012 - tall * np.clip(1 - (x / reach) ** rng.uniform(1.2, 4), -0.1, 1) - 0.008 * ridge(rng, stage.size, 1.3)
        rock = blend(colour(132, 112, 92), colour(84, 108, 74), rng.random()) * (0.85 + 0.2 * noise(rng, stage.size, 1.4, 0.6))[..., None]
        stage.lay(stage.below(line) * (x < reach)[None], rock, 0.6 - 0.35 * k)
    sea = hsv(0.48 + 0.12 * rng.random(), 0.45 + 0.4 * rng.random(), 0.4 + 0.25 * rng.random())
    lay_water(stage, rng, stage.below(stage.horizon + 0.008), sea, stage.horizon, 0.75)
    slant, rise = rng.uniform(-0.25, 0.25), rng.uniform(0.5, 0.75)
    shore = stage.horizon + (1 - stage.horizon) * rise + (stage.x[0] - 0.5) * slant + 0.012 * ridge(rng, stage.size, 1.8)
    white = blend(colour(250, 252, 252), stage.light.bottom, 0.2)
    for gap in (0.17, 0.09, 0.0):
        at = shore - gap + 0.008 * ridge(rng, stage.size, 1.6)
        stage.lay(np.exp(-(((stage.y - at[None]) / (0.009 + 0.02 * (0.2 - gap) / 0.2)) ** 2)) * (0.9 - 2.5 * gap), white, 0.0, 1.0)
    sand = blend(colour(232, 206, 160), colour(196, 160, 120), rng.random())
    lay_ground(stage, rng, stage.below(shore), sand, 0.05)
    stage.over(np.exp(-(((stage.y - shore[None] - 0.03) / 0.02) ** 2)) * 0.35, sand * 0.55 * stage.light.ambient)
    trees = plants(child(rng), int(rng.integers(0, 4)), ("palm",), (0.82, 0.98), (0.35, 0.6))
    paint_plants(stage, trees, colour(88, 128, 52), 0.05)


def mountain(stage: Stage, rng: np.random.Generator) -> None:
    """Snow-capped ridges behind an alpine meadow with conifers, sometimes a tarn."""
    tone = blend(colour(112, 116, 132), colour(150, 120, 104), rng.random())
    lay_mountains(stage, rng, int(rng.integers(2, 5)), rng.uniform(0.3, 0.5), tone, rng.uniform(0.15, 0.6))
    meadow = hsv(0.16 + 0.16 * rng.random(), 0.35 + 0.3 * rng.random(), 0.5 + 0.15 * rng.random())
    h = stage.horizon
    line = h + 0.02 + 0.02 * ridge(rng, stage.size, 2.0)
    pines = hsv(0.33 + 0.1 * rng.random(), 0.4, 0.38)
    paint_plants(stage, plants(child(rng), int(rng.integers(8, 30)), ("conifer",), (h + 0.02, h + 0.05), (0.07, 0.12)), pines, 0.4)
    lay_ground(stage, rng, stage.below(line), meadow)
    cx, cy, wide = rng.uniform(0.2, 0.8), rng.uniform(0.72, 0.88), rng.uniform(0.25, 0.5)
    if rng.random() < 0.5:
        bank = 1 - ((stage.x - cx) / wide) ** 2 - ((stage.y - cy) / 0.09) ** 2 + 0.12 * noise(rng, stage.size, 1.9, 2)
        lay_water(stage, rng, smooth(0, 0.12, bank), colour(60, 110, 140), cy - 0.1, 0.7)
    near = plants(child(rng), int(rng.integers(1, 6)), ("conifer",), (h + 0.12, 0.97), (0.2, 0.55))
    paint_plants(stage, near, pines, 0.08)


def desert(stage: Stage, rng: np.random.Generator) -> None:
    """Mesas on the horizon, dunes with one side in shade, cacti or palms."""
    h = stage.horizon
    sand = hsv(0.04 + 0.075 * rng.random(), 0.32 + 0.33 * rng.random(), 0.82 + 0.14 * rng.random())
    _mesas(stage, child(rng), sand * np.array((0.86, 0.72, 0.7), np.float32))
    lay_ground(stage, rng, stage.below(h), sand, 0.04)
    side = 1.0 if stage.light.sun[0] > 0.5 else -1.0
    for k in range(4):
        base = h + 0.03 + (0.75 - h) * (k / 3) ** 1.4
        tall, px, wide = 0.05 + 0.1 * (k + 1) * rng.uniform(0.4, 1) / 2, rng.uniform(0.05, 0.95), rng.uniform(0.2, 0.5)
        x = stage.x[0] + 0.02 * ridge(rng, stage.size, 2.2)
        crest = base + tall * 0.5 - tall * np.exp(-(np.abs((x - px) / wide) ** 1.5) * 1.6)
        across = stage.x - px - 0.35 * (stage.y - base + tall) * side * -1 + 0.02 * ridge(rng, stage.size, 2.0)[:, None]
        shade = blend(1.06, 0.66, smooth(-0.012, 0.012, -across * side) * smooth(tall * 2.6, 0, stage.y - crest[None]))
        ripples = 1 + 0.05 * np.sin((stage.y * 60 + 6 * np.sin(stage.x * 5 + k)) * (1.6 - 0.3 * k)) * (k > 1)
        stage.lay(stage.below(crest), sand * (shade * ripples)[..., None], 0.55 - 0.17 * k, 1.0)
    green = colour(84, 120, 70)
    if rng.random() < 0.4:
        paint_plants(stage, plants(child(rng), int(rng.integers(1, 5)), ("palm",), (h + 0.1, 0.95), (0.22, 0.5)), green, 0.1)
    else:
        _cacti(stage, child(rng), green)


def _mesas(stage: Stage, rng: np.random.Generator, tone: Array) -> None:
    for _ in range(int(rng.integers(0, 4))):
        x, w, tall = rng.uniform(0, 1), rng.uniform(0.06, 0.22), rng.uniform(0.05, 0.2)
        line = stage.horizon + 0.01 - tall * smooth(w, w * 0.72, np.abs(stage.x[0] - x)) - 0.006 * ridge(rng, stage.size, 1.2)
        bands = 1 + 0.12 * np.sin(stage.y * 130 + 3 * noise(rng, stage.size, 2.0)) + 0.1 * noise(rng, stage.size, 1.3, 0.4)
        stage.lay(stage.below(line), tone * bands[..., None], 0.5)


def _cacti(stage: Stage, rng: np.random.Generator, tone: Array) -> None:
    spots = [(rng.uniform(0.05, 0.95), t, (0.1 + 0.45 * t) * rng.uniform(0.6, 1)) for t in np.sort(rng.random(int(rng.integers(0, 6))))]

    def draw(d: ImageDraw.ImageDraw, s: float) -> None:
        for x, t, tall in spots:
            base, w = stage.horizon + 0.08 + (0.9 - stage.horizon) * t, max(2, int(tall * s * 0.11))
            d.line(((x * s, base * s), (x * s, (base - tall) * s)), fill=255, width=w)
            for turn, up in ((-1, 0.45), (1, 0.6)):
                arm, y = x + turn * tall * 0.22, base - tall * up
                d.line(
                    ((x * s, y * s), (arm * s, y * s), (arm * s, (y - tall * 0.25) * s)), fill=255, width=max(2, w * 3 // 4), joint="curve"
                )

    stage.lay(stage.drawn(draw), tone * 0.9, 0.1)


def lake(stage: Stage, rng: np.random.Generator) -> None:
    """Hills and woods doubled in still water, seen from a grassy shore."""
    h = stage.horizon
    tone = hsv(0.25 + 0.4 * rng.random(), 0.2 + 0.25 * rng.random(), 0.45 + 0.15 * rng.random())
    lay_mountains(stage, rng, int(rng.integers(2, 4)), rng.uniform(0.14, 0.42), tone, 0.35 if rng.random() < 0.3 else 0.0)
    leaf = hsv(0.18 + 0.2 * rng.random() - (0.12 if rng.random() < 0.3 else 0), 0.5, 0.48)
    kinds = (("conifer",), ("broadleaf", "poplar"))[rng.integers(2)]
    paint_plants(stage, plants(child(rng), int(rng.integers(6, 30)), kinds, (h, h + 0.02), (0.07, 0.13)), leaf, 0.45)
    stage.lay(np.exp(-(((stage.y - h - 0.012) / 0.012) ** 2)), leaf * 0.75, 0.4)
    deep = hsv(0.5 + 0.13 * rng.random(), 0.4 + 0.35 * rng.random(), 0.35 + 0.2 * rng.random())
    lay_water(stage, rng, stage.below(h + 0.02), deep, h + 0.02, 0.92)
    slant, rise = rng.uniform(-0.35, 0.35), rng.uniform(0.82, 0.93)
    shore = rise + slant * (stage.x[0] - 0.5) + 0.02 * ridge(rng, stage.size, 1.7)
    lay_ground(stage, rng, stage.below(shore), blend(leaf, colour(150, 132, 96), rng.random()) * 1.05)
    near = plants(child(rng), int(rng.integers(0, 3)), kinds, (0.93, 1.0), (0.5, 0.8))
    paint_plants(stage, near, leaf * 0.9, 0.05)
