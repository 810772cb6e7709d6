"""Readings of sets that the evaluators were not made for: small heads over their frozen features, one file a set."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonicdiff.evaluation.features import DIM, MELS, ImageEvaluator, log_mel

HIDDEN = 32
STATISTICS = 4


class Head(nn.Sequential):
    """Features (B, width) to logits or a vector (B, out); the statistics of the features come first."""

    def __init__(self, width: int, out: int) -> None:
        super().__init__(
            nn.BatchNorm1d(width, affine=False), nn.Linear(width, HIDDEN), nn.ReLU(), nn.Dropout(0.3), nn.Linear(HIDDEN, out)
        )  # fmt: skip


class Heads(nn.Module):
    """What is read from features of pictures (B, 256) and statistics of sounds (B, 256): their class, and one embedding of DIM numbers."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.picture_class, self.picture_embed = Head(ImageEvaluator.width, classes), Head(ImageEvaluator.width, DIM)
        self.sound_class, self.sound_embed = Head(STATISTICS * MELS, classes), Head(STATISTICS * MELS, DIM)


@dataclass(frozen=True)
class Reader:
    """The heads of the set `name`, whose classes are `labels`."""

    name: str
    labels: tuple[str, ...]
    heads: Heads

    @classmethod
    def load(cls, folder: Path, name: str) -> Self:
        """Read what `save` wrote into `folder`. Raises FileNotFoundError with what to do, RuntimeError where keys or shapes differ."""
        file = folder / f"{name}.safetensors"
        if not file.is_file():
            raise FileNotFoundError(f"{file} is missing; make it with `sonicdiff evaluate train-readers`")
        with safe_open(file, "pt") as stored:
            labels = tuple(json.loads(stored.metadata()["labels"]))
        state = load_file(file)
        heads = Heads(len(labels))
        heads.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
        return cls(name, labels, heads.eval())

    def save(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        state = {key: value.half() if value.is_floating_point() else value for key, value in self.heads.state_dict().items()}
        save_file(state, folder / f"{self.name}.safetensors", {"labels": json.dumps(self.labels)})

    def see(self, features: np.ndarray) -> np.ndarray:
        """Features of pictures (n, 256) to unit vectors (n, DIM)."""
        return self._read(self.heads.picture_embed, features, unit=True)

    def hear(self, features: np.ndarray) -> np.ndarray:
        """Statistics of sounds (n, 256) to unit vectors (n, DIM)."""
        return self._read(self.heads.sound_embed, features, unit=True)

    def name_pictures(self, features: np.ndarray) -> np.ndarray:
        """Features of pictures (n, 256) to logits (n, labels)."""
        return self._read(self.heads.picture_class, features)

    def name_sounds(self, features: np.ndarray) -> np.ndarray:
        """Statistics of sounds (n, 256) to logits (n, labels)."""
        return self._read(self.heads.sound_class, features)

    @torch.no_grad()
    def _read(self, head: nn.Module, features: np.ndarray, unit: bool = False) -> np.ndarray:
        read: Tensor = head(torch.from_numpy(features))
        return (F.normalize(read, dim=1) if unit else read).numpy()


def statistics(samples: np.ndarray, filters: Tensor) -> np.ndarray:
    """Samples (n,) at RATE to STATISTICS * MELS numbers: each band's level, spread, loud moments and unrest."""
    mel = log_mel(samples, filters)[0]
    return torch.cat([mel.mean(1), mel.std(1), mel.quantile(0.95, 1), mel.diff(dim=1).abs().mean(1)]).numpy()
