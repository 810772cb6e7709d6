"""The tasks of the rivals that speak to the text encoder: the frozen UNet's denoising loss, and what keeps their tokens like words."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.models.rivals.tokens import PooledTokens
from sonicdiff.training.base import DenoisingLoss, make_scheduler
from sonicdiff.training.draw import Draw
from sonicdiff.training.rivals.material import Batch, Material
from sonicdiff.training.workspace import CAUSES

LENGTH_WEIGHT = 0.01  # AudioToken's and TempoTokens' of the tokens' mean absolute value
LABEL_WEIGHT = 0.01  # AudioToken's of (1 - cosine with the class's words)^2


class SpokenTask:
    """AudioToken (`labelled`) or TempoTokens: `model` alone learns; what it says stands in the prompt that the UNet reads."""

    def __init__(self, model: PooledTokens, unet: UNet2DConditionModel, material: Material, labelled: bool):
        self.model, self.unet, self.material = model, unet, material
        self.loss = DenoisingLoss(make_scheduler(), material.options.min_snr_gamma, material.options.offset_noise)
        self.words = torch.stack([material.reader.words(cause) for cause in CAUSES]) if labelled else None

    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        batch = self.material.draw(draw)
        tokens = self.model(batch.heard)
        states = self.material.reader(tokens).float()
        parts = self.loss(lambda x, t: self.unet(x, t, states).sample, batch.latents, draw)
        length = tokens.abs().mean()
        loss = parts["loss"] + LENGTH_WEIGHT * length
        if self.words is not None:
            loss = loss + LABEL_WEIGHT * (1 - self.cosine(tokens, batch)).square().mean()
        return {**parts, "loss": loss, "denoising": parts["loss"], "length": length}

    def cosine(self, tokens: Tensor, batch: Batch) -> Tensor:
        """Of each sound's token with the words for its class."""
        assert self.words is not None
        causes = torch.from_numpy(self.material.sounds.cause[batch.sounds]).to(tokens.device)
        return F.cosine_similarity(tokens[:, 0].float(), self.words[causes], dim=-1)
