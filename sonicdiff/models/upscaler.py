"""Twice the pixels: a small residual network after the autoencoder, for a model whose own size is small (EDSR, Lim et al. 2017)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

FACTOR = 2


class Upscaler(ModelMixin, ConfigMixin):
    """Decoded images (B, 3, H, W) in [-1, 1] to (B, 3, 2H, 2W): bicubic interpolation plus what the network adds to it.

    Trained on what the autoencoder makes of half-size pictures, so that it also mends what that loses. Untrained, it adds nothing.
    """

    @register_to_config
    def __init__(self, width: int = 48, blocks: int = 6) -> None:
        super().__init__()
        self.conv_in = nn.Conv2d(3, width, 3, padding=1)
        self.residuals = nn.ModuleList(ResidualBlock(width) for _ in range(blocks))
        self.conv_out = nn.Conv2d(width, 3 * FACTOR**2, 3, padding=1)
        nn.init.zeros_(self.conv_out.weight)
        nn.init.zeros_(self.conv_out.bias)  # pyright: ignore[reportArgumentType]

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv_in(x)
        for block in self.residuals:
            y = block(y)
        return F.interpolate(x, scale_factor=FACTOR, mode="bicubic") + F.pixel_shuffle(self.conv_out(y), FACTOR)


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(x))), without normalisation: colours stay what they are."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(width, width, 3, padding=1), nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv2(torch.relu(self.conv1(x)))
