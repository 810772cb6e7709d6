"""Stage 1: the projector learns to put a sound where the text encoder puts its caption (SonicDiffusion, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sonicdiff.models.projector import AudioProjector
from sonicdiff.training.loop import Draw
from sonicdiff.training.pool import nearest
from sonicdiff.training.text import Labels


@dataclass(frozen=True)
class AlignOptions:
    contrast_weight: float = 0.25
    squared_weight: float = 1.0
    temperature: float = 0.1
    neighbours: int = 8  # a sound's caption is drawn from this many of its class, nearest in intensity


class AlignTask:
    """Embeddings (M, dim) of sounds against the hidden states (N, 77, context_dim) of captions."""

    def __init__(self, projector: AudioProjector, options: AlignOptions, embeds: Tensor, sounds: Labels, text: Tensor, captions: Labels):
        self.projector, self.options, self.embeds, self.sounds, self.text = projector, options, embeds, sounds, text
        self.caption_of = nearest(sounds, captions, options.neighbours)
        self.same_class = [np.flatnonzero(sounds.cause == cause) for cause in range(sounds.cause.max() + 1)]

    def modules(self) -> dict[str, nn.Module]:
        return {"projector": self.projector}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw, batch_size: int) -> dict[str, Tensor]:
        rng, device = draw.numpy, self.projector.device
        anchors = rng.integers(0, len(self.embeds), batch_size)
        partners = np.array([rng.choice(self.same_class[cause]) for cause in self.sounds.cause[anchors]])
        captions = self.caption_of[anchors, rng.integers(0, self.options.neighbours, batch_size)]
        tokens = self.projector(self.embeds[torch.from_numpy(np.concatenate([anchors, partners]))].to(device))
        target = self.text[torch.from_numpy(captions)].float().to(device)
        count = min(tokens.shape[1], target.shape[1])  # fewer than 77 tokens in an ablation
        squared = F.mse_loss(tokens[:batch_size, :count], target[:, :count])
        contrast = self.contrast(tokens, torch.from_numpy(self.sounds.cause[anchors]).to(device))
        loss = self.options.contrast_weight * contrast + self.options.squared_weight * squared
        return {"loss": loss, "contrast": contrast, "squared": squared}

    def contrast(self, tokens: Tensor, cause: Tensor) -> Tensor:
        """InfoNCE: each anchor finds its own partner among it and the partners of other classes; same-class strangers are left out."""
        a, b = F.normalize(tokens.mean(1), dim=-1).chunk(2)
        logits = a @ b.T / self.options.temperature
        stranger = (cause[:, None] == cause[None]) & ~torch.eye(len(cause), dtype=torch.bool, device=cause.device)
        return F.cross_entropy(logits.masked_fill(stranger, -torch.inf), torch.arange(len(cause), device=cause.device))
