"""Captions: varied, repeatable, and true to the scene."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sonicdiff.synthetic.captions import CAUSE_WORDS, LIGHT_WORDS, PLACE_WORDS, caption
from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.scenes import Scene


def test_every_name_has_words() -> None:
    assert set(PLACE_WORDS) == set(PLACES)
    assert set(LIGHT_WORDS) == set(LIGHTS)
    assert set(CAUSE_WORDS) == {*CLASSES, CALM}


@pytest.mark.parametrize("cause", (*CLASSES, CALM))
def test_caption_names_the_cause_at_its_strength(cause: str) -> None:
    for strength, intensity in enumerate((0.3, 0.6, 0.95)):
        scene = Scene(1, "coast", "day", cause, intensity)
        for seed in range(20):
            assert any(words in caption(scene, seed) for words in CAUSE_WORDS[cause][strength])


def test_caption_is_repeatable_and_varied() -> None:
    scene = Scene(1, "harbour", "night", "thunder", 0.9)
    assert caption(scene, 4) == caption(scene, 4)
    assert len({caption(scene, seed) for seed in range(100)}) > 40


def test_caption_of_another_cause_keeps_the_place() -> None:
    scene = Scene(1, "desert", "dusk", "thunder", 0.9)
    other = caption(replace(scene, cause="raining"), 0)
    assert any(words in caption(scene, 0) and words in other for words in PLACE_WORDS["desert"])


@pytest.mark.parametrize("intensity", (0.0, 0.2, 1.0))
def test_caption_at_the_ends_of_the_range(intensity: float) -> None:
    assert caption(Scene(1, "lake", "day", "raining", intensity), 0)
