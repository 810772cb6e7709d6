"""The VAE's decoder alone, against a frozen encoder: photographs and renders, errors at several scales, ImageNet features, a discriminator.

Stable Diffusion's later decoders were made so: latents, and all UNets that work on them, stay what they are. The discriminator reads the
frozen features as well as pixels (projected GANs, Sauer et al., 2021), which learns in thousands of pictures what takes others millions.
"""

# diffusers types its models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from diffusers import AutoencoderKL
from PIL import Image
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrizations import spectral_norm

from sonicdiff.data import photographs
from sonicdiff.training.cache import Chunks
from sonicdiff.training.config import build
from sonicdiff.training.draw import Draw
from sonicdiff.training.image_features import Features, distance
from sonicdiff.training.images import to_tensor
from sonicdiff.training.loop import train
from sonicdiff.training.vae import gradients
from sonicdiff.training.workspace import Workspace, keep


@dataclass(frozen=True)
class DecoderOptions:
    crop: int = 96  # pixels
    photo_share: float = 0.5  # of each batch
    edge_share: float = 0.125  # of each batch: two colours and a hard edge; the rest are renders
    smallest: int = 192  # pixels of the short side that a photograph may be shrunk to
    half_share: float = 0.3  # of the renders at half resolution
    latent_noise: float = 0.1  # up to this standard deviation: samples are never as clean as encodings
    scales: int = 3  # of the absolute errors
    gradient_weight: float = 0.5
    squared_weight: float = 2.0
    perceptual_weight: float = 0.15
    texture_weight: float = 0.0  # of the local amount of fine detail
    adversarial_weight: float = 0.0
    adversarial_from: float = 0.0  # the part of the run after which the last two grow from nothing to their weight
    adversarial_until: float = 1.0  # and after which they are left out: what they lay over smooth places, as dots, goes again
    discriminator_rate: float = 1.0  # of the decoder's learning rate


class Discriminator(nn.Module):
    """A score a place from each map of frozen features and from the pixels."""

    def __init__(self, channels: Sequence[int], width: int = 48):
        super().__init__()
        self.heads = nn.ModuleList(
            nn.Sequential(convolution(inputs, width, 1), nn.LeakyReLU(0.2), convolution(width, width, 3), nn.LeakyReLU(0.2),
                          convolution(width, 1, 1)) for inputs in channels
        )  # fmt: skip
        self.pixels = nn.Sequential(
            convolution(3, 32, 4, 2), nn.LeakyReLU(0.2), convolution(32, width, 3), nn.LeakyReLU(0.2),
            convolution(width, width, 3), nn.LeakyReLU(0.2), convolution(width, 1, 1),
        )  # fmt: skip

    def forward(self, pixels: Tensor, maps: Sequence[Tensor]) -> list[Tensor]:
        return [self.pixels(pixels), *(head(scaled(x)) for head, x in zip(self.heads, maps, strict=True))]


class DecoderTask:
    """Learns to decode crops of `photographs` (uint8, of any size) and `renders` (rows of uint8 squares) from the VAE's own latents."""

    def __init__(
        self,
        vae: AutoencoderKL,
        options: DecoderOptions,
        photographs: Sequence[np.ndarray],
        renders: Chunks,
        features: Features,
        steps: int,  # of the whole run, over which the discriminator's weight grows
    ):
        self.vae = vae.requires_grad_(False).to(memory_format=torch.channels_last)
        self.options, self.photographs, self.renders, self.steps = options, photographs, renders, steps
        self.features = features.to(vae.device, memory_format=torch.channels_last)
        self.discriminator = Discriminator(features.channels).to(vae.device, memory_format=torch.channels_last)

    def modules(self) -> dict[str, nn.Module]:
        learning = {"decoder": self.vae.decoder.requires_grad_(True), "post_quant_conv": self.vae.post_quant_conv.requires_grad_(True)}
        return {**learning, "discriminator": self.discriminator} if self.options.adversarial_weight else learning

    def rates(self) -> dict[str, float]:
        return {"discriminator": self.options.discriminator_rate}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        o, pixels = self.options, self.batch(draw)
        decoded = self.vae.decode(self.latents(pixels, draw)).sample
        true, made = self.features(pixels), self.features(decoded)
        growth = grown(draw.step / self.steps, o.adversarial_from) * (draw.step < o.adversarial_until * self.steps)
        parts = {
            "absolute": multiscale_error(decoded.float(), pixels, o),
            "squared": F.mse_loss(decoded.float(), pixels),
            "perceptual": distance(made, true).mean(),
            "texture": (local_detail(decoded.float()) - local_detail(pixels)).abs().mean(),
        }
        loss = parts["absolute"] + o.squared_weight * parts["squared"] + o.perceptual_weight * parts["perceptual"]
        loss = loss + growth * o.texture_weight * parts["texture"]
        if o.adversarial_weight:
            parts |= self.adversarial(pixels, decoded, true, made)
            loss = loss + growth * o.adversarial_weight * parts["adversarial"] + parts["discriminator"]
        return {"loss": loss, "psnr": 10 * torch.log10(4 / parts["squared"].detach()), **parts}

    def adversarial(self, pixels: Tensor, decoded: Tensor, true: list[Tensor], made: list[Tensor]) -> dict[str, Tensor]:
        """Hinge losses of both sides from one graph: each side's weights are constants in the other's loss."""
        constants = {name: parameter.detach() for name, parameter in self.discriminator.named_parameters()}
        judged = functional_call(self.discriminator, constants, (decoded, made))
        real, fake = self.discriminator(pixels, true), self.discriminator(decoded.detach(), [x.detach() for x in made])
        told_apart = [F.relu(1 - r.float()).mean() + F.relu(1 + f.float()).mean() for r, f in zip(real, fake, strict=True)]
        return {
            "adversarial": -torch.stack([score.float().mean() for score in judged]).mean(),
            "discriminator": torch.stack(told_apart).mean(),
        }

    @torch.no_grad()
    def latents(self, pixels: Tensor, draw: Draw) -> Tensor:
        """Encodings with up to `latent_noise` of noise, as a sampler's are."""
        mean = self.vae.encode(pixels).latent_dist.mean
        level = self.options.latent_noise * torch.rand((draw.batch_size, 1, 1, 1), generator=draw.torch)[draw.rows]
        return mean + (level * draw.normal(*mean.shape[1:])).to(mean)

    def batch(self, draw: Draw) -> Tensor:
        """Crops (B, 3, crop, crop) in [-1, 1]."""
        o, rng = self.options, draw.numpy
        photos, edges = round(draw.batch_size * o.photo_share), round(draw.batch_size * o.edge_share)
        crops = [self.photo_crop(rng) for _ in range(photos)] + [edge(o.crop, rng) for _ in range(edges)]
        crops += [self.render_crop(rng) for _ in range(draw.batch_size - photos - edges)]
        crops = [crop[:, ::-1] if rng.random() < 0.5 else crop for crop in crops]
        return to_tensor(np.stack(crops)[draw.rows], self.vae.device)

    def photo_crop(self, rng: np.random.Generator) -> np.ndarray:
        """A crop of a photograph at a scale drawn from its own down to `smallest` pixels on the short side."""
        photo = self.photographs[rng.integers(len(self.photographs))]
        short = min(photo.shape[:2])
        side = round(self.options.crop * short / np.exp(rng.uniform(np.log(min(self.options.smallest, short)), np.log(short))))
        part = Image.fromarray(random_square(photo, side, rng))
        return np.asarray(part.resize((self.options.crop,) * 2, Image.Resampling.LANCZOS, reducing_gap=2.0))

    def render_crop(self, rng: np.random.Generator) -> np.ndarray:
        render = self.renders[rng.integers(len(self.renders), size=1)][0]
        half = rng.random() < self.options.half_share
        part = random_square(render, self.options.crop * (2 if half else 1), rng)
        return np.asarray(Image.fromarray(part).reduce(2)) if half else part


def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Module:
    return spectral_norm(nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2))


def scaled(x: Tensor) -> Tensor:
    """A map at unit mean square a picture, whatever its level."""
    return x / (x.float().square().mean((1, 2, 3), keepdim=True).sqrt() + 1e-3).to(x.dtype)


def grown(part: float, start: float) -> float:
    """From nothing at `start` of the run evenly to 1 at its end."""
    return min(1.0, max(0.0, (part - start) / max(1 - start, 1e-6)))


def multiscale_error(a: Tensor, b: Tensor, options: DecoderOptions) -> Tensor:
    """Absolute errors of pixels and of their differences, summed over halved scales."""
    total = a.new_zeros(())
    for _ in range(options.scales):
        total = total + (a - b).abs().mean() + options.gradient_weight * gradients(a - b).abs().mean()
        a, b = F.avg_pool2d(a, 2), F.avg_pool2d(b, 2)
    return total


def local_detail(pixels: Tensor) -> Tensor:
    """Root mean square over 8 x 8 pixels of fine detail in three directions: (B, 3, H, W) -> (B, 9, H/8, W/8).

    Second differences across, down and both: what lies above a quarter of the sampling rate, mostly.
    """
    line = pixels.new_tensor([-1.0, 2.0, -1.0]) / 4
    middle = pixels.new_tensor([0.0, 1.0, 0.0])
    kernels = torch.stack([middle.outer(line), line.outer(middle), 2 * line.outer(line)])[:, None].repeat(3, 1, 1, 1)
    bands = F.conv2d(F.pad(pixels, (1, 1, 1, 1), mode="replicate"), kernels, groups=3)
    return (F.avg_pool2d(bands.square(), 8) + 1e-5).sqrt()


def random_square(image: np.ndarray, side: int, rng: np.random.Generator) -> np.ndarray:
    side = min(side, *image.shape[:2])
    top, left = (rng.integers(0, length - side + 1) for length in image.shape[:2])
    return image[top : top + side, left : left + side]


def edge(size: int, rng: np.random.Generator) -> np.ndarray:
    """Two colours with a hard, antialiased edge between them at any angle, upright or level in every second: (size, size, 3) uint8."""
    angle = rng.uniform(0, np.pi) if rng.random() < 0.5 else np.pi / 2 * rng.integers(0, 4)
    y, x = np.mgrid[:size, :size] - rng.uniform(0.25, 0.75, (2, 1, 1)) * size
    share = np.clip(np.cos(angle) * x + np.sin(angle) * y + 0.5, 0, 1)[..., None]
    one, other = rng.uniform(0, 255, (2, 3)) if rng.random() < 0.5 else rng.uniform(0, 255, (2, 1)).repeat(3, 1)
    return np.round(one * share + other * (1 - share)).astype(np.uint8)


def train_decoder(space: Workspace) -> None:
    """Where the recipe has `decoder.toml`: the stage after the VAE, which leaves it with another decoder as `decoder`."""
    if not (space.recipe / "decoder.toml").exists():
        return
    config = space.config("decoder")
    options = build(DecoderOptions, config.options, "decoder.toml")
    with PartialState().main_process_first():
        photographs.gather(space.path("photographs"), space.path("packages"))
    photos = [pixels for _, pixels in photographs.load(space.path("photographs"))]
    torch.manual_seed(config.loop.seed)
    model = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device)
    task = DecoderTask(model, options, photos, space.chunks("scenes"), Features(), config.loop.steps)
    train(task, config.loop, space.path("run-decoder"))
    keep(model, space.path("decoder"))
