"""Between uint8 images (B, H, W, 3) and the tensors in [-1, 1] (B, 3, H, W) that the VAE takes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor


def to_tensor(images: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    pixels = torch.from_numpy(np.ascontiguousarray(images)).to(device).permute(0, 3, 1, 2)
    return pixels.float().div(127.5).sub(1).contiguous(memory_format=torch.channels_last)


def to_uint8(pixels: Tensor) -> np.ndarray:
    return pixels.float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def halved(pixels: Tensor) -> Tensor:
    """Half the resolution by averaging: (B, 3, H, W) -> (B, 3, H/2, W/2)."""
    return F.avg_pool2d(pixels, 2)


def random_crops(images: np.ndarray, size: int, rng: np.random.Generator, mirrored: bool = True) -> np.ndarray:
    """One crop of `size` pixels of each image, half of them mirrored: (B, H, W, C) -> (B, size, size, C)."""
    height, width = images.shape[1:3]
    tops, lefts = rng.integers(0, height - size + 1, len(images)), rng.integers(0, width - size + 1, len(images))
    crops = [image[top : top + size, left : left + size] for image, top, left in zip(images, tops, lefts, strict=True)]
    if not mirrored:
        return np.stack(crops)
    return np.stack([crop[:, ::-1] if flip else crop for crop, flip in zip(crops, rng.random(len(crops)) < 0.5, strict=True)])
