"""Pictures wider than a model was trained on, or without ends: overlapping windows, their noise averaged (Bar-Tal et al. 2023)."""

from __future__ import annotations

import torch
from torch import Tensor

from sonicdiff.diffusion.ddim import EpsModel

ROWS = 8  # windows that the model sees at once


def windowed(eps_model: EpsModel, width: int, circular: bool = False) -> EpsModel:
    """`eps_model` for x (n, c, h, w) of any w: seen through windows of `width` that overlap by half.

    circular: the right end goes on at the left. A picture no wider than a window is then turned by half its width at every second call,
    so that its seam is never in the same place.
    """
    calls = 0

    def model(x: Tensor, t: int) -> Tensor:
        nonlocal calls
        calls += 1
        wide = x.shape[-1]
        if wide <= width:
            turn = wide // 2 if circular and calls % 2 == 0 else 0
            return eps_model(x.roll(turn, -1), t).roll(-turn, -1)
        columns = window_columns(wide, width, circular)
        rows = torch.cat([x[..., c] for c in columns])
        eps = torch.cat([eps_model(part, t) for part in rows.split(ROWS * len(x))])
        slope = torch.linspace(0.5, width - 0.5, width)
        weight = torch.minimum(slope, slope.flip(0)).to(x)
        total, weights = torch.zeros_like(x), torch.zeros(wide, device=x.device, dtype=x.dtype)
        for c, part in zip(columns, eps.split(len(x)), strict=True):
            total[..., c] += weight * part
            weights[c] += weight
        return total / weights

    return model


def window_columns(wide: int, width: int, circular: bool) -> list[list[int]]:
    """The columns of each window: a window's half apart, the last at the end or, if circular, around it."""
    starts = list(range(0, wide if circular else wide - width + 1, width // 2))
    if not circular and starts[-1] + width < wide:
        starts.append(wide - width)
    return [[column % wide for column in range(start, start + width)] for start in starts]
