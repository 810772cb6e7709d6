"""What the UNet reads: a prompt through the text encoder."""

from __future__ import annotations

import warnings

from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer


def encode_prompt(tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, prompt: str) -> Tensor:
    """The text encoder's states (1, 77, dim); warns of a prompt that is longer than it reads."""
    if not isinstance(prompt, str):
        raise TypeError(f"got a prompt of type {type(prompt).__name__}; expected one string")
    longest = tokenizer.model_max_length
    count = len(tokenizer(prompt).input_ids)
    if count > longest:
        warnings.warn(f"the prompt has {count} tokens; only the first {longest} are read", stacklevel=5)
    ids = tokenizer(prompt, padding="max_length", max_length=longest, truncation=True, return_tensors="pt").input_ids
    return text_encoder(ids.to(text_encoder.device))[0]
