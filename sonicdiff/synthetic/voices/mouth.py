"""The mouth of a painted face: lips about an opening, teeth, tongue, and the folds that a smile or a sneer makes."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, smooth
from sonicdiff.synthetic.voices.emotions import Expression
from sonicdiff.synthetic.voices.features import Face
from sonicdiff.synthetic.voices.person import Person


def mouth(whole: Face, person: Person, e: Expression) -> None:
    """Lips about an opening, whose corners rise or fall; teeth; the folds from the nose to the corners."""
    face = whole.part(-0.3, 0.3, 0.04, 0.56)
    smile, sorrow = max(e.smile, 0.0), max(-e.smile, 0.0)
    half = person.mouth * (1 + 0.32 * smile + 0.28 * max(e.stretch, 0.0) - 0.4 * max(-e.stretch, 0.0) - 0.08 * sorrow)
    centre = 0.268 - 0.012 * e.sneer + 0.012 * e.jaw
    s = face.x / half
    arch = np.clip(1 - s * s, 0, 1)
    line = centre + 0.075 * sorrow * (s * s - 0.45) - 0.07 * smile * (s * s - 0.35)
    raised = e.sneer * np.exp(-(((s - 0.45) / 0.38) ** 2))
    apart = max(e.jaw, 0.22 * e.teeth)
    top = line - 0.042 * apart * arch**0.6 - 0.03 * raised - 0.012 * e.teeth * arch**0.5
    bottom = line + 0.125 * e.jaw * arch**0.6 + 0.016 * e.teeth * arch**0.5 - 0.008 * raised
    ends = face.edge((1.0 - np.abs(s)) * half)
    bow = 1 - 0.35 * np.exp(-((s / 0.14) ** 2))
    thick = person.full * (1 - 0.45 * max(e.teeth - smile, 0.0) - 0.3 * e.sneer) * (1 + 0.25 * max(-e.stretch, 0))
    upper = face.edge(np.minimum(face.y - top + thick * bow * arch**0.5, top - face.y + 0.004)) * ends
    lower = face.edge(np.minimum(bottom + 1.25 * thick * arch**0.5 - face.y, face.y - bottom + 0.004)) * ends
    hole = face.edge(np.minimum(face.y - top, bottom - face.y)) * ends
    _folds(face, person, e, half, centre)
    face.darken(face.spot(0, float(centre + 0.125 * e.jaw + 0.055), 0.07, 0.014), person.skin * 0.6, 0.55)
    _inside(face, e, hole, (top, bottom), half)
    face.over(upper, person.lips * 0.82)
    face.over(lower, person.lips * (1 + 0.18 * smooth(0.6, 0.0, np.abs(s + 0.2 * -person.light)))[..., None])
    far = np.hypot(s * half / 0.052, (face.y - bottom - 0.012) / 0.05)
    tongue = face.edge((1 - far) * 0.05) * (face.y > line) * e.tongue
    face.over(tongue, colour(222, 104, 112) * (1 - 0.25 * smooth(0.012, 0.0, np.abs(face.x)))[..., None])
    shut = smooth(0.006, 0.001, np.abs(face.y - line)) * ends * float(apart < 0.05 and e.sneer < 0.2)
    face.over(shut * 0.9, person.lips * 0.35)


def _inside(face: Face, e: Expression, hole: Array, lips: tuple[Array, Array], half: float) -> None:
    """What an open mouth shows between the edges of its `lips`: the dark, the tongue, the upper teeth, or both rows where clenched."""
    top, bottom = lips
    face.over(hole, colour(70, 18, 22))
    if e.jaw > 0.5:
        face.over(hole * face.spot(0, 0.28 + 0.13 * e.jaw, 0.06, 0.03), colour(190, 80, 84))
    shown = max(e.teeth, 0.8 * e.sneer, 0.8 * min(e.jaw, 0.6))
    clenched = e.teeth > 0.5 > e.smile
    row = np.maximum(bottom - 0.004 if clenched else top + 0.036, top + 0.002)
    teeth = hole * face.edge(np.minimum(row - face.y, 0.86 * half - np.abs(face.x)))
    gaps = 1 - 0.35 * smooth(0.0035, 0.0015, np.abs(face.x % 0.03 - 0.015))
    if clenched:
        gaps = gaps - 0.5 * smooth(0.004, 0.001, np.abs(face.y - 0.5 * (top + bottom)))
    face.over(teeth * min(1.0, 1.4 * shown), colour(246, 242, 232) * gaps[..., None])


def _folds(face: Face, person: Person, e: Expression, half: float, centre: float) -> None:
    depth = max(e.smile, 0.8 * e.sneer, 0.7 * e.wrinkle, 0.45 * max(-e.smile, 0.0))
    t = np.clip((face.y - 0.17) / (centre + 0.02 - 0.17), 0, 1)
    at = person.nose + 0.01 + (half + 0.012 - person.nose) * t ** (0.7 if e.smile > 0 else 1.1)
    fold = np.exp(-(((np.abs(face.x) - at) / 0.008) ** 2)) * smooth(0.16, 0.19, face.y) * smooth(centre + 0.05, centre, face.y)
    face.darken(fold, person.skin * 0.5, 0.75 * depth)
    for side in (-1.0, 1.0):
        apple = face.spot(side * 0.175, 0.125, 0.06, 0.045)
        face.over(face.head * apple * 0.45 * max(e.smile, 0.0), blend(person.skin, colour(255, 170, 150), 0.5) * 1.05)
