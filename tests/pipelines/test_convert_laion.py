"""LAION's original checkpoints as transformers' CLAP: the same weights, sizes read from shapes, and one sentence for each fault."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false, reportOptionalMemberAccess=false
from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from released_files import (
    convert_command,
    disk_full_after,
    laion_file,
    make_htsat,
    random_tensors,
    save,
)
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from sonicdiff.audio.clap import ClapFrontEnd, embed
from sonicdiff.audio.waveform import Waveform
from sonicdiff.hub.weights.laion_clap import apart, config_of
from sonicdiff.pipelines.convert import convert_laion


@pytest.mark.parametrize("changes", [{}, {"mlp_ratio": 2.0}])
@torch.no_grad()
def test_laion(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = make_htsat(**changes)
    output = convert_laion(save(tmp_path, "630k.pt", laion_file(model)), tmp_path / "clap")
    again = ClapAudioModelWithProjection.from_pretrained(output)
    features = 20 * torch.randn(2, 1, 50, 16, generator=torch.Generator().manual_seed(0)) - 40
    expected = model(input_features=features).audio_embeds
    assert model.state_dict().keys() == again.state_dict().keys()
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in model.state_dict().items())
    torch.testing.assert_close(again(input_features=features).audio_embeds, expected, rtol=0, atol=1e-6)
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    front_end = ClapFrontEnd.from_pretrained(output)
    assert front_end == ClapFrontEnd(feature_size=16, padding="repeatpad")
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 9_600)).astype(np.float32)
    hissing = Waveform(samples, 48_000)
    short = ClapFrontEnd(feature_size=16, max_length_s=1, hop_length=960)
    torch.testing.assert_close(embed(again, short, hissing), embed(model, short, hissing), rtol=0, atol=1e-6)


def test_laion_on_a_full_disk(tmp_path: Path) -> None:
    path = save(tmp_path, "630k.pt", laion_file(make_htsat()))
    with disk_full_after(10_000), pytest.raises(OSError, match=r"could not write .*clap \(.*File too large.*make room"):
        convert_laion(path, tmp_path / "clap")
    assert [path.name for path in tmp_path.iterdir()] == ["630k.pt"]


@pytest.mark.parametrize(
    ("width", "depths", "parameters"), [(96, [2, 2, 6, 2], 28.19e6), (128, [2, 2, 12, 2], 68.61e6)], ids=["tiny", "base"]
)
def test_laion_sizes_are_read_from_the_shapes(tmp_path: Path, width: int, depths: list[int], parameters: float) -> None:
    sizes = {"patch_embeds_hidden_size": width, "hidden_size": 8 * width, "depths": depths, "num_hidden_layers": 4}
    rest = {"spec_size": 256, "num_mel_bins": 64, "window_size": 8, "num_attention_heads": [4, 8, 16, 32], "projection_dim": 512}
    with torch.device("meta"):
        model = ClapAudioModelWithProjection(ClapAudioConfig(**sizes, **rest))
        file = {name.removeprefix("module."): value for name, value in laion_file(model)["state_dict"].items()}
    file["audio_branch.layers.0.blocks.1.attn_mask"] = torch.zeros(64, 64, 64)
    config = config_of(tmp_path / "file.pt", apart(file))
    for name, value in {**sizes, **rest, "mlp_ratio": 4.0, "patch_stride": [4, 4], "enable_fusion": False}.items():
        assert getattr(config, name) == value, name
    assert abs(sum(value.numel() for value in model.parameters()) / parameters - 1) < 0.001


def put(name: str, *shape: int) -> Callable[[dict[str, Any]], Any]:
    return lambda state: state.update({f"module.{name}": torch.zeros(shape)})


def drop(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda state: state.pop(f"module.{name}")


LAION_FAULTS = {
    "missing": (drop("audio_branch.norm.weight"), r"lacks 1 tensor \(audio_branch.norm.weight\)"),
    "no mask": (drop("audio_branch.layers.0.blocks.1.attn_mask"), r"lacks 1 tensor \(.*attn_mask\)"),
    "extra": (put("audio_branch.more", 1), r"has 1 tensor \(audio_branch.more\) not known here"),
    "outside": (put("video_branch.x", 1), r"has 1 tensor \(video_branch.x\) not known here"),
    "shape": (put("audio_branch.norm.weight", 3), r"audio_branch.norm.weight of shape \(3,\); expected \(16,\)"),
    "rank": (put("audio_branch.patch_embed.proj.weight", 3), r"patch_embed.proj.weight of shape \(3,\); expected 4 axes"),
    "fused": (put("audio_branch.patch_embed.mel_conv2d.bias", 8), "is a fused CLAP"),
    "pann": (put("audio_branch.conv_block1.conv1.weight", 8), "hears with PANN"),
    "filters": (lambda state: state["module.audio_branch.logmel_extractor.melW"].mul_(2), "hears with other mel filters than 16 of"),
}


@pytest.mark.parametrize("fault", LAION_FAULTS)
def test_laion_faults(tmp_path: Path, fault: str) -> None:
    spoil, match = LAION_FAULTS[fault]
    content = laion_file(make_htsat())
    spoil(content["state_dict"])
    with pytest.raises(ValueError, match=match):
        convert_laion(save(tmp_path, "630k.pt", content), tmp_path / "clap")
    assert [path.name for path in tmp_path.iterdir()] == ["630k.pt"]


def test_laion_numbers_of_numpy_beside_the_weights(tmp_path: Path) -> None:
    """Their training left its scores in the files as NumPy's scalars, under the name that NumPy 1 had for their maker."""
    content = {**laion_file(make_htsat()), "map": np.float64(0.5), "step": np.int64(3)}
    path = save(tmp_path, "630k.pt", content)
    assert b"numpy" in path.read_bytes()
    convert_laion(path, tmp_path / "clap")

    with zipfile.ZipFile(path) as source, zipfile.ZipFile(tmp_path / "old.pt", "w") as target:
        for item in source.infolist():
            target.writestr(item.filename, source.read(item).replace(b"numpy._core.multiarray", b"numpy.core.multiarray"))
    convert_laion(tmp_path / "old.pt", tmp_path / "clap-old")


def test_command_laion(tmp_path: Path) -> None:
    path = save(tmp_path, "630k.pt", laion_file(make_htsat()))
    assert convert_command("laion", path, "-o", tmp_path / "clap").exit_code == 0
    assert (tmp_path / "clap/model.safetensors").is_file()
    save(tmp_path, "630k.pt", random_tensors({"a": (1,)}))
    failed = convert_command("laion", path, "-o", tmp_path / "other")
    assert failed.exit_code == 1
    assert "holds nothing known here; expected LAION's CLAP" in failed.output
