"""The hair of a painted head: what is behind it, what grows over the forehead, and beards."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.painting import Array, smooth
from sonicdiff.synthetic.voices.features import Face
from sonicdiff.synthetic.voices.person import Person

CROWN = 0.36  # from the eyes to the top of the head, in units of the picture's side
VOLUME = {"curly": 0.075, "short": 0.025, "parted": 0.04, "long": 0.05, "fringe": 0.045, "bun": 0.028}
LONG = ("long", "fringe")


@dataclass(frozen=True)
class Hair:
    """A person's hair, with the light on its strands (size, size) and a field that makes its edges uneven."""

    person: Person
    strands: Array
    ragged: Array

    def behind(self, face: Face) -> None:
        """What falls to the shoulders, or is tied up."""
        tone = self.person.hair * self.strands[..., None]
        if self.person.style in LONG:
            wide = (self.person.width + 0.075 + 0.012 * self.ragged) * np.sqrt(
                np.clip(1 - (np.minimum(face.y, 0) / (CROWN + 0.05)) ** 2, 0, 1)
            )
            face.over(face.edge(np.minimum.reduce([wide - np.abs(face.x), 0.47 - face.y, face.y + CROWN + 0.044])), 0.75 * tone)
        if self.person.style == "bun":
            face.over(face.edge((1 - np.hypot(face.x / 0.13, (face.y + CROWN + 0.015) / 0.09)) * 0.1), tone)

    def before(self, face: Face) -> None:
        """What grows on the crown, down to the hairline and the temples."""
        style = self.person.style
        if style == "bald":
            return
        full, rough = VOLUME[style], 0.014 if style == "curly" else 0.003
        crown = np.sqrt(np.clip(1 - (face.y / (CROWN + full)) ** 2, 0, 1))
        outer = (self.person.width + full * smooth(0.06, -0.12, face.y)) * crown - np.abs(face.x) + rough * self.ragged
        outer = np.minimum(outer, face.y + CROWN + full - 0.006)
        middle, side = face.x * self.person.light, self.person.width * np.sqrt(np.clip(1 - (np.minimum(face.y, 0) / CROWN) ** 2, 0, 1))
        line = {"fringe": -0.125 - 0.6 * middle**2, "parted": -0.235 - 0.35 * (middle - 0.08) + 1.1 * middle**2}.get(
            style, -0.235 + 2.3 * middle**2
        )
        low = 0.12 if style in LONG else -0.015
        grown = np.minimum(np.maximum(line - face.y + 0.007 * self.ragged, np.abs(face.x) - 0.93 * side), low - face.y)
        face.over(face.edge(np.minimum(outer, grown), 1.5), self.person.hair * self.strands[..., None])

    def beard(self, face: Face) -> None:
        """Chin, cheeks and upper lip."""
        around = smooth(0.2, 0.3, face.y + 1.2 * np.abs(face.x) - 0.17) * smooth(0.15, 0.2, face.y + 0.6 * np.abs(face.x))
        shown = np.clip(around + face.spot(0, 0.228, 0.1, 0.018), 0, 1) * 0.85
        face.over(face.head * shown, self.person.hair * (0.95 * self.strands)[..., None])
