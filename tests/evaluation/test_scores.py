"""Scores against cases whose answer is known."""

# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import spearmanr

from sonicdiff.evaluation.frechet import frechet_distance, kernel_distance
from sonicdiff.evaluation.scores import (
    audio_image_similarity,
    bootstrap,
    image_image_similarity,
    psnr,
    rank_correlation,
    structure,
    win_rate,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def units(rng: np.random.Generator, n: int, dim: int = 16) -> np.ndarray:
    vectors = rng.normal(size=(n, dim))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_win_rate_is_one_half_at_random_and_one_when_perfect(rng: np.random.Generator) -> None:
    images, sounds, pool = units(rng, 400), units(rng, 400), units(rng, 200)
    assert audio_image_similarity(images, sounds, pool).mean() == pytest.approx(0.5, abs=0.04)
    assert audio_image_similarity(images, images, pool).mean() == 1
    assert image_image_similarity(images, -images, pool).mean() == 0


def test_win_rate_of_ties_is_one_half() -> None:
    assert win_rate(np.array([1.0, 2.0]), np.array([[1.0, 1.0], [2.0, 1.0]])).tolist() == [0.5, 0.75]


def test_a_constant_embedding_earns_nothing(rng: np.random.Generator) -> None:
    same = np.repeat(units(rng, 1), 50, axis=0)
    assert audio_image_similarity(units(rng, 50), same, same).mean() == 0.5


def test_bootstrap_covers_the_truth_about_as_often_as_it_says(rng: np.random.Generator) -> None:
    estimates = [bootstrap(rng.random(50) < 0.7, resamples=400, seed=trial) for trial in range(300)]
    covered = np.mean([estimate.low <= 0.7 <= estimate.high for estimate in estimates])
    assert 0.9 <= covered <= 0.98
    assert np.mean([estimate.high - estimate.low for estimate in estimates]) == pytest.approx(2 * 1.96 * (0.21 / 50) ** 0.5, rel=0.1)


def test_bootstrap_says_n_is_repeatable_and_refuses_nothing_to_average() -> None:
    assert bootstrap([0, 1, 1]) == bootstrap([0, 1, 1])
    assert bootstrap([1.0] * 4) == bootstrap([1.0] * 4).__class__(1.0, 1.0, 1.0, 4)
    with pytest.raises(ValueError, match="n at least 1"):
        bootstrap([])


def test_rank_correlation_is_spearmans(rng: np.random.Generator) -> None:
    a, b = rng.integers(0, 5, (20, 9)), rng.normal(size=(20, 9))
    assert rank_correlation(a, b) == pytest.approx([spearmanr(x, y).statistic for x, y in zip(a, b, strict=True)])
    assert rank_correlation([1, 2, 3], [10, 20, 21]) == 1
    assert rank_correlation([1, 2, 3], [5, 5, 5]) == 0


def test_frechet_distance(rng: np.random.Generator) -> None:
    a = rng.normal(size=(500, 8))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-8)
    assert frechet_distance(a, a + 3) == pytest.approx(8 * 9)
    # Two diagonal Gaussians: the squared difference of the standard deviations, summed.
    assert frechet_distance(a, 2 * a) == pytest.approx(np.square(a.mean(0)).sum() + a.var(0, ddof=1).sum())


def test_frechet_distance_survives_fewer_images_than_features(rng: np.random.Generator) -> None:
    a = rng.normal(size=(10, 64))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-5)


def test_kernel_distance_has_no_bias(rng: np.random.Generator) -> None:
    drawn = [kernel_distance(rng.normal(size=(20, 8)), rng.normal(size=(30, 8))) for _ in range(400)]
    assert abs(np.mean(drawn)) < 3 * np.std(drawn) / 20
    assert min(drawn) < 0 < kernel_distance(rng.normal(size=(20, 8)), rng.normal(size=(30, 8)) + 1)


def test_kernel_distance_of_stratified_sets_has_no_bias(rng: np.random.Generator) -> None:
    """Two of each of nine classes far apart: independent draws would repeat classes more often than these sets do."""
    centres, a, b = 2 * rng.normal(size=(9, 8)), np.repeat(np.arange(9), 2), np.repeat(np.arange(9), 3)
    sets = [(centres[a] + 0.3 * rng.normal(size=(18, 8)), centres[b] + 0.3 * rng.normal(size=(27, 8))) for _ in range(100)]
    drawn = np.array([kernel_distance(x, y, (a, b)) for x, y in sets])
    assert abs(drawn.mean()) < 3 * drawn.std() / 10
    assert np.mean([kernel_distance(x, y) for x, y in sets]) < -3 * drawn.std()
    with pytest.raises(ValueError, match="two of each"):
        kernel_distance(*sets[0], (np.arange(18), b))


def test_distances_refuse_features_that_do_not_fit(rng: np.random.Generator) -> None:
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ValueError, match="expected"):
            distance(rng.normal(size=(9, 8)), rng.normal(size=(9, 7)))


def test_structure_sees_layout_and_not_colour(rng: np.random.Generator) -> None:
    y, x = np.mgrid[0:64, 0:64]
    shapes = [(np.stack([np.hypot(x - a, y - b)] * 3, -1) < 18).astype(np.uint8) * 200 for a, b in ((20, 20), (44, 40))]
    assert structure(shapes[0], shapes[0]) == pytest.approx(1)
    assert structure(shapes[0], shapes[0] // 2 + 30) > 0.99
    assert structure(shapes[0], shapes[1]) < 0.3
    assert structure(np.zeros_like(shapes[0]), shapes[0]) == 0


def test_psnr() -> None:
    a = np.full((4, 4, 3), 100, np.uint8)
    assert psnr(a, a + 1) == pytest.approx(48.13, abs=0.01)
    assert psnr(a, a) == float("inf")
    with pytest.raises(ValueError, match="one shape"):
        psnr(a, a[:2])
