"""New words for a text encoder that is there: captions it knows keep their states, new ones come to lie as far apart as their words."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportAssignmentType=false
from __future__ import annotations

import copy
import re
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import torch
from tokenizers import AddedToken
from torch import Tensor, nn
from transformers import CLIPTextModel, CLIPTokenizer

from sonicdiff.training.draw import Draw

SMALL_WORDS = frozenset(("a", "an", "and", "at", "from", "in", "it", "its", "of", "on", "or", "over", "the", "to", "with"))
MOST = 512  # words that are added
KEEPING = 10.0  # weight of what the known captions' states lose, beside what the new ones' distances lack


def words_of(caption: str) -> frozenset[str]:
    """The words that say something."""
    return frozenset(re.findall(r"[a-z]+", caption.lower())) - SMALL_WORDS


def said(captions: Sequence[str]) -> np.ndarray:
    """Which of all their words each caption has: bool (captions, words)."""
    of = [words_of(caption) for caption in captions]
    number = {word: column for column, word in enumerate(sorted(frozenset().union(*of)))}
    table = np.zeros((len(of), len(number)), bool)
    for row, words in zip(table, of, strict=True):
        row[[number[word] for word in words]] = True
    return table


def new_words(tokenizer: CLIPTokenizer, captions: Iterable[str]) -> list[str]:
    """Those that the tokenizer cuts into pieces, the most frequent first."""
    found = Counter(word for caption in captions for word in words_of(caption))
    return [word for word, _ in sorted(found.items(), key=lambda each: (-each[1], each[0])) if len(tokenizer.tokenize(word)) > 1][:MOST]


def extend(tokenizer: CLIPTokenizer, text: CLIPTextModel, words: Sequence[str], seed: int) -> None:
    """Makes each word a token of its own, whose embedding begins as a random vector of the usual length."""
    embeddings: Tensor = text.get_input_embeddings().weight
    length, before = float(embeddings.detach().norm(dim=1).mean()), len(tokenizer)
    tokenizer.add_tokens([AddedToken(word, single_word=True, normalized=True) for word in words])
    text.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    drawn = torch.randn(len(tokenizer) - before, embeddings.shape[1], generator=torch.Generator().manual_seed(seed))
    extended: Tensor = text.get_input_embeddings().weight
    with torch.no_grad():
        extended[before:] = length * drawn / drawn.norm(dim=1, keepdim=True)


class WordsTask:
    """`known` (M, 77) and `new` (N, 77) captions as tokens; `said` (M + N, words), which words each of them has, the known ones first."""

    def __init__(self, text: CLIPTextModel, known: Tensor, new: Tensor, said: np.ndarray) -> None:
        self.text, self.known, self.new = text, known, new
        self.said_known, self.said = torch.from_numpy(said).float().split((len(known), len(new)))
        self.before = copy.deepcopy(text).eval().requires_grad_(False)
        with torch.no_grad():
            states = self.before(input_ids=known[:256].to(text.device)).last_hidden_state.flatten(1)
        self.spread = states.var(0).sum() * 2  # the mean squared distance of two known captions

    def modules(self) -> dict[str, nn.Module]:
        return {"text": self.text}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        device = self.text.device
        rows, others = (torch.from_numpy(draw.numpy.integers(0, len(x), draw.batch_size))[draw.rows] for x in (self.new, self.known))
        known = self.known[others].to(device)
        before = self.before(input_ids=known).last_hidden_state.flatten(1)
        lost = (self.text(input_ids=known).last_hidden_state.flatten(1) - before).square().sum(1).mean() / self.spread
        states = self.text(input_ids=self.new[rows].to(device)).last_hidden_state.flatten(1)
        apart = torch.cdist(states[None], torch.cat([states, before])[None])[0].square() / self.spread
        said = torch.cat([self.said[rows], self.said_known[others]]).to(device)
        laid = (apart - unlike(said)[: len(rows)]).square().mean()
        return {"loss": laid + KEEPING * lost, "laid": laid, "lost": lost}


def unlike(said: Tensor) -> Tensor:
    """The share of two captions' words that only one of them has: (N, words) to (N, N)."""
    both = said @ said.T
    either = said.sum(1)[:, None] + said.sum(1)[None] - both
    return 1 - both / either.clamp(min=1)
