"""The drumstick: where it touches, the way it moves, the mark that it leaves."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.materials.closeup import Closeup
from sonicdiff.synthetic.painting import Array, colour, smooth

STICKS = ((232, 196, 140), (232, 196, 140), (205, 150, 95), (240, 236, 226), (190, 50, 44))
SOFT = ("grass", "gravel", "dirt", "cloth")


@dataclass(frozen=True)
class Drumstick:
    """Angle (radians) from the tip to the hand, half width, and colour."""

    angle: float
    width: float
    tone: Array


def draw_stick(rng: np.random.Generator) -> Drumstick:
    """A stick held from below, from the left or from the right."""
    side = rng.choice((-1.0, 1.0))
    return Drumstick(float(np.pi / 2 + side * rng.uniform(0.35, 1.05)), float(rng.uniform(0.03, 0.037)), colour(*STICKS[rng.integers(5)]))


def paint_stick(stage: Closeup, stick: Drumstick, action: str, strength: float) -> None:
    """The stick over its shadow; a blow is blurred by its way down, a stroke lies flatter."""
    flat = stick if action == "hit" else Drumstick(np.pi / 2 + (stick.angle - np.pi / 2) * 1.25, stick.width * 0.9, stick.tone)
    mask, _, _ = _shape(stage, flat, 0.0)
    stage.shadow(mask, 0.05, 0.012, 0.55)
    if action == "hit":
        side = -np.sign(stick.angle - np.pi / 2)
        for k in (3, 2, 1):
            ghost, across, _ = _shape(stage, flat, side * (0.035 + 0.05 * strength) * k)
            stage.over(ghost * 0.3 / k**0.5, _shaded(flat, across))
    mask, across, _ = _shape(stage, flat, 0.0)
    stage.over(mask, _shaded(flat, across))


def mark(stage: Closeup, rng: np.random.Generator, stick: Drumstick, material: str, strength: float) -> None:
    """What a stroke leaves behind: a groove in what is soft, scratches on what is hard; a wake in water."""
    turn = stick.angle + np.pi / 2
    x, y = stage.x - stage.tip[0], stage.y - stage.tip[1]
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    v = v + 0.25 * u * u
    length = 0.25 + 0.3 * strength
    within = smooth(-length, -0.6 * length, u) * smooth(length, 0.6 * length, u)
    if material == "water":
        foam = np.exp(-(((v - 0.008 * np.sin(16 * u)) / 0.012) ** 2)) * within
        stage.over(foam.astype(np.float32) * 0.6, colour(240, 250, 255))
        return
    if material in SOFT:
        wide, deep = (0.07, 0.15) if material == "grass" else (0.035, 0.35)
        groove = np.exp(-((v / wide) ** 2)) * within
        bright, _ = stage.lit(-0.85 * wide * groove)
        stage.image *= (bright * (1 - deep * groove))[..., None]
        return
    lines = sum(
        np.exp(-(((v - at) / 0.004) ** 2)) * level for at, level in zip(rng.normal(0, 0.02, 4), rng.uniform(0.4, 1, 4), strict=True)
    )
    stage.over(np.clip(lines * within, 0, 1).astype(np.float32) * 0.6, colour(245, 242, 236))


def _shape(stage: Closeup, stick: Drumstick, lifted: float) -> tuple[Array, Array, Array]:
    """Mask, place across (-1..1) and place along of the stick, turned by `lifted` radians about its far end."""
    reach = 0.95
    hand = stage.tip[0] + reach * np.cos(stick.angle), stage.tip[1] + reach * np.sin(stick.angle)
    angle = stick.angle + lifted
    x, y = stage.x - (hand[0] - reach * np.cos(angle)), stage.y - (hand[1] - reach * np.sin(angle))
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    # An oval bead, a neck, and a shaft that widens.
    bead = stick.width * 0.85 * np.sqrt(np.clip(1 - ((along - 0.03) / 0.034) ** 2, 0, 1))
    shaft = stick.width * np.clip(0.5 + (along - 0.045) * 2.6, 0, 1) * (along > 0.045)
    half = np.maximum(bead, shaft)
    return smooth(0, 1.5 / stage.size, half - np.abs(across)), across / np.maximum(half, 1e-4), along


def _shaded(stick: Drumstick, across: Array) -> Array:
    round_ = np.sqrt(np.clip(1 - across**2, 0, 1))
    return stick.tone * (0.45 + 0.6 * round_)[..., None] + (0.25 * np.exp(-(((across + 0.35) / 0.18) ** 2)))[..., None]
