"""The renderer: the same picture every time, causes that can be exchanged, an effect that grows with intensity, splits that never meet."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from sonicdiff.synthetic.classes import CALM, CLASSES, HELD_OUT, LIGHTS, PLACES, SPLITS
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import Scene, render
from sonicdiff.synthetic.textures import texture


def nine(image: np.ndarray) -> list[int]:
    """The mean of each cell of a 3 x 3 grid over the picture, rounded."""
    size = image.shape[0] // 3 * 3
    cells = image[:size, :size].reshape(3, size // 3, 3, size // 3, 3).mean((1, 3, 4))
    return np.round(cells).astype(int).ravel().tolist()


GOLDENS = {
    "calm": [160, 138, 123, 113, 112, 99, 120, 113, 99],
    "explosion": [99, 95, 102, 143, 144, 101, 119, 117, 90],
    "fire crackling": [78, 83, 79, 115, 115, 119, 160, 161, 181],
    "raining": [115, 115, 122, 128, 129, 126, 123, 122, 122],
    "splashing water": [178, 163, 132, 202, 213, 137, 138, 138, 126],
    "squishing water": [160, 138, 123, 117, 117, 111, 79, 80, 82],
    "thunder": [79, 175, 113, 53, 108, 76, 56, 52, 47],
    "underwater bubbling": [154, 157, 180, 96, 99, 106, 84, 86, 86],
    "waterfall burbling": [150, 145, 119, 149, 182, 102, 125, 143, 96],
    "wind noise": [183, 155, 164, 139, 136, 124, 123, 116, 100],
    "sea waves": [160, 138, 123, 150, 135, 125, 120, 132, 110],
    "texture": [97, 145, 133, 120, 166, 163, 171, 151, 115],
}


@pytest.mark.parametrize("cause", (CALM, *CLASSES))
def test_picture_is_the_golden_one(cause: str) -> None:
    scene = Scene(11, "lake", "day", cause, 0.0 if cause == CALM else 0.8)
    assert nine(render(scene, 96)) == pytest.approx(GOLDENS[cause], abs=2)


def test_texture_is_the_golden_one() -> None:
    assert nine(texture(3, 96)) == pytest.approx(GOLDENS["texture"], abs=2)


@pytest.mark.parametrize("place", PLACES)
def test_same_scene_same_picture(place: str) -> None:
    scene = Scene(5, place, "dusk", "raining", 0.6)
    image = render(scene, 64)
    assert image.shape == (64, 64, 3)
    assert image.dtype == np.uint8
    assert np.array_equal(image, render(scene, 64))


@pytest.mark.parametrize("cause", CLASSES)
def test_without_intensity_every_cause_is_the_calm_scene(cause: str) -> None:
    calm = Scene(8, "forest", "overcast", CALM, 0.0)
    assert np.array_equal(render(calm, 64), render(replace(calm, cause=cause), 64))


@pytest.mark.parametrize("cause", CLASSES)
def test_a_faint_cause_is_close_to_calm(cause: str) -> None:
    calm = Scene(8, "coast", "day", CALM, 0.0)
    faint = render(replace(calm, cause=cause, intensity=0.01), 64)
    assert change(faint, render(calm, 64)) < 4


@pytest.mark.parametrize("cause", CLASSES)
def test_effect_grows_with_intensity(cause: str) -> None:
    means = np.zeros(5)
    for seed in range(4):
        calm = Scene(40 + seed, PLACES[2 * seed], LIGHTS[seed], cause, 0.0)
        bare = render(calm, 64)
        means += [change(render(replace(calm, intensity=s), 64), bare) for s in (0.1, 0.3, 0.5, 0.75, 1.0)]
    assert (np.diff(means) > 0).all(), means


def test_a_cause_leaves_the_rest_of_the_scene_alone() -> None:
    calm = Scene(21, "street", "day", CALM, 0.0)
    splash = render(replace(calm, cause="splashing water", intensity=0.3))
    assert change(splash[:60], render(calm)[:60]) < 0.5


@pytest.mark.parametrize("light", LIGHTS)
def test_every_pair_of_place_and_cause_renders(light: str) -> None:
    pairs = [(place, cause) for place in PLACES for cause in CLASSES][LIGHTS.index(light) :: 4]
    for i, (place, cause) in enumerate(pairs):
        assert render(Scene(100 + i, place, light, cause, 1.0), 48).std() > 4


@pytest.mark.parametrize("field", ("place", "light", "cause"))
def test_unknown_names_are_refused_with_the_known_ones(field: str) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        Scene(**{"seed": 0, "place": "coast", "light": "day", "cause": "thunder", "intensity": 0.5, field: "moon"})


@pytest.mark.parametrize("intensity", (-0.1, 1.1, float("nan")))
def test_intensity_out_of_range_is_refused(intensity: float) -> None:
    with pytest.raises(ValueError, match="out of range"):
        Scene(0, "coast", "day", "thunder", intensity)


def test_held_out_pairs_are_one_a_class_and_at_most_two_a_place() -> None:
    assert sorted(cause for cause, _ in HELD_OUT) == sorted(CLASSES)
    places = [place for _, place in HELD_OUT]
    assert max(map(places.count, places)) <= 2
    assert set(places) <= set(PLACES)


@pytest.mark.parametrize("split", SPLITS)
def test_held_out_pairs_come_only_when_asked_for(split: str) -> None:
    for i in range(300):
        ordinary, held = row(i, split).scene, row(i, split, held_out=True).scene
        assert (ordinary.cause, ordinary.place) not in HELD_OUT
        assert (held.cause, held.place) in HELD_OUT


def test_splits_share_no_seed() -> None:
    last = 5 * 10**8 - 1
    ranges = sorted((row(0, s, held).scene.seed, row(last, s, held).scene.seed) for s in SPLITS for held in (False, True))
    assert all(end < start for (_, end), (start, _) in pairwise(ranges))


def test_rows_repeat_and_calm_is_for_training() -> None:
    assert row(3) == row(3)
    assert 0.08 < np.mean([row(i).scene.cause == CALM for i in range(1000)]) < 0.16
    assert all(row(i, "test").scene.cause != CALM for i in range(200))


def test_the_sea_is_mostly_where_water_is() -> None:
    scenes = [row(i).scene for i in range(3000)]
    sea = [scene.place for scene in scenes if scene.cause == "sea waves"]
    assert 200 < len(sea) < 340
    assert sum(place in ("coast", "harbour") for place in sea) / len(sea) == pytest.approx(6 / 11, abs=0.1)
    assert set(sea) == set(PLACES) - {"lake"}


@pytest.mark.parametrize(("index", "split"), ((-1, "train"), (5 * 10**8, "train"), (0, "nowhere")))
def test_bad_rows_are_refused(index: int, split: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        row(index, split)


def change(a: np.ndarray, b: np.ndarray) -> float:
    """Mean absolute difference of two pictures, in levels of 255."""
    return float(np.abs(a.astype(np.float32) - b).mean())
