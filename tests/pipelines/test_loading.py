"""Finding and loading models, what a saved pipeline holds, and the public functions over it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open

import sonicdiff
from sonicdiff.hub import model_directory
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

COMPONENTS = {
    "vae",
    "text_encoder",
    "tokenizer",
    "unet",
    "scheduler",
    "audio_encoder",
    "feature_extractor",
    "projector",
    "adapter",
    "labels",
}


def keys(folder: Path) -> set[str]:
    (file,) = folder.glob("*.safetensors")
    with safe_open(file, "pt") as tensors:
        return set(tensors.keys())


def test_saved_directory(tiny: SonicDiffusionPipeline, tiny_directory: Path) -> None:
    assert {path.name for path in tiny_directory.iterdir()} == {*COMPONENTS, "model_index.json"}
    assert not [path for path in tiny_directory.rglob("*") if path.suffix in (".bin", ".pt", ".pth", ".pkl")]
    for name in ("unet", "vae", "projector", "adapter"):
        assert keys(tiny_directory / name) == set(getattr(tiny, name).state_dict())
    assert not any("audio" in key for key in keys(tiny_directory / "unet"))


def test_save_and_load_is_the_same_pipeline(tiny_directory: Path, tmp_path: Path, sound: Path) -> None:
    def image(pipeline: Any) -> torch.Tensor:
        return pipeline.generate(sound, "rain", seed=1, num_inference_steps=2, show_progress=False, output_type="latent")[0]

    # Both from files: some processors round differently where a copy lies otherwise in memory.
    tiny = loading.load(tiny_directory, "cpu")
    tiny.register_to_config(null_audio="zeros")
    tiny.save_pretrained(tmp_path)
    loaded = loading.load(tmp_path, "cpu")
    assert loaded.config["null_audio"] == "zeros"
    assert torch.equal(image(loaded), image(tiny))


def test_half_precision_is_near(tiny: SonicDiffusionPipeline, tiny_directory: Path, sound: Path) -> None:
    half = loading.load(tiny_directory, "cpu", torch.bfloat16)
    options: dict[str, Any] = {"seed": 1, "num_inference_steps": 2, "show_progress": False, "output_type": "latent"}
    a, b = (pipeline.generate(sound, "rain", **options)[0] for pipeline in (tiny, half))
    assert b.dtype == torch.float32 and torch.cosine_similarity(a.flatten(), b.flatten(), dim=0) > 0.95


def test_names_and_paths(tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert loading.resolve(tiny_directory) == tiny_directory
    with pytest.raises(
        ValueError, match="no model 'maxi'; known are mini, mini-hits, mini-faces, mini-music, riffusion, landscape, greatest-hits"
    ):
        loading.resolve("maxi")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for name in ("landscape", "no/directory"):
        with pytest.raises(OSError, match="HF_HUB_OFFLINE"):
            loading.resolve(name)
    monkeypatch.setenv("SONICDIFF_CHECKPOINTS", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="set SONICDIFF_CHECKPOINTS"):
        loading.resolve("mini")
    (tmp_path / "mini").symlink_to(tiny_directory)
    assert loading.resolve("mini") == tmp_path / "mini"


def test_revision_follows_the_weights(tiny: SonicDiffusionPipeline, tmp_path: Path) -> None:
    tiny.save_pretrained(tmp_path / "a")
    tiny.save_pretrained(tmp_path / "b")
    first = record.revision(tmp_path / "a")
    assert record.revision(tmp_path / "b") == first
    tiny.projector.to_out.bias.data += 1
    tiny.save_pretrained(tmp_path / "a")
    assert record.revision(tmp_path / "a") != first


def test_public_functions(tiny_directory: Path, photo: Path, sound: Path) -> None:
    model, fast = str(tiny_directory), {"num_inference_steps": 2, "show_progress": False}
    assert sonicdiff.load(model, "cpu") is sonicdiff.load(model, "cpu")
    edited = sonicdiff.edit(photo, sound, model=model, device="cpu", **fast)
    assert edited.size == (96, 64)
    first, again = (sonicdiff.generate(sound, "rain", seed=1, model=model, device="cpu", **fast) for _ in range(2))
    assert first.size == (64, 64) and np.array_equal(np.asarray(first), np.asarray(again))


def test_null_audio_is_checked(tiny: SonicDiffusionPipeline) -> None:
    with pytest.raises(ValueError, match="expected 'off' or 'zeros'"):
        SonicDiffusionPipeline(**tiny.components, null_audio="none")


def test_saving_over_what_was_loaded_gives_the_same_model(tiny_directory: Path, tmp_path: Path) -> None:
    """The weights in use may be mapped from the very files, sharded where the new ones are not, and be links into the Hub's cache."""
    place, linked = tmp_path / "model", tmp_path / "blob"
    shutil.copytree(tiny_directory, place)
    loading.load(place).unet.save_pretrained(place / "unet", max_shard_size="100KB")
    (place / "unet" / "diffusion_pytorch_model.safetensors").unlink(missing_ok=True)
    os.link(place / "vae" / "diffusion_pytorch_model.safetensors", linked)
    blob = linked.read_bytes()
    pipeline = loading.load(place)
    settings = {"prompt": "rain", "seed": 1, "num_inference_steps": 2, "show_progress": False, "output_type": "np"}
    expected = pipeline.generate(**settings)[0]
    pipeline.vae.decoder.conv_out.bias.data += 0.1
    pipeline.save_pretrained(place)
    changed = loading.load(place).generate(**settings)[0]
    assert np.array_equal(pipeline.generate(**settings)[0], changed) and not np.array_equal(changed, expected)
    assert linked.read_bytes() == blob and len(list((place / "unet").glob("*.safetensors"))) == 1
    assert not list(place.glob(".*"))


def test_models_are_kept_as_many_and_as_they_are_wanted(tiny_directory: Path) -> None:
    loaded = loading.Loaded()
    first = loaded.get(str(tiny_directory), "cpu")
    assert loaded.get(str(tiny_directory), "cpu") is first and first.memory == "full"
    loaded.keep(1, "low")
    second = loaded.get(str(tiny_directory), "cpu")
    assert second is not first and second.memory == "low" and len(loaded.pipelines) == 1
    assert loaded.get(str(tiny_directory), "cpu", memory="full").memory == "full"


def test_a_model_may_share_what_it_has_in_common_with_another(tiny_directory: Path, tmp_path: Path, sound: Path) -> None:
    shutil.copytree(tiny_directory, tmp_path / "base")
    other = tmp_path / "other"
    for part in ("projector", "adapter"):
        shutil.copytree(tiny_directory / part, other / part)
    index = json.loads((tiny_directory / "model_index.json").read_text())
    (other / "model_index.json").write_text(json.dumps({**index, "_shares": "base"}))
    settings = {"seed": 1, "num_inference_steps": 2, "show_progress": False, "output_type": "np"}
    images = [loading.load(place, "cpu").generate(sound, **settings)[0] for place in (tmp_path / "base", other)]
    assert np.array_equal(*images)
    first = record.revision(other)
    loading.load(other, "cpu").save_pretrained(tmp_path / "whole")
    assert not model_directory.faults(tmp_path / "whole") and (tmp_path / "whole" / "unet").is_dir()
    assert "_shares" not in (tmp_path / "whole" / "model_index.json").read_text()
    (tmp_path / "base" / "scheduler" / "scheduler_config.json").write_text("{}")
    assert record.revision(other) != first
    shutil.rmtree(tmp_path / "base")
    with pytest.raises(ValueError, match="'base' that it shares components with is not beside it"):
        loading.load(other)


def test_a_known_name_wins_over_a_folder_of_that_name(tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mini").symlink_to(tiny_directory)
    with pytest.warns(UserWarning, match="the model 'mini' is taken, not the folder"):
        assert loading.resolve("mini") != Path("mini")
    assert loading.resolve("./mini") == loading.resolve(Path("mini")) == Path("mini")
    assert loading.load_once(Path("mini"), "cpu").unet.config["sample_size"] == 8


def test_what_is_saved_and_loaded_gives_the_very_same_picture(tmp_path: Path) -> None:
    first = loading.load("mini", "cpu")
    first.save_pretrained(tmp_path / "saved")
    second = loading.load(tmp_path / "saved", "cpu")
    parts = [part for part in second.components.values() if isinstance(part, torch.nn.Module)]
    assert not [name for part in parts for name, weight in part.named_parameters() if weight.data_ptr() % 64]
    again = [np.asarray(each.generate(None, "a coast", seed=1, num_inference_steps=2, show_progress=False)[0]) for each in (first, second)]
    assert np.array_equal(again[0], again[1])


def test_float16_on_a_processor_is_told_and_not_taken(tiny_directory: Path) -> None:
    with pytest.warns(UserWarning, match="does not compute in float16"):
        assert loading.load(tiny_directory, "cpu", "float16").unet.dtype in (torch.float32, torch.bfloat16)
