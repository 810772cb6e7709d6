"""Classifier-free guidance over text and audio as two scales: null + s_t (text - null) + s_a (both - text)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


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
) -> list[Branch]:
    """The branches whose weighted sum is `text_and_audio`, without those whose weight is zero.

    Branches that read and hear the same are one. The branch that hears the sound comes last.
    """
    audio_scale = 0.0 if audio is None else audio_guidance_scale
    same_text = torch.equal(null_text, text)
    text = null_text if same_text else text
    null = Branch(null_text, null_audio, 1 - (audio_scale if same_text else guidance_scale))
    read = Branch(text, null_audio, 0.0 if same_text else guidance_scale - audio_scale)
    return [branch for branch in (null, read, Branch(text, audio, audio_scale)) if branch.weight]
