"""Names for what an audio encoder hears: one direction of its space a class, and a sense for sounds that are none of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor

Name = tuple[str, float]


@dataclass(frozen=True)
class SoundNames(Sequence[Name]):
    """What a sound is heard as: (name, probability), the most probable first, as a sequence of them.

    `none_of_these` is the probability that it is none of the model's classes, None where the model has no sense for that;
    from `threshold` on it counts as said.
    """

    names: tuple[Name, ...]
    none_of_these: float | None = None
    threshold: float = 0.5

    @overload
    def __getitem__(self, index: int) -> Name: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Name, ...]: ...
    def __getitem__(self, index: int | slice) -> Name | tuple[Name, ...]:
        return self.names[index]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def nearest(self) -> str:
        """The most probable name, whether the sound is one of the classes or not."""
        return self.names[0][0]

    @property
    def is_known(self) -> bool:
        return self.none_of_these is None or self.none_of_these < self.threshold

    def sentence(self, model: str = "mini") -> str:
        """In words: the nearest name with its probability, or that the sound is like none of what `model` knows."""
        if self.is_known:
            return f"{self.nearest} ({self.names[0][1]:.0%})"
        return f"sounds like none of what {model} knows; nearest: {self.nearest}"


class SoundLabels(ModelMixin, ConfigMixin):
    """Vectors (classes, embed_dim) by class name; a sound's probabilities are a softmax over their products with its unit embedding.

    As they are found they are unit vectors. With a `none_threshold` they were learnt, and there is a logistic reading (embed_dim,) of
    the unit embedding beside them: the probability of none of the classes.
    """

    @register_to_config
    def __init__(self, names: Sequence[str], embed_dim: int, temperature: float = 0.07, none_threshold: float | None = None) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(len(names), embed_dim))
        if none_threshold is not None:
            self.register_buffer("biases", torch.zeros(len(names)))
            self.register_buffer("none_weight", torch.zeros(embed_dim))
            self.register_buffer("none_bias", torch.zeros(1))

    @classmethod
    def from_embeds(cls, names: Sequence[str], embeds: Tensor, classes: Tensor, temperature: float = 0.07) -> SoundLabels:
        """The mean direction of each class: embeds (N, embed_dim), classes (N,) indices into names."""
        labels = cls(list(names), embeds.shape[1], temperature)
        means = torch.stack([embeds[classes == number].mean(0) for number in range(len(names))])
        labels.vectors.copy_(F.normalize(means, dim=-1))
        return labels

    @classmethod
    def from_readings(
        cls, names: Sequence[str], vectors: Tensor, biases: Tensor, weight: Tensor, bias: Tensor, threshold: float
    ) -> SoundLabels:
        """Of readings as they were learnt: of the classes, (classes, embed_dim) and (classes,); of none of them, (embed_dim,) and (1,)."""
        labels = cls(list(names), vectors.shape[1], temperature=1.0, none_threshold=threshold)
        labels.vectors.copy_(vectors)
        labels.biases.copy_(biases)
        labels.none_weight.copy_(weight)
        labels.none_bias.copy_(bias)
        return labels

    def heard(self, audio_embeds: Tensor, top: int = 3) -> SoundNames:
        """The `top` most probable names of one embedding (1, embed_dim), and how likely it is none of them."""
        unit = F.normalize(audio_embeds.float().to(self.vectors.device), dim=-1)[0]
        logits = self.vectors.float() @ unit / self.config["temperature"]
        threshold = self.config.get("none_threshold")
        probabilities = (logits if threshold is None else logits + self.biases.float()).softmax(-1)
        values, indices = probabilities.topk(min(top, len(self.config["names"])))
        names = tuple((self.config["names"][i], float(p)) for i, p in zip(indices.tolist(), values.tolist(), strict=True))
        if threshold is None:
            return SoundNames(names)
        none = (self.none_weight.float() @ unit + self.none_bias.float()).sigmoid()
        return SoundNames(names, float(none), threshold)
