"""Distances between sets of images by their features: FID (Heusel et al. 2017) and KID (Binkowski et al. 2018).

FID is biased upwards by small sets, so it is worth comparing only at equal n; KID is not biased, and may be a little below zero.
"""

from __future__ import annotations

import numpy as np


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


def kernel_distance(a: np.ndarray, b: np.ndarray) -> float:
    """KID of features (n, d) and (m, d): the unbiased squared maximum mean discrepancy under the kernel (x.y / d + 1)^3."""
    check(a, b)
    within = [(kernel(x, x).sum() - np.trace(kernel(x, x))) / (len(x) * (len(x) - 1)) for x in (a, b)]
    return float(sum(within) - 2 * kernel(a, b).mean())


def kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a @ b.T / a.shape[1] + 1) ** 3


def kernel_interval(a: np.ndarray, b: np.ndarray, subsets: int = 200, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
    """Interval of KID over halves of both sets drawn without replacement."""
    rng = np.random.default_rng(seed)
    drawn = [kernel_distance(rng.permutation(a)[: len(a) // 2], rng.permutation(b)[: len(b) // 2]) for _ in range(subsets)]
    spread = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) - np.mean(drawn)
    # A half drawn without replacement varies about as much as the whole does between samples.
    low, high = kernel_distance(a, b) + spread
    return float(low), float(high)


def check(a: np.ndarray, b: np.ndarray) -> None:
    if a.ndim != 2 or b.ndim != 2 or a.shape[1] != b.shape[1] or min(len(a), len(b)) < 4:
        raise ValueError(f"got features of shapes {a.shape} and {b.shape}; expected (n, d) and (m, d) with at least 4 rows each")
