"""Metal: tread plate and riveted sheet, and turned discs."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup
from sonicdiff.synthetic.materials.standing import table
from sonicdiff.synthetic.painting import Array, colour, noise, smooth

METALS = ((196, 202, 210), (150, 158, 168), (222, 184, 96), (204, 124, 86), (108, 114, 122))


def plate(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Steel sheet: raised lozenges, or brushed panels with rivets; rust on some."""
    tone, brushed = colour(*METALS[rng.integers(5)]), rng.random() < 0.4
    streaks = noise(rng, stage.size, 0.6, 30.0)
    sheen = 0.75 + 0.4 * np.sin(2 * np.pi * (stage.y * rng.uniform(0.7, 1.3) + 0.25 * stage.x + rng.uniform()))
    if brushed:
        rivets = _rivets(stage, float(rng.choice((0.25, 0.5))))
        seam = np.minimum(np.abs(stage.x % 0.5), np.abs(stage.y % 0.5))
        bright, shine = stage.lit(rivets, 60)
        stage.image = (
            tone * (sheen * bright * (1 + 0.09 * streaks) * (0.35 + 0.65 * smooth(0.0, 0.012, seam)))[..., None]
            + 0.7 * shine[..., None] ** 2 * (rivets > 0)[..., None]
        )
    else:
        bright, shine = stage.lit(_lozenges(stage, float(rng.uniform(3.0, 4.6)), float(rng.uniform(-0.2, 0.2))), 18)
        flat = shine.min() + 0.6 * (shine.max() - shine.min())
        stage.image = tone * (0.85 * sheen * bright**1.6 * (1 + 0.05 * streaks))[..., None] + 0.8 * np.clip(shine - flat, 0, 1)[..., None]
    if rng.random() < 0.25:
        stage.over(smooth(0.6, 1.6, noise(rng, stage.size, 1.6)) * 0.75, colour(140, 70, 34) * (1 + 0.2 * streaks)[..., None])


def _rivets(stage: Closeup, period: float) -> Array:
    x, y = (stage.x + 0.06) % period - 0.1, (stage.y + 0.06) % period - 0.1
    return np.sqrt(np.clip(0.03**2 - x * x - y * y, 0, 1)) * 0.8


def _lozenges(stage: Closeup, count: float, turn: float) -> Array:
    """The raised bars of tread plate, each at a right angle to its neighbours."""
    u, v = stage.along(turn)
    a, b = u * count, v * count
    odd = (np.floor(a) + np.floor(b)) % 2
    x, y = a % 1 - 0.5, b % 1 - 0.5
    along, across = np.where(odd > 0, x + y, x - y) / 1.414, np.where(odd > 0, x - y, x + y) / 1.414
    return np.sqrt(np.clip(1 - (along / 0.52) ** 2 - (across / 0.15) ** 2, 0, 1)) * 0.16 / count


def lid(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A turned disc (a pan, a lid, a cymbal): the fan of light that its circular scratches make."""
    table(stage, rng)
    stage.image = stage.image * 0.6
    tone = colour(*METALS[rng.integers(5)])
    x, y = stage.x - 0.5, stage.y - 0.52
    far, angle = np.hypot(x, y), np.arctan2(y, x)
    radius = rng.uniform(0.42, 0.48)
    disc = smooth(radius, radius - 0.006, far)
    stage.shadow(disc, 0.04, 0.02, 0.6)
    fan = np.abs(np.cos(angle - rng.uniform(0, 3))) ** 9 + 0.5 * np.abs(np.cos(angle - rng.uniform(0, 3))) ** 14
    grooves = np.interp(far, np.linspace(0, 0.75, 160), rng.normal(0, 0.07, 160))
    stage.over(disc, np.clip(tone * (0.45 + 0.75 * fan + grooves)[..., None] + 0.25 * fan[..., None] ** 2, 0, 1.2))
    for at in (radius - 0.02, radius * 0.72, radius * 0.3):
        stage.over(np.exp(-(((far - at) / 0.007) ** 2)) * 0.75, colour(250, 250, 250))
        stage.over(np.exp(-(((far - at + 0.014) / 0.007) ** 2)) * 0.6, tone * 0.2)
