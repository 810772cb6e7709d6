"""Captions by a random BLIP-2 of the usual format, kept beside the data; and the command that makes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from trees import pair
from typer.testing import CliRunner, Result

from sonicdiff.cli import app
from sonicdiff.data import captions
from sonicdiff.data.opening import open_data

WORDS = ("a", "bay", "field", "storm", "at", "night")


@pytest.fixture(scope="module")
def blip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BLIP-2 with OPT, of two layers each, that speaks six words."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import (
        Blip2Config,
        Blip2ForConditionalGeneration,
        Blip2Processor,
        BlipImageProcessor,
        OPTConfig,
        PreTrainedTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("models") / "tiny-blip2"
    vocabulary = {word: number for number, word in enumerate(("<pad>", "</s>", "<unk>", *WORDS, "<image>"))}
    plain = Tokenizer(models.WordLevel(vocabulary, "<unk>"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token="<pad>", bos_token="</s>", eos_token="</s>", unk_token="<unk>",
        extra_special_tokens={"image_token": "<image>"},
    )  # fmt: skip
    torch.manual_seed(0)
    layers: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
    text = OPTConfig(
        vocab_size=len(vocabulary), ffn_dim=16, word_embed_proj_dim=16, max_position_embeddings=80, bos_token_id=1, eos_token_id=1,
        pad_token_id=0, **layers,
    )  # fmt: skip
    config = Blip2Config(
        vision_config={**layers, "intermediate_size": 16, "image_size": 28, "patch_size": 14, "initializer_range": 0.5},
        qformer_config={**layers, "intermediate_size": 16, "vocab_size": 10},
        text_config=text,
        num_query_tokens=2,
        image_token_index=vocabulary["<image>"],
    )
    network = Blip2ForConditionalGeneration(config)
    weights = network.language_model.get_input_embeddings().weight.data
    weights.normal_(std=1.0)[[0, 1, 2, -1]] = 0  # of its words one is always likelier than what is no word
    network.save_pretrained(folder)
    images = BlipImageProcessor(size={"height": 28, "width": 28})
    Blip2Processor(images, tokenizer, num_query_tokens=2).save_pretrained(folder)
    return folder


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    for number in range(5):
        pair(tmp_path / "data" / "train" / "bay" / str(number), 50 * number, "given" if number == 0 else None)
    (tmp_path / "data" / "train" / "bay" / "4.png").write_bytes(b"\x89PNG\r\n")
    pair(tmp_path / "data" / "val" / "bay" / "9")
    return tmp_path / "data"


def test_blip_captions_what_has_none_and_goes_on_where_it_was(blip: Path, tree: Path) -> None:
    captioner, told = captions.Captioner(str(blip), "cpu"), []
    file = captions.beside(tree)
    assert file == tree / "captions.jsonl"
    before = open_data(tree)[:3]
    assert captions.write(before, captioner, file, batch=2) == 2 and captions.write(before, captioner, file) == 0
    with file.open("a") as stream:
        stream.write('{"key": "train/bay/3", "capt')  # as a machine that stops leaves it
    first = file.read_text().splitlines()[:2]
    assert captions.write(open_data(tree), captioner, file, batch=2, log=told.append) == 1
    lines = file.read_text().splitlines()
    assert lines[:2] == first and [json.loads(line)["key"] for line in lines] == [f"train/bay/{number}" for number in (1, 2, 3)]
    assert {json.loads(line)["model"] for line in lines} == {"tiny-blip2"} and len(told) == 1 and "bay/4" in told[0]
    with file.open("a") as stream:
        stream.write('{"key": "train/bay/0", "caption": "made"}\n')  # what is given goes before what is made
    found = [sample.caption for sample in open_data(tree)]
    assert found[0] == "given" and found[4] is None
    assert all(caption and set(caption.split()) <= {*WORDS, "<unk>"} for caption in found[1:4])
    assert captioner([Image.new("RGB", (40, 30), "red")] * 2) == captioner([Image.new("RGB", (40, 30), "red")]) * 2


def test_without_captions_the_class_speaks(tree: Path) -> None:
    assert [captions.of_class(sample) for sample in open_data(tree)[:2]] == ["given", "a photo of bay"]


@pytest.mark.parametrize("line", ["{", "[1]", '{"key": "a"}'])
def test_a_damaged_file_of_captions_is_named(tree: Path, line: str) -> None:
    (tree / "captions.jsonl").write_text(f"{line}\n")
    with pytest.raises(ValueError, match=r"captions\.jsonl, line 1: expected an object with key and caption"):
        open_data(tree)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in ("data", *arguments, "--quiet")])


def test_the_command_counts_lists_captions_and_draws(blip: Path, tree: Path) -> None:
    result = run(tree, "--captions", blip, "--device", "cpu", "--sheet", tree / "sheet.png", "--skipped", tree / "skipped.jsonl")
    assert result.exit_code == 0, result.output
    for said in ("5 pairs for train, in the layout folder", "4 pairs, 1 skipped, 0 of the same", "bay (4)", "3 captions written", "4 of 4"):
        assert said in result.output, result.output
    assert "skipped train/bay/4: " in result.stderr and len((tree / "skipped.jsonl").read_text().splitlines()) == 1
    with Image.open(tree / "sheet.png") as sheet:
        assert sheet.size == (850, 321) and len(sheet.getcolors(100_000) or ()) > 50


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nowhere",), "there is no file or folder 'nowhere'"),
        (("synthetic:landscape", "-n", "1", "--captions", "nowhere"), "captions are written beside the data"),
        ((".", "--window", "0"), "got windows of 0.0 seconds; expected 0.1 to 600"),
        ((".", "--captions", "no/model"), "no/model is no BLIP-2 that is here"),
    ],
)
def test_what_the_command_cannot_do_is_one_line(tree: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], said: str) -> None:
    monkeypatch.chdir(tree)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    result = run(*arguments)
    assert result.exit_code == 1 and f"sonicdiff: {said}" in result.stderr.splitlines()[-1], result.stderr
