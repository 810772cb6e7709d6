"""Where an image's noise comes from: CPU generators, one an image, so that a seed means the same on every device and in every batch."""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import torch

Generator = torch.Generator | Sequence[torch.Generator] | None


def seeds_for(count: int, seed: int | None, generator: Generator) -> list[int | None]:
    """The seed of each image: seed + i, drawn at random without one, unknown where the caller brings generators."""
    if count < 1:
        raise ValueError(f"got num_images_per_prompt {count}; expected at least 1")
    if generator is not None:
        if seed is not None:
            raise ValueError("got both a seed and a generator; expected one of them")
        return [None] * count
    first = secrets.randbelow(2**31) if seed is None else seed
    if not 0 <= first < 2**63:
        raise ValueError(f"got seed {seed}; expected 0 to 2**63 - 1")
    return [first + index for index in range(count)]


def generators_for(seeds: Sequence[int | None], generator: Generator) -> list[torch.Generator]:
    """A fresh CPU generator for each seed, or the caller's: one for all images in turn, or one an image."""
    if generator is None:
        return [torch.Generator("cpu").manual_seed(seed) for seed in seeds if seed is not None]
    given = [generator] * len(seeds) if isinstance(generator, torch.Generator) else list(generator)
    if len(given) != len(seeds):
        raise ValueError(f"got {len(given)} generators for {len(seeds)} images; expected one for all or one an image")
    return given
