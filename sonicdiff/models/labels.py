"""Names for what an audio encoder hears: one direction of its space a class, so that a sound can be called by the nearest."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor


class SoundLabels(ModelMixin, ConfigMixin):
    """Unit vectors (classes, embed_dim) by class name; a sound's probabilities are a softmax over its cosines with them."""

    @register_to_config
    def __init__(self, names: Sequence[str], embed_dim: int, temperature: float = 0.07) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(len(names), embed_dim))

    @classmethod
    def from_embeds(cls, names: Sequence[str], embeds: Tensor, classes: Tensor, temperature: float = 0.07) -> SoundLabels:
        """The mean direction of each class: embeds (N, embed_dim), classes (N,) indices into names."""
        labels = cls(list(names), embeds.shape[1], temperature)
        means = torch.stack([embeds[classes == number].mean(0) for number in range(len(names))])
        labels.vectors.copy_(F.normalize(means, dim=-1))
        return labels

    def heard(self, audio_embeds: Tensor, top: int = 3) -> list[tuple[str, float]]:
        """The `top` most probable (name, probability) of one embedding (1, embed_dim)."""
        cosines = F.normalize(audio_embeds.float().to(self.vectors.device), dim=-1) @ self.vectors.float().T
        probabilities = (cosines[0] / self.config["temperature"]).softmax(-1)
        values, indices = probabilities.topk(min(top, len(self.config["names"])))
        return [(self.config["names"][i], float(p)) for i, p in zip(indices.tolist(), values.tolist(), strict=True)]
