"""The second stage of the cascade: a UNet learns the detail of latents at 256 pixels from those of the halved picture (see
`sonicdiff.diffusion.super_resolution`), by v-prediction with a zero terminal signal-to-noise ratio (Lin et al. 2024)."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler, UNet2DConditionModel
from torch import Tensor, nn

from sonicdiff.diffusion.super_resolution import FACTOR, MOST_NOISE, Guide, detail_of, enlarge
from sonicdiff.training.base import Latents
from sonicdiff.training.draw import Draw

SILENT = -1  # the sound of a picture that has none


@dataclass(frozen=True)
class SuperResolutionOptions:
    channels: tuple[int, ...] = (48, 72, 96)
    heads: tuple[int, ...] = (2, 3, 4)
    layers: int = 2
    text_dropout: float = 0.2
    sound_dropout: float = 0.2
    both_dropout: float = 0.1
    known_share: float = 0.5  # of rows that are given a part of the picture's own detail
    photograph_share: float = 0.1  # of each batch, where there are photographs
    min_snr_gamma: float = 5.0
    embed_noise: float = 0.02  # of a unit vector, as in stage 2
    neighbours: int = 8  # a picture's sound is drawn from this many of its class, nearest in intensity


def make_unet(latent_channels: int, context_dim: int, embed_dim: int, options: SuperResolutionOptions) -> UNet2DConditionModel:
    """Noisy detail, enlarged latents, known detail and its mask in, v out. The first level, at full size, does not attend.

    Reads (77, context_dim) text states and an `embed_dim` wide sound by diffusers' own `TextImageProjection`.
    """
    o = options
    attends = [level > 0 for level in range(len(o.channels))]
    return UNet2DConditionModel(
        sample_size=32, in_channels=3 * latent_channels + 1, out_channels=latent_channels,
        down_block_types=tuple("CrossAttnDownBlock2D" if a else "DownBlock2D" for a in attends),
        up_block_types=tuple("CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(attends)),
        block_out_channels=o.channels, layers_per_block=o.layers, attention_head_dim=o.heads, norm_num_groups=8,
        cross_attention_dim=embed_dim, encoder_hid_dim=context_dim, encoder_hid_dim_type="text_image_proj", class_embed_type="timestep",
    )  # fmt: skip


def make_scheduler() -> DDIMScheduler:
    """The base's noise schedule, brought to pure noise at its end, for v."""
    return DDIMScheduler(
        num_train_timesteps=1000, beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
        set_alpha_to_one=True, prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True,
    )  # fmt: skip


@dataclass(frozen=True)
class CascadePictures:
    """N pictures in two sizes, with what is said of them and the sounds that fit them.

    versions: pairs (small, large) of latents of all N, as they are and mirrored. text: (T, 77, width), of which `text_of` (versions, N)
    says what is read beside each. null_text: (1, 77, width), of the empty prompt.
    embeds: (M, dim) of sounds. sound_of: (N, k) rows of those, SILENT where there is none. The last `photographs` pictures are real ones.
    """

    versions: Sequence[tuple[Latents, Latents]]
    text: Tensor
    text_of: np.ndarray
    null_text: Tensor
    embeds: Tensor
    sound_of: np.ndarray
    photographs: int = 0


class SuperResolutionTask:
    """Rows of both sizes' latents; half of them are given a part of their own detail, as an edit is its photo's."""

    def __init__(self, unet: UNet2DConditionModel, options: SuperResolutionOptions, pictures: CascadePictures):
        self.unet, self.options, self.pictures = unet.to(memory_format=torch.channels_last), options, pictures
        self.alphas = make_scheduler().alphas_cumprod

    def modules(self) -> dict[str, nn.Module]:
        return {"unet": self.unet}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        o, p, rng, size, device = self.options, self.pictures, draw.numpy, draw.batch_size, self.unet.device
        picked, version = self.rows(rng, size), rng.integers(0, len(p.versions), size)
        text, embeds = self.said(picked, version, draw)
        mask = torch.from_numpy(known_masks(rng, size, o.known_share, p.versions[0][0][[0]].shape[-1]))[draw.rows]
        level = torch.from_numpy(rng.uniform(0, MOST_NOISE, size)).float()[draw.rows]
        small, large = (any_pair(p.versions, picked[draw.rows], version[draw.rows], part).to(device) for part in (0, 1))
        noised = small + level[:, None, None, None].to(device) * draw.normal(*small.shape[1:]).to(device)
        enlarged = enlarge(noised)
        detail = detail_of(large, enlarged)
        mask = F.interpolate(mask, scale_factor=FACTOR).to(device)
        guide = Guide.make(enlarged, level.to(device), text.to(device), embeds.to(device)).knowing(detail, mask)
        noise = draw.normal(*large.shape[1:]).to(device)
        timesteps = torch.randint(0, len(self.alphas), (size,), generator=draw.torch)[draw.rows].to(device)
        alpha = self.alphas.to(device)[timesteps][:, None, None, None]
        noisy, v = alpha.sqrt() * detail + (1 - alpha).sqrt() * noise, alpha.sqrt() * noise - (1 - alpha).sqrt() * detail
        error = (guide.velocity(self.unet, noisy, timesteps) - v).square().mean((1, 2, 3))
        weight = (o.min_snr_gamma * (1 - alpha.flatten())).clamp(max=1)  # min(SNR + 1, gamma) / (SNR + 1): never 0, at pure noise either
        return {"loss": (error * weight).mean(), "squared": error.mean()}

    def rows(self, rng: np.random.Generator, size: int) -> np.ndarray:
        """A batch's pictures: a share of photographs, the rest renders."""
        total, real = self.pictures.text_of.shape[1], self.pictures.photographs
        of_photographs = rng.random(size) < self.options.photograph_share if real else np.zeros(size, bool)
        return np.where(of_photographs, total - 1 - rng.integers(0, max(real, 1), size), rng.integers(0, total - real, size))

    def said(self, picked: np.ndarray, version: np.ndarray, draw: Draw) -> tuple[Tensor, Tensor]:
        """Text states and sounds of the rows; each is left out of some, both of some others."""
        o, p, rng, size = self.options, self.pictures, draw.numpy, draw.batch_size
        sounds = p.sound_of[picked, rng.integers(0, p.sound_of.shape[1], size)][draw.rows]
        chance = rng.random((3, size))
        no_text, no_sound, nothing = (chance < np.array([[o.text_dropout], [o.sound_dropout], [o.both_dropout]]))[:, draw.rows]
        embeds = p.embeds[torch.from_numpy(sounds.clip(0))].float()
        embeds = F.normalize(embeds + o.embed_noise * draw.normal(embeds.shape[1]), dim=-1)
        silent = torch.from_numpy(no_sound | nothing | (sounds == SILENT))
        unsaid = torch.from_numpy(no_text | nothing)
        text = p.text[torch.from_numpy(p.text_of[version, picked][draw.rows])].float()
        return torch.where(unsaid[:, None, None], p.null_text.float(), text), embeds * ~silent[:, None]


def any_pair(versions: Sequence[tuple[Latents, Latents]], rows: np.ndarray, which: np.ndarray, part: int) -> Tensor:
    """Latents (B, C, h, w) of `rows`, small (part 0) or large (part 1), each from the version that `which` says."""
    batch = np.stack([versions[v][part][[row]][0] for v, row in zip(which, rows, strict=True)])
    return torch.from_numpy(batch).float().contiguous(memory_format=torch.channels_last)


def known_masks(rng: np.random.Generator, count: int, share: float, side: int) -> np.ndarray:
    """Masks (count, 1, side, side), float32: with probability 1 - share all 0, else boxes or blobs of ones over 10 to 90 %."""
    given, boxes = rng.random(count) < share, rng.random(count) < 0.5
    return np.stack([g * (box(rng, side) if b else blob(rng, side)) for g, b in zip(given, boxes, strict=True)])[:, None].astype(np.float32)


def box(rng: np.random.Generator, side: int) -> np.ndarray:
    """A rectangle of ones, or everything but one."""
    area, shape = rng.uniform(0.1, 0.9), np.exp(rng.uniform(-0.7, 0.7))
    height, width = (int(np.clip(round(side * (area * s) ** 0.5), 1, side)) for s in (shape, 1 / shape))
    top, left = rng.integers(0, side - height + 1), rng.integers(0, side - width + 1)
    mask = np.zeros((side, side))
    mask[top : top + height, left : left + width] = 1
    return mask if rng.random() < 0.5 else 1 - mask


def blob(rng: np.random.Generator, side: int) -> np.ndarray:
    """Where smooth noise is above a quantile."""
    coarse = torch.from_numpy(rng.standard_normal((1, 1, 5, 5)))
    smooth = F.interpolate(coarse, (side, side), mode="bicubic", align_corners=True)[0, 0].numpy()
    return (smooth > np.quantile(smooth, rng.uniform(0.1, 0.9))).astype(float)
