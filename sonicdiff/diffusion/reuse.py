"""What is the same in every step of a run is computed once: the keys and values of what the UNet reads and hears, the time embeddings.

Performance notes, rows f and h. Exact.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.diffusion.injection import at_layers

CONTEXT = r".+\.(attn2|audio)\.to_[kv]"
TIME = r".+\.time_emb_proj"
KEPT = 4  # answers of one layer: the texts of inversion, encoder and decoder, and those of a part of the schedule without sound


@contextmanager
def reused(unet: UNet2DConditionModel, timesteps: Sequence[int]) -> Iterator[None]:
    """Inside, layers that are given the very tensor they were given before answer as before; time embeddings come from a table.

    The audio layers, if there are any, must be attached before.
    """
    modules = dict(unet.named_modules())
    context = {path: Kept(module) for path, module in modules.items() if re.fullmatch(CONTEXT, path)}
    table = TimeTable(unet, timesteps)
    rows = [path for path in modules if re.fullmatch(TIME, path) and not table.moved]
    times = {path: table.layer(path.rpartition(".")[0]) for path in rows}
    handle = unet.register_forward_pre_hook(table.note, with_kwargs=True, prepend=True)  # before that of a run that this one is inside
    try:
        with at_layers(unet, {**context, **times}):
            yield
    finally:
        handle.remove()


class Kept(nn.Module):
    """A layer that remembers its last answers by the tensors themselves that they were answers to."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = (stock(layer),)  # in a tuple: not a child, so that no path changes
        self.answers: deque[tuple[Tensor, Tensor]] = deque(maxlen=KEPT)

    def forward(self, x: Tensor) -> Tensor:
        for known, answer in self.answers:
            if known is x:
                return answer
        answer = self.layer[0](x)
        self.answers.append((x, answer))
        return answer


class TimeTable:
    """The time embeddings of a schedule's timesteps as each residual layer adds them, from one matrix product a layer."""

    def __init__(self, unet: Any, timesteps: Sequence[int]) -> None:
        self.unet = unet
        self.rows = {int(t): row for row, t in enumerate(timesteps)}
        self.row: int | None = None
        self.moved = hasattr(unet.time_embedding.linear_1, "_hf_hook")  # a layer at a time is on the device: leave them alone
        if self.moved:
            return
        self.times = torch.tensor(list(timesteps), device=unet.device)
        self.embedded = unet.time_embedding(unet.time_proj(self.times).to(unet.dtype))

    def note(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """The timestep of the pass that begins, which is given as a tensor of the device: nothing is sent there in a step."""
        t = args[1] if len(args) > 1 else kwargs["timestep"]
        self.row = self.rows.get(t) if isinstance(t, int) else None
        if self.row is None or self.moved:
            return None
        there = self.times[self.row]
        return ((args[0], there, *args[2:]), kwargs) if len(args) > 1 else (args, {**kwargs, "timestep": there})

    def layer(self, path: str) -> nn.Module:
        resnet: Any = self.unet.get_submodule(path)
        embedded = self.embedded if resnet.skip_time_act else resnet.nonlinearity(self.embedded)
        projection = stock(resnet.time_emb_proj)
        return TimeLayer(self, projection, projection(embedded))


class TimeLayer(nn.Module):
    """Stands for a residual layer's `time_emb_proj`: the row of this timestep, or what the layer makes of another."""

    def __init__(self, table: TimeTable, layer: nn.Module, rows: Tensor) -> None:
        super().__init__()
        self.table, self.layer, self.rows = table, (layer,), rows

    def forward(self, temb: Tensor) -> Tensor:
        row, self.rows = self.table.row, self.rows.to(temb.device)
        return self.layer[0](temb) if row is None else self.rows[row].expand(len(temb), -1)


def stock(layer: nn.Module) -> nn.Module:
    """A layer without what a run around this one put in its place."""
    return layer.layer[0] if isinstance(layer, (Kept, TimeLayer)) else layer
