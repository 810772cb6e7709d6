"""Scores as pure functions of labels, embeddings and images, and intervals for them (the paper's section 4.1).

AIC, AIS and IIS follow the paper's computation, with evaluators of our own: AIS and IIS are win rates, with chance at one half.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

GRID = 32  # cells a side on which structure is compared
TIE = 1e-6  # similarities this near are equal but for rounding


@dataclass(frozen=True)
class Estimate:
    """A mean over n units (usually sounds) and its bootstrap interval."""

    mean: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.2f} [{self.low:.2f}, {self.high:.2f}] n={self.n}"


def bootstrap(
    values: ArrayLike, level: float = 0.95, resamples: int = 2000, seed: int = 0, groups: Sequence[str] | None = None
) -> Estimate:
    """The mean of `values` (n,), one value a sound, with the percentile interval of the means of resampled ones.

    groups: what each value comes from (a sound with several images, a video with several sounds): whole groups are resampled, for their
    members are not independent. n stays the number of values.
    """
    values = np.asarray(values, np.float64)
    if values.ndim != 1 or len(values) == 0:
        raise ValueError(f"got values of shape {values.shape}; expected (n,) with n at least 1")
    _, of = np.unique(np.arange(len(values)) if groups is None else groups, return_inverse=True)
    sums, sizes = np.bincount(of, values), np.bincount(of)
    drawn = np.random.default_rng(seed).integers(0, len(sums), (resamples, len(sums)))
    low, high = np.quantile(sums[drawn].sum(1) / sizes[drawn].sum(1), [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(values.mean()), float(low), float(high), len(values))


def win_rate(own: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """Share of the pool with a lower similarity than one's own, ties counting half. own: (n,), pool: (n, m) -> (n,); chance 0.5."""
    ahead = own[:, None] - pool
    return (ahead > TIE).mean(1) + 0.5 * (abs(ahead) <= TIE).mean(1)


def audio_image_similarity(images: np.ndarray, sounds: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """AIS: each image's similarity to its own sound against its similarity to the pool's. (n, d), (n, d), (m, d) unit vectors -> (n,)."""
    return win_rate((images * sounds).sum(1), images @ pool.T)


def strict_win_rate(images: np.ndarray, own: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """AIS, or IIS, as the paper's released script counts it: the share of the pool that is strictly less similar. Shapes as in AIS."""
    return ((images * own).sum(1)[:, None] > images @ pool.T).mean(1)


def image_image_similarity(images: np.ndarray, truths: np.ndarray, pool: np.ndarray) -> np.ndarray:
    """IIS: each image's similarity to the true image of its sound against its similarity to the pool's; as in AIS."""
    return audio_image_similarity(images, truths, pool)


def ranks(values: np.ndarray) -> np.ndarray:
    """Ranks along the last axis, ties sharing their mean rank."""
    lower = (values[..., None, :] < values[..., :, None]).sum(-1)
    equal = (values[..., None, :] == values[..., :, None]).sum(-1)
    return lower + (equal - 1) / 2


def rank_correlation(a: ArrayLike, b: ArrayLike) -> np.ndarray:
    """Spearman's coefficient along the last axis; 0 where one side is constant, for then nothing rises with anything."""
    x, y = (ranks(np.asarray(side, np.float64)) for side in (a, b))
    x, y = x - x.mean(-1, keepdims=True), y - y.mean(-1, keepdims=True)
    scale = np.sqrt((x * x).sum(-1) * (y * y).sum(-1))
    return np.divide((x * y).sum(-1), scale, out=np.zeros_like(scale), where=scale > 0)


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    """Peak signal-to-noise ratio in dB of two uint8 images of one shape; infinite for equal ones."""
    if a.shape != b.shape:
        raise ValueError(f"got images of shapes {a.shape} and {b.shape}; expected one shape")
    error = np.square(a.astype(np.float64) - b.astype(np.float64)).mean()
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


def layout(image: np.ndarray) -> np.ndarray:
    """The horizontal and vertical differences of the grey values on a GRID x GRID raster, as one centred unit vector."""
    grey = np.asarray(Image.fromarray(image).convert("L").resize((GRID, GRID), Image.Resampling.BOX), np.float64)
    vector = np.concatenate([np.diff(grey, axis=1).ravel(), np.diff(grey, axis=0).ravel()])
    vector -= vector.mean()
    return vector / max(float(np.linalg.norm(vector)), 1e-9)


def structure(a: np.ndarray, b: np.ndarray) -> float:
    """How far two uint8 images (h, w, 3) share their layout: the correlation of their coarse gradients, 1 for the same picture."""
    return float(layout(a) @ layout(b))
