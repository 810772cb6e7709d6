"""The portrait of a `Speaking`: a painted head and shoulders, whose face follows the feeling."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, noise, smooth, to_bytes
from sonicdiff.synthetic.voices.emotions import Expression, Speaking
from sonicdiff.synthetic.voices.features import Face, brows, eyes, nose
from sonicdiff.synthetic.voices.hair import CROWN, Hair
from sonicdiff.synthetic.voices.mouth import mouth
from sonicdiff.synthetic.voices.person import Person, person_of

ZOOM = 1.15  # a head's unit of length, in units of the picture's side: the face fills the picture


def picture_speaking(speaking: Speaking, size: int = 256) -> Array:
    """Paint `speaking`: uint8 (size, size, 3), always the same; person, clothes, backdrop and pose do not depend on the emotion."""
    person, e = person_of(speaking.seed), speaking.expression
    rng = np.random.default_rng((speaking.seed, 2))
    y, x = ((np.mgrid[:size, :size] + 0.5) / size).astype(np.float32)
    soft, grain, strands = noise(rng, size, 1.8), noise(rng, size, 0.8, 2.0), noise(rng, size, 1.0, 0.6, 5.0)
    image = _backdrop(x, y, soft, person)
    x, y, turn = x - rng.uniform(0.485, 0.515), y - rng.uniform(0.42, 0.44), rng.uniform(-0.05, 0.05)
    x, y = (x * np.cos(turn) + y * np.sin(turn)) / ZOOM, (y * np.cos(turn) - x * np.sin(turn)) / ZOOM
    half = _half(y, person, 0.07 * e.jaw)
    face = Face(size, image, x, y, smooth(-1 / size, 1 / size, half - np.abs(x)))
    hair = Hair(person, 1 + 0.2 * strands + 0.25 * np.exp(-(((y + 0.22 + 0.5 * x * x) / 0.05) ** 2)), soft)
    hair.behind(face)
    _body(face, person, soft, float(rng.uniform(0.03, 0.13)))
    _skin(face, person, e, half, grain)
    eyes(face, person, e)
    nose(face, person, e)
    if person.beard:
        hair.beard(face)
    mouth(face, person, e)
    brows(face, person, e)
    hair.before(face)
    if e.tears > 0.85:
        _tears(face.part(-0.3, 0.3, 0.0, 0.22), person)
    return to_bytes(image * (1 + 0.012 * grain)[..., None])


def _half(y: Array, person: Person, drop: float) -> Array:
    """Half the width of the head at the height `y`."""
    above = np.sqrt(np.clip(1 - (y / CROWN) ** 2, 0, 1))
    below = np.clip(1 - np.clip(y / (person.chin + drop), 0, 1) ** person.jaw, 0, 1) ** 0.52
    half = person.width * np.where(y < 0, above, below)
    return np.where(half > 0, half, -0.02)  # nothing at all above the crown and below the chin


def _backdrop(x: Array, y: Array, soft: Array, person: Person) -> Array:
    glow = np.exp(-(((x - 0.5 - 0.25 * person.light) / 0.45) ** 2) - ((y - 0.3) / 0.5) ** 2)
    return blend(person.backdrop[1], person.backdrop[0], np.clip(glow + 0.08 * soft, 0, 1)[..., None])


def _body(face: Face, person: Person, soft: Array, opening: float) -> None:
    """Ears, neck in the shadow of the chin, shoulders and a collar."""
    for side in (-1.0, 1.0):
        far = np.hypot((face.x - side * person.width * 0.99) / 0.042, (face.y - 0.03) / 0.075)
        face.over(face.edge((1 - far) * 0.04), person.skin * (0.72 + 0.2 * smooth(0.2, 0.9, far))[..., None])
    neck = face.edge(0.155 + 0.1 * smooth(0.4, 0.6, face.y) - np.abs(face.x)) * (face.y > 0.15)
    face.over(neck, person.skin * (0.9 - 0.45 * smooth(0.62, 0.36, face.y))[..., None])
    shoulders = face.y - 0.44 - 0.55 * np.clip(np.abs(face.x) - 0.17, 0, 1) ** 1.3
    dip = opening * np.clip(1 - np.abs(face.x) / 0.17, 0, 1)
    face.over(face.edge(np.minimum(shoulders, face.y - 0.46 - dip)), person.clothes * (1 + 0.14 * soft)[..., None])


def _skin(face: Face, person: Person, e: Expression, half: Array, grain: Array) -> None:
    """The head as a rounded thing in the light, with sockets, cheeks, and the colour that the feeling brings."""
    tint = colour(214, 70, 56) if e.flush > 0 else colour(206, 208, 190)
    skin = blend(person.skin, tint * (0.5 + 0.5 * float(person.skin.mean())), 0.32 * abs(e.flush))
    across, tall = np.clip(face.x / np.maximum(half, 0.02), -1, 1), np.clip(face.y / 0.43, -1, 1)
    light = 0.98 + 0.24 * across * person.light - 0.2 * np.abs(across) ** 3 - 0.16 * tall - 0.2 * smooth(0.75, 1.0, tall)
    face.over(face.head, skin * (light + 0.007 * grain)[..., None])
    for side in (-1.0, 1.0):
        face.darken(face.spot(side * person.apart, -0.02, 0.1, 0.055), skin * 0.66, 0.55)
        face.darken(face.spot(side * 0.18, 0.13, 0.07, 0.05), blend(skin, colour(220, 90, 80), 0.5), 0.3 + 0.3 * max(e.flush, 0.0))


def _tears(face: Face, person: Person) -> None:
    for side in (-1.0, 1.0):
        x = face.x - side * (person.apart + 0.012)
        trail = smooth(0.011, 0.004, np.abs(x)) * smooth(0.02, 0.03, face.y) * smooth(0.17, 0.15, face.y)
        drop = np.hypot(x, face.y - 0.165) - 0.017
        face.over(np.maximum(trail * 0.6, face.edge(-drop) * 0.85), colour(206, 232, 250))
