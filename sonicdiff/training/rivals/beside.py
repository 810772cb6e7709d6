"""The task of IP-Adapter and MACS: own keys and values for the sound in every cross-attention layer, by the denoising loss."""

from __future__ import annotations

import torch
from diffusers import UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.models.rivals.decoupled import AudioMlp, DecoupledAdapter
from sonicdiff.training.base import DenoisingLoss, make_scheduler
from sonicdiff.training.draw import Draw
from sonicdiff.training.rivals.material import Material

DROPOUT = 0.1  # of rows that hear a vector of zeros (MACS), which is then what guidance goes away from


class BesideTask:
    """`adapter`, attached to `unet`, and `projector` learn."""

    def __init__(self, unet: UNet2DConditionModel, adapter: DecoupledAdapter, projector: AudioMlp, material: Material):
        self.unet, self.adapter, self.projector, self.material = unet, adapter, projector, material
        self.loss = DenoisingLoss(make_scheduler(), material.options.min_snr_gamma, material.options.offset_noise)
        adapter.attach(unet)

    def modules(self) -> dict[str, nn.Module]:
        return {"adapter": self.adapter, "projector": self.projector}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        batch = self.material.draw(draw)
        heard = torch.from_numpy(draw.numpy.random(draw.batch_size)[draw.rows] >= DROPOUT).to(batch.latents.device)
        kwargs = {"audio_tokens": self.projector(batch.heard.embeds * heard[:, None])}
        return self.loss(lambda x, t: self.unet(x, t, batch.text, cross_attention_kwargs=kwargs).sample, batch.latents, draw)
