"""Audio tokens in the place of words: the frozen text encoder reads "a photo of" and then tokens that no tokenizer made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

BEFORE = "a photo of"


@dataclass(frozen=True)
class Reader:
    """Stable Diffusion's way from words to what the UNet attends to."""

    tokenizer: CLIPTokenizer
    text_encoder: CLIPTextModel

    def __call__(self, tokens: Tensor) -> Tensor:
        """States (B, 77, width) of "a photo of" and `tokens` (B, k, width), which stand where k word embeddings would."""
        begin, *words, end = self.tokenizer(BEFORE).input_ids
        start, longest = 1 + len(words), self.tokenizer.model_max_length
        ids = [begin, *words, *[end] * tokens.shape[1], end]
        ids += [self.tokenizer.pad_token_id] * (longest - len(ids))
        batch = torch.tensor([ids] * len(tokens), device=tokens.device)
        with spoken(self.text_encoder, tokens, start):
            return self.text_encoder(input_ids=batch).last_hidden_state

    def words(self, text: str) -> Tensor:
        """The mean embedding (width,) of the words of `text`."""
        ids = torch.tensor(self.tokenizer(text).input_ids[1:-1], device=self.text_encoder.device)
        return self.text_encoder.get_input_embeddings()(ids).mean(0)


@contextmanager
def spoken(text_encoder: CLIPTextModel, tokens: Tensor, start: int) -> Iterator[None]:
    """Inside, the word embeddings from position `start` on are `tokens` (B, k, width)."""

    def put(module: nn.Module, given: tuple[Any, ...], embeds: Tensor) -> Tensor:
        return torch.cat([embeds[:, :start], tokens.to(embeds), embeds[:, start + tokens.shape[1] :]], 1)

    handle = text_encoder.get_input_embeddings().register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()
