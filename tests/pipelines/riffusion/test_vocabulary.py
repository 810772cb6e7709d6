"""What a model of music does not understand of a prompt is said, with the nearest that it knows."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
from transformers import CLIPTokenizer

from sonicdiff.pipelines.loading import resolve
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.riffusion.vocabulary import PromptWarning, sentence

FAST: dict[str, Any] = {"num_inference_steps": 1, "show_progress": False, "seed": 1}


@pytest.fixture(scope="module")
def tokenizer() -> CLIPTokenizer:
    return CLIPTokenizer.from_pretrained(resolve("mini-music") / "tokenizer")


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("dubstep", ["dubstep (nearest: house)"]),
        ("bagpipes, techno", ["bagpipes (nearest: accordion)", "techno (nearest: house)"]),
        ("(Bagpipes:1.4) with [drums]", ["bagpipes (nearest: accordion)"]),
        ("saxofone jazz", ["saxofone (nearest: saxophone)"]),
        ("qwxz", ["does not know qwxz"]),
        ("", ["an empty prompt", "jazz piano"]),
        ("  ", ["an empty prompt"]),
        ("\U0001f3b7\U0001f525", ["without words"]),
        ("130 bpm", []),
        ("tempo 130", []),
        ("slow, sad jazz piano in c minor, 80 bpm, without drums", []),
        ("a (lo-fi:1.2) hip hop groove with the rhodes at 84", []),
    ],
)
def test_words_that_it_does_not_know_are_named(tokenizer: CLIPTokenizer, prompt: str, said: list[str]) -> None:
    found = sentence(tokenizer, prompt)
    assert bool(found) == bool(said) and "\n" not in found
    assert all(part in found for part in said), found


def test_the_library_warns_once_a_call(tiny_music: MusicPipeline) -> None:
    with pytest.warns(PromptWarning, match="qwxz"):
        tiny_music.music("qwxz", **FAST)
    with warnings.catch_warnings():
        warnings.simplefilter("error", PromptWarning)
        assert tiny_music.not_understood("and the") == ""
