"""The paper's models from a hub on this machine: fetched in pieces, put together once, loaded like any other; and what can be wrong."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import released_files
import torch
from hub_server import Hub, serving
from safetensors.torch import load_file, save_file
from tiny import TEXT_DIM, save_base

import sonicdiff
from sonicdiff.hub.download.cache import own_cache
from sonicdiff.hub.registry import BASES, CHECKPOINTS, CLAP_2022
from sonicdiff.pipelines import loading, pulling
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

NARROW = {"embed_dim": 64, "context_dim": TEXT_DIM, "width": 32}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The Space, msclap and Stable Diffusion 1.4 as they are on the hub, in small."""
    folder = tmp_path_factory.mktemp("hub")
    (folder / "space" / "ckpts").mkdir(parents=True)
    (folder / "msclap").mkdir()
    for gates, projector in (("landscape.pt", "audio_projector_landscape.pth"), ("greatest_hits.pt", "audio_projector_gh.pth")):
        released_files.save(folder / "space" / "ckpts", gates, released_files.gate_file((64, 64, 32, 32), TEXT_DIM))
        released_files.save(folder / "space" / "ckpts", projector, released_files.projector_file(**NARROW))
    released_files.save(folder / "msclap", "CLAP_weights_2022.pth", released_files.clap_file())
    base = save_base(folder / "base")
    space = CHECKPOINTS["landscape"].source[0]
    assert not isinstance(space, str)
    pieces = {space: folder / "space", CLAP_2022: folder / "msclap", BASES["sd-1.4"].repository: base}
    return {f"{piece.repo_type}s/{piece.repo_id}": where for piece, where in pieces.items()}


@pytest.fixture
def hub(repositories: dict[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SONICDIFF_CACHE", str(tmp_path / "own"))
    for name in ("HF_HUB_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    with serving(dict(repositories)) as hub:
        hub.commits["models/CompVis/stable-diffusion-v1-4"] = str(BASES["sd-1.4"].repository.revision)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@pytest.mark.parametrize("name", ["landscape", "greatest-hits"])
def test_the_papers_models_load_by_name(hub: Hub, name: str, photo: Path, sound: Path) -> None:
    assert pulling.at_hand(name) is None
    pipeline = loading.load(name, "cpu")
    assert isinstance(pipeline, SonicDiffusionPipeline)
    assert pipeline.config["null_audio"] == "zeros" and pipeline.config["attention_injection"] == 0.8
    edited = pipeline.edit(photo, sound, num_inference_steps=2, show_progress=False)
    assert edited.size == (96, 64)
    asked = len(hub.requests)
    assert pulling.at_hand(name) == own_cache() / name == loading.resolve(name)
    assert sonicdiff.load(name, "cpu").config["null_audio"] == "zeros" and len(hub.requests) == asked
    assert [path.name for path in own_cache().iterdir()] == [name]  # nothing half made is left beside it


def test_files_that_do_not_fit_leave_nothing_behind(hub: Hub, repositories: dict[str, Path], tmp_path: Path) -> None:
    broken = tmp_path / "space"
    shutil.copytree(repositories["spaces/burakcanbiner/SonicDiffusion"], broken)
    gates = torch.load(broken / "ckpts" / "landscape.pt", weights_only=True)
    gates.popitem()
    torch.save(gates, broken / "ckpts" / "landscape.pt")
    hub.repositories["spaces/burakcanbiner/SonicDiffusion"] = broken
    with pytest.raises(ValueError) as error:
        pulling.pull("landscape")
    assert "\n" not in str(error.value) and "landscape.pt" in str(error.value)
    assert not [request for request in hub.requests if "CLAP_weights" in request or "stable-diffusion" in request]  # 4.5 GB
    assert not own_cache().exists() or list(own_cache().iterdir()) == []


def test_a_damaged_model_of_ours_is_put_together_again(hub: Hub) -> None:
    built = pulling.pull("landscape")
    file = built / "projector" / "diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:100])
    assert pulling.at_hand("landscape") is None
    assert pulling.pull("landscape") == built == pulling.at_hand("landscape")


def test_a_model_in_pieces_takes_no_revision(hub: Hub) -> None:
    with pytest.raises(ValueError, match="takes no revision"):
        loading.load("landscape", "cpu", revision="f" * 40)


def truncated(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:1000])


def lacking(file: Path) -> None:
    weights = load_file(file)
    weights.popitem()
    save_file(weights, file, {"format": "pt"})


def misshapen(file: Path) -> None:
    weights = load_file(file)
    name = next(name for name, value in weights.items() if value.ndim == 2)
    save_file({**weights, name: torch.zeros(3, 5)}, file, {"format": "pt"})


@pytest.mark.parametrize("part", ["unet", "text_encoder", "audio_encoder", "projector", "adapter", "vae"])
@pytest.mark.parametrize("spoil", [truncated, lacking, misshapen, Path.unlink])
def test_a_spoilt_directory_is_told_in_one_line(tiny_directory: Path, tmp_path: Path, part: str, spoil: Callable[[Path], None]) -> None:
    shutil.copytree(tiny_directory, tmp_path / "model")
    (file,) = (tmp_path / "model" / part).glob("*.safetensors")
    spoil(file)
    with pytest.raises(ValueError) as error:
        loading.load(tmp_path / "model", "cpu")
    said = str(error.value)
    assert "\n" not in said and part in said and "again" in said, said


def test_code_and_other_pipelines_are_refused(tiny_directory: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_directory, tmp_path / "model")
    (tmp_path / "model" / "pipeline.py").write_text("raise SystemExit")
    index = json.loads((tiny_directory / "model_index.json").read_text())
    changes = {"os": {"unet": ["os", "system"]}, "pipeline": {"unet": ["pipeline", "Model"]}, "Flux": {"_class_name": "FluxPipeline"}}
    for words, change in changes.items():
        (tmp_path / "model" / "model_index.json").write_text(json.dumps({**index, **change}))
        with pytest.raises(ValueError, match=words):
            loading.load(tmp_path / "model", "cpu")
    (tmp_path / "model" / "model_index.json").write_text("{")
    with pytest.raises(ValueError, match="no JSON object"):
        loading.load(tmp_path / "model", "cpu")
