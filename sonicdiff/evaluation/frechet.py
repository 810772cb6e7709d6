"""Distances between sets of images by their features: FID (Heusel et al. 2017) and KID (Binkowski et al. 2018).

FID is biased upwards by small sets, so it is worth comparing only at equal n; KID is not biased, and may be a little below zero.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sonicdiff.evaluation.scores import Estimate


def frechet_distance(a: np.ndarray, b: np.ndarray) -> float:
    """FID of features (n, d) and (m, d): the squared distance of the means plus what the covariances differ by."""
    check(a, b)
    mean = np.square(a.mean(0) - b.mean(0)).sum()
    # tr sqrt(A B) = tr sqrt(sqrt(A) B sqrt(A)), which is symmetric: no complex part to throw away.
    root = symmetric_root(np.cov(a, rowvar=False))
    cross = root @ np.cov(b, rowvar=False) @ root
    shared = np.sqrt(np.clip(np.linalg.eigvalsh((cross + cross.T) / 2), 0, None)).sum()
    return float(mean + a.var(0, ddof=1).sum() + b.var(0, ddof=1).sum() - 2 * shared)


def symmetric_root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(np.atleast_2d(matrix))
    return (vectors * np.sqrt(np.clip(values, 0, None))) @ vectors.T


def kernel_distance(a: np.ndarray, b: np.ndarray, strata: tuple[np.ndarray, np.ndarray] | None = None) -> float:
    """KID of features (n, d) and (m, d): the unbiased squared maximum mean discrepancy under the kernel (x.y / d + 1)^3.

    strata: the classes (n,) and (m,) of sets that were drawn with fixed numbers of each. Their members are not drawn independently,
    which would bias the estimate downwards; each pair of classes then counts by its share instead. Each class needs two members.
    """
    check(a, b)
    one = strata or (np.zeros(len(a), int), np.zeros(len(b), int))
    within = [mean_kernel(x, x, of, of, same=True) for x, of in zip((a, b), one, strict=True)]
    return float(sum(within) - 2 * mean_kernel(a, b, *one, same=False))


def kernel_interval(a: np.ndarray, b: np.ndarray, groups: Sequence[str], strata: tuple[np.ndarray, np.ndarray] | None = None) -> Estimate:
    """KID with the 95 % interval that the jackknife gives, leaving out one group of `a`'s rows (a sound, a video) at a time.

    A bootstrap would not do: rows that are drawn twice meet themselves, which biases KID upwards.
    """
    whole, names = kernel_distance(a, b, strata), np.asarray(groups)
    kept = [names != name for name in np.unique(names)]
    parts = [kernel_distance(a[rows], b, strata and (strata[0][rows], strata[1])) for rows in kept]
    spread = 1.96 * float(np.sqrt((len(parts) - 1) * np.var(parts)))
    return Estimate(whole, whole - spread, whole + spread, len(a))


def mean_kernel(a: np.ndarray, b: np.ndarray, a_strata: np.ndarray, b_strata: np.ndarray, same: bool) -> float:
    """The expected kernel of independent draws, class by class; same: a and b are one set, and no member meets itself."""
    values, total = (a @ b.T / a.shape[1] + 1) ** 3, 0.0
    for x in np.unique(a_strata):
        for y in np.unique(b_strata):
            part = values[np.ix_(a_strata == x, b_strata == y)]
            alone = same and x == y
            if alone and len(part) < 2:
                raise ValueError(f"class {x} has one member; KID needs two of each")
            mean = (part.sum() - np.trace(part)) / (len(part) * (len(part) - 1)) if alone else part.mean()
            total += mean * (a_strata == x).mean() * (b_strata == y).mean()
    return total


def check(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 4:
        raise ValueError(f"got features of shapes {a.shape} and {b.shape}; expected (n, d) and (m, d) with at least 4 rows each")
