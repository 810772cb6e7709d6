"""The light of a scene (day, dusk, night, overcast, each in many hues) and the sky it makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageDraw

from sonicdiff.synthetic.painting import Array, blend, colour, hsv, noise, smooth

if TYPE_CHECKING:
    from sonicdiff.synthetic.stage import Stage


@dataclass(frozen=True)
class Light:
    """Colours are float32 (3,); `haziness` is how much of the haze the farthest thing takes; `glow` the sun's or moon's strength."""

    name: str
    top: Array
    bottom: Array
    haze: Array
    ambient: Array
    haziness: float
    sun: tuple[float, float]
    disc: Array
    glow: float
    cloudiness: float

    @property
    def brightness(self) -> float:
        """Mean of the ambient light."""
        return float(self.ambient.mean())


def choose_light(rng: np.random.Generator, name: str, horizon: float) -> Light:
    """A light called `name`, its hues drawn at random."""
    u = rng.random(6)
    sun = (float(rng.uniform(0.12, 0.88)), float(rng.uniform(0.07, 0.25)))
    haziness, cloudiness = float(rng.uniform(0.45, 0.85)), float(rng.random())
    if name == "day":
        top = hsv(0.53 + 0.11 * u[0], 0.45 + 0.35 * u[1], 0.6 + 0.3 * u[2])
        bottom = blend(hsv(0.56, 0.12, 0.95), hsv(0.11, 0.2, 0.98), u[3])
        ambient, disc, glow = blend(colour(255, 250, 240), colour(255, 236, 205), u[4]) * 1.02, colour(255, 252, 232), 0.4
    elif name == "dusk":
        top = hsv(0.6 + 0.22 * u[0], 0.35 + 0.3 * u[1], 0.38 + 0.25 * u[2])
        bottom = hsv((0.98 + 0.14 * u[3]) % 1, 0.5 + 0.3 * u[4], 0.97)
        ambient, disc, glow = blend(colour(225, 170, 150), colour(240, 185, 130), u[5]), colour(255, 236, 180), 0.75
        sun = (sun[0], horizon - 0.02 - 0.12 * float(u[5]))
    elif name == "night":
        top = hsv(0.58 + 0.14 * u[0], 0.75, 0.1 + 0.1 * u[1])
        bottom = hsv(0.55 + 0.2 * u[2], 0.55 + 0.2 * u[3], 0.28 + 0.17 * u[4])
        ambient, disc, glow = blend(colour(62, 74, 125), colour(80, 78, 130), u[5]), colour(244, 240, 222), 0.35
    else:
        top = hsv(0.55 + 0.2 * u[0], 0.05 + 0.12 * u[1], 0.5 + 0.2 * u[2])
        bottom = blend(top, hsv(0.1 + 0.5 * u[3], 0.06, 0.88), 0.75)
        ambient, disc, glow, cloudiness = colour(196, 200, 205) * (0.9 + 0.15 * float(u[4])), colour(230, 230, 230), 0.0, 1.0
    return Light(name, top, bottom, blend(bottom, top, 0.15), ambient.astype(np.float32), haziness, sun, disc, glow, cloudiness)


def paint_sky(stage: Stage, rng: np.random.Generator) -> None:
    """Gradient, stars, sun or moon with its glow, and two layers of clouds."""
    light, size = stage.light, stage.size
    height = np.clip(stage.y / stage.horizon, 0, 1)
    stage.image = blend(light.top, light.bottom, (height * np.sqrt(height))[..., None])
    _stars(stage, rng)
    sx, sy = light.sun
    distance = np.hypot(stage.x - sx, stage.y - sy)
    stage.add(np.exp(-((distance / 0.22) ** 2)) * light.glow * 0.5 + np.exp(-distance / 0.3) * light.glow * 0.35, light.disc * light.bottom)
    radius = float(rng.uniform(0.035, 0.06))
    if light.glow:
        stage.over(np.clip((radius - distance) * size, 0, 1), light.disc)
    field = noise(rng, size, 1.75, 2.4, 1.0) + 0.45 * noise(rng, size, 1.1, 2.6, 1.0)
    cover = smooth(1.25 - 1.6 * light.cloudiness, 2.6 - 1.3 * light.cloudiness, field) * smooth(0, 0.25, stage.horizon + 0.1 - stage.y)
    shaded = np.clip(0.5 + 0.35 * (field - np.roll(field, max(1, size // 24), 0)), 0, 1)
    bright = blend(light.bottom, np.ones(3, np.float32), 0.5 if light.name == "day" else 0.12) * (1.0 if light.name != "overcast" else 0.98)
    dark = blend(light.top, light.bottom, 0.35) * (0.95 if light.name == "day" else 0.8)
    stage.over(cover * 0.9, blend(dark, bright, shaded[..., None]))


def _stars(stage: Stage, rng: np.random.Generator) -> None:
    """Stars as small soft discs, on clear nights; drawn always, so that the stream does not depend on the light."""
    xs, ys, sizes = rng.random(40), rng.random(40) * stage.horizon, rng.uniform(0.0025, 0.006, 40)
    if stage.light.name != "night":
        return

    def draw(d: ImageDraw.ImageDraw, s: float) -> None:
        for x, y, r in zip(xs, ys, sizes, strict=True):
            d.ellipse(((x - r) * s, (y - r) * s, (x + r) * s, (y + r) * s), fill=255)

    stage.over(stage.drawn(draw) * 0.85, colour(225, 230, 255))
