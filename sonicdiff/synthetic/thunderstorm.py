"""The cause that thunders: a violet-black sky and forked bolts."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.billows import billow
from sonicdiff.synthetic.painting import Array, blend, blur, child, colour, smooth
from sonicdiff.synthetic.stage import Stage


def thunder(stage: Stage, rng: np.random.Generator, s: float) -> None:
    """A violet-black sky of billows, the land darkened under it, bolts with a wide glow."""
    shown = float(smooth(0, 0.25, s)) * (0.35 + 0.65 * s)
    stage.grade(colour(176, 166, 226), 0.75 * shown)
    stage.image = stage.image * (1 - 0.52 * shown * min(1.0, 0.35 + stage.light.brightness))
    dusky = blend(colour(30, 26, 48), colour(116, 100, 150), smooth(0, 1, stage.y / stage.horizon)[..., None])
    stage.over(stage.sky * shown, dusky)
    before, behind = stage.image.copy(), stage.sky
    balls = [
        (float(rng.uniform(-0.1, 1.1)), float(rng.uniform(-0.08, 0.62)) * stage.horizon, float(rng.uniform(0.07, 0.17))) for _ in range(34)
    ]
    billow(stage, rng, balls, colour(22, 19, 36), colour(112, 98, 142), (0.3, 0.9), shown * 0.95)
    stage.image = blend(before, stage.image, behind[..., None])
    for i in range(3):
        alive = float(np.clip(s * 3.2 - (0.15, 1.3, 2.1)[i], 0, 1))
        bolt = _bolt(stage, child(rng), 0.005 + 0.005 * s)
        glow = blur(bolt, 22 * stage.size / 256) * 2.6 + blur(bolt, 5 * stage.size / 256) * 0.8
        stage.add(glow * alive * (0.5 + 0.5 * s), colour(150, 132, 255))
        stage.over(np.clip(bolt * 1.2, 0, 1) * alive, colour(250, 246, 255))
    stage.add(stage.sky * shown * 0.12 * s, colour(150, 130, 220))


def _bolt(stage: Stage, rng: np.random.Generator, width: float) -> Array:
    """One bolt from the clouds to the ground, forked."""
    paths = []

    def grow(x: float, y: float, end: float, w: float, drift: float) -> None:
        while y < end:
            nx, ny = x + float(rng.normal(drift, 0.028)), y + float(rng.uniform(0.02, 0.045))
            paths.append((x, y, nx, ny, w * width))
            if w == 1.0 and rng.random() < 0.28:
                grow(nx, ny, min(end, ny + float(rng.uniform(0.1, 0.25))), 0.5, float(rng.choice((-0.025, 0.025))))
            x, y = nx, ny

    grow(
        float(rng.uniform(0.12, 0.88)),
        float(rng.uniform(-0.02, 0.06)),
        stage.horizon + float(rng.uniform(-0.02, 0.12)),
        1.0,
        float(rng.normal(0, 0.008)),
    )
    return stage.drawn(
        lambda d, k: [d.line((x * k, y * k, u * k, v * k), fill=255, width=max(2, int(2 * w * k))) for x, y, u, v, w in paths]
    )
