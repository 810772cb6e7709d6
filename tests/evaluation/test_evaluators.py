"""The evaluators: their files, what they do to images and sounds, and a training of a few steps."""

# pyright: reportCallIssue=false
from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation import data
from sonicdiff.evaluation.degrade import degraded, perturbed
from sonicdiff.evaluation.evaluate import evaluators_folder
from sonicdiff.evaluation.features import FILES, AudioEvaluator, Evaluators, ImageEvaluator
from sonicdiff.evaluation.train import Effort, agreement, contrast, train_evaluators
from sonicdiff.synthetic.classes import CALM, HELD_OUT
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound


@pytest.fixture(scope="module")
def evaluators() -> Evaluators:
    torch.manual_seed(0)
    return Evaluators(ImageEvaluator(), AudioEvaluator())


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (3, 160, 96, 3), dtype=np.uint8)


def test_saving_and_loading_keeps_the_judgement(evaluators: Evaluators, images: np.ndarray, tmp_path: Path) -> None:
    evaluators.save(tmp_path)
    again = Evaluators.load(tmp_path)
    assert again.see(images).embeds == pytest.approx(evaluators.see(images).embeds, abs=0.02)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) < 3e6


@pytest.mark.parametrize("change", ["missing", "unexpected"])
def test_loading_is_strict(evaluators: Evaluators, tmp_path: Path, change: str) -> None:
    evaluators.save(tmp_path)
    state = load_file(tmp_path / FILES["image"])
    if change == "missing":
        state.pop("stem.weight")
    else:
        state["stem.more"] = torch.zeros(1)
    save_file(state, tmp_path / FILES["image"])
    with pytest.raises(RuntimeError, match=change.capitalize()):
        Evaluators.load(tmp_path)


def test_missing_evaluators_say_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="train-evaluators"):
        Evaluators.load(tmp_path)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="train-evaluators"):
        evaluators_folder()


def test_an_image_is_judged_alike_alone_and_in_company(evaluators: Evaluators, images: np.ndarray) -> None:
    together, alone = evaluators.see(images), evaluators.see(images[1:2])
    assert np.array_equal(together.embeds[1], alone.embeds[0])
    assert np.linalg.norm(together.embeds, axis=1) == pytest.approx(1, abs=1e-5)
    assert together.probabilities.shape == (3, 11) and together.cause().max() < 10


def test_sounds_of_any_length_rate_and_channels_are_heard(evaluators: Evaluators) -> None:
    rng = np.random.default_rng(0)
    shapes = ((1, 4000, 8000), (2, 480_000, 48_000), (1, 700_000, 44_100))
    sounds = [Waveform(rng.normal(0, 0.1, (channels, n)).astype(np.float32), rate) for channels, n, rate in shapes]
    assert evaluators.hear(sounds).embeds.shape == (3, 64)


def test_evaluator_rows_hold_calm_and_held_out_scenes_of_their_own_seeds() -> None:
    scenes = [data.evaluator_row(index, "evaluator").scene for index in range(64)]
    pairs = [(scene.cause, scene.place) for scene in scenes]
    assert sum(scene.cause == CALM and scene.intensity == 0 for scene in scenes) == 8
    assert sum(pair in HELD_OUT for pair in pairs) == 8
    assert {scene.seed // 10**9 for scene in scenes} == {3}


def test_degraded_copies_stay_pictures(images: np.ndarray) -> None:
    x = degraded(images[:, :96], np.random.default_rng(0))
    assert x.shape == (3, 3, 96, 96) and x.min() >= -1 and x.max() <= 1
    assert torch.equal(x, degraded(images[:, :96], np.random.default_rng(0)))
    mels = torch.randn(2, 1, 64, 101)
    assert perturbed(mels.clone(), np.random.default_rng(1)).shape == mels.shape


def test_agreement_and_contrast() -> None:
    zero = np.zeros(3, int)
    labels = data.Labels(np.array([0, 0, 1]), zero, zero, np.array([0.5, 0.5, 0.5], np.float32))
    same = agreement(labels, labels)
    assert same.tolist() == [[1, 1, 0], [1, 1, 0], [0, 0, 1]]
    assert contrast(40 * same, same) < contrast(torch.zeros(3, 3), same)


def test_made_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "BLOCK", 3)
    rows = [data.evaluator_row(index, "evaluator") for index in range(7)]
    calls: list[int] = []

    def make(of: data.Row) -> np.ndarray:
        calls.append(of.index)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return np.array([of.index])

    with pytest.raises(KeyboardInterrupt):
        data.made(tmp_path, rows, make, log=lambda text: None)
    assert data.made(tmp_path, rows, make, log=lambda text: None)[:, 0].tolist() == list(range(7))
    assert calls[5:] == [3, 4, 5, 6]


def test_a_few_steps_of_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data, "render", lambda scene, size=256: data.reduced(render(scene, 48), size))
    monkeypatch.setattr(data, "render_sound", lambda *given, sample_rate: render_sound(*given, 1.0, sample_rate))
    effort = Effort(pictures=8, sounds=8, tests=16, image_steps=2, audio_steps=2, batch_size=8)
    said: list[str] = []
    train_evaluators(tmp_path / "out", cache=tmp_path / "cache", effort=effort, log=said.append)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "true renders" in card and "calm" in card
    Evaluators.load(tmp_path / "out")
    assert any("left" in line for line in said)
