"""LoRA on the tiny pipeline: it acts, it goes without a trace, and it never touches the audio layers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from tiny import random_lora
from torch import Tensor

from sonicdiff.pipelines.common.loras import applied
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False, "output_type": "latent"}


@pytest.fixture
def lora(tiny: SonicDiffusionPipeline, tmp_path: Path) -> Path:
    save_file(random_lora(tiny.unet), tmp_path / "style.safetensors")
    return tmp_path / "style.safetensors"


def picture(pipeline: SonicDiffusionPipeline, sound: Path) -> Tensor:
    return pipeline.generate(sound, "rain", seed=1, **FAST)[0]


def snapshot(module: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


def test_it_acts_and_goes_without_a_trace(tiny: SonicDiffusionPipeline, lora: Path, sound: Path) -> None:
    before, unet, audio = picture(tiny, sound), snapshot(tiny.unet), snapshot(tiny.adapter)
    tiny.load_lora_weights(lora)
    changed = picture(tiny, sound)
    assert not torch.allclose(changed, before, atol=1e-3)
    assert same(snapshot(tiny.adapter), audio)
    tiny.fuse_lora()
    torch.testing.assert_close(picture(tiny, sound), changed, atol=1e-2, rtol=1e-2)
    tiny.unfuse_lora()
    tiny.unload_lora_weights()
    assert list(snapshot(tiny.unet)) == list(unet) and same(snapshot(tiny.adapter), audio)


def test_unloading_restores_bitwise(tiny: SonicDiffusionPipeline, lora: Path, sound: Path, other_sound: Path, photo: Path) -> None:
    before, unet = picture(tiny, sound), snapshot(tiny.unet)
    edited = tiny.edit(photo, sound, **FAST)
    with applied(tiny, [(lora, 0.7)]):
        assert not torch.equal(tiny.edit(photo, sound, **FAST), edited)
        half = picture(tiny, sound)
    with applied(tiny, [(lora, 0.7), (lora, -0.7)]):
        torch.testing.assert_close(picture(tiny, sound), before, atol=1e-3, rtol=1e-3)
    with applied(tiny, [(lora, 1.0)]):
        assert not torch.equal(picture(tiny, sound), half)
    assert same(snapshot(tiny.unet), unet)
    assert torch.equal(picture(tiny, sound), before)
    assert torch.equal(tiny.edit(photo, sound, **FAST), edited)


@pytest.mark.parametrize("attached", [False, True])
def test_the_audio_layers_are_left_alone(tiny: SonicDiffusionPipeline, lora: Path, attached: bool) -> None:
    audio = snapshot(tiny.adapter)
    if attached:
        tiny.adapter.attach(tiny.unet)
    tiny.load_lora_weights(lora)
    assert same(snapshot(tiny.adapter), audio)  # no lora_A among its keys, and none of its values changed
    if attached:
        tiny.adapter.detach(tiny.unet)
    assert any("lora_A" in name for name in tiny.unet.state_dict())
    tiny.unload_lora_weights()
    assert same(snapshot(tiny.adapter), audio) and not any("lora" in name for name in tiny.unet.state_dict())


def test_what_fits_nothing_is_refused_in_a_sentence(tiny: SonicDiffusionPipeline, tmp_path: Path, sound: Path) -> None:
    before, unet = picture(tiny, sound), snapshot(tiny.unet)
    audio = "unet.mid_block.attentions.0.transformer_blocks.0.audio.to_q.lora_"
    narrow, wide = {"A.weight": torch.zeros(2, 64)}, {"B.weight": torch.zeros(64, 2)}
    states = {
        "audio": {audio + name: value for name, value in {**narrow, **wide}.items()},
        "short": {"unet.to_q.lora_" + name: value for name, value in {**narrow, **wide}.items()},
        "xl": {"lora_te2_text_model_x.lora_down.weight": torch.zeros(2, 2)},
        "base": {"model.diffusion_model.x.weight": torch.zeros(2, 2)},
        "shape": {name: torch.zeros(3, 3) for name in random_lora(tiny.unet)},
        "half": {name: value for name, value in random_lora(tiny.unet).items() if "mid_block" not in name or "lora_A" in name},
        "partly": {**random_lora(tiny.unet), **{n.replace("mid_block", "middle"): v for n, v in random_lora(tiny.unet).items()}},
        "elsewhere": {name.replace("unet.", "unet.other."): value for name, value in random_lora(tiny.unet).items()},
    }
    for name, state in states.items():
        save_file(state, tmp_path / f"{name}.safetensors")
    (tmp_path / "cut.safetensors").write_bytes((tmp_path / "shape.safetensors").read_bytes()[:-10])
    (tmp_path / "style.pt").write_bytes(b"a pickle")
    for file in [*tmp_path.glob("*.safetensors"), tmp_path / "style.pt"]:
        with pytest.raises(ValueError) as error, applied(tiny, [(file, 1.0)]):
            pass
        assert "\n" not in str(error.value) and file.name in str(error.value), error.value
    assert same(snapshot(tiny.unet), unet) and torch.equal(picture(tiny, sound), before)


WITHOUT_PEFT = """
import importlib.util, importlib.metadata, sys
sys.modules["peft"] = None
find = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name == "peft" else find(name, *rest)
from sonicdiff.pipelines.loading import load
try:
    load(sys.argv[1], "cpu").load_lora_weights(sys.argv[2])
except ImportError as error:
    print(error)
"""


def test_without_peft_it_says_what_to_install(tiny_directory: Path, lora: Path) -> None:
    arguments = [sys.executable, "-c", WITHOUT_PEFT, str(tiny_directory), str(lora)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "a LoRA needs the package peft: pip install 'sonicdiff[lora]'", done.stdout + done.stderr
