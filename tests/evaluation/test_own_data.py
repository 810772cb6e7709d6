"""Whole evaluations of the tiny models on a small data set of one's own: pictures, edits, music."""

# pyright: reportArgumentType=false, reportCallIssue=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportOperatorIssue=false
from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image
from tiny import make_audio_encoder, make_feature_extractor, make_tokenizer
from transformers import ClapConfig, ClapModel
from typer.testing import CliRunner

from sonicdiff.audio.waveform import Waveform
from sonicdiff.cli import app
from sonicdiff.data.opening import open_data
from sonicdiff.evaluation.extractors import Own
from sonicdiff.evaluation.features import AudioEvaluator, Evaluators, ImageEvaluator
from sonicdiff.evaluation.music import ears
from sonicdiff.evaluation.music.ears import Listener
from sonicdiff.evaluation.music.judge import MusicJudge
from sonicdiff.evaluation.music.own_data import MusicTrial, evaluate_music_data
from sonicdiff.evaluation.own_data import Trial, evaluate_data

if TYPE_CHECKING:
    from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve recordings of two materials, with captions, all for the test; one sound is torn."""
    folder, rng = tmp_path_factory.mktemp("pairs"), np.random.default_rng(0)
    rows = []
    for number in range(12):
        colour = (40, 90, 200) if number % 2 else (200, 80, 30)
        Image.fromarray(np.clip(rng.normal(colour, 40, (32, 32, 3)), 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
        soundfile.write(folder / f"{number}.wav", rng.normal(0, 0.1, 8_000), 16_000)
        label = ("metal", "wood")[number % 2]
        rows.append({"sound": f"{number}.wav", "picture": f"{number}.png", "class": label, "caption": f"hitting {label}", "split": "test"})
    (folder / "3.wav").write_bytes(b"torn")
    with (folder / "pairs.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Own:
    torch.manual_seed(0)
    return Own(Evaluators(ImageEvaluator(), AudioEvaluator()))


def test_a_model_on_ones_own_data(tiny: SonicDiffusionPipeline, pairs: Path, own: Own, tmp_path: Path) -> None:
    data, said = open_data(pairs, split="test"), []
    tables = evaluate_data(tiny, data, own, Trial(n=4, pool=9, per_sound=2, steps=1), tmp_path, said.append)
    told = json.loads((tmp_path / "scores.json").read_text())
    assert told["about"]["n"] == 4 and told["about"]["data"] == str(pairs) and len(told["about"]["left out"]) == 1
    rows = told["tables"]["Pictures of sounds"]["rows"]
    assert rows["model"]["AIS"]["n"] == 8 and rows["true pictures"]["IIS"]["mean"] > 0.8 and rows["chance"]["AIC"] == 0.5
    assert "mean of the pool's pictures" in tables[0].note and "from 4 recordings" in tables[0].note
    assert len(list((tmp_path / "pictures").iterdir())) == 8
    assert "| model |" in (tmp_path / "scores.md").read_text() and Image.open(tmp_path / "sheet.png").width > 4 * 128


@pytest.mark.parametrize("edit", [False, True])
def test_an_evaluation_that_was_stopped_goes_on(tiny: SonicDiffusionPipeline, pairs: Path, own: Own, tmp_path: Path, edit: bool) -> None:
    data, trial = open_data(pairs, split="test"), Trial(n=4, pool=4, steps=2, edit=edit)
    evaluate_data(tiny, data, own, trial, tmp_path, lambda text: None)
    files = sorted((tmp_path / "pictures").iterdir())
    first = [file.read_bytes() for file in files]
    files[0].unlink()
    files[1].write_bytes(first[1][:-40])
    files[2].write_bytes(first[3])  # of another sound
    told = [file.stat().st_mtime_ns for file in files[3:]]
    evaluate_data(tiny, data, own, trial, tmp_path, lambda text: None)
    assert [file.read_bytes() for file in files] == first and [file.stat().st_mtime_ns for file in files[3:]] == told
    evaluate_data(tiny, data, own, Trial(n=4, pool=4, steps=1, edit=edit), tmp_path, lambda text: None)
    assert all(json.loads(Image.open(file).info["sonicdiff"])["settings"]["num_inference_steps"] == 1 for file in files)


def test_edits_are_of_photos_of_another_class(tiny: SonicDiffusionPipeline, pairs: Path, own: Own, tmp_path: Path) -> None:
    tables = evaluate_data(tiny, open_data(pairs, split="test"), own, Trial(n=4, pool=4, steps=1, edit=True), tmp_path, lambda text: None)
    rows = tables[0].rows
    assert rows["the photo itself"]["structure"] == 1 and rows["model"]["structure"].n == 4
    assert rows["the photo itself"]["AIC"].mean <= 0.5 and {"AIS", "PSNR to photo"} <= set(rows["model"])
    made = json.loads(Image.open(tmp_path / "pictures" / "00000-0.png").info["sonicdiff"])
    assert made["task"] == "edit"


def test_music_on_ones_own_captions(tiny_music: MusicPipeline, pairs: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    ear = Listener(MusicJudge().eval())
    (table,) = evaluate_music_data(
        tiny_music, open_data(pairs, split="test"), ear, MusicTrial(n=4, pool=4, steps=1), tmp_path, lambda text: None
    )
    assert set(table.rows) == {"model", "the data's own sounds", "chance"}
    assert {"FAD", "caption cosine", "caption wins", "loudness (LUFS)", "tempo error, median"} <= set(table.rows["model"])
    assert table.rows["the data's own sounds"]["FAD"] > 0 and len(list((tmp_path / "clips").iterdir())) == 4
    told = json.loads((tmp_path / "scores.json").read_text())["about"]
    assert told["pool"].startswith("4 of ") and told["left out"]


def test_laions_clap_hears_and_reads(tmp_path: Path) -> None:
    """A tiny random CLAP saved as the released one is: both towers in one folder."""
    torch.manual_seed(0)
    tokenizer, place = make_tokenizer(tmp_path / "larger_clap_music"), tmp_path / "larger_clap_music"
    text = {"vocab_size": len(tokenizer), "hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2, "num_hidden_layers": 1}
    ClapModel(
        ClapConfig(text_config={**text, "projection_dim": 32}, projection_dim=32, audio_config=make_audio_encoder().config.to_dict())
    ).save_pretrained(place)
    tokenizer.save_pretrained(place)
    make_feature_extractor().save_pretrained(place)
    ear = ears.load(f"clap:{tmp_path}")
    features, vector = ear.hear(Waveform(np.random.default_rng(0).normal(0, 0.1, (1, 8_000)).astype(np.float32), 16_000))
    texts = ear.read(["piano", "a slow jazz drum"])
    assert features.shape == vector.shape == (1, 32) and texts.shape == (2, 32)
    assert np.allclose(np.linalg.norm(texts, axis=1), 1, atol=1e-5) and not np.allclose(texts[0], texts[1])
    alone = ear.read(["piano"])
    assert np.allclose(alone, texts[:1], atol=1e-5)  # a longer caption beside it changes nothing
    with pytest.raises(FileNotFoundError, match=r"hf download laion/larger_clap_music"):
        ears.load(f"clap:{place}")


def run(*arguments: Any) -> Any:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_the_command_says_what_does_not_go_together(tiny_directory: Path, tiny_music_directory: Path, pairs: Path) -> None:
    for arguments, words in (
        (("--split", "train"), "go with --data"),
        (("--data", pairs, "--part", "vae"), "are for the synthetic suite"),
        (("--data", pairs, "--split", "train"), "has no train split, only test"),
        (("--data", pairs, "--layout", "shelf"), "unknown layout 'shelf'"),
        (("--data", pairs, "--extractors", "resnet"), "unknown extractors 'resnet'"),
        (("--data", pairs / "none"), "there is no file or folder"),
    ):
        result = run("evaluate", "-m", tiny_directory, *arguments)
        assert result.exit_code == 1 and words in result.stderr and result.stderr.count("\n") == 1, result.stderr
    result = run("evaluate", "-m", tiny_music_directory, "--data", pairs, "--edit")
    assert result.exit_code == 1 and "for models of pictures" in result.stderr


def test_the_command_scores_on_data(tiny_directory: Path, pairs: Path, own: Own, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own.evaluators.save(tmp_path / "checkpoints" / "evaluators")
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path / "checkpoints"))
    monkeypatch.chdir(tmp_path)
    result = run("evaluate", "-m", tiny_directory, "--data", pairs, "-n", "9", "--pool", "4", "--steps", "1")
    assert result.exit_code == 0, result.output
    assert "## As the released script counts" in result.output
    assert Path("outputs/evaluation", f"{tiny_directory.name}-{pairs.name}", "scores.md").is_file()
