"""The random numbers of one step, drawn for the whole batch, so that it is the same batch however it is divided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step; `rows` of its `batch_size` rows are asked for here.

    Whoever draws from the generators draws for the whole batch and then takes `rows` of it: each row gets the same numbers whether the
    batch is one, is divided among processes, or is worked through in parts.
    """

    step: int
    numpy: np.random.Generator
    torch: torch.Generator  # on the CPU, so that a seed means the same on every device
    batch_size: int
    rows: slice

    @classmethod
    def of(cls, seed: int, step: int, batch_size: int, rows: slice | None = None) -> Draw:
        numpy_seed, torch_seed = np.random.SeedSequence([seed, step, 0]).spawn(2)
        generator = torch.Generator().manual_seed(int(torch_seed.generate_state(1, np.uint64)[0] >> 1))
        return cls(step, np.random.default_rng(numpy_seed), generator, batch_size, rows or slice(0, batch_size))

    def normal(self, *shape: int) -> Tensor:
        """Noise (rows, *shape)."""
        return torch.randn((self.batch_size, *shape), generator=self.torch)[self.rows]
