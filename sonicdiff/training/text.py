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

from sonicdiff.training.loop import Draw


@dataclass(frozen=True)
class Labels:
    """What each row of a pool of sounds, captions or pictures is: indices of class, place and light, and the intensity."""

    cause: np.ndarray
    place: np.ndarray
    light: np.ndarray
    intensity: np.ndarray


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    config = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=192, intermediate_size=768, num_hidden_layers=3, num_attention_heads=6, projection_dim=256,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id,
    )  # fmt: skip
    return CLIPTextModel(config)


class TextHeads(nn.Module):
    """Linear readings of the pooled caption; needed while learning only."""

    def __init__(self, width: int, causes: int, places: int, lights: int):
        super().__init__()
        self.cause, self.place, self.light = nn.Linear(width, causes), nn.Linear(width, places), nn.Linear(width, lights)
        self.intensity = nn.Linear(width, 1)


class TextTask:
    """Captions as `tokens` (N, 77) and what they were written for."""

    def __init__(self, text: CLIPTextModel, heads: TextHeads, tokens: Tensor, labels: Labels):
        self.text, self.heads, self.tokens, self.labels = text, heads, tokens, labels

    def modules(self) -> dict[str, nn.Module]:
        return {"text": self.text, "heads": self.heads}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw, batch_size: int) -> dict[str, Tensor]:
        rows = draw.numpy.integers(0, len(self.tokens), batch_size)
        device = self.heads.cause.weight.device
        pooled = self.text(input_ids=self.tokens[torch.from_numpy(rows)].to(device)).pooler_output
        parts = {
            name: F.cross_entropy(getattr(self.heads, name)(pooled), torch.from_numpy(getattr(self.labels, name)[rows]).to(device))
            for name in ("cause", "place", "light")
        }
        strength = torch.from_numpy(self.labels.intensity[rows]).float().to(device)
        parts["intensity"] = F.smooth_l1_loss(self.heads.intensity(pooled)[:, 0], strength)
        return {"loss": sum(parts.values()) + 4 * parts["intensity"], **parts}  # pyright: ignore[reportReturnType]
