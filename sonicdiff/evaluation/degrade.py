"""Worse copies of pictures and spectrograms, so that the evaluators judge what is shown and heard and not how cleanly."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

ZOOM = 0.2  # largest part cut off a picture


def degraded(images: np.ndarray, rng: np.random.Generator) -> Tensor:
    """uint8 (B, H, W, 3) to (B, 3, H, W) in [-1, 1]: mirrored, cropped, recoloured; many coarse, compressed or noisy."""
    kept = rng.random(len(images)) < 0.25
    compressed = rng.random(len(images)) < 0.25
    stored = [jpeg(image, int(rng.integers(12, 70))) if low else image for image, low in zip(images, compressed, strict=True)]
    x = torch.from_numpy(np.stack(stored)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
    x = moved(x, rng)
    coarse = torch.cat([coarser(part[None], float(rng.uniform(1.3, 4.5))) for part in x])
    blurred = torch.from_numpy((rng.random(len(x)) < 0.6) & ~kept)[:, None, None, None]
    x = recoloured(torch.where(blurred, coarse, x), rng)
    noise = torch.from_numpy((rng.random(len(x)) < 0.25) * ~kept * rng.uniform(0.02, 0.15, len(x))).float()[:, None, None, None]
    seeded = torch.Generator().manual_seed(int(rng.integers(2**31)))
    return (x + noise * torch.randn(x.shape, generator=seeded)).clamp(-1, 1).contiguous(memory_format=torch.channels_last)


def jpeg(image: np.ndarray, quality: int) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(image).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def coarser(x: Tensor, factor: float) -> Tensor:
    """Down by `factor` and up again: (B, 3, H, W)."""
    size = x.shape[-1]
    small = F.interpolate(x, size=round(size / factor), mode="bilinear", antialias=True)
    return F.interpolate(small, size=size, mode="bicubic").clamp(-1, 1)


def moved(x: Tensor, rng: np.random.Generator) -> Tensor:
    """Mirrored or not, and a random window of at least 1 - ZOOM of each side."""
    scale = rng.uniform(1 - ZOOM, 1, len(x))
    flip = np.where(rng.random(len(x)) < 0.5, -1.0, 1.0)
    shift = rng.uniform(-1, 1, (2, len(x))) * (1 - scale)
    zero = np.zeros(len(x))
    theta = np.stack([np.stack([scale * flip, zero, shift[0]], -1), np.stack([zero, scale, shift[1]], -1)], 1)
    grid = F.affine_grid(torch.from_numpy(theta).float(), list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, padding_mode="reflection", align_corners=False)


def recoloured(x: Tensor, rng: np.random.Generator) -> Tensor:
    """A little more or less light, contrast, colour, and another white."""

    def draw(low: float, high: float, channels: int = 1) -> Tensor:
        return torch.from_numpy(rng.uniform(low, high, (len(x), channels, 1, 1))).float()

    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * draw(0.7, 1.25)
    middle = x.mean((1, 2, 3), keepdim=True)
    return ((x - middle) * draw(0.8, 1.2) + middle + draw(-0.12, 0.12) + draw(-0.05, 0.05, 3)).clamp(-1, 1)


def perturbed(mels: Tensor, rng: np.random.Generator) -> Tensor:
    """Log-mel spectrograms (B, 1, mels, frames) at another level and colour, begun elsewhere, with a band and some stretches masked."""
    batch, _, bins, frames = mels.shape
    level, tilt = rng.normal(0, 0.3, (batch, 1, 1, 1)), rng.normal(0, 0.2, (batch, 1, 1, 1)) * np.linspace(-1, 1, bins)[:, None]
    mels = (mels + torch.from_numpy(level + tilt).float()).roll(int(rng.integers(frames)), 3)
    for row in mels:
        floor = row.mean()
        low, height = int(rng.integers(bins)), int(rng.integers(0, bins // 5))
        row[:, low : low + height] = floor
        for _ in range(2):
            start, length = int(rng.integers(frames)), int(rng.integers(0, frames // 8))
            row[:, :, start : start + length] = floor
    return mels
