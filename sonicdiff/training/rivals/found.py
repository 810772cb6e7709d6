"""The two tasks of ImageBind's way: one space for sounds and pictures, then tokens that a picture's place in it becomes."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.models.rivals.joint import JointSpace
from sonicdiff.training.base import DenoisingLoss, make_scheduler
from sonicdiff.training.draw import Draw
from sonicdiff.training.rivals.material import Material


class BindTask:
    """InfoNCE in both directions between a batch's pictures and their sounds."""

    def __init__(self, model: JointSpace, material: Material):
        self.model, self.material = model, material
        model.requires_grad_(True)
        model.mapper.requires_grad_(False)

    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        batch = self.material.draw(draw)
        seen, heard = self.model.see(batch.latents).float(), self.model.listen(batch.heard.embeds).float()
        logits = heard @ seen.T / self.model.temperature.exp()
        own = torch.arange(len(logits), device=logits.device)
        loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
        causes = torch.from_numpy(self.material.sounds.cause[batch.sounds]).to(logits.device)
        found = (causes[logits.argmax(1)] == causes).float().mean()
        return {"loss": loss, "class found": found}


class FoundTask:
    """The mapper learns what a picture's own embedding must say for the frozen UNet to draw it."""

    def __init__(self, model: JointSpace, unet: UNet2DConditionModel, material: Material):
        self.model, self.unet, self.material = model, unet, material
        model.requires_grad_(False)
        model.mapper.requires_grad_(True)
        self.loss = DenoisingLoss(make_scheduler(), material.options.min_snr_gamma, material.options.offset_noise)

    def modules(self) -> dict[str, nn.Module]:
        return {"mapper": self.model.mapper}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        batch = self.material.draw(draw)
        states = self.material.reader(self.model.tokens(self.model.see(batch.latents))).float()
        return self.loss(lambda x, t: self.unet(x, t, states).sample, batch.latents, draw)


@torch.no_grad()
def fill_bank(model: JointSpace, material: Material) -> None:
    """What can be found: the embeddings of the training pictures with a cause."""
    parts = [model.see(torch.from_numpy(material.pairs.versions[0][rows]).float().to(material.space.device))
             for rows in np.array_split(material.pairs.rows, -(-len(material.pairs.rows) // 64))]  # fmt: skip
    model.get_buffer("bank").copy_(torch.cat(parts))
