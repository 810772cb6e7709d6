"""The cause that rolls in: a sea with rows of breakers, foam between them and a sheet of water running up the shore."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, blend, blur, child, colour, hsv, noise, ridge, smooth
from sonicdiff.synthetic.stage import Stage

BREAKERS = 5


@dataclass(frozen=True)
class Sea:
    """What all breakers share: the shore (size,) in heights of the picture, colours, two noise fields of foam and the surf's strength."""

    shore: Array
    deep: Array
    glow: Array
    white: Array
    shadow: Array
    lumps: Array
    fine: Array
    strength: float
    shown: float


def breaking(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """The flat ground from the horizon to a shore in front becomes sea; its waves grow from ripples (0) to high breakers (1)."""
    sea = _sea(stage, rng, s)
    _surface(stage, rng, sea)
    phase, surge = float(rng.random()), child(rng)
    for k in range(BREAKERS):
        _breaker(stage, surge, sea, (k + 0.2 + 0.8 * phase) / BREAKERS)
    _run_up(stage, rng, sea)


def _sea(stage: Stage, rng: np.random.Generator, s: float) -> Sea:
    bright = stage.whiteness()
    hue, grey = 0.47 + 0.11 * rng.random(), rng.random()
    deep = blend(hsv(hue + 0.03, 0.5 + 0.35 * grey, 0.36 + 0.16 * rng.random()), stage.light.bottom, 0.12) * stage.light.ambient
    glow = blend(hsv(hue, 0.35 + 0.3 * grey, 0.76), stage.light.bottom, 0.2) * bright
    shore = float(rng.uniform(0.8, 0.93)) + rng.uniform(-0.14, 0.14) * (stage.x[0] - 0.5) + 0.012 * ridge(rng, stage.size, 1.7)
    lumps, fine = noise(rng, stage.size, 1.5, 2.4), noise(rng, stage.size, 0.95, 2.0)
    return Sea(shore, deep, glow, colour(248, 251, 253) * bright, colour(140, 172, 190) * bright, lumps, fine, s, float(smooth(0, 0.15, s)))


def _surface(stage: Stage, rng: np.random.Generator, sea: Sea) -> None:
    """Water to the horizon with small waves that grow nearer, glitter of the sun, and a lace of old foam towards the shore."""
    h, light = stage.horizon + 0.012, stage.light
    near = np.clip((stage.y - h) / (sea.shore[None] - h), 0, 1)
    chop = noise(rng, stage.size, 1.1, 7.0, 0.9)
    water = (
        blend(blend(light.bottom, sea.deep, 0.55), sea.deep, smooth(0, 0.5, near)[..., None]) * (1 + 0.16 * chop * (0.3 + near))[..., None]
    )
    glitter = np.exp(-(((stage.x - light.sun[0]) / (0.06 + 0.14 * near)) ** 2)) * smooth(0.4, 1.6, chop) * light.glow
    flat = stage.ground * stage.below(h) * (1 - stage.below(sea.shore, 2.0)) * sea.shown
    stage.over(flat, water + glitter[..., None] * light.disc)
    reach = 1.25 - 0.55 * sea.strength
    lace = smooth(reach, reach + 0.5, 0.8 * sea.lumps + 0.55 * np.abs(sea.fine) + 1.1 * near**2) * near
    stage.over(lace * flat * (0.35 + 0.5 * sea.strength), sea.white)


def _breaker(stage: Stage, rng: np.random.Generator, sea: Sea, t: float) -> None:
    """One wave at the fraction `t` of the way to the shore: a glassy face under a crest that spills white, foam at its foot, spray."""
    s, size = sea.strength, stage.size
    foot = stage.horizon + 0.012 + (sea.shore - stage.horizon) * (0.05 + 0.9 * t**1.5)
    swell, gate, jag = ridge(rng, size, 1.9), ridge(rng, size, 1.6), ridge(rng, size, 1.1, 1)
    tall = (0.006 + 0.17 * s**1.2) * (0.1 + 0.9 * t) * np.clip(0.75 + 0.28 * swell, 0.25, 1.4) + 1e-4
    crest = foot - tall * (1 + 0.06 * jag) + 0.003 * jag
    spilt = smooth(0.5 - 1.5 * s, 1.1 - 1.5 * s, gate) * (0.55 + 0.45 * s)
    v = (stage.y - crest[None]) / tall[None]
    there = _unhidden(stage, float(foot.mean())) * sea.shown
    body = stage.below(crest, 1.5) * (1 - smooth(0.9, 1.15, v)) * there
    face = blend(sea.glow, sea.deep * 0.75, smooth(0.05, 0.75, v + 0.12 * sea.lumps)[..., None]) * (1 + 0.1 * sea.fine)[..., None]
    stage.over(body * (0.4 + 0.6 * min(1.0, 2 * s)), face)
    fall = spilt[None] * (0.35 + 0.75 * np.clip(0.5 + 0.5 * swell[None], 0, 1)) + 0.06
    foam = smooth(0.0, 0.22, fall - v + 0.2 * sea.lumps + 0.16 * sea.fine) * stage.below(crest - 0.002, 1.5) * (1 - smooth(0.95, 1.3, v))
    relief = np.gradient(blur(sea.fine + sea.lumps, 1.2 * size / 256), axis=0) * size / 60
    tone = blend(sea.shadow, sea.white, np.clip(0.75 - 0.5 * relief - 0.25 * v, 0, 1)[..., None])
    stage.over(foam * there * np.clip(0.25 + spilt[None], 0, 1), tone)
    wash = np.exp(-np.clip(stage.y - foot[None], 0, 1) / (0.012 + 0.05 * s * t)) * stage.below(foot - 0.004, 3.0)
    stage.over(wash * smooth(-0.5, 0.9, sea.fine + 0.6 * sea.lumps) * there * spilt[None] * 0.9, sea.white)
    _spray(stage, rng, sea, crest, tall * spilt, there)


def _spray(stage: Stage, rng: np.random.Generator, sea: Sea, crest: Array, tall: Array, there: Array) -> None:
    """Mist and drops thrown up above a breaking crest, the more the higher it is."""
    above = np.clip(crest[None] - stage.y, 0, 1)
    mist = (
        np.exp(-above / (0.4 * tall[None] + 1e-3)) * (1 - stage.below(crest, 2.0)) * np.clip(0.55 + 0.4 * sea.fine + 0.3 * sea.lumps, 0, 1)
    )
    stage.over(mist * there * sea.strength * 0.85 * smooth(0.005, 0.03, tall)[None], sea.white)
    xs, ups, radii = rng.random(70), rng.exponential(0.45, 70), rng.uniform(0.0015, 0.0045, 70)
    columns = np.minimum((xs * stage.size).astype(int), stage.size - 1)

    def drops(d: ImageDraw.ImageDraw, k: float) -> None:
        for x, y, r in zip(xs, crest[columns] - ups * tall[columns], radii * smooth(0.02, 0.1, tall[columns]), strict=True):
            d.ellipse(((x - r) * k, (y - r) * k, (x + r) * k, (y + r) * k), fill=255)

    stage.over(stage.drawn(drops) * there * 0.9, sea.white)


def _run_up(stage: Stage, rng: np.random.Generator, sea: Sea) -> None:
    """The sheet of water that runs up the shore behind a scalloped white edge, over ground that stays dark and wet."""
    reach = (0.012 + 0.05 * sea.strength) * (1 + 0.5 * ridge(rng, stage.size, 1.5))
    edge, below = sea.shore + reach, stage.below(sea.shore - 0.01, 2.0) * stage.ground * sea.shown
    wet = np.exp(-np.clip(stage.y - edge[None], 0, 1) / 0.035)
    stage.over(below * wet * 0.45, stage.image * 0.6)
    sheet = below * (1 - stage.below(edge, 2.0))
    stage.over(sheet * 0.75, blend(sea.glow, stage.image, 0.25))
    foam = smooth(0.35 - 0.6 * sea.strength, 1.2, sea.fine + 0.7 * sea.lumps) * sheet
    line = np.exp(-(((stage.y - edge[None]) / (0.006 + 0.008 * sea.strength)) ** 2)) * (0.7 + 0.3 * np.tanh(sea.fine))
    stage.over(np.clip(foam + line * below, 0, 1) * 0.9, sea.white)


def _unhidden(stage: Stage, foot: float) -> Array:
    """Where a wave whose foot is at this height can be seen: not behind things that stand nearer than it."""
    near = np.clip((foot - stage.horizon) / (1 - stage.horizon), 0, 1)
    things = (1 - stage.ground) * (1 - stage.sky)
    return 1 - things * smooth(-0.06, 0.02, 0.6 * (1 - near) ** 2 - stage.depth)
