"""A CLIP tokenizer of our own: byte-level BPE in CLIP's layout, learnt from the captions it will read."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Iterable

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import CLIPTokenizer

BOS, EOS = "<|startoftext|>", "<|endoftext|>"
WORD_END = "</w>"


def make_tokenizer(captions: Iterable[str], vocab_size: int = 1536) -> CLIPTokenizer:
    """Learn merges from `captions`; the vocabulary is in CLIP's order: bytes, bytes at a word's end, merges, BOS, EOS.

    All 256 bytes are there in both forms, so that any text, in any script, has tokens.
    """
    reference = CLIPTokenizer().backend_tokenizer
    learner = Tokenizer(models.BPE(end_of_word_suffix=WORD_END))
    learner.normalizer, learner.pre_tokenizer = reference.normalizer, reference.pre_tokenizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    base = alphabet + [letter + WORD_END for letter in alphabet]
    trainer = trainers.BpeTrainer(vocab_size=vocab_size, initial_alphabet=alphabet, end_of_word_suffix=WORD_END, show_progress=False)
    learner.train_from_iterator(captions, trainer)
    merges = [tuple(pair) for pair in _merges(learner)]
    tokens = [*base, *(token for token in map("".join, merges) if token not in base), BOS, EOS]
    vocab = {token: number for number, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocab, merges=merges, model_max_length=77)


def _merges(learner: Tokenizer) -> list[list[str]]:
    import json

    merges = json.loads(learner.to_str())["model"]["merges"]
    return [pair.split(" ") if isinstance(pair, str) else pair for pair in merges]
