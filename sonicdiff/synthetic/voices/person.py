"""Who is seen and heard: everything about a person that does not change with the feeling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, colour, hsv
from sonicdiff.synthetic.voices.glottis import Speaker, draw_speaker

SKINS = ((250, 216, 190), (240, 196, 164), (226, 174, 134), (198, 142, 100), (152, 100, 66), (104, 68, 48))
HAIRS = {
    "black": (34, 28, 28),
    "dark": (62, 42, 30),
    "brown": (104, 70, 42),
    "light brown": (156, 104, 52),
    "fair": (214, 176, 104),
    "red": (150, 72, 38),
    "grey": (176, 174, 172),
}
IRISES = ((84, 56, 36), (60, 42, 30), (96, 126, 150), (92, 116, 72), (110, 84, 48))
STYLES = ("short", "short", "bald", "parted", "curly", "long", "long", "fringe", "bun")


@dataclass(frozen=True)
class Person:
    """Lengths are in units of the head's height, nearly; colours are float32 RGB in 0..1."""

    skin: Array
    hair: Array
    iris: Array
    clothes: Array
    lips: Array
    backdrop: tuple[Array, Array]
    man: bool
    shade: str  # what the hair's colour is called
    style: str
    beard: bool
    width: float  # half of the head's
    jaw: float  # exponent of the chin: 2 is round, more is square
    chin: float  # from the eyes to the chin
    eye: float  # half of an eye's width
    apart: float  # from the middle to an eye
    brow: float  # half a brow's thickness
    nose: float  # half its width
    mouth: float  # half its width
    full: float  # thickness of the lips
    light: float  # -1 from the left, 1 from the right


def speaker_of(seed: int) -> Speaker:
    """The voice of the person `seed`."""
    return draw_speaker(np.random.default_rng((seed, 0)))


def person_of(seed: int) -> Person:
    """The looks of the person `seed`; a low voice goes with a man's face."""
    rng = np.random.default_rng((seed, 1))
    man = speaker_of(seed).pitch < 155
    skin = blend(colour(*SKINS[rng.integers(6)]), colour(*SKINS[rng.integers(6)]), 0.3)
    dark = float(1 - skin.mean())
    shade = list(HAIRS)[rng.integers(2 if dark > 0.5 else 7)]
    hue = float(rng.random())
    backdrop = hsv(hue, rng.uniform(0.1, 0.45), rng.uniform(0.55, 0.9)), hsv(hue + 0.06, rng.uniform(0.2, 0.5), rng.uniform(0.25, 0.55))
    lips = blend(skin, colour(178, 62, 66), rng.uniform(0.2, 0.35) if man else rng.uniform(0.5, 0.85))
    return Person(
        skin=skin,
        hair=colour(*HAIRS[shade]) * float(rng.uniform(0.8, 1.15)),
        iris=colour(*IRISES[rng.integers(2 if dark > 0.5 else 5)]),
        clothes=hsv(rng.random(), rng.uniform(0.2, 0.7), rng.uniform(0.25, 0.8)),
        lips=lips,
        backdrop=backdrop,
        man=man,
        shade=shade,
        style=STYLES[rng.integers(0, 5) if man else rng.integers(3, 9)],
        beard=bool(man and rng.random() < 0.3),
        width=rng.uniform(0.275, 0.31) if man else rng.uniform(0.26, 0.295),
        jaw=rng.uniform(2.5, 3.3) if man else rng.uniform(2.1, 2.6),
        chin=rng.uniform(0.41, 0.45),
        eye=rng.uniform(0.092, 0.104),
        apart=rng.uniform(0.132, 0.146),
        brow=rng.uniform(0.019, 0.025) if man else rng.uniform(0.014, 0.019),
        nose=rng.uniform(0.05, 0.068) if man else rng.uniform(0.042, 0.056),
        mouth=rng.uniform(0.125, 0.145),
        full=rng.uniform(0.02, 0.026) if man else rng.uniform(0.024, 0.033),
        light=float(rng.choice((-1.0, 1.0))),
    )
