"""Glass: bottles, tumblers and windows."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup, gradient
from sonicdiff.synthetic.materials.standing import Profile, ellipse, streak, table, turned
from sonicdiff.synthetic.painting import Array, blend, colour, hsv, noise, smooth

GLASSES = ((40, 120, 60), (120, 70, 24), (60, 140, 150), (190, 215, 215), (40, 80, 150))


def bottles(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """One to three bottles with the light coming through and sliding down their sides."""
    table(stage, rng)
    stage.image = np.clip(stage.image * 1.1 + 0.08, 0, 1)
    count = int(rng.integers(1, 4))
    for i in rng.permutation(count):
        x = 0.5 if count == 1 else 0.2 + 0.6 * i / (count - 1)
        half = rng.uniform(0.14, 0.19) * (1.15, 0.85, 0.72)[count - 1]
        shoulder, neck, top = rng.uniform(0.36, 0.5), rng.uniform(0.18, 0.25), rng.uniform(0.02, 0.1)
        foot = rng.uniform(0.9, 0.97)

        def profile(
            y: Array, half: float = half, shoulder: float = shoulder, neck: float = neck, top: float = top, foot: float = foot
        ) -> Array:
            slope = smooth(neck, shoulder, y)
            lip = 0.1 * half * (np.abs(y - top - 0.025) < 0.02)
            corner = np.sqrt(np.clip(1 - np.clip((y - foot + 0.04) / 0.04, 0, 1) ** 2, 0, 1))
            return (half * (0.33 + 0.67 * slope) + lip) * (y > top) * corner

        _glass(stage, x, profile, colour(*GLASSES[rng.integers(5)]), foot)


def tumbler(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A drinking glass with a thick bottom, some of them with something in it."""
    table(stage, rng)
    stage.image = stage.image * 0.8
    top, foot, half, taper = rng.uniform(0.12, 0.22), rng.uniform(0.88, 0.95), rng.uniform(0.24, 0.31), rng.uniform(0.7, 0.95)

    def profile(y: Array) -> Array:
        return half * (taper + (1 - taper) * (foot - y) / (foot - top)) * ((y > top) & (y < foot))

    fill = rng.uniform(0.4, 0.6)
    if rng.random() < 0.6:
        drink, _ = turned(stage, 0.5, lambda y: profile(y) * 0.93 * ((y > fill) & (y < foot - 0.07)))
        stage.over(drink * 0.7, hsv(rng.choice((0.06, 0.1, 0.55, 0.95)), 0.6, 0.85))
    _glass(stage, 0.5, profile, colour(190, 216, 222), foot)
    ring = ellipse(stage, 0.5, top, half, 0.035) - ellipse(stage, 0.5, top, half - 0.018, 0.024)
    stage.over(np.clip(ring, 0, 1) * 0.85, colour(245, 252, 255))


def _glass(stage: Closeup, x: float, profile: Profile, tone: Array, foot: float) -> None:
    """Clear glass: what is behind it tinted and turned about, edges dark, two bright reflections, a patch of light at its foot."""
    mask, across = turned(stage, x, profile)
    stage.over(ellipse(stage, x + 0.06, foot, 0.24, 0.05) * 0.4, np.zeros(3, np.float32))
    stage.over(ellipse(stage, x + 0.1, foot + 0.015, 0.08, 0.02) * 0.5, blend(tone, 1.0, 0.6))
    thick = np.abs(across) ** 5
    behind = stage.image[:, ::-1] * blend(0.35, 1.0, tone) * 1.1
    body = blend(behind, tone * 0.28, np.clip(thick + 0.1 + 0.5 * smooth(foot - 0.07, foot - 0.02, stage.y), 0, 1)[..., None])
    body = body + (0.16 * smooth(0.2, 0.75, across) * (1 - thick))[..., None] * tone
    stage.over(mask, body)
    side = 1.0 if stage.sun[0] > 0 else -1.0
    upright = smooth(0.04, 0.1, profile(np.clip(stage.y - 0.03, 0, 1))) * smooth(foot - 0.04, foot - 0.1, stage.y)
    stage.over(mask * streak(across, 0.55 * side, 0.14) * upright * 0.92, colour(255, 255, 255))
    stage.over(mask * streak(across, -0.72 * side, 0.06) * upright * 0.6, colour(255, 255, 255))


def window(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Panes in a frame that mirror the sky: slanting bands of light."""
    sky = hsv(rng.uniform(0.5, 0.6), rng.uniform(0.25, 0.6), rng.uniform(0.6, 0.95))
    stage.image = gradient(stage, sky, sky * 0.45 + 0.12, 0.1, 1.0) * (1 + 0.06 * noise(rng, stage.size, 2.0))[..., None]
    slant = stage.x + stage.y * rng.uniform(0.5, 0.9) + rng.uniform()
    bands = smooth(0.55, 0.62, slant % 0.9) * smooth(0.85, 0.8, slant % 0.9) + smooth(0.2, 0.23, slant % 0.9) * smooth(
        0.31, 0.28, slant % 0.9
    )
    stage.over(bands * 0.55, colour(250, 253, 255))
    tone, wide = hsv(rng.uniform(0, 1), rng.uniform(0.0, 0.5), rng.uniform(0.25, 0.95)), 0.035
    cx, cy = rng.uniform(0.15, 0.3), rng.uniform(0.15, 0.3)
    edge = 0.31 - np.maximum(np.abs((stage.x - cx) % 0.62 - 0.31), np.abs((stage.y - cy) % 0.62 - 0.31))
    frame = smooth(wide, wide - 0.006, edge)
    stage.shadow(frame, 0.015, 0.004, 0.6)
    stage.over(frame, tone * (0.75 + 0.35 * smooth(0.0, wide, edge))[..., None])
