"""Sounds made by code, and their augmentation: shapes, levels, ends, variety, and that the classes can be told apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.classes import CALM, CLASSES
from sonicdiff.synthetic.sounds import mix, render_sound

RATE = 16_000
ALL = (*CLASSES, CALM)


def decibels(samples: np.ndarray) -> float:
    return 20 * float(np.log10(np.sqrt(np.mean(np.square(samples, dtype=np.float64))) + 1e-9))


def sketch(samples: np.ndarray) -> np.ndarray:
    """What can be heard at any level: mean, spread and unrest over time of the sound in 16 bands, in dB."""
    blocks = np.lib.stride_tricks.sliding_window_view(samples, 512)[::256] * np.hanning(512)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    edges = np.geomspace(2, 257, 17).astype(int)
    bands = 10 * np.log10(np.add.reduceat(power, edges[:-1], axis=1) + 1e-9)
    unrest = np.abs(np.diff(bands, axis=0)).mean(axis=0)
    return np.concatenate([bands.mean(axis=0) - bands.mean(), bands.std(axis=0), 2 * unrest])


@pytest.mark.parametrize("cause", ALL)
@pytest.mark.parametrize("intensity", [0.0, 0.5, 1.0])
def test_sounds_are_whole(cause: str, intensity: float) -> None:
    sound = render_sound(cause, intensity, 7, 2.0, RATE)
    assert sound.shape == (2 * RATE,)
    assert sound.dtype == np.float32
    assert np.isfinite(sound).all()
    assert 0 < np.abs(sound).max() < 1
    assert abs(float(sound.mean())) < 0.01
    # No click at either end.
    assert max(np.abs(sound[:4]).max(), np.abs(sound[-4:]).max()) < 0.02 * np.abs(sound).max()


@pytest.mark.parametrize("cause", ALL)
def test_a_seed_is_a_sound_and_another_seed_another(cause: str) -> None:
    first = render_sound(cause, 0.6, 2 * 10**9 + 5, 1.0, RATE)
    np.testing.assert_array_equal(first, render_sound(cause, 0.6, 2 * 10**9 + 5, 1.0, RATE))
    other = render_sound(cause, 0.6, 2 * 10**9 + 6, 1.0, RATE)
    assert abs(np.corrcoef(first, other)[0, 1]) < 0.5


@pytest.mark.parametrize("cause", CLASSES)
def test_intensity_is_loudness_and_character(cause: str) -> None:
    seeds = range(3)
    soft, loud = ([render_sound(cause, x, seed, 3.0, RATE) for seed in seeds] for x in (0.1, 0.9))
    rise = [decibels(b) - decibels(a) for a, b in zip(soft, loud, strict=True)]
    assert np.mean(rise) > 8
    change = np.mean([sketch(b) - sketch(a) for a, b in zip(soft, loud, strict=True)], axis=0)
    assert np.abs(change).max() > 2  # dB, at equal level


def test_surf_with_gulls_is_whole() -> None:
    """One in five has gulls: enough seeds that some call."""
    sounds = [render_sound("sea waves", 0.6, seed, 3.0, 8000) for seed in range(40)]
    assert all(np.isfinite(sound).all() for sound in sounds)


def test_calm_is_nearly_silent() -> None:
    levels = [decibels(render_sound(CALM, 0.0, seed, 2.0, RATE)) for seed in range(6)]
    assert max(levels) < -45
    assert min(levels) > -75


def test_the_classes_can_be_told_apart_at_any_level() -> None:
    """Nearest neighbour on a coarse sketch: a floor under what an encoder must be able to hear."""
    rng = np.random.default_rng(0)

    def sketches(seeds: range) -> list[tuple[int, np.ndarray]]:
        return [
            (label, sketch(render_sound(cause, rng.uniform(0.2, 1), seed, 3.0, RATE)))
            for seed in seeds
            for label, cause in enumerate(CLASSES)
        ]

    known, asked = sketches(range(6)), sketches(range(100, 102))
    points = np.stack([point for _, point in known])
    right = [known[int(np.square(points - point).sum(axis=1).argmin())][0] == label for label, point in asked]
    assert np.mean(right) > 0.5  # chance 0.1


@pytest.mark.parametrize("rate", [8000, 22_050, 48_000])
@pytest.mark.parametrize("seconds", [0.05, 0.7])
def test_other_rates_and_lengths(rate: int, seconds: float) -> None:
    for cause in ALL:
        sound = render_sound(cause, 0.8, 3, seconds, rate)
        assert sound.shape == (round(seconds * rate),)
        assert np.isfinite(sound).all()


@pytest.mark.parametrize(
    ("cause", "intensity", "seconds", "rate"),
    [
        ("rain", 0.5, 1.0, RATE),
        ("raining", 1.1, 1.0, RATE),
        ("raining", float("nan"), 1.0, RATE),
        ("raining", 0.5, 0.0, RATE),
        ("raining", 0.5, 1.0, 100),
    ],
)
def test_bad_arguments_are_told(cause: str, intensity: float, seconds: float, rate: int) -> None:
    with pytest.raises(ValueError, match="expected"):
        render_sound(cause, intensity, 0, seconds, rate)


def test_mix_is_a_weighted_sum_within_full_scale() -> None:
    a, b = np.full(10, 0.5, np.float32), np.full(6, 0.25, np.float32)
    np.testing.assert_allclose(mix([a, b], [1.0, 1.0]), [0.75] * 6 + [0.5] * 4)
    np.testing.assert_allclose(mix([a, b], [3.0, 2.0]), [1.0] * 6 + [0.75] * 4)
    with pytest.raises(ValueError, match="expected"):
        mix([a], [1.0, 2.0])


@settings(max_examples=40)
@given(
    st.integers(0, 2**32),
    st.sampled_from([2, 100, 4801, 16_000]),
    st.sampled_from([8000, 16_000, 48_000]),
    st.sampled_from([0.0, 1e-6, 0.3, 30.0]),
)
def test_augmented_sounds_are_whole(seed: int, n: int, rate: int, scale: float) -> None:
    samples = np.random.default_rng(0).normal(0, scale, n).astype(np.float32)
    kept = samples.copy()
    out = augment(samples, rate, np.random.default_rng(seed), background=samples[::-1])
    assert out.shape == (n,)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()
    assert np.abs(out).max() <= 1
    np.testing.assert_array_equal(samples, kept)
    np.testing.assert_array_equal(out, augment(samples, rate, np.random.default_rng(seed), background=samples[::-1]))


def test_augmentation_ranges_over_forty_decibels_and_leaves_some_alone() -> None:
    sound = render_sound("raining", 0.5, 0, 1.0, RATE)
    out = [augment(sound, RATE, np.random.default_rng(seed)) for seed in range(60)]
    levels = [decibels(x) for x in out]
    assert max(levels) - min(levels) > 35
    likeness = [abs(np.corrcoef(sound, x)[0, 1]) for x in out if x.any()]
    assert np.mean(np.array(likeness) > 0.999) > 0.05
    assert np.mean(np.array(likeness) < 0.9) > 0.5


def test_augmentation_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match="expected"):
        augment(np.zeros((2, 100), np.float32), RATE, np.random.default_rng(0))
