"""What plug-and-play needs of a photo, kept so that the next sound on the same photo does not pay for it again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field

from PIL import Image
from torch import Tensor

from sonicdiff.diffusion.injection import Features


@dataclass
class Source:
    """A photo's latent at each timestep of its inversion, its features there as far as they were needed, and a photo through the VAE."""

    latents: dict[int, Tensor]
    reconstruction: Image.Image | None = None
    features: dict[int, Features] = field(default_factory=dict)

    @property
    def nbytes(self) -> int:
        tensors = [*self.latents.values(), *(value for step in self.features.values() for value in step.values())]
        return sum(tensor.nbytes for tensor in tensors)

    def missing(self, wanted: dict[int, list[str]]) -> dict[int, list[str]]:
        """The layers of `wanted`, by timestep, whose features are not here yet."""
        missing = {t: [layer for layer in layers if layer not in self.features.get(t, {})] for t, layers in wanted.items()}
        return {t: layers for t, layers in missing.items() if layers}


class SourceCache:
    """The most recently used sources, as many as fit in max_bytes; the last one always stays."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes = max_bytes
        self.sources: OrderedDict[Hashable, Source] = OrderedDict()

    def get(self, key: Hashable) -> Source | None:
        if key in self.sources:
            self.sources.move_to_end(key)
        return self.sources.get(key)

    def put(self, key: Hashable, source: Source) -> None:
        self.sources[key] = source
        self.sources.move_to_end(key)
        while len(self.sources) > 1 and sum(kept.nbytes for kept in self.sources.values()) > self.max_bytes:
            self.sources.popitem(last=False)
