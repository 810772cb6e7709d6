"""The text encoder: captions learn to say which cause, how strong, where and in what light; its token states then condition the UNet."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sonicdiff.training.draw import Draw


@dataclass(frozen=True)
class Labels:
    """What each row of a pool of sounds, captions or pictures is: indices of class, place and light, and the intensity."""

    cause: np.ndarray
    place: np.ndarray
    light: np.ndarray
    intensity: np.ndarray


def make_text_encoder(tokenizer: CLIPTokenizer, width: int = 192, layers: int = 3) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=width, intermediate_size=4 * width, num_hidden_layers=layers,
        num_attention_heads=width // 32,
        projection_dim=256,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return CLIPTextModel(config)


UNSAID = -1  # the label of what a caption leaves open; of a number: NaN


@dataclass(frozen=True)
class Attributes:
    """What each of N captions was written for: labels (int64, N) with how many there are, numbers (float, N)."""

    labels: dict[str, tuple[np.ndarray, int]]
    numbers: dict[str, np.ndarray]


class TextTask:
    """Captions as `tokens` (N, 77) and what they say, read off the pooled caption by linear heads that are needed while learning only."""

    def __init__(self, text: CLIPTextModel, tokens: Tensor, said: Attributes, number_weight: float = 4.0):
        self.text, self.tokens, self.said, self.number_weight = text, tokens, said, number_weight
        sizes = {name: count for name, (_, count) in said.labels.items()} | dict.fromkeys(said.numbers, 1)
        self.heads = nn.ModuleDict({name: nn.Linear(text.config.hidden_size, size) for name, size in sizes.items()}).to(text.device)

    def modules(self) -> dict[str, nn.Module]:
        return {"text": self.text, "heads": self.heads}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        rows = draw.numpy.integers(0, len(self.tokens), draw.batch_size)[draw.rows]
        device = self.text.device
        pooled = self.text(input_ids=self.tokens[torch.from_numpy(rows)].to(device)).pooler_output
        parts = {}
        for name, (labels, _) in self.said.labels.items():
            parts[name] = F.cross_entropy(self.heads[name](pooled), torch.from_numpy(labels[rows]).to(device), ignore_index=UNSAID)
        total = torch.stack(list(parts.values())).sum()
        for name, numbers in self.said.numbers.items():
            wanted = torch.from_numpy(numbers[rows]).float().to(device)
            said = wanted.isfinite()
            parts[name] = F.smooth_l1_loss(self.heads[name](pooled)[said, 0], wanted[said])
            total = total + self.number_weight * parts[name]
        return {"loss": total, **parts}
