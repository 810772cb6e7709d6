"""Bases: a stock directory, a single file in the original layout, what is not Stable Diffusion 1.x, and a model on another base."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import StableDiffusionPipeline
from safetensors.torch import save_file
from tiny import save_base
from torch import Tensor

from sonicdiff.hub.base_models import base_components, saved_base
from sonicdiff.pipelines import loading

RESNET = {"norm1": "in_layers.0", "conv1": "in_layers.2", "time_emb_proj": "emb_layers.1", "norm2": "out_layers.0", "conv2": "out_layers.3"}
TOP = {"time_embedding.linear_1": "time_embed.0", "time_embedding.linear_2": "time_embed.2", "conv_norm_out": "out.0", "conv_out": "out.2"}
ATTENTION = {"group_norm": "norm", "to_q": "q", "to_k": "k", "to_v": "v", "to_out.0": "proj_out"}


def unet_key(key: str) -> str:
    """diffusers' name of a UNet weight in the original code."""
    for ours, theirs in {**TOP, "conv_in": "input_blocks.0.0"}.items():
        if key.startswith(f"{ours}."):
            return theirs + key.removeprefix(ours)
    block = re.fullmatch(r"(down|up)_blocks\.(\d)\.(resnets|attentions|downsamplers|upsamplers)\.(\d)\.(.+)", key)
    if block is None:
        middle = re.fullmatch(r"mid_block\.(resnets|attentions)\.(\d)\.(.+)", key)
        assert middle is not None, key
        place = 1 if middle[1] == "attentions" else 2 * int(middle[2])
        return f"middle_block.{place}.{inside(middle[1], middle[3])}"
    way, i, what, j, rest = block[1], int(block[2]), block[3], int(block[4]), block[5]
    if what == "downsamplers":
        return f"input_blocks.{3 * (i + 1)}.0.op.{rest.removeprefix('conv.')}"
    if what == "upsamplers":
        return f"output_blocks.{3 * i + 2}.{1 if i == 0 else 2}.{rest}"
    blocks = f"input_blocks.{3 * i + j + 1}" if way == "down" else f"output_blocks.{3 * i + j}"
    return f"{blocks}.{1 if what == 'attentions' else 0}.{inside(what, rest)}"


def inside(what: str, rest: str) -> str:
    if what == "attentions":
        return rest
    name, _, last = rest.rpartition(".")
    return f"{RESNET.get(name, 'skip_connection')}.{last}"


def vae_key(key: str) -> str:
    key = re.sub(r"mid_block\.resnets\.(\d)", lambda found: f"mid.block_{int(found[1]) + 1}", key)
    if found := re.search(r"mid_block\.attentions\.0\.(.+)\.(weight|bias)", key):
        return f"{key[: found.start()]}mid.attn_1.{ATTENTION[found[1]]}.{found[2]}"
    key = re.sub(r"down_blocks\.(\d)\.resnets", r"down.\1.block", key).replace("downsamplers.0", "downsample")
    key = re.sub(r"up_blocks\.(\d)\.resnets", lambda found: f"up.{3 - int(found[1])}.block", key).replace("upsamplers.0", "upsample")
    key = re.sub(r"up_blocks\.(\d)", lambda found: f"up.{3 - int(found[1])}", key)
    return re.sub(r"down_blocks", "down", key).replace("conv_shortcut", "nin_shortcut").replace("conv_norm_out", "norm_out")


def in_one_file(directory: Path, file: Path, **changed: Any) -> Path:
    """A stock directory as the single file that the original code, and A1111, would have."""
    pipeline = StableDiffusionPipeline.from_pretrained(directory, safety_checker=None)
    state: dict[str, Tensor] = {f"model.diffusion_model.{unet_key(key)}": value for key, value in pipeline.unet.state_dict().items()}
    for key, value in pipeline.vae.state_dict().items():
        name = vae_key(key)
        state[f"first_stage_model.{name}"] = value[..., None, None] if ".attn_1." in name and value.ndim == 2 else value
    for key, value in pipeline.text_encoder.state_dict().items():
        state[f"cond_stage_model.transformer.text_model.{key.removeprefix('text_model.')}"] = value
    state = {key: value for key, value in {**state, **changed}.items() if value is not None}
    save_file({key: value.contiguous() for key, value in state.items()}, file)
    return file


@pytest.fixture(scope="module")
def stock_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Other weights than the tiny pipeline's, so that it shows which are in use."""
    folder = save_base(tmp_path_factory.mktemp("base") / "base")
    pipeline = StableDiffusionPipeline.from_pretrained(folder, safety_checker=None)
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in [*pipeline.unet.parameters(), *pipeline.vae.parameters(), *pipeline.text_encoder.parameters()]:
            parameter += 0.01 * torch.randn_like(parameter)
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def single_file(stock_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return in_one_file(stock_base, tmp_path_factory.mktemp("file") / "anything.safetensors")


def weights(parts: dict[str, Any]) -> dict[str, Tensor]:
    return {f"{name}.{key}": value for name in ("unet", "vae", "text_encoder") for key, value in parts[name].state_dict().items()}


def test_a_single_file_is_the_directory(stock_base: Path, single_file: Path, tmp_path: Path) -> None:
    a, b = base_components(stock_base), base_components(single_file, config=stock_base)
    assert set(a) == set(b) == {"vae", "text_encoder", "tokenizer", "unet", "scheduler"}
    expected, found = weights(a), weights(b)
    assert set(expected) == set(found) and all(torch.equal(value, found[key]) for key, value in expected.items())
    assert a["tokenizer"]("rain")["input_ids"] == b["tokenizer"]("rain")["input_ids"]
    assert a["scheduler"].config["steps_offset"] == 1 and not a["scheduler"].config["set_alpha_to_one"]
    written = weights(base_components(saved_base(single_file, tmp_path / "base", config=stock_base)))
    assert all(torch.equal(value, written[key]) for key, value in expected.items())
    assert saved_base(stock_base, tmp_path / "none") == stock_base and not (tmp_path / "none").exists()


def test_half_precision_is_taken_as_asked(single_file: Path, stock_base: Path) -> None:
    parts = base_components(single_file, torch.bfloat16, config=stock_base)
    assert {parts[name].dtype for name in ("unet", "vae", "text_encoder")} == {torch.bfloat16}


@pytest.mark.parametrize("kind", ["directory", "file"])
def test_a_model_stands_on_another_base(stock_base: Path, single_file: Path, tiny_directory: Path, sound: Path, kind: str) -> None:
    base = stock_base if kind == "directory" else single_file
    options: dict[str, Any] = {"seed": 1, "num_inference_steps": 2, "show_progress": False, "output_type": "np"}
    pipeline = loading.load(tiny_directory, "cpu", base=base)
    plain = loading.load(tiny_directory, "cpu")
    assert torch.equal(pipeline.unet.conv_in.weight, base_components(stock_base)["unet"].conv_in.weight)
    assert torch.equal(pipeline.projector.to_out.weight, plain.projector.to_out.weight)
    assert not np.array_equal(pipeline.generate(sound, **options)[0], plain.generate(sound, **options)[0])


def one_line(error: pytest.ExceptionInfo[BaseException], *words: str) -> None:
    said = str(error.value)
    assert "\n" not in said and all(word in said for word in words), said


@pytest.mark.parametrize(
    ("unet", "words"),
    [
        ({"cross_attention_dim": 1024}, "Stable Diffusion 2.x"),
        ({"cross_attention_dim": 2048, "addition_embed_type": "text_time"}, "Stable Diffusion XL"),
        ({"in_channels": 9}, "for inpainting"),
        ({"_class_name": "FluxTransformer2DModel"}, "expected Stable Diffusion 1.x"),
    ],
)
def test_other_directories_are_refused(tmp_path: Path, unet: dict[str, Any], words: str) -> None:
    folder = save_base(tmp_path / "base", **unet)
    with pytest.raises(ValueError) as error:
        base_components(folder)
    one_line(error, words, "sd-1.5")


def test_a_base_that_predicts_something_else_is_refused(tmp_path: Path) -> None:
    file = save_base(tmp_path / "base") / "scheduler" / "scheduler_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "prediction_type": "v_prediction"}))
    with pytest.raises(ValueError, match="v_prediction"):
        base_components(tmp_path / "base")


def test_other_files_are_refused(stock_base: Path, single_file: Path, tmp_path: Path) -> None:
    skip = "model.diffusion_model.input_blocks.0.0.weight"
    states: dict[str, tuple[dict[str, Tensor], str]] = {
        "xl": ({"conditioner.embedders.0.x": torch.zeros(1)}, "Stable Diffusion XL"),
        "two": ({"cond_stage_model.model.token_embedding.weight": torch.zeros(1)}, "Stable Diffusion 2.x"),
        "lora": ({"lora_unet_x.lora_down.weight": torch.zeros(1)}, "--lora"),
        "vae": ({"first_stage_model.encoder.conv_in.weight": torch.zeros(1)}, "no whole checkpoint"),
        "inpainting": ({skip: torch.zeros(4, 9, 3, 3)}, "for inpainting"),
    }
    for name, (state, words) in states.items():
        save_file(state, tmp_path / f"{name}.safetensors")
        with pytest.raises(ValueError) as error:
            base_components(tmp_path / f"{name}.safetensors", config=stock_base)
        one_line(error, words, f"{name}.safetensors")
    (tmp_path / "cut.safetensors").write_bytes(single_file.read_bytes()[:-100])
    (tmp_path / "old.ckpt").write_bytes(b"a pickle")
    for name, words in {"cut.safetensors": "truncated", "old.ckpt": "carry code"}.items():
        with pytest.raises(ValueError) as error:
            base_components(tmp_path / name, config=stock_base)
        one_line(error, words, name)


def test_a_file_that_lacks_weights_or_has_others_is_refused(stock_base: Path, tmp_path: Path) -> None:
    name = "model.diffusion_model.middle_block.1.transformer_blocks.0.attn1.to_q.weight"
    lacking = in_one_file(stock_base, tmp_path / "lacking.safetensors", **{name: None})
    wrong = in_one_file(stock_base, tmp_path / "wrong.safetensors", **{name: torch.zeros(3, 3)})
    text = in_one_file(
        stock_base, tmp_path / "text.safetensors", **{"cond_stage_model.transformer.text_model.encoder.layers.0.mlp.fc1.weight": None}
    )
    for file in (lacking, wrong, text):
        with pytest.raises(ValueError) as error:
            base_components(file, config=stock_base)
        one_line(error, file.name)


def test_a_single_file_needs_a_tokenizer_at_hand(single_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.delenv("SONICDIFF_CACHE", raising=False)
    with pytest.raises(ValueError, match=r"sonicdiff pull sd-1\.5"):
        base_components(single_file)


def test_a_base_that_does_not_fit_is_told(stock_base: Path, tiny_directory: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_directory, tmp_path / "model")
    config = tmp_path / "model" / "adapter" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "context_dim": 48}))
    with pytest.raises(ValueError) as error:
        loading.load(tmp_path / "model", "cpu", base=stock_base)
    one_line(error, "adapter")
    with pytest.raises(ValueError, match=r"no base 'nothing'; expected sd-1\.5, sd-1\.4"):
        loading.load(tiny_directory, "cpu", base="nothing")


def test_a_base_is_no_model() -> None:
    with pytest.raises(ValueError, match=r"'sd-1\.5' is a base"):
        loading.resolve("sd-1.5")
