"""Prompt weights: Riffusion's grammar, any string at all, and what the weights do to the states."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sonicdiff.pipelines.common.prompt_encoder import Part, encode, encode_prompt, parse
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("", [("", 1)]),
        ("jazz: smooth", [("jazz: smooth", 1)]),
        ("(x)", [("x", 1.1)]),
        ("((x))", [("x", 1.21)]),
        ("(x:1.2)", [("x", 1.2)]),
        ("(x: -1 )", [("x", -1)]),
        ("[x]", [("x", 1 / 1.1)]),
        ("[[x]]", [("x", 1 / 1.21)]),
        ("[x:1.2]", [("x", 1 / 1.2)]),
        ("[x:0]", [("x:0]", 1 / 1.1)]),
        ("(a:b)", [("a:b", 1.1)]),
        ("(x:1.2.3)", [("x:1.2.3", 1.1)]),
        ("(x:1.2", [("x:1.2", 1.1)]),
        ("x) y", [("x) y", 1)]),
        ("(x] y", [("x] y", 1.1)]),
        ("\\(x\\) \\[y\\] \\\\", [("(x) [y] \\", 1)]),
        ("a (b [c:2] d:1.5) e", [("a ", 1), ("b ", 1.5), ("c", 0.75), (" d", 1.5), (" e", 1)]),
        ("(caribbean:1.5) (jazz:0.3)", [("caribbean", 1.5), (" ", 1), ("jazz", 0.3)]),
    ],
)
def test_the_grammar(prompt: str, expected: list[tuple[str, float]]) -> None:
    found = parse(prompt)
    assert [part.text for part in found] == [text for text, _ in expected]
    assert [part.weight for part in found] == pytest.approx([weight for _, weight in expected])


@given(st.text(alphabet="ab ():[]\\.12-\n", max_size=40))
def test_any_string_is_a_prompt(prompt: str) -> None:
    found = parse(prompt)
    assert found and all(isinstance(part, Part) for part in found)
    letters = [char for char in prompt if char in "ab"]
    assert [char for part in found for char in part.text if char in "ab"] == letters


@given(st.text(alphabet="ab:.12", max_size=8), st.floats(0.1, 9).map(lambda x: round(x, 2)), st.floats(0.1, 9).map(lambda x: round(x, 2)))
def test_weights_multiply(text: str, outer: float, inner: float) -> None:
    found = parse(f"(({text}x:{inner}):{outer})")
    assert [part.text for part in found] == [f"{text}x"] and found[0].weight == pytest.approx(outer * inner)


def test_a_plain_prompt_is_read_as_ever(tiny: SonicDiffusionPipeline) -> None:
    (states,) = encode(tiny.tokenizer, tiny.text_encoder, "rain over a lake")
    assert torch.equal(states, encode_prompt(tiny.tokenizer, tiny.text_encoder, "rain over a lake"))


def test_a_weight_moves_its_words_alone(tiny: SonicDiffusionPipeline) -> None:
    (plain,), (heavy,) = (encode(tiny.tokenizer, tiny.text_encoder, prompt) for prompt in ("rain over lake", "(rain:1.5) over lake"))
    ratio = (heavy / plain)[0].mean(-1)
    weighted = len(tiny.tokenizer("rain", add_special_tokens=False).input_ids)
    torch.testing.assert_close(ratio[1 : 1 + weighted] / ratio[0], torch.full((weighted,), 1.5))
    torch.testing.assert_close(ratio[1 + weighted :], ratio[:1].expand(76 - weighted))
    torch.testing.assert_close(heavy.mean(), plain.mean())


def test_long_prompts_are_read_in_chunks_on_both_sides(tiny: SonicDiffusionPipeline) -> None:
    long = "rain " * 30
    states = encode(tiny.tokenizer, tiny.text_encoder, "", long)
    assert [tuple(part.shape[:2]) for part in states] == [(1, states[1].shape[1])] * 2
    assert states[1].shape[1] % 77 == 0 and states[1].shape[1] > 77
    assert not torch.equal(states[1][:, 77:154], states[0][:, 77:154])
    with pytest.warns(UserWarning, match=r"a prompt has \d+ tokens; only the first 225 are read"):
        assert encode(tiny.tokenizer, tiny.text_encoder, "rain " * 500)[0].shape[1] == 231
