"""Stage 1: the projector learns to put a sound where the text encoder puts its caption (SonicDiffusion, section 3.2)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sonicdiff.models.projector import AudioProjector
from sonicdiff.training.draw import Draw


@dataclass(frozen=True)
class AlignOptions:
    contrast_weight: float = 0.25
    squared_weight: float = 1.0
    temperature: float = 0.1
    neighbours: int = 8  # a synthetic sound's caption is drawn from this many of its class, nearest in intensity
    token_falloff: float = 0.0  # tokens after which the error's weight is halved, by the paper's reversed sigmoid; 0: all weigh the same


class AlignTask:
    """Embeddings (M, dim) of sounds, `classes` (M,), against the hidden states (N, 77, context_dim) of captions.

    caption_of: (M, k) rows of `text` that fit each sound, -1 where nothing is said of it: that sound is in the contrast alone.
    """

    def __init__(self, projector: AudioProjector, options: AlignOptions, embeds: Tensor, classes: np.ndarray, text: Tensor,
                 caption_of: np.ndarray):  # fmt: skip
        self.projector, self.options, self.embeds, self.classes = projector, options, embeds, classes
        self.text, self.caption_of = text, caption_of
        self.same_class = {int(number): np.flatnonzero(classes == number) for number in np.unique(classes)}

    def modules(self) -> dict[str, nn.Module]:
        return {"projector": self.projector}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        rng, device, rows = draw.numpy, self.projector.device, draw.rows
        anchors = rng.integers(0, len(self.embeds), draw.batch_size)
        partners = np.array([rng.choice(self.same_class[int(number)]) for number in self.classes[anchors]])
        captions = self.caption_of[anchors, rng.integers(0, self.caption_of.shape[1], draw.batch_size)][rows]
        heard = np.concatenate([anchors[rows], partners])  # the partners of the whole batch, whatever part of it these rows are
        tokens = self.projector(self.embeds[torch.from_numpy(heard)].to(device))
        classes = torch.from_numpy(self.classes[anchors]).to(device)
        contrast = self.contrast(tokens[: len(captions)], tokens[len(captions) :], classes, rows)
        squared = self.squared(tokens[: len(captions)], torch.from_numpy(captions))
        loss = self.options.contrast_weight * contrast + self.options.squared_weight * squared
        return {"loss": loss, "contrast": contrast, "squared": squared}

    def squared(self, tokens: Tensor, captions: Tensor) -> Tensor:
        """The mean squared error to the captions' tokens, 0 for a sound without one."""
        count = min(tokens.shape[1], self.text.shape[1])  # fewer than 77 tokens in an ablation
        target = self.text[captions.clamp(min=0)].float().to(tokens.device)
        error = (tokens[:, :count] - target[:, :count]).square().mean(2) * token_weights(count, self.options.token_falloff).to(
            tokens.device
        )
        return (error.mean(1) * (captions >= 0).to(tokens.device)).mean()

    def contrast(self, anchors: Tensor, partners: Tensor, classes: Tensor, rows: slice) -> Tensor:
        """InfoNCE: each anchor finds its own partner among it and the partners of other classes; same-class strangers are left out.

        anchors: tokens of the `rows` of a batch. partners: those of the whole batch, as `classes` (batch,) are.
        """
        a, b = (F.normalize(tokens.mean(1), dim=-1) for tokens in (anchors, partners))
        own = torch.arange(len(classes), device=classes.device)
        logits = a @ b.T / self.options.temperature
        stranger = (classes[rows, None] == classes[None]) & (own[rows, None] != own[None])
        return F.cross_entropy(logits.masked_fill(stranger, -torch.inf), own[rows])


def token_weights(count: int, falloff: float) -> Tensor:
    """Weights (count,) of mean 1 that fall over the positions: the first tokens say most of a caption (section 3.2)."""
    if not falloff:
        return torch.ones(count)
    weights = torch.sigmoid((falloff - torch.arange(count)) / (falloff / 4))
    return weights / weights.mean()
