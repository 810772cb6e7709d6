"""Classifier-free guidance over text and audio as two scales: null + s_t (text - null) + s_a (both - text).

`focused` keeps it where it matters, so that an edit leaves the rest of the photo alone; `rescaled` keeps it from burning out.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

STRONG = 0.9  # the quantile of the guidance's strength over the picture from which on it acts in full


@dataclass(frozen=True)
class Branch:
    """One row of a guided batch: what it reads, what it hears (None: the audio layers are skipped), its weight in the guided noise."""

    text: Tensor
    audio: Tensor | None
    weight: float


def text_and_audio(null: Tensor, text: Tensor, both: Tensor, guidance_scale: float, audio_guidance_scale: float) -> Tensor:
    """The guided noise from the noise without condition, with the text, and with text and audio."""
    return null + guidance_scale * (text - null) + audio_guidance_scale * (both - text)


def branches(
    null_text: Tensor,
    text: Tensor,
    audio: Tensor | None,
    null_audio: Tensor | None,
    guidance_scale: float,
    audio_guidance_scale: float,
    keep_null: bool = False,
) -> list[Branch]:
    """The branches whose weighted sum is `text_and_audio`, without those whose weight is zero (but the null branch, if it is to be kept).

    Branches that read and hear the same are one. The null branch comes first, the branch that hears the sound last.
    """
    audio_scale = 0.0 if audio is None else audio_guidance_scale
    same_text = null_text is text or torch.equal(null_text, text)
    text = null_text if same_text else text
    null = Branch(null_text, null_audio, 1 - (audio_scale if same_text else guidance_scale))
    read = Branch(text, null_audio, 0.0 if same_text else guidance_scale - audio_scale)
    return [branch for branch in (null, read, Branch(text, audio, audio_scale)) if branch.weight or (keep_null and branch is null)]


def focused(null: Tensor, guided: Tensor, focus: float) -> Tensor:
    """The guided noise (n, c, h, w) with its difference from `null` damped wherever that is weak; 0: nowhere, larger: more.

    The difference is multiplied by (its strength / its strongest)^focus: the root mean square over channels and 3 x 3 neighbours,
    against the quantile STRONG of the picture. A soft form of the implicit masks of LEDITS++ (Brack et al. 2024, section 3.2).
    """
    difference = guided - null
    power = F.avg_pool2d(difference.float().square().mean(1, keepdim=True), 3, 1, padding=1, count_include_pad=False)
    strongest = torch.quantile(power.flatten(1), STRONG, dim=1).clamp(min=torch.finfo(torch.float32).tiny)
    weight = (power / strongest[:, None, None, None]).clamp(max=1) ** (focus / 2)
    return null + weight.to(null.dtype) * difference


def rescaled(guided: Tensor, both: Tensor, guidance_rescale: float) -> Tensor:
    """The guided noise (n, c, h, w), moved by the share `guidance_rescale` towards the spread of the noise without guidance.

    Lin et al. 2024, equations 15 and 16: strong guidance widens the spread, which shows as glaring colours.
    """
    spread, wanted = (x.std(dim=(1, 2, 3), keepdim=True) for x in (guided, both))
    return guided * (guidance_rescale * wanted / spread + 1 - guidance_rescale)
