"""Directories that others made: whatever stands in them, loading is refused in one sentence before any of it runs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from sonicdiff.hub import model_directory
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

Change = Callable[[Path], None]


def index(**entries: Any) -> Change:
    return changed("model_index.json", **entries)


def changed(file: str, **entries: Any) -> Change:
    def change(folder: Path) -> None:
        path = folder / file
        path.write_text(json.dumps({**json.loads(path.read_text()), **entries}))

    return change


def weights(part: str, change: Callable[[dict[str, torch.Tensor]], None]) -> Change:
    def rewrite(folder: Path) -> None:
        (file,) = (folder / part).glob("*.safetensors")
        state = {name: value.clone() for name, value in load_file(file).items()}
        change(state)
        file.unlink()
        save_file(state, file, {"format": "pt"})

    return rewrite


def one_nan(state: dict[str, torch.Tensor]) -> None:
    next(value for name, value in state.items() if name == "conv_in.weight").view(-1)[7] = torch.nan


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (index(unet=["diffusers", None]), "'unet' is ['diffusers', None]"),
        (index(unet=["diffusers"]), "'unet' is ['diffusers']"),
        (index(_class_name=["SonicDiffusionPipeline"]), "expected one of SonicDiffusionPipeline"),
        (index(unet=["diffusers", "logging"]), "expected a model, scheduler, tokenizer or feature extractor"),
        (index(scheduler=["diffusers", "DiffusionPipeline"]), "'scheduler' is a DiffusionPipeline"),
        (index(tokenizer=["transformers", "pipeline"]), "'tokenizer' is a pipeline"),
        (index(feature_extractor=["subprocess", "Popen"]), "expected one of diffusers, transformers or sonicdiff"),
        (lambda folder: (folder / "model_index.json").write_text("[1]") and None, "no JSON object"),
        (changed("scheduler/scheduler_config.json", num_train_timesteps=10**12), "num_train_timesteps is 1000000000000"),
        (changed("scheduler/scheduler_config.json", beta_schedule="steep"), "scheduler"),
        (changed("unet/config.json", block_out_channels="wide"), "unet"),
        (weights("unet", one_nan), "the weight conv_in.weight in"),
        (weights("unet", lambda state: state.update(surplus=torch.zeros(1))), "unexpected, such as surplus"),
        (weights("text_encoder", lambda state: state.update(surplus=torch.zeros(1))), "unexpected, such as surplus"),
    ],
)
def test_it_is_refused_in_one_sentence(tiny_directory: Path, tmp_path: Path, change: Change, words: str) -> None:
    shutil.copytree(tiny_directory, tmp_path / "foreign")
    change(tmp_path / "foreign")
    with pytest.raises(ValueError) as error:
        loading.load(tmp_path / "foreign", "cpu")
    assert words in str(error.value) and "\n" not in str(error.value), error.value


def test_every_part_goes_through_the_check(tiny_directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    class_of = model_directory.class_of
    monkeypatch.setattr(model_directory, "class_of", lambda *given: asked.append(given[2]) or class_of(*given))
    loading.load(tiny_directory, "cpu")
    assert set(asked) == set(model_directory.parts_of(tiny_directory)) >= {"tokenizer", "scheduler", "feature_extractor"}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"beta": float("nan")}, "beta nan"),
        ({"beta": {"mid_block*": float("inf")}}, "beta"),
        ({"guidance_scale": float("nan")}, "guidance"),
        ({"audio_embeds": torch.full((1, 32), float("nan"))}, "audio_embeds"),
    ],
)
def test_what_is_not_finite_is_named(tiny: SonicDiffusionPipeline, sound: Path, given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        tiny.generate(None if "audio_embeds" in given else sound, num_inference_steps=1, show_progress=False, **given)


def test_float32_is_not_sent_to_float32(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    with torch.no_grad():
        tiny.vae.decoder.conv_out.bias.fill_(torch.inf)
    with pytest.raises(FloatingPointError, match="autoencoder's picture is not finite, in float32") as error:
        tiny.generate(sound, num_inference_steps=1, show_progress=False)
    assert "load the model" not in str(error.value)
