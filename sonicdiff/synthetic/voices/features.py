"""A painted face, and its eyes, brows and nose, moved by an `Expression`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, smooth
from sonicdiff.synthetic.stage import covered
from sonicdiff.synthetic.voices.emotions import Expression
from sonicdiff.synthetic.voices.person import Person


@dataclass
class Face:
    """A picture with the head's own coordinates: `x` from its middle, `y` down from the line of the eyes, (size, size) or a part of it."""

    size: int
    image: Array
    x: Array
    y: Array
    head: Array  # mask

    def part(self, left: float, right: float, top: float, bottom: float) -> Face:
        """The same picture seen through a window, which is quicker to paint."""
        box = covered((self.x > left) & (self.x < right) & (self.y > top) & (self.y < bottom))
        return Face(self.size, self.image[box], self.x[box], self.y[box], self.head[box])

    def over(self, mask: Array, tone: Array) -> None:
        """Lay a colour, or a picture, over what is there."""
        box = covered(mask > 0.004)
        self.image[box] += ((tone[box] if tone.ndim == 3 else tone) - self.image[box]) * mask[box][..., None]

    def darken(self, mask: Array, tone: Array, amount: float) -> None:
        """Shade the skin towards `tone`."""
        if amount > 0:
            self.over(self.head * np.minimum(mask * np.float32(amount), 1), tone)

    def edge(self, distance: Array, soft: float = 1.0) -> Array:
        """Mask of where `distance` (inside positive) is, antialiased."""
        return smooth(-soft / self.size, soft / self.size, distance)

    def spot(self, x: float, y: float, rx: float, ry: float) -> Array:
        """A soft patch around (x, y)."""
        return np.exp(-(((self.x - x) / rx) ** 2) - ((self.y - y) / ry) ** 2)


def eyes(whole: Face, person: Person, e: Expression) -> None:
    """Whites, irises that look ahead or down, lids and lashes."""
    open_, shut = max(e.lids, 0.0), max(-e.lids, 0.0)
    above = 0.044 * max(1 + 0.75 * open_ - 0.85 * shut - 0.25 * e.squint, 0.06)
    below = 0.026 * max(1 + 0.5 * open_ - 0.9 * e.squint - 0.3 * shut, 0.08)
    dark = person.skin * 0.4
    for side in (-1.0, 1.0):
        eye = whole.part(side * person.apart - 0.12, side * person.apart + 0.12, -0.12, 0.09)
        x, y = (eye.x - side * person.apart) * side, eye.y
        s = x / person.eye
        arch = np.clip(1 - s * s, 0, 1)
        # The outer corner hangs where the inner brow is raised in grief.
        slant = 0.008 * s * max(e.inner_brow - e.outer_brow, 0.0) * (shut > 0)
        up, down = y - slant + above * arch**0.75, below * arch - (y - slant)
        inside = eye.edge(np.minimum(np.minimum(up, down), (1 - np.abs(s)) * 0.05))
        eye.over(inside, colour(246, 244, 240) * (1 - 0.25 * smooth(0.02, 0.0, up))[..., None])
        radius = 0.037
        far = np.hypot(x, y - 0.028 * e.gaze + 0.006 * (1 - e.squint))
        eye.over(inside * eye.edge(radius - far), person.iris * (0.7 + 0.5 * smooth(0.0, radius, far))[..., None])
        eye.over(inside * eye.edge(0.017 - far), colour(14, 12, 14))
        glint = np.hypot(eye.x - side * person.apart - 0.011 * person.light, y - 0.028 * e.gaze + 0.017)
        eye.over(inside * eye.edge(0.0075 - glint), colour(255, 255, 255))
        wide = smooth(1.12, 0.98, np.abs(s))
        eye.over(smooth(0.013, 0.004, np.abs(up)) * wide * (y < 0.03), dark * 0.45)
        eye.over(smooth(0.008, 0.002, np.abs(down)) * wide * 0.5, dark)
        eye.over(smooth(0.007, 0.0, np.abs(up + 0.018 + 0.01 * open_)) * smooth(1.0, 0.7, np.abs(s)) * 0.5, dark)
        if e.squint > 0:
            bag = smooth(0.009, 0.0, np.abs(down + 0.022)) * smooth(1.0, 0.5, np.abs(s))
            eye.over(bag * 0.55 * e.squint, dark)


def brows(whole: Face, person: Person, e: Expression) -> None:
    """Two brows, raised or lowered at either end, and the folds that they make."""
    tone = person.hair * 0.75 if person.hair.mean() < 0.45 else person.hair * 0.55
    face = whole.part(-0.32, 0.32, -0.32, 0.0)
    for side in (-1.0, 1.0):
        x = face.x * side
        inner = person.apart - person.eye * 1.02 - 0.022 * e.frown
        s = np.clip((x - inner) / (person.eye * 2.15), 0, 1)
        line = -0.098 - 0.055 * e.inner_brow * (1 - s) ** 1.3 - 0.055 * e.outer_brow * s**0.8 - 0.02 * np.sin(np.pi * s**1.2)
        half = person.brow * (1.15 - 0.75 * s**2)
        ends = smooth(-0.006, 0.004, x - inner) * smooth(0.008, -0.008, x - inner - person.eye * 2.15)
        face.over(face.edge(half - np.abs(face.y - line), 1.4) * ends * 0.92, tone)
    up = max(0.0, 0.5 * (e.inner_brow + e.outer_brow))
    for k in (0, 1, 2):
        wrinkle = np.exp(-(((face.y + 0.185 + 0.035 * k + 0.25 * face.x**2) / 0.005) ** 2)) * smooth(0.17, 0.1, np.abs(face.x))
        face.darken(wrinkle, person.skin * 0.62, 0.9 * up)
    crease = np.exp(-(((np.abs(face.x) - 0.02) / 0.006) ** 2)) * smooth(0.05, 0.02, np.abs(face.y + 0.085))
    face.darken(crease, person.skin * 0.45, 0.85 * e.frown)


def nose(whole: Face, person: Person, e: Expression) -> None:
    """A ridge with light on one side, nostrils, and folds across it where it wrinkles."""
    face = whole.part(-0.13, 0.13, -0.06, 0.27)
    tip, lift = 0.185 - 0.018 * e.wrinkle, person.nose * (1 + 0.18 * e.wrinkle)
    ridge = smooth(-0.02, 0.03, face.y) * smooth(tip + 0.01, tip - 0.02, face.y)
    width = 0.018 + 0.12 * np.clip(face.y, 0, 0.2)
    side = np.exp(-(((face.x + person.light * width) / 0.014) ** 2)) * ridge
    face.darken(side, person.skin * 0.62, 0.6)
    face.over(face.head * np.exp(-(((face.x - 0.006 * person.light) / 0.013) ** 2)) * ridge * 0.35, blend(person.skin, 1.0, 0.5))
    face.over(face.head * face.spot(0.008 * person.light, tip - 0.02, 0.022, 0.02) * 0.5, blend(person.skin, 1.0, 0.5))
    wings = face.spot(-lift, tip - 0.005, 0.02, 0.024) + face.spot(lift, tip - 0.005, 0.02, 0.024)
    face.darken(wings, person.skin * 0.72, 0.55)
    holes = face.spot(-0.55 * lift, tip + 0.007, 0.017, 0.008) + face.spot(0.55 * lift, tip + 0.007, 0.017, 0.008)
    face.darken(holes, person.skin * 0.25, 0.95)
    face.darken(face.spot(0, tip + 0.022, lift, 0.014), person.skin * 0.6, 0.5)
    for k in range(3):
        fold = np.exp(-(((face.y - 0.02 - 0.028 * k + 1.6 * (np.abs(face.x) - 0.03) ** 2) / 0.009) ** 2)) * smooth(
            0.06, 0.035, np.abs(face.x)
        )
        face.darken(fold, person.skin * 0.45, 0.75 * e.wrinkle)
