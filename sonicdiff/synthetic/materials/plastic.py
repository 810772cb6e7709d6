"""Plastic in bright colours: buckets, toy bricks, crates."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup
from sonicdiff.synthetic.materials.standing import ellipse, streak, table, turned
from sonicdiff.synthetic.painting import Array, blend, colour, hsv, smooth

BRIGHT = (0.0, 0.05, 0.13, 0.35, 0.58, 0.62, 0.9)  # hues that plastic comes in


def bucket(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A bucket or a cup of one bright colour, glossy, upright or upside down."""
    table(stage, rng)
    tone = hsv(BRIGHT[rng.integers(7)] + rng.normal(0, 0.015), rng.uniform(0.8, 0.95), rng.uniform(0.8, 0.98))
    top, foot, wide, narrow = rng.uniform(0.16, 0.26), rng.uniform(0.88, 0.94), rng.uniform(0.33, 0.4), rng.uniform(0.22, 0.3)

    def profile(y: Array) -> Array:
        round_ = np.sqrt(np.clip(1 - np.clip((y - foot) / 0.05, 0, 1) ** 2, 0, 1))
        return (wide + (narrow - wide) * np.minimum((y - top) / (foot - top), 1)) * round_ * (y > top)

    stage.over(ellipse(stage, 0.54, foot + 0.02, narrow * 1.25, 0.06) * 0.55, np.zeros(3, np.float32))
    mask, across = turned(stage, 0.5, profile)
    side = 1.0 if stage.sun[0] > 0 else -1.0
    shade = (1 - 0.55 * smooth(-0.1, 1.0, -across * side) - 0.2 * np.abs(across) ** 4)[..., None]
    stage.over(mask, tone * shade)
    for at in (top + 0.12, top + 0.16):
        band = np.exp(-(((stage.y - at - 0.04 * np.sqrt(np.clip(1 - across**2, 0, 1))) / 0.008) ** 2))
        stage.over(mask * band * 0.4, tone * 0.4)
    stage.over(mask * streak(across, 0.5 * side, 0.13) * 0.7 * smooth(top + 0.08, top + 0.14, stage.y), blend(tone, 1.0, 0.85))
    rim, hole = ellipse(stage, 0.5, top, wide + 0.025, 0.085), ellipse(stage, 0.5, top, wide - 0.02, 0.06)
    stage.over(rim, blend(tone, 1.0, 0.25))
    stage.over(hole, tone * 0.35)


def bricks(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Toy building bricks with round studs, seen from above."""
    count = int(rng.integers(3, 5))
    u, v = stage.along(rng.uniform(-0.4, 0.4))
    a, b = (u + 1) * count * 1.3, (v + 1) * count * 1.3
    block = (np.floor(a / 2) * 7 + np.floor(b / 2 + 0.5 * (np.floor(a / 2) % 2)) * 13).astype(int) % 23
    tones = np.stack([hsv(h, 0.85, rng.uniform(0.75, 0.98)) for h in rng.choice(BRIGHT, 23)])
    x, y = a % 1 - 0.5, b % 1 - 0.5
    far = np.hypot(x, y)
    joint = np.minimum.reduce([a % 2, 2 - a % 2, (b + (np.floor(a / 2) % 2)) % 2, 2 - (b + (np.floor(a / 2) % 2)) % 2])
    bright, shine = stage.lit(smooth(0.36, 0.29, far) * 0.03 + 0.012 * smooth(0, 0.06, joint), 40)
    stage.image = tones[block] * (0.95 * bright * (0.35 + 0.65 * smooth(0, 0.06, joint)))[..., None]
    glint = np.exp(-(((x - 0.12 * stage.sun[0]) ** 2 + (y - 0.12 * stage.sun[1]) ** 2) / 0.008))
    stage.over(glint * 0.65, colour(255, 255, 255))
    stage.image += 0.1 * shine[..., None]


def crate(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """The side of a plastic crate: a lattice with dark holes and rounded, glossy bars."""
    tone = hsv(BRIGHT[rng.integers(7)], rng.uniform(0.75, 0.95), rng.uniform(0.7, 0.95))
    count = rng.uniform(3.2, 5.0)
    a, b = stage.x * count, stage.y * count * 0.8
    x, y = np.abs(a % 1 - 0.5), np.abs(b % 1 - 0.5)
    hole = np.hypot(np.clip(x - 0.22, 0, 1), np.clip(y - 0.22, 0, 1)) - 0.1
    bright, shine = stage.lit(0.02 * smooth(0.0, 0.08, hole), 30)
    sheen = 0.85 + 0.3 * np.sin(2 * np.pi * (stage.x * 0.6 + stage.y * 0.5 + rng.uniform()))
    stage.image = tone * (bright * sheen)[..., None] + 0.3 * shine[..., None] ** 2
    stage.over(smooth(0.01, -0.015, hole), tone * 0.13)
