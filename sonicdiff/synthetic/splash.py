"""The cause that splashes: water in the foreground bursting into a crown of spray."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.billows import Ball, billow
from sonicdiff.synthetic.painting import blend, blur, colour, noise, smooth
from sonicdiff.synthetic.stage import Stage


def splashing(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """Water fills the foreground and bursts upwards: a crown of white jets, mist, drops, a ring of foam."""
    shown = float(smooth(0, 0.15, s))
    bright = stage.whiteness()
    x, surface = float(rng.uniform(0.3, 0.7)), 1 - (0.12 + 0.2 * s) * shown
    waves = noise(rng, stage.size, 1.4, 4.0)
    swell = surface + 0.012 * np.sin(stage.x * 14 + float(rng.uniform(0, 6))) * shown
    deep = blend(colour(26, 110, 138), colour(22, 84, 128), float(rng.random()))
    water = blend(deep * 1.35, deep * 0.7, smooth(0, 0.3, stage.y - swell)[..., None]) * (1 + 0.2 * waves)[..., None]
    stage.over(stage.below(0.0) * np.clip((stage.y - swell) * stage.size / 1.5, 0, 1) * shown, water * bright)
    r = (0.1 + 0.3 * s) * shown + 0.002
    white, shadow = colour(250, 253, 255) * bright, colour(126, 184, 208) * bright
    mist = np.exp(-(((stage.x - x) / (1.15 * r)) ** 2) - ((stage.y - surface + 0.6 * r) / (0.8 * r)) ** 2)
    stage.over(mist * 0.7 * shown, white)
    jets, drops = _jets(rng, x, surface + 0.03, r)
    billow(stage, rng, jets, shadow, white, (-0.45, -0.8), shown * 0.96)
    foam = [
        (x + float(q) * 1.5 * r, surface + 0.02 + 0.02 * float(rng.random()), (0.07 + 0.05 * float(rng.random())) * r * 2)
        for q in np.linspace(-1, 1, 15)
    ]
    billow(stage, rng, foam, shadow, white, (-0.3, -0.9), shown * 0.95)
    needles = stage.drawn(
        lambda d, k: [d.polygon([(u * k, v * k) for u, v in shape], fill=255) for shape in _needles(rng, x, surface + 0.03, r)]
    )
    stage.over(blur(needles, 1.0 * stage.size / 256) * 0.85 * shown, white)
    mask = stage.drawn(lambda d, k: [d.ellipse(((u - q) * k, (v - q) * k, (u + q) * k, (v + q) * k), fill=255) for u, v, q in drops])
    stage.over(mask * shown * 0.95, white)
    stage.over(blur(np.roll(mask, (1, 1), (0, 1)), 1.0) * shown * 0.3, shadow * 0.8)


def _jets(rng: np.random.Generator, x: float, y: float, r: float) -> tuple[list[Ball], list[Ball]]:
    """Fifteen jets fanning out, each a chain of shrinking balls, and the drops that flew off them."""
    jets, drops = [], []
    for q in np.linspace(-1, 1, 15):
        angle, reach = float(q) * 1.05 + float(rng.normal(0, 0.08)), r * float(rng.uniform(1.2, 2.1)) * (1.15 - 0.45 * abs(float(q)))
        for t in np.linspace(0.05, 1, 15):
            out, thick = float(np.sin(angle) * t * reach), r * (0.17 - 0.135 * float(t)) * float(rng.uniform(0.8, 1.2))
            jets.append(
                (
                    x + out + 0.15 * out * float(t),
                    y - float(np.cos(angle)) * float(t) * reach + 0.12 * reach * float(t) ** 2 * abs(float(q)),
                    thick,
                )
            )
        for _ in range(4):
            a, f = angle + float(rng.normal(0, 0.12)), float(rng.uniform(0.9, 1.45)) * reach
            drops.append((x + 1.15 * float(np.sin(a)) * f, y - float(np.cos(a)) * f * 0.95, r * float(rng.uniform(0.018, 0.05))))
    return jets, drops


def _needles(rng: np.random.Generator, x: float, y: float, r: float) -> list[list[tuple[float, float]]]:
    """Twenty thin streaks through the crown, wide at the foot."""
    shapes = []
    for angle in np.linspace(-1.0, 1.0, 20) + rng.normal(0, 0.07, 20):
        reach, half, s, c = r * rng.uniform(1.1, 2.1) * (1.15 - 0.4 * abs(angle)), 0.07 * r, np.sin(angle), np.cos(angle)
        shapes.append(
            [
                (x + 0.25 * r * s - half * c, y - half * s),
                (x + 1.15 * s * reach, y - c * reach),
                (x + 0.25 * r * s + half * c, y + half * s),
            ]
        )
    return shapes
