"""Landscapes with the visible cause of a sound: one random stream for the scene and one for the cause, so that causes can be exchanged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic import (
    bog,
    countryside,
    flames,
    harbour,
    landforms,
    rain,
    splash,
    street,
    surf,
    thunderstorm,
    underwater,
    waterfall,
    wind,
)
from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES, known
from sonicdiff.synthetic.lighting import choose_light, paint_sky
from sonicdiff.synthetic.painting import to_bytes
from sonicdiff.synthetic.stage import Stage

PAINTERS = {
    "coast": landforms.coast,
    "forest": countryside.forest,
    "mountain": landforms.mountain,
    "field": countryside.field,
    "desert": landforms.desert,
    "lake": landforms.lake,
    "street": street.street,
    "harbour": harbour.harbour,
}
CAUSES = {
    "explosion": flames.explosion,
    "fire crackling": flames.fire,
    "raining": rain.raining,
    "splashing water": splash.splashing,
    "squishing water": bog.squishing,
    "thunder": thunderstorm.thunder,
    "underwater bubbling": underwater.bubbling,
    "waterfall burbling": waterfall.waterfall,
    "wind noise": wind.wind,
    "sea waves": surf.breaking,
}


@dataclass(frozen=True)
class Scene:
    """What a picture shows. `dataclasses.replace(scene, cause=..., intensity=...)` is the very same scene with another cause."""

    seed: int
    place: str
    light: str
    cause: str
    intensity: float

    def __post_init__(self) -> None:
        known(self.place, PLACES, "place")
        known(self.light, LIGHTS, "light")
        known(self.cause, (*CLASSES, CALM), "cause")
        if not 0.0 <= self.intensity <= 1.0:
            raise ValueError(f"intensity {self.intensity} is out of range: expected 0 <= intensity <= 1")


def render(scene: Scene, size: int = 256, stream: int = 0) -> np.ndarray:
    """Paint `scene`: uint8 (size, size, 3), always the same. At intensity 0, or with cause calm, it is the bare scene.

    stream: which form the cause has, of the endlessly many that it can have in the same scene.
    """
    calm = scene.cause == CALM or scene.intensity == 0.0
    causes = np.random.default_rng((scene.seed, 1, stream) if stream else (scene.seed, 1))
    bend = 0.0
    if not calm and scene.cause == "wind noise":
        bend = wind.bend(causes, scene.intensity)
    stage = _painted(scene, size, bend)
    if not calm:
        CAUSES[scene.cause](stage, causes, scene.intensity)
    return to_bytes(_developed(stage.image))


def _painted(scene: Scene, size: int, bend: float) -> Stage:
    rng = np.random.default_rng((scene.seed, 0))
    horizon = float(rng.uniform(0.42, 0.62))
    stage = Stage(size, choose_light(rng, scene.light, horizon), horizon, bend)
    paint_sky(stage, rng)
    PAINTERS[scene.place](stage, rng)
    return stage


def _developed(image: np.ndarray) -> np.ndarray:
    """A little of a film's curve: highlights roll off instead of clipping."""
    over = np.clip(image - 0.8, 0, None)
    return np.minimum(image, 0.8) + 0.2 * (1 - np.exp(-5 * over))
