"""The Inception-v3 of 2015 that FID and KID are published on, from its usual port to PyTorch (pt_inception-2015-12-05-6726825d.pth).

Its average pools do not count the padding, and its last block pools by the maximum. Pictures are resized as clean-fid does (Parmar et
al. 2022): bicubic with antialiasing, in floating point.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn

from sonicdiff.hub.weights.strict_load import load as load_pickle

FILE = "pt_inception-2015-12-05-6726825d.pth"
SIDE = 299
Layer = tuple[str, int, int, int]  # name, outputs, kernel height and width
Chain = Sequence[Layer | tuple[Layer, Layer]]  # one after the other; a pair side by side


class Conv(nn.Module):
    """Convolution, batch norm, ReLU. Without a stride the size stays, unless `valid`."""

    def __init__(self, inputs: int, outputs: int, height: int, width: int, stride: int = 1, valid: bool = False) -> None:
        super().__init__()
        padding = (0, 0) if valid or stride > 1 else (height // 2, width // 2)
        self.conv = nn.Conv2d(inputs, outputs, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Chains of convolutions side by side, and a pooling: "mean" or "max" with a convolution of `pooled` outputs, or "halve"."""

    def __init__(self, inputs: int, chains: Sequence[Chain], pool: Literal["mean", "max", "halve"], pooled: int = 0) -> None:
        super().__init__()
        self.pool, self.names = pool, [[tuple(each[0] for each in pair_of(layer)) for layer in chain] for chain in chains]
        for chain in chains:
            width = inputs
            for number, layer in enumerate(chain):
                stride = 2 if pool == "halve" and number == len(chain) - 1 else 1
                for name, outputs, *kernel in pair_of(layer):
                    self.add_module(f"branch{name}", Conv(width, outputs, kernel[0], kernel[1], stride))
                width = sum(each[1] for each in pair_of(layer))
        if pooled:
            self.branch_pool = Conv(inputs, pooled, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        found = []
        for chain in self.names:
            y = x
            for names in chain:
                y = torch.cat([self.get_submodule(f"branch{name}")(y) for name in names], 1)
            found.append(y)
        if self.pool == "halve":
            return torch.cat([*found, F.max_pool2d(x, 3, 2)], 1)
        mean = self.pool == "mean"
        around = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False) if mean else F.max_pool2d(x, 3, 1, 1)
        return torch.cat([*found, self.branch_pool(around)], 1)


def pair_of(layer: Layer | tuple[Layer, Layer]) -> tuple[Layer, ...]:
    return (layer,) if isinstance(layer[0], str) else layer  # pyright: ignore[reportReturnType]


DOUBLE: Chain = (("3x3dbl_1", 64, 1, 1), ("3x3dbl_2", 96, 3, 3), ("3x3dbl_3", 96, 3, 3))


def block_5(inputs: int, pooled: int) -> Mixed:
    return Mixed(inputs, ((("1x1", 64, 1, 1),), (("5x5_1", 48, 1, 1), ("5x5_2", 64, 5, 5)), DOUBLE), "mean", pooled)


def block_6(width: int) -> Mixed:
    single = (("7x7_1", width, 1, 1), ("7x7_2", width, 1, 7), ("7x7_3", 192, 7, 1))
    double = (
        ("7x7dbl_1", width, 1, 1),
        ("7x7dbl_2", width, 7, 1),
        ("7x7dbl_3", width, 1, 7),
        ("7x7dbl_4", width, 7, 1),
        ("7x7dbl_5", 192, 1, 7),
    )
    return Mixed(768, ((("1x1", 192, 1, 1),), single, double), "mean", 192)


def block_7(inputs: int, pool: Literal["mean", "max"]) -> Mixed:
    single = (("3x3_1", 384, 1, 1), (("3x3_2a", 384, 1, 3), ("3x3_2b", 384, 3, 1)))
    double = (("3x3dbl_1", 448, 1, 1), ("3x3dbl_2", 384, 3, 3), (("3x3dbl_3a", 384, 1, 3), ("3x3dbl_3b", 384, 3, 1)))
    return Mixed(inputs, ((("1x1", 320, 1, 1),), single, double), pool, 192)


class Inception(nn.Module):
    """Pictures (B, 3, 299, 299), about -1 to 1, to (B, 2048), under torchvision's names."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3, self.Conv2d_2a_3x3 = Conv(3, 32, 3, 3, 2), Conv(32, 32, 3, 3, valid=True)
        self.Conv2d_2b_3x3, self.Conv2d_3b_1x1 = Conv(32, 64, 3, 3), Conv(64, 80, 1, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3, 3, valid=True)
        self.Mixed_5b, self.Mixed_5c, self.Mixed_5d = block_5(192, 32), block_5(256, 64), block_5(288, 64)
        self.Mixed_6a = Mixed(288, ((("3x3", 384, 3, 3),), DOUBLE), "halve")
        self.Mixed_6b, self.Mixed_6c, self.Mixed_6d, self.Mixed_6e = block_6(128), block_6(160), block_6(160), block_6(192)
        seven = (("7x7x3_1", 192, 1, 1), ("7x7x3_2", 192, 1, 7), ("7x7x3_3", 192, 7, 1), ("7x7x3_4", 192, 3, 3))
        self.Mixed_7a = Mixed(768, ((("3x3_1", 192, 1, 1), ("3x3_2", 320, 3, 3)), seven), "halve")
        self.Mixed_7b, self.Mixed_7c = block_7(1280, "mean"), block_7(2048, "max")

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x))), 3, 2)
        x = F.max_pool2d(self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x)), 3, 2)
        for name in ("5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e", "7a", "7b", "7c"):
            x = self.get_submodule(f"Mixed_{name}")(x)
        return x.mean((2, 3))

    @classmethod
    def load(cls, file: Path) -> Inception:
        """The released file, of which only tensors are read. ValueError where it does not hold this network's."""
        content = load_pickle(file)
        with torch.device("meta"):
            model = cls()
        own = model.state_dict()
        counters = {name: torch.tensor(0) for name in own if name.endswith("num_batches_tracked")}  # some copies lack them
        found = {name: content[name] for name in own if name in content} if isinstance(content, dict) else {}
        state = {**counters, **found}
        if state.keys() != own.keys() or any(state[name].shape != own[name].shape for name in own):
            raise ValueError(f"{file} does not hold the tensors of FID's Inception; expected {FILE}")
        model.load_state_dict(state, assign=True)
        return model.eval()

    @torch.no_grad()
    def look(self, picture: np.ndarray) -> np.ndarray:
        """A uint8 picture (h, w, 3) of any size to (1, 2048)."""
        channels = [
            Image.fromarray(channel.astype(np.float32)).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
            for channel in picture.transpose(2, 0, 1)
        ]
        return self((torch.from_numpy(np.stack([np.asarray(channel) for channel in channels]))[None] - 128) / 128).numpy()
