"""Prompts with weights, `(jazz:1.2) piano [drums]`, of any length, as what the UNet reads.

The grammar is the one that Riffusion's users know (diffusers' "long prompt weighting"), but `[x:1.2]` weakens by 1.2, as its guide
promises.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

STEP = 1.1  # what a pair of brackets without a number multiplies or divides by
MOST_CHUNKS = 3  # of as many tokens as the text encoder reads at once
TOKEN = re.compile(r"\\[()\[\]\\]|[(\[]|:\s*(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))\s*(?P<end>[)\]])|[)\]]|[^\\()\[\]:]+|[\\:]")


@dataclass(frozen=True)
class Part:
    """A piece of a prompt and its weight."""

    text: str
    weight: float = 1.0


def parse(prompt: str) -> list[Part]:
    """The parts of a prompt, neighbours of one weight joined. Any string is a prompt: what does not fit the grammar is text.

    `(x)` 1.1, `[x]` 1/1.1, `(x:1.3)` 1.3, `[x:1.3]` 1/1.3, brackets in brackets multiply; `\\(` `\\)` `\\[` `\\]` `\\\\` are characters.
    A bracket that is never closed counts to the end.
    """
    parts: list[Part] = []
    opened: list[tuple[str, int]] = []  # brackets still open, and the first part inside

    def close(factor: float) -> None:
        _, first = opened.pop()
        parts[first:] = [Part(part.text, part.weight * factor) for part in parts[first:]]

    for token in TOKEN.finditer(prompt):
        text, number, end = token[0], token["number"], token["end"] or token[0]
        matching = bool(opened) and opened[-1][0] + end in ("()", "[]")
        if text in "([":
            opened.append((text, len(parts)))
        elif matching and number is not None and (end == ")" or float(number)):
            close(float(number) if end == ")" else 1 / float(number))
        elif matching and number is None:
            close(STEP if end == ")" else 1 / STEP)
        else:
            parts.append(Part(text[1:] if len(text) == 2 and text[0] == "\\" else text))
    while opened:
        close(STEP if opened[-1][0] == "(" else 1 / STEP)
    return joined(parts)


def joined(parts: list[Part]) -> list[Part]:
    found: list[Part] = []
    for part in parts:
        if found and found[-1].weight == part.weight:
            found[-1] = Part(found[-1].text + part.text, part.weight)
        else:
            found.append(part)
    return found or [Part("")]


def encode(tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, *prompts: str) -> list[Tensor]:
    """The text encoder's states (1, chunks * 77, dim) of each prompt, all as many chunks as the longest needs; warns of what is cut off.

    A token's states are multiplied by its weight, and all then scaled to the mean they had before.
    """
    tokens = [weighted_tokens(tokenizer, prompt) for prompt in prompts]
    room = tokenizer.model_max_length - 2
    chunks = max(1, *(-(-len(ids) // room) for ids, _ in tokens))
    if chunks > MOST_CHUNKS:
        longest = max(len(ids) for ids, _ in tokens)
        warnings.warn(f"a prompt has {longest} tokens; only the first {MOST_CHUNKS * room} are read", stacklevel=3)
    return [encoded(tokenizer, text_encoder, *pair, min(chunks, MOST_CHUNKS)) for pair in tokens]


def weighted_tokens(tokenizer: CLIPTokenizer, prompt: str) -> tuple[list[int], list[float]]:
    """The tokens of a prompt, without those for beginning and end, and their weights."""
    ids: list[int] = []
    weights: list[float] = []
    for part in parse(prompt):
        some = tokenizer(part.text, add_special_tokens=False, verbose=False).input_ids
        ids, weights = ids + some, weights + [part.weight] * len(some)
    return ids, weights


@torch.no_grad()
def encoded(tokenizer: CLIPTokenizer, text_encoder: CLIPTextModel, ids: list[int], weights: list[float], chunks: int) -> Tensor:
    """Each chunk is read on its own, between the tokens for beginning and end."""
    room = tokenizer.model_max_length - 2
    rows, scales = [], []
    for first in range(0, chunks * room, room):
        some, heavy = ids[first : first + room], weights[first : first + room]
        padding = room - len(some)
        rows.append([tokenizer.bos_token_id, *some, tokenizer.eos_token_id, *[tokenizer.pad_token_id] * padding])
        scales.append([1.0, *heavy, *[1.0] * (padding + 1)])
    states = text_encoder(torch.tensor(rows, device=text_encoder.device))[0].flatten(0, 1)[None]
    scale = torch.tensor(scales, device=states.device, dtype=states.dtype).flatten()[None, :, None]
    if bool((scale == 1).all()):
        return states
    weighted = states * scale
    ratio = float(states.float().mean() / weighted.float().mean())
    return weighted * ratio if 0.5 < ratio < 2 else weighted  # a mean near zero says nothing


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
