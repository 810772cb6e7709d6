"""Struck materials: bodies that ring as theirs do, rhythms and sticks that stay when the material is exchanged, classes told apart."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sonicdiff.synthetic.materials.bodies import BODIES, hit, modes
from sonicdiff.synthetic.materials.captions import DOING, DONE, caption, caption_without
from sonicdiff.synthetic.materials.pictures import PAINTERS, picture_strike, thing
from sonicdiff.synthetic.materials.sounds import render_strike
from sonicdiff.synthetic.materials.strike import ACTIONS, MATERIALS, Strike
from sonicdiff.synthetic.noise import Clock

RATE = 16_000


def sketch(samples: np.ndarray) -> np.ndarray:
    """What can be heard at any level: mean, spread and unrest over time of the sound in 16 bands, in dB."""
    blocks = np.lib.stride_tricks.sliding_window_view(samples, 512)[::128] * np.hanning(512)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    bands = 10 * np.log10(np.add.reduceat(power, np.geomspace(2, 257, 17).astype(int)[:-1], axis=1) + 1e-9)
    loud = np.maximum(bands - bands.max(), -60)
    return np.concatenate([np.percentile(loud, 90, axis=0), loud.std(axis=0), 2 * np.abs(np.diff(loud, axis=0)).mean(axis=0)])


def envelope(samples: np.ndarray) -> np.ndarray:
    return np.sqrt(np.mean(samples[: samples.size // 160 * 160].reshape(-1, 160) ** 2, axis=1))


def test_metal_rings_on_and_plastic_does_not() -> None:
    """Seconds in which a single blow loses 20 dB, in the middle of several bodies."""
    clock, found = Clock(2 * 48_000, 48_000), {}
    for material, body in BODIES.items():
        times = []
        for seed in range(9):
            sound = hit(np.random.default_rng(seed), body, clock, np.array([0.01]), np.array([0.7]))
            left = np.cumsum(sound[::-1].astype(np.float64) ** 2)[::-1]  # Schroeder's integral
            times.append(np.searchsorted(-left / left[0], -0.01) / clock.rate)
        found[material] = float(np.median(times))
    assert found["metal"] > 2 * found["glass"] > 2 * found["ceramic"] > 0.02
    assert found["ceramic"] > found["plastic"] and found["wood"] > found["plastic"]
    assert found["metal"] > 0.3 and found["plastic"] < 0.08


def test_high_modes_die_sooner() -> None:
    for body in BODIES.values():
        frequencies, decays, _ = np.array(sorted(modes(np.random.default_rng(1), body, 48_000))).T
        assert (np.diff(decays) < 0).all() and frequencies.size > 4


@pytest.mark.parametrize("material", MATERIALS)
def test_sounds_are_whole_and_louder_where_the_stick_is_used_hard(material: str) -> None:
    for action in ACTIONS:
        strike = Strike(2 * 10**9 + 3, material, action, 0.1)
        soft, hard = (render_strike(replace(strike, intensity=x), 1.5, RATE) for x in (0.1, 1.0))
        for sound in (soft, hard):
            assert sound.shape == (24_000,) and sound.dtype == np.float32 and np.isfinite(sound).all()
            assert max(np.abs(sound[:2]).max(), np.abs(sound[-2:]).max()) < 0.02 * np.abs(sound).max()
        assert 20 * np.log10(np.std(hard) / np.std(soft)) > 8


def test_the_rhythm_does_not_depend_on_the_material() -> None:
    strike = Strike(4, "wood", "hit", 0.6)
    wood, ceramic = (envelope(render_strike(replace(strike, material=m), 3.0, RATE)) for m in ("wood", "ceramic"))
    another = envelope(render_strike(replace(strike, material="ceramic", seed=5), 3.0, RATE))
    assert np.corrcoef(wood, ceramic)[0, 1] > 0.5 > np.corrcoef(wood, another)[0, 1] + 0.2


def test_materials_can_be_told_apart() -> None:
    """Nearest neighbour on a coarse sketch, blows and strokes together: a floor under what an encoder must be able to hear."""

    def sketches(seeds: range) -> list[tuple[str, np.ndarray]]:
        return [(m, sketch(render_strike(Strike(s, m, ACTIONS[s % 2], 0.6), 2.0, RATE))) for s in seeds for m in MATERIALS]

    known, asked = sketches(range(6)), sketches(range(100, 102))
    points = np.stack([point for _, point in known])
    right = [known[int(np.square(points - point).sum(axis=1).argmin())][0] == label for label, point in asked]
    assert np.mean(right) > 0.65  # chance 0.1


@pytest.mark.parametrize("material", MATERIALS)
def test_every_thing_is_painted_and_named(material: str) -> None:
    seen = set()
    for seed in range(12):
        strike = Strike(seed, material, ACTIONS[seed % 2], 0.5)
        assert thing(strike) in caption(strike, seed) and "  " not in caption(strike, seed)
        assert any(
            word in caption(strike, seed) for word in (*DOING[strike.action], *DONE[strike.action], "splash", "stir", "sweep", "swept")
        )
        bare = caption_without(strike, seed)
        assert not any(word in bare for word in (material, *thing(strike).split()[1:], "hit", "scrap"))
        if thing(strike) not in seen:
            picture = picture_strike(strike, 64)
            assert picture.shape == (64, 64, 3) and picture.std() > 8
            np.testing.assert_array_equal(picture, picture_strike(strike, 64))
        seen.add(thing(strike))
    assert seen == set(PAINTERS[material])


def test_the_stick_does_not_depend_on_the_material() -> None:
    """Materials differ everywhere but on the stick, which lies over all of them."""

    def alike(strikes: list[Strike]) -> float:
        pictures = [picture_strike(strike, 96).astype(int) for strike in strikes]
        return float(np.mean(np.max([np.abs(other - pictures[0]).max(2) for other in pictures[1:]], axis=0) < 3))

    for action in ACTIONS:
        strikes = [Strike(9, material, action, 0.5) for material in ("cloth", "gravel", "metal")]
        assert alike(strikes) > 0.008
        assert alike([replace(strike, seed=9 + i) for i, strike in enumerate(strikes)]) < 0.003


@pytest.mark.parametrize(
    ("change", "message"),
    [({"material": "lava"}, "expected one of wood"), ({"action": "kick"}, "expected one of hit"), ({"intensity": 1.5}, "out of range")],
)
def test_unknown_names_are_refused(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(Strike(0, "wood", "hit", 0.5), **change)


@pytest.mark.parametrize(("seconds", "rate"), [(0.1, RATE), (2.0, 4000), (float("nan"), RATE)])
def test_bad_lengths_and_rates_are_told(seconds: float, rate: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        render_strike(Strike(0, "wood", "hit", 0.5), seconds, rate)
