"""Between two tensors: along the line, or along the great circle as suits unit vectors and Gaussian noise (Shoemake 1985)."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """(1 - t) a + t b."""
    return torch.lerp(a, b, t)


def slerp(a: Tensor, b: Tensor, t: float) -> Tensor:
    """Turns a towards b by the fraction t of the angle between them, over all entries at once."""
    weight_a, weight_b = slerp_weights(a, b, t)
    return weight_a * a + weight_b * b


def slerp_weights(a: Tensor, b: Tensor, t: float) -> tuple[float, float]:
    """How much of a and of b `slerp` takes; tensors that are nearly parallel are interpolated along the line."""
    cosine = torch.nn.functional.cosine_similarity(a.flatten().double(), b.flatten().double(), dim=0)
    angle = math.acos(max(-1.0, min(1.0, float(cosine))))
    if math.sin(angle) < 1e-4:
        return 1 - t, t
    return math.sin((1 - t) * angle) / math.sin(angle), math.sin(t * angle) / math.sin(angle)
