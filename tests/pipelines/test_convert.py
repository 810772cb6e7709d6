"""Converted files: the directory loads and runs, the base is linked, and whatever is wrong is one sentence and leaves nothing."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOptionalMemberAccess=false
from __future__ import annotations

import json
import logging
import os
import shutil
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from released_files import (
    clap_file,
    convert_command,
    disk_full_after,
    gate_file,
    laion_file,
    make_htsat,
    projector_file,
    save,
)
from safetensors.torch import load_file
from tiny import TEXT_DIM

from bench import plain
from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.pipelines import loading
from sonicdiff.pipelines.convert import convert_sonicdiffusion
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

WIDTHS = (64, 64, 32, 32)
GATES, PROJECTOR, CLAP = "landscape.pt", "audio_projector_landscape.pth", "CLAP_weights_2022.pth"


def contents() -> dict[str, Any]:
    projector = projector_file(embed_dim=64, context_dim=TEXT_DIM, tokens=7, width=32)
    return {GATES: gate_file(WIDTHS, TEXT_DIM), PROJECTOR: projector, CLAP: clap_file()}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder of the three released files, small."""
    folder = tmp_path / "released"
    folder.mkdir()
    for name, content in contents().items():
        save(folder, name, content)
    return folder


def convert(files: Path, output: Path, base: Path) -> Path:
    return convert_sonicdiffusion(files / GATES, files / PROJECTOR, output, base=base, clap=files / CLAP)


def refused(files: Path, base: Path, match: str, error: type[Exception] = ValueError) -> None:
    """The conversion fails in one sentence and leaves nothing at all beside the files."""
    output = files.parent / "made" / "landscape"
    with pytest.raises(error, match=match) as caught:
        convert(files, output, base)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500
    assert not output.parent.exists() or not any(output.parent.iterdir())


@pytest.fixture(scope="session")
def converted(tmp_path_factory: pytest.TempPathFactory, tiny_directory: Path) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for name, content in contents().items():
        save(folder, name, content)
    return convert(folder, folder / "landscape", tiny_directory)


def test_it_loads_and_runs(converted: Path, photo: Path, sound: Path, caplog: pytest.LogCaptureFixture) -> None:
    logging.getLogger("diffusers").addHandler(caplog.handler)
    pipeline = loading.load(converted, "cpu")
    logging.getLogger("diffusers").removeHandler(caplog.handler)
    assert "Expected types" not in caplog.text  # diffusers' warning where a component is not of the kinds it may be
    assert isinstance(pipeline, SonicDiffusionPipeline)
    assert pipeline.audio_encoder.config.embed_dim == 64
    options: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False}
    assert isinstance(pipeline.edit(photo, sound, "a harbour", **options), Image.Image)
    (heard,) = pipeline.generate(sound, seed=0, output_type="latent", **options)
    (silent,) = pipeline.generate(None, seed=0, output_type="latent", **options)
    assert torch.isfinite(heard).all()
    assert (heard - silent).abs().max() > 1e-3
    expected = {"null_audio": "zeros", "feature_injection": 0.8, "attention_injection": 0.8, "focus": 0.0, "guidance_rescale": 0.0}
    expected |= {"guidance_scale": 7.5, "detail": 0.0, "sampler": "pndm", "inversion_refinements": 0}
    assert {name: pipeline.config[name] for name in expected} == expected


@pytest.mark.parametrize(("prompt", "steps"), [("", 50), ("a harbour", 10)])
def test_it_edits_as_the_published_loops_do(converted: Path, photo: Path, sound: Path, prompt: str, steps: int) -> None:
    pipeline = loading.load(converted, "cpu")
    expected = plain.of_pipeline(pipeline, Image.open(photo), sound, prompt, scale=7.5, attention=0.8, steps=steps)
    scales = {"num_inference_steps": steps, "guidance_scale": 7.5, "audio_guidance_scale": 7.5}
    found = pipeline.edit(photo, sound, prompt, **scales, show_progress=False, output_type="latent")
    assert (found - expected).norm() < 1e-4 * expected.norm()


def test_it_is_what_save_pretrained_writes(converted: Path, tmp_path: Path) -> None:
    loading.load(converted, "cpu").save_pretrained(tmp_path / "again")

    def files_of(folder: Path) -> set[str]:
        return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.parent.name != "tokenizer"}

    assert files_of(converted) == files_of(tmp_path / "again")
    ours, theirs = (json.loads((folder / "model_index.json").read_text()) for folder in (converted, tmp_path / "again"))
    assert {**ours, "_name_or_path": 0} == {**theirs, "_name_or_path": 0}
    assert ours["audio_encoder"] == ["sonicdiff.models.cnn14", "Cnn14AudioEncoder"]
    assert ours["projector"] == ["sonicdiff.models.released_projector", "ReleasedProjector"]
    for part in ("adapter", "projector", "audio_encoder"):
        tensors = load_file(converted / part / "diffusion_pytorch_model.safetensors")
        assert {value.dtype for value in tensors.values() if value.is_floating_point()} == {torch.float32}
    front_end = ClapFrontEnd.from_pretrained(converted / "feature_extractor")
    assert front_end == ClapFrontEnd(64, 44_100, 320, 10, 1024, 50, 14_000, padding="repeat", resampler="sinc")


def test_the_base_is_linked_through_symlinks(files: Path, tiny_directory: Path, tmp_path: Path) -> None:
    base, weights = tmp_path / "snapshot", "unet/diffusion_pytorch_model.safetensors"
    for path in tiny_directory.rglob("*"):  # as the Hub's cache has it
        if path.is_file():
            link = base / path.relative_to(tiny_directory)
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path)
    (base / "unet" / "diffusion_pytorch_model.bin").write_bytes(b"other formats are left")
    (base / "unet" / "diffusion_pytorch_model.fp16.safetensors").write_bytes(b"and other variants")
    output = convert(files, tmp_path / "made", base)
    assert (output / weights).stat().st_ino == (tiny_directory / weights).stat().st_ino
    assert not any(path.is_symlink() for path in output.rglob("*"))
    assert {path.name for path in (output / "unet").iterdir()} == {"config.json", "diffusion_pytorch_model.safetensors"}
    assert (output / "unet/config.json").stat().st_ino != (tiny_directory / "unet/config.json").stat().st_ino


def test_the_base_is_copied_where_links_are_not_possible(
    files: Path, tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*_: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", no_link)
    weights = Path("vae/diffusion_pytorch_model.safetensors")
    output = convert(files, tmp_path / "made", tiny_directory)
    assert (output / weights).stat().st_ino != (tiny_directory / weights).stat().st_ino
    assert (output / weights).read_bytes() == (tiny_directory / weights).read_bytes()


def test_a_base_in_half_precision_with_its_own_sampler(files: Path, tiny_directory: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_directory, tmp_path / "base")
    for path in list(base.rglob("*model.safetensors")):
        path.rename(path.with_name(path.name.replace(".safetensors", ".fp16.safetensors")))
    settings = json.loads((base / "scheduler/scheduler_config.json").read_text())
    settings = {**settings, "_class_name": "PNDMScheduler", "skip_prk_steps": True}
    (base / "scheduler/scheduler_config.json").write_text(json.dumps(settings))
    output = convert(files, tmp_path / "made", base)
    assert not list(output.rglob("*.fp16.*"))
    pipeline = loading.load(output, "cpu")
    assert type(pipeline.scheduler).__name__ == "DDIMScheduler"


def test_parameters_in_half_precision_are_read_too(files: Path, tiny_directory: Path, tmp_path: Path) -> None:
    save(files, GATES, {name: torch.nn.Parameter(value.half()) for name, value in contents()[GATES].items()})
    output = convert(files, tmp_path / "made", tiny_directory)
    stored = load_file(output / "adapter/diffusion_pytorch_model.safetensors")
    name = "mid_block.attentions.0.transformer_blocks.0.attn_adapter.to_q.weight"
    assert {value.dtype for value in stored.values()} == {torch.float32}
    assert torch.equal(stored["layers.mid_block_attentions_0_transformer_blocks_0.to_q.weight"], contents()[GATES][name].half().float())


@pytest.mark.parametrize("name", [GATES, PROJECTOR, CLAP])
def test_absent(files: Path, tiny_directory: Path, name: str) -> None:
    (files / name).unlink()
    refused(files, tiny_directory, rf"there is no file '.*{name}'.*download", FileNotFoundError)


@pytest.mark.parametrize("name", [GATES, PROJECTOR, CLAP])
@pytest.mark.parametrize("zipped", [True, False])
def test_truncated(files: Path, tiny_directory: Path, name: str, zipped: bool) -> None:
    torch.save(contents()[name], files / name, _use_new_zipfile_serialization=zipped)
    (files / name).write_bytes((files / name).read_bytes()[:-500])
    refused(files, tiny_directory, rf"{name} \(.* bytes\) is broken.*download the released file again")


@pytest.mark.parametrize("content", [b"", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", b"<!DOCTYPE html>"])
def test_no_weights_at_all(files: Path, tiny_directory: Path, content: bytes) -> None:
    (files / GATES).write_bytes(content)
    refused(files, tiny_directory, rf"{GATES} \(\d+ bytes\) is broken")


class Spy:
    """Leaves a file behind if it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable, tuple]:
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("name", [GATES, PROJECTOR, CLAP])
def test_a_pickle_with_code_in_it(files: Path, tiny_directory: Path, tmp_path: Path, name: str) -> None:
    save(files, name, {**contents()[name], "extra": Spy(tmp_path / "ran")})
    refused(files, tiny_directory, rf"{name} holds code or objects \(posix.mkdir\), which are not run")
    assert not (tmp_path / "ran").exists()
    save(files, name, {**contents()[name], "options": Namespace(heads=Spy(tmp_path / "ran"))})
    refused(files, tiny_directory, r"holds code or objects \(posix.mkdir\)")
    assert not (tmp_path / "ran").exists()


@pytest.mark.filterwarnings("ignore:Detected pickle protocol 4")
def test_a_pickle_of_a_later_protocol(files: Path, tiny_directory: Path) -> None:
    torch.save(contents()[GATES], files / GATES, pickle_protocol=4)
    refused(files, tiny_directory, f"{GATES} is a pickle of a later protocol .*load and save its tensors once yourself")


REAL_NAMES = {
    GATES: "up_blocks.2.attentions.1.transformer_blocks.0.attn_adapter.to_k.weight",
    PROJECTOR: "between_attention.3.2.weight",
    CLAP: "audio_encoder.base.conv_block4.bn2.running_var",
}


def tensors_of(content: dict[str, Any]) -> dict[str, Any]:
    return content.get("model", content)


@pytest.mark.parametrize(("name", "tensor"), REAL_NAMES.items())
def test_a_missing_tensor(files: Path, tiny_directory: Path, name: str, tensor: str) -> None:
    content = contents()[name]
    del tensors_of(content)[tensor]
    save(files, name, content)
    refused(files, tiny_directory, rf"{name} lacks 1 tensor \({tensor}\); expected all")


@pytest.mark.parametrize(
    ("name", "tensor"),
    [
        (PROJECTOR, "cross_attention.4.to_q_adapter.weight"),
        (PROJECTOR, "cross_attention.0.to_x_adapter.weight"),
        (CLAP, "audio_encoder.base.conv_block7.conv1.weight"),
        (CLAP, "audio_encoder.projection.linear3.weight"),
        (CLAP, "audio_encoder.extra"),
    ],
)
def test_a_tensor_too_many(files: Path, tiny_directory: Path, name: str, tensor: str) -> None:
    content = contents()[name]
    tensors_of(content)[tensor] = torch.zeros(3)
    save(files, name, content)
    refused(files, tiny_directory, rf"{name} has 1 tensor \({tensor}\) not known here; expected")


def test_gates_too_many_and_options_beside_them_are_left_out(files: Path, converted: Path, tiny_directory: Path, tmp_path: Path) -> None:
    """As in the authors' loader, which takes what the UNet has."""
    extra = "down_blocks.0.attentions.0.transformer_blocks.0.attn_adapter.to_q.weight"
    save(files, GATES, {**contents()[GATES], extra: torch.zeros(3), "options": Namespace(heads=8)})
    save(files, CLAP, {**contents()[CLAP], "args": Namespace(rate=44_100, nested=Namespace(a=[1, 2.0, "x"]))})
    with pytest.warns(UserWarning, match=rf"{GATES} has 1 tensor \({extra}\) not known here, which are left out"):
        made = convert(files, tmp_path / "made", tiny_directory)
    for part in ("adapter", "audio_encoder"):
        file = Path(part, "diffusion_pytorch_model.safetensors")
        assert (made / file).read_bytes() == (converted / file).read_bytes()


@pytest.mark.parametrize(("name", "tensor"), REAL_NAMES.items())
def test_a_wrong_shape(files: Path, tiny_directory: Path, name: str, tensor: str) -> None:
    content = contents()[name]
    tensors_of(content)[tensor] = torch.zeros(3)
    save(files, name, content)
    refused(files, tiny_directory, rf"{name} has {tensor} of shape \(3,\); expected \(.*\), to fit")


@pytest.mark.parametrize(
    ("name", "tensor"),
    [(PROJECTOR, "audio_emb_projection.4.weight"), (CLAP, "audio_encoder.base.conv_block2.conv2.weight")],
)
def test_a_wrong_shape_where_sizes_are_read(files: Path, tiny_directory: Path, name: str, tensor: str) -> None:
    content = contents()[name]
    tensors_of(content)[tensor] = torch.zeros(3)
    save(files, name, content)
    refused(files, tiny_directory, rf"{name} has {tensor} of shape \(3,\); expected \d axes")


def test_gates_and_projector_swapped(files: Path, tiny_directory: Path) -> None:
    (files / GATES).rename(files / "other")
    (files / PROJECTOR).rename(files / GATES)
    (files / "other").rename(files / PROJECTOR)
    refused(files, tiny_directory, f"{GATES} holds the projector of SonicDiffusion; expected the gates of SonicDiffusion")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        (CLAP, lambda: laion_file(make_htsat())["state_dict"], "LAION's CLAP"),
        (CLAP, lambda: {"model": {"audio_encoder.base.htsat.bn0.weight": torch.zeros(1)}}, "Microsoft CLAP 2023"),
        (CLAP, lambda: contents()[GATES], "the gates of SonicDiffusion"),
        (PROJECTOR, lambda: contents()[CLAP]["model"], "Microsoft CLAP 2022"),
        (GATES, lambda: {"weight": torch.zeros(1)}, "nothing known here"),
    ],
)
def test_a_file_of_another_kind(files: Path, tiny_directory: Path, name: str, content: Callable[[], Any], found: str) -> None:
    save(files, name, content())
    refused(files, tiny_directory, f"{name} holds {found}; expected")


@pytest.mark.parametrize("content", [torch.zeros(3), [torch.zeros(3)], {"a": 3}, {"a": {"b": torch.zeros(3)}}])
def test_no_dictionary_of_tensors(files: Path, tiny_directory: Path, content: Any) -> None:
    save(files, GATES, content)
    refused(files, tiny_directory, f"{GATES} holds no plain dictionary of tensors; expected the gates of SonicDiffusion")


def test_gates_of_another_base(files: Path, tiny_directory: Path) -> None:
    save(files, GATES, gate_file((64, 64, 64, 32), TEXT_DIM))
    refused(files, tiny_directory, r"up_blocks.2.* of shape \(64,.*expected \(32,.*the base's UNet")


def test_files_that_do_not_belong_together(files: Path, tiny_directory: Path) -> None:
    save(files, CLAP, clap_file(embed_dim=32))
    refused(files, tiny_directory, "the CLAP gives vectors of 32, the projector reads 64; expected files that were released together")
    save(files, CLAP, clap_file())
    save(files, PROJECTOR, projector_file(embed_dim=64, context_dim=48, tokens=7, width=32))
    refused(files, tiny_directory, "the projector gives tokens of 48, the gates read 32")


def test_clap_that_hears_otherwise(files: Path, tiny_directory: Path) -> None:
    content = contents()[CLAP]
    content["model"]["audio_encoder.base.logmel_extractor.melW"] *= 1.5
    save(files, CLAP, content)
    refused(files, tiny_directory, r"hears with other mel filters than 64 of 50-14000 Hz at 44100 Hz")


@pytest.mark.parametrize(
    ("part", "match"),
    [
        ("unet/config.json", "lacks unet/config.json; expected a Stable Diffusion 1.x directory"),
        ("vae/diffusion_pytorch_model.safetensors", r"lacks vae/\*.safetensors"),
        ("scheduler/scheduler_config.json", "lacks scheduler/scheduler_config.json"),
    ],
)
def test_a_base_that_is_not_whole(files: Path, tiny_directory: Path, tmp_path: Path, part: str, match: str) -> None:
    base = shutil.copytree(tiny_directory, tmp_path / "base")
    (base / part).unlink()
    refused(files, base, match)
    refused(files, tmp_path / "nowhere", "the base .*nowhere is no directory; expected a Stable Diffusion 1.x")


def test_a_base_that_is_truncated_or_predicts_otherwise(files: Path, tiny_directory: Path, tmp_path: Path) -> None:
    base = shutil.copytree(tiny_directory, tmp_path / "base")
    weights = base / "unet/diffusion_pytorch_model.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(whole[:-100])
    refused(files, base, "unet/diffusion_pytorch_model.safetensors is broken .*download the base again")
    weights.write_bytes(whole)
    settings = json.loads((base / "scheduler/scheduler_config.json").read_text())
    (base / "scheduler/scheduler_config.json").write_text(json.dumps({**settings, "prediction_type": "v_prediction"}))
    refused(files, base, "is a model that predicts 'v_prediction', not the noise; expected Stable Diffusion 1.x")


def test_an_output_that_is_taken(files: Path, tiny_directory: Path, tmp_path: Path) -> None:
    output = tmp_path / "made"
    output.mkdir()
    (output / "mine.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already and not empty; choose another place"):
        convert(files, output, tiny_directory)
    assert [path.name for path in output.iterdir()] == ["mine.txt"]
    (output / "mine.txt").unlink()
    assert (convert(files, output, tiny_directory) / "model_index.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"made", "released"}


@pytest.mark.parametrize("size", [100, 20_000])
def test_a_full_disk(files: Path, tiny_directory: Path, size: int) -> None:
    with disk_full_after(size):
        refused(files, tiny_directory, r"could not write .*landscape \(.*File too large.*make room", OSError)


def test_an_interrupted_conversion_leaves_nothing(
    files: Path, tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("sonicdiff.hub.weights.sd15_directory.take_over", interrupted)
    with pytest.raises(KeyboardInterrupt):
        convert(files, tmp_path / "made", tiny_directory)
    assert [path.name for path in tmp_path.iterdir()] == ["released"]


def test_command_sonicdiffusion(files: Path, tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    output = tmp_path / "made"
    arguments = ("sonicdiffusion", files / GATES, files / PROJECTOR, "-o", output, "--base", tiny_directory, "--clap", files / CLAP)
    assert convert_command(*arguments).exit_code == 0
    assert (output / "model_index.json").is_file()
    again = convert_command(*arguments)
    assert again.exit_code == 1
    assert "is there already and not empty" in again.output
    for rest, named in ((("--base", "somebody/not-here", "--clap", files / CLAP), "not-here"), (("--base", tiny_directory), "msclap")):
        fetching = convert_command(*arguments[:4], tmp_path / "b", *rest)
        assert fetching.exit_code == 1
        assert named in fetching.output
        assert fetching.output.count("\n") == 1
        assert not (tmp_path / "b").exists()
