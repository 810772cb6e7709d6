"""New words for a text encoder: they come apart, and what was known stays."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sonicdiff.training import words
from sonicdiff.training.config import ConfigError, LoopConfig
from sonicdiff.training.loop import train
from sonicdiff.training.text import make_text_encoder
from sonicdiff.training.tokenizer import make_tokenizer
from sonicdiff.training.workspace import Workspace, token_ids

KNOWN = ["rain over a forest", "thunder over a forest", "rain in a field at night", "waves at the coast", "fire in a forest at night"]
NEW = ["a stick hitting wood", "a stick hitting metal", "a stick scraping wood", "glass scraped with a stick"]


def test_new_words_come_apart_and_known_captions_stay(tmp_path: Path) -> None:
    torch.manual_seed(0)
    tokenizer = make_tokenizer(KNOWN * 20, vocab_size=600)
    text = make_text_encoder(tokenizer, width=32, layers=1)
    added = words.new_words(tokenizer, NEW)
    assert set(added) >= {"stick", "hitting", "metal"} and added[0] == "stick" and "a" not in added
    assert words.new_words(tokenizer, ["rain in a forest"]) == []
    before = token_ids(tokenizer, KNOWN)
    words.extend(tokenizer, text, added, seed=0)
    assert torch.equal(token_ids(tokenizer, KNOWN), before) and tokenizer.tokenize("Metal, metallic")[0] == "metal"
    assert len(tokenizer) == text.config.vocab_size

    said = words.said(KNOWN + NEW)
    assert said.sum(1).tolist() == [len(words.words_of(caption)) for caption in KNOWN + NEW]
    task = words.WordsTask(text, before, token_ids(tokenizer, NEW), said)
    with torch.no_grad():
        kept = text(input_ids=before).last_hidden_state.clone()
    wanted = words.unlike(torch.from_numpy(said[len(KNOWN) :]).float())

    def error() -> float:
        with torch.no_grad():
            states = text(input_ids=task.new).last_hidden_state.flatten(1)
        apart = torch.cdist(states, states).square() / task.spread
        return float((apart - wanted).square().mean())

    first = error()
    train(task, LoopConfig(steps=120, batch_size=8, learning_rate=3e-3, warmup_steps=5, ema_decay=0.9), tmp_path)
    assert error() < 0.35 * first
    with torch.no_grad():
        moved = (text(input_ids=before).last_hidden_state - kept).square().flatten(1).sum(1).mean() / task.spread
    assert moved < 0.05


def test_what_is_unlike() -> None:
    said = torch.tensor([[1.0, 1, 0, 0], [1, 0, 1, 0], [0, 0, 0, 1]])
    assert torch.allclose(words.unlike(said), torch.tensor([[0, 2 / 3, 1], [2 / 3, 0, 1], [1, 1, 0]]))


def test_the_shape_of_what_is_learnt(tmp_path: Path) -> None:
    """Without `layers.toml` it is the paper's: layers that begin at random, on a projector of 77 tokens."""
    projector, adapter = Workspace(tmp_path, tmp_path).layers
    assert (projector.tokens, projector.width, adapter.copy_text, adapter.gate) == (77, 192, False, 0.1)
    (tmp_path / "layers.toml").write_text("[projector]\nwidth = 64\n[adapter]\ncopy_text = true\n")
    projector, adapter = Workspace(tmp_path, tmp_path).layers
    assert (projector.tokens, projector.width, adapter.copy_text) == (77, 64, True)
    (tmp_path / "layers.toml").write_text("[decoder]\nwidth = 64\n")
    with pytest.raises(ConfigError, match=r"unknown tables \['decoder'\]; known are projector, adapter"):
        _ = Workspace(tmp_path, tmp_path).layers
