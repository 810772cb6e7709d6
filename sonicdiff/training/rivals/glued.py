"""GlueGen's task: sounds to where the text encoder puts their captions, without the UNet."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sonicdiff.models.rivals.gluenet import Discriminator, GlueNet, pieces
from sonicdiff.training.draw import Draw
from sonicdiff.training.rivals.material import Material

# The release's weights (10000, 10000, 0.1 at its features' scales), relative to the first at unit variance.
BACK_WEIGHT, ADVERSARIAL_WEIGHT = 0.2, 0.002


class GluedTask:
    """`model` and, while learning, a `judge` of single tokens."""

    def __init__(self, model: GlueNet, judge: Discriminator, material: Material):
        self.model, self.judge, self.material = model, judge, material
        self.captions = material.captions

    def modules(self) -> dict[str, nn.Module]:
        return {"model": self.model, "judge": self.judge}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        batch = self.material.draw(draw)
        embeds = batch.heard.embeds
        target = self.captions[torch.from_numpy(batch.rows)].float().to(embeds.device)
        states = self.model(embeds)
        squared = F.mse_loss(states.float(), target)
        back = F.mse_loss(self.model.back(states).float(), pieces(embeds))
        said, mapped = self.judge(target.flatten(0, 1)).float(), self.judge(states.flatten(0, 1)).float()
        adversarial = F.binary_cross_entropy_with_logits(said, torch.zeros_like(said))
        adversarial = adversarial + F.binary_cross_entropy_with_logits(mapped, torch.ones_like(mapped))
        loss = squared + BACK_WEIGHT * back + ADVERSARIAL_WEIGHT * adversarial
        return {"loss": loss, "squared": squared, "back": back, "adversarial": adversarial}
