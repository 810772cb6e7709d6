"""Wood: boards with grain and knots, and the stump of a tree."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup, sampled
from sonicdiff.synthetic.painting import colour, noise, smooth

WOODS = ((226, 184, 124), (190, 138, 84), (122, 80, 50), (160, 84, 50), (168, 152, 130))


def boards(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Planks with grain, rings, knots and gaps."""
    u, v = stage.along(rng.uniform(-0.5, 0.5) + rng.integers(2) * np.pi / 2)
    count = float(rng.uniform(2.2, 4.5))
    across = v * count + rng.uniform()
    board = np.floor(across).astype(int) % 16
    within, shift = across % 1, rng.uniform(0, 1, 16).astype(np.float32)[board]
    warp = sampled(noise(rng, stage.size, 2.0, 5.0), u * 0.7 + shift, v + shift)
    streaks = sampled(noise(rng, stage.size, 0.9, 22.0), u + shift, v + shift)
    height, knots = 0.25 * warp, np.zeros_like(u)
    for _ in range(rng.integers(2, 6)):
        ku, kv = rng.uniform(-0.5, 0.5, 2)
        far = np.hypot((u - ku) * 0.55, v - kv)
        height = height + 0.5 * np.exp(-((far / 0.06) ** 2))
        knots = np.maximum(knots, np.exp(-((far / 0.022) ** 4)))
    rings = np.sin(2 * np.pi * (within * 2.2 + shift * 5 + 2.2 * height))
    tone = colour(*WOODS[rng.integers(len(WOODS))])
    light = rng.uniform(0.82, 1.12, 16).astype(np.float32)[board] * (1 + 0.13 * rings + 0.1 * streaks)
    gap = smooth(0.0, 0.05, np.minimum(within, 1 - within))
    stage.image = tone ** (1 + 0.25 * (1 - light[..., None])) * (light * (0.2 + 0.8 * gap))[..., None]
    stage.over(0.85 * knots, tone * 0.3)


def stump(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """The end of a log: rings, cracks and bark."""
    ground = colour(70, 82, 44) if rng.random() < 0.6 else colour(120, 112, 104)
    stage.image = ground * (1 + 0.22 * noise(rng, stage.size, 1.0))[..., None]
    x, y = stage.x - 0.5 - rng.uniform(-0.05, 0.05), stage.y - 0.52
    angle = np.arctan2(y, x)
    wobble = 0.015 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.01 * np.sin(7 * angle + rng.uniform(0, 6))
    far, edge = np.hypot(x, y * 1.1) + wobble, rng.uniform(0.4, 0.47)
    body = smooth(edge, edge - 0.008, far)
    stage.shadow(body, 0.05, 0.02, 0.6)
    bark = colour(78, 56, 40) * (1 + 0.3 * noise(rng, stage.size, 0.9))[..., None]
    stage.over(body, bark)
    tone = colour(222, 176, 116) * float(rng.uniform(0.85, 1.05))
    rings = 0.5 + 0.5 * np.sin(far * rng.uniform(60, 95) + 0.7 * noise(rng, stage.size, 2.0))
    cracks = np.zeros_like(far)
    for at in rng.uniform(-np.pi, np.pi, 4):
        cracks = np.maximum(
            cracks, smooth(0.006, 0.0, np.abs(np.sin(angle - at)) * far) * (np.cos(angle - at) > 0) * smooth(edge, 0.1, far)
        )
    wood = tone * (0.78 + 0.24 * rings - 0.25 * smooth(0.05, 0.0, far) + 0.05 * noise(rng, stage.size, 0.8))[..., None]
    stage.over(smooth(edge - 0.045, edge - 0.055, far), wood * (1 - 0.75 * cracks)[..., None])
