"""The picture of a `Strike`: the material from close by, and the drumstick on it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sonicdiff.synthetic.lighting import choose_light
from sonicdiff.synthetic.materials import ceramic, glass, metal, plastic, surfaces, wood
from sonicdiff.synthetic.materials.closeup import Closeup
from sonicdiff.synthetic.materials.stick import draw_stick, mark, paint_stick
from sonicdiff.synthetic.materials.strike import MATERIALS, Strike
from sonicdiff.synthetic.painting import Array, to_bytes

Painter = Callable[[Closeup, np.random.Generator, float], None]
PAINTERS: dict[str, dict[str, Painter]] = {
    "wood": {"wooden boards": wood.boards, "a wooden floor": wood.boards, "a tree stump": wood.stump},
    "metal": {"a metal plate": metal.plate, "a sheet of metal": metal.plate, "a round metal lid": metal.lid},
    "glass": {"glass bottles": glass.bottles, "a drinking glass": glass.tumbler, "a glass window": glass.window},
    "plastic": {"a plastic bucket": plastic.bucket, "plastic toy bricks": plastic.bricks, "a plastic crate": plastic.crate},
    "ceramic": {"a ceramic plate": ceramic.dish, "ceramic tiles": ceramic.tiles, "a ceramic mug": ceramic.vase},
    "water": {"water": surfaces.water},
    "grass": {"grass": surfaces.grass},
    "gravel": {"gravel": surfaces.gravel},
    "cloth": {"folded cloth": surfaces.cloth},
    "dirt": {"dirt": surfaces.dirt},
}
STANDING = (glass.bottles, glass.tumbler, plastic.bucket, ceramic.vase)


def thing(strike: Strike) -> str:
    """What of the material is struck, in words."""
    things = list(PAINTERS[strike.material])
    return things[np.random.default_rng((strike.seed, 4, MATERIALS.index(strike.material))).integers(len(things))]


def picture_strike(strike: Strike, size: int = 256) -> Array:
    """Paint `strike`: uint8 (size, size, 3), always the same. Light, stick and framing do not depend on the material."""
    rng = np.random.default_rng((strike.seed, 0))
    stick, angle, light = draw_stick(rng), rng.uniform(-2.6, -0.6), choose_light(rng, "day", 0.5)
    tip = float(rng.uniform(0.42, 0.58)), float(rng.uniform(0.38, 0.52))
    stage = Closeup(size, light, 0.5, sun=(float(np.cos(angle)), float(np.sin(angle))), tip=tip)
    exposure, falloff = rng.uniform(0.85, 1.1), rng.uniform(0.0, 0.35)
    warmth = 1 + rng.uniform(-0.06, 0.06) * np.array((1, 0, -1))
    making = np.random.default_rng((strike.seed, 1, MATERIALS.index(strike.material)))
    painter = PAINTERS[strike.material][thing(strike)]
    painter(stage, making, strike.intensity)
    if strike.action == "scrape" and painter not in STANDING:
        mark(stage, making, stick, strike.material, strike.intensity)
    uneven = 1 + falloff * ((stage.x - 0.5) * stage.sun[0] + (stage.y - 0.5) * stage.sun[1])
    stage.image = stage.image * (exposure * uneven)[..., None] * warmth.astype(np.float32)
    paint_stick(stage, stick, strike.action, strike.intensity)
    return to_bytes(stage.image)
