"""What a pair of the materials set shows and sounds like: a material, what the stick does to it, and how hard."""

from __future__ import annotations

from dataclasses import dataclass

from sonicdiff.synthetic.classes import known

MATERIALS = ("wood", "metal", "glass", "plastic", "ceramic", "water", "grass", "gravel", "cloth", "dirt")
ACTIONS = ("hit", "scrape")


@dataclass(frozen=True)
class Strike:
    """`dataclasses.replace(strike, material=...)` keeps the light, the stick and the rhythm, and exchanges what is struck."""

    seed: int
    material: str
    action: str
    intensity: float

    def __post_init__(self) -> None:
        known(self.material, MATERIALS, "material")
        known(self.action, ACTIONS, "action")
        if not 0.0 <= self.intensity <= 1.0:
            raise ValueError(f"intensity {self.intensity} is out of range: expected 0 <= intensity <= 1")
