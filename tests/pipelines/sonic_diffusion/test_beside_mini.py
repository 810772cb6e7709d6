"""The audio layers that ship beside `mini`: they stand on its base, hear what they were made for, and show it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from sonicdiff.pipelines.loading import load_pictures, resolve
from sonicdiff.training.own.config import OwnConfig

MADE = Path(__file__).parents[3] / "examples" / "made"
SOUNDS = {"mini-hits": ("glass", "metal", "water"), "mini-faces": ("angry", "happy", "surprised")}


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_mini_but_for_the_ears_and_the_audio_layers(name: str) -> None:
    mini, beside = load_pictures("mini", "cpu"), load_pictures(name, "cpu")
    for part in ("unet", "vae", "text_encoder"):
        ours, its = getattr(mini, part).state_dict(), getattr(beside, part).state_dict()
        assert all(torch.equal(ours[key], its[key]) for key in ours), part
    assert not (resolve(name) / "unet").exists()
    config = OwnConfig.read(resolve(name) / "training.toml")
    assert (config.base, config.output, config.share) == ("checkpoints/mini", f"checkpoints/{name}", True)


@pytest.mark.parametrize("name", SOUNDS)
def test_it_names_what_it_hears(name: str) -> None:
    pipeline = load_pictures(name, "cpu")
    assert [pipeline.heard(MADE / f"{sound}.ogg", top=1)[0][0] for sound in SOUNDS[name]] == list(SOUNDS[name])


def test_water_is_blue_and_anger_is_red() -> None:
    def colour(name: str, sound: str) -> np.ndarray:
        made = load_pictures(name, "cpu").generate(MADE / f"{sound}.ogg", seed=0, num_inference_steps=8, show_progress=False)
        return np.asarray(made[0]).mean((0, 1))

    water, metal = colour("mini-hits", "water"), colour("mini-hits", "metal")
    assert water[2] - water[0] > 40 > metal[2] - metal[0]
    angry, surprised = colour("mini-faces", "angry"), colour("mini-faces", "surprised")
    assert angry[0] - angry[1] > surprised[0] - surprised[1] + 10
