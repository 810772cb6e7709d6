"""ImageBind's way: sounds and pictures in one space, so that a sound finds pictures, and their embedding conditions the base.

ImageBind (Girdhar et al., CVPR 2023): an audio encoder learns by InfoNCE where a frozen image encoder puts the sound's picture, and an
image decoder that reads such embeddings (BindDiffusion: unCLIP) then reads the sound's. Smaller here: no frozen image encoder exists,
so a small one over the VAE's latents learns the space together with a head on CLAP, on training pictures alone; the base reads no
embeddings, so a mapper makes four tokens of one in the prompt, and learns by the denoising loss on the pictures' own embeddings. A
sound is then replaced by the mean embedding of the training pictures nearest to it.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from diffusers import ConfigMixin, ModelMixin
from diffusers.configuration_utils import register_to_config
from torch import Tensor, nn

from sonicdiff.models.rivals.hearing import Hearing
from sonicdiff.models.rivals.reading import Reader
from sonicdiff.models.rivals.tokens import quiet


class JointSpace(ModelMixin, ConfigMixin):
    """Latents (B, latent_channels, h, w) and CLAP's vectors (B, embed_dim) to unit vectors (B, dim); `bank` (pictures, dim) is searched."""

    @register_to_config
    def __init__(
        self, latent_channels: int, embed_dim: int, context_dim: int, pictures: int, dim: int = 64, tokens: int = 4, nearest: int = 8
    ) -> None:
        super().__init__()
        self.image = nn.Sequential(*scale(latent_channels, 32), *scale(32, 64), *scale(64, 128), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                                   nn.Linear(128, dim))  # fmt: skip
        self.audio = nn.Sequential(nn.Linear(embed_dim, embed_dim), nn.GELU(), nn.Linear(embed_dim, dim))
        self.temperature = nn.Parameter(torch.tensor(0.1).log())  # its logarithm
        self.mapper = nn.Sequential(nn.Linear(dim, embed_dim), nn.GELU(), quiet(embed_dim, tokens * context_dim))
        self.register_buffer("bank", torch.zeros(pictures, dim))

    def see(self, latents: Tensor) -> Tensor:
        return F.normalize(self.image(latents), dim=-1)

    def listen(self, embeds: Tensor) -> Tensor:
        return F.normalize(self.audio(embeds * embeds.shape[-1] ** 0.5), dim=-1)

    def tokens(self, seen: Tensor) -> Tensor:
        """(B, dim) -> (B, tokens, context_dim)"""
        return self.mapper(seen * seen.shape[-1] ** 0.5).unflatten(-1, (self.config["tokens"], -1))

    def retrieve(self, embeds: Tensor) -> Tensor:
        """The mean direction (B, dim) of the bank's pictures nearest to each sound."""
        found = (self.listen(embeds) @ self.bank.T).topk(min(self.config["nearest"], len(self.bank))).indices
        return F.normalize(self.bank[found].mean(1), dim=-1)

    def states(self, heard: Hearing, reader: Reader) -> Tensor:
        return reader(self.tokens(self.retrieve(heard.embeds)))


def scale(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    """Half the side."""
    return nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), nn.GroupNorm(8, outputs), nn.GELU()
