"""The released projector and Microsoft's audio tower against plain restatements of what the page on SonicDiffusion says of them."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

import math
from pathlib import Path

import librosa
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from diffusers import UNet2DConditionModel
from released_files import clap_file, clap_shapes, gate_file, gate_shapes, projector_file, projector_shapes, save
from tiny import TEXT_DIM, make_unet
from torch import Tensor

from sonicdiff.audio.clap import embed
from sonicdiff.audio.waveform import Waveform
from sonicdiff.hub.weights import sonicdiffusion_checkpoint
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.cnn14 import Cnn14AudioEncoder
from sonicdiff.models.released_projector import ReleasedProjector

WIDTHS = (64, 64, 32, 32)


def project(f: dict[str, Tensor], clap: Tensor) -> Tensor:
    """Section 2.2 in its own order, by function calls; only attention layer 3 is called."""

    def norm(x: Tensor, number: int) -> Tensor:  # jointly over channels and positions
        mean, variance = x.mean((1, 2), keepdim=True), x.var((1, 2), unbiased=False, keepdim=True)
        return (x - mean) / (variance + 1e-5).sqrt() * f[f"audio_emb_projection.{number}.weight"] + f[f"audio_emb_projection.{number}.bias"]

    def w(number: int) -> tuple[Tensor, Tensor]:
        return f[f"audio_emb_projection.{number}.weight"], f[f"audio_emb_projection.{number}.bias"]

    stride = 3 * clap.shape[1] // f["to_out_adapter.0.weight"].shape[0]
    x = F.gelu(F.conv1d(clap[:, None], *w(0), padding=8))
    x = norm(F.gelu(F.conv1d(x, *w(2), padding=8)), 4)
    x = norm(F.gelu(F.conv1d(x, *w(5), padding=8)), 7)
    x = F.gelu(norm(F.gelu(F.conv_transpose1d(x, *w(8), stride=3, padding=7)), 10))
    a = F.conv1d(x, *w(12), stride=stride, padding=7)
    q, k, v = (a @ f[f"cross_attention.3.to_{letter}_adapter.weight"].T for letter in "qkv")
    heads = []
    for q1, k1, v1 in zip(q.chunk(8, -1), k.chunk(8, -1), v.chunk(8, -1), strict=True):
        heads.append(torch.softmax(q1 @ k1.transpose(1, 2) / math.sqrt(q1.shape[-1]), -1) @ v1)
    hidden = F.gelu(torch.cat(heads, -1) @ f["between_attention.3.0.weight"].T + f["between_attention.3.0.bias"])
    result = hidden @ f["between_attention.3.2.weight"].T + f["between_attention.3.2.bias"] + a
    return result @ f["to_out_adapter.0.weight"].T + f["to_out_adapter.0.bias"]


@pytest.mark.parametrize("sizes", [{}, {"embed_dim": 64, "context_dim": 32, "tokens": 5, "width": 32}])
@torch.no_grad()
def test_projector_is_the_released_one(tmp_path: Path, sizes: dict[str, int]) -> None:
    file = projector_file(**sizes)
    model = sonicdiffusion_checkpoint.projector(save(tmp_path, "projector.pth", file))
    vectors = F.normalize(torch.randn(2, sizes.get("embed_dim", 1024), generator=torch.Generator().manual_seed(0)), dim=-1)
    vectors = torch.cat([vectors, torch.zeros_like(vectors[:1])])  # and the null sound
    expected = project(file, vectors)
    assert model(vectors).shape == (3, sizes.get("tokens", 77), sizes.get("context_dim", 768))
    torch.testing.assert_close(model(vectors), expected, rtol=1e-4, atol=1e-4 * float(expected.std()))


@torch.no_grad()
def test_the_three_dead_blocks_have_no_effect(tmp_path: Path) -> None:
    file = projector_file(embed_dim=64, context_dim=32, tokens=5, width=32)
    dead = [name for name in file if name.startswith(("cross_attention", "between_attention")) and name.split(".")[1] in "012"]
    assert len(dead) == 21
    vector = torch.ones(1, 64)
    before = sonicdiffusion_checkpoint.projector(save(tmp_path, "a.pth", file))(vector)
    after = sonicdiffusion_checkpoint.projector(
        save(tmp_path, "b.pth", {**file, **{name: torch.full_like(file[name], 9.0) for name in dead}})
    )(vector)
    assert torch.equal(before, after)
    changed = {**file, "cross_attention.3.to_v_adapter.weight": file["cross_attention.3.to_v_adapter.weight"] * 2}
    assert not torch.equal(before, sonicdiffusion_checkpoint.projector(save(tmp_path, "c.pth", changed))(vector))


def test_projector_refuses_other_shapes() -> None:
    with pytest.raises(ValueError, match=r"got audio_embeds of shape \(1, 3\); expected \(batch, 64\)"):
        ReleasedProjector(64, 32, 5, 32)(torch.zeros(1, 3))
    with pytest.raises(ValueError, match="context_dim no larger than embed_dim"):
        ReleasedProjector(32, 64)


def hear(f: dict[str, Tensor], x: Tensor) -> Tensor:
    """Section 2.3's CNN14 and projection, by function calls. x: (B, 1, frames, mels) in dB."""

    def norm(x: Tensor, name: str) -> Tensor:
        parts = (f[f"{name}.{part}"][:, None, None] for part in ("running_mean", "running_var", "weight", "bias"))
        mean, variance, weight, bias = parts
        return (x - mean) / (variance + 1e-5).sqrt() * weight + bias

    base = "audio_encoder.base"
    x = norm(x.permute(0, 3, 2, 1), f"{base}.bn0").permute(0, 3, 2, 1)
    for number in range(1, 7):
        block = f"{base}.conv_block{number}"
        x = norm(F.conv2d(x, f[f"{block}.conv1.weight"], padding=1), f"{block}.bn1").clamp_min(0)
        x = norm(F.conv2d(x, f[f"{block}.conv2.weight"], padding=1), f"{block}.bn2").clamp_min(0)
        if number < 6:
            x = x[:, :, : x.shape[2] // 2 * 2, : x.shape[3] // 2 * 2].unflatten(2, (-1, 2)).unflatten(4, (-1, 2)).mean((3, 5))
    x = x.mean(3)
    x = x.max(2).values + x.mean(2)
    x = (x @ f[f"{base}.fc1.weight"].T + f[f"{base}.fc1.bias"]).clamp_min(0)
    one = x @ f["audio_encoder.projection.linear1.weight"].T
    both = one + F.gelu(one) @ f["audio_encoder.projection.linear2.weight"].T
    layer_norm = f["audio_encoder.projection.layer_norm.weight"], f["audio_encoder.projection.layer_norm.bias"]
    return F.layer_norm(both, both.shape[1:], *layer_norm)


@torch.no_grad()
def test_audio_tower_is_cnn14(tmp_path: Path) -> None:
    file = clap_file()
    model = sonicdiffusion_checkpoint.clap(save(tmp_path, "clap.pth", file))
    time, mel = torch.meshgrid(torch.linspace(0, 6, 133), torch.linspace(0, 9, 64), indexing="ij")
    features = torch.stack([40 * torch.sin(time + mel), 80 * torch.cos(time * mel)])[:, None] - 40
    expected = hear(file["model"], features)
    found = model(input_features=features).audio_embeds
    assert found.shape == (2, 64)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
    assert (expected[0] - expected[1]).abs().max() > 0.1


def test_the_counter_of_batches_may_be_absent(tmp_path: Path) -> None:
    tensors = clap_file()["model"]
    older = {name: value for name, value in tensors.items() if not name.endswith("num_batches_tracked")}
    assert len(older) == len(tensors) - 13
    model = sonicdiffusion_checkpoint.clap(save(tmp_path, "clap.pth", {"model": older}))
    assert int(model.bn0.num_batches_tracked) == 0
    assert int(sonicdiffusion_checkpoint.clap(save(tmp_path, "clap.pth", {"model": tensors})).bn0.num_batches_tracked) == 17


def test_audio_tower_refuses_other_shapes() -> None:
    model = Cnn14AudioEncoder((1,) * 6, 64, 2, 2)
    for shape in ((1, 1, 31, 64), (1, 1, 40, 63), (1, 4, 40, 64), (1, 40, 64)):
        with pytest.raises(ValueError, match=r"expected \(batch, 1, 32 frames or more, 64 mels\)"):
            model(input_features=torch.zeros(shape))


def test_front_end_is_the_formula() -> None:
    """10 log10 of the power of a Hann STFT (1024, hop 320, centred, reflected) in 64 Slaney bands, floor 1e-10."""
    front_end = sonicdiffusion_checkpoint.CLAP_FRONT_END
    assert front_end.window_samples == 441_000
    noise = np.random.default_rng(0).normal(0, 0.1, 441_000).astype(np.float32)
    noise[200_000:] = 0  # the floor
    power = np.abs(librosa.stft(noise.astype(np.float64), n_fft=1024, hop_length=320, window="hann", center=True, pad_mode="reflect")) ** 2
    filters = librosa.filters.mel(sr=44_100, n_fft=1024, n_mels=64, fmin=50, fmax=14_000, norm="slaney", htk=False)
    expected = 10 * np.log10(np.maximum(filters @ power, 1e-10)).T
    found = front_end.features(noise)
    assert found.shape == (1, 1, 1379, 64)
    assert np.abs(found[0, 0].numpy() - expected).max() < 1e-3
    assert expected.min() == -100


def test_embed_works_with_it_unchanged(tmp_path: Path) -> None:
    model = sonicdiffusion_checkpoint.clap(save(tmp_path, "clap.pth", clap_file()))
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 30_000)).astype(np.float32)
    vector = embed(model, sonicdiffusion_checkpoint.CLAP_FRONT_END, Waveform(samples, 44_100))
    features = sonicdiffusion_checkpoint.CLAP_FRONT_END.features(np.resize(samples[0], 441_000))
    assert vector.shape == (1, 64)
    torch.testing.assert_close(vector, F.normalize(hear(clap_file()["model"], features), dim=-1), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_gates_are_the_released_ones(tmp_path: Path) -> None:
    """h + tanh(gamma) * CrossAttn(LN(h), audio) with 8 heads, each layer with its own tensors."""
    file, unet = gate_file(WIDTHS, TEXT_DIM), make_unet()
    adapter = sonicdiffusion_checkpoint.gates(save(tmp_path, "landscape.pt", file), unet)
    generator = torch.Generator().manual_seed(0)
    audio = torch.randn(2, 7, TEXT_DIM, generator=generator)
    for path in adapter.paths:
        f = {name.removeprefix(path + "."): value for name, value in file.items() if name.startswith(path + ".")}
        h = torch.randn(2, 9, len(f["norm_adapter.weight"]), generator=generator)
        y = F.layer_norm(h, h.shape[-1:], f["norm_adapter.weight"], f["norm_adapter.bias"], 1e-5)
        q, k, v = (y @ f["attn_adapter.to_q.weight"].T, audio @ f["attn_adapter.to_k.weight"].T, audio @ f["attn_adapter.to_v.weight"].T)
        heads = zip(q.chunk(8, -1), k.chunk(8, -1), v.chunk(8, -1), strict=True)
        out = torch.cat([torch.softmax(a @ b.transpose(1, 2) * a.shape[-1] ** -0.5, -1) @ c for a, b, c in heads], -1)
        out = out @ f["attn_adapter.to_out.0.weight"].T + f["attn_adapter.to_out.0.bias"]
        expected = h + torch.tanh(f["gate_adapter"]) * out
        torch.testing.assert_close(adapter.layers[path.replace(".", "_")](h, audio), expected, rtol=1e-5, atol=1e-5)
        assert (expected - h).abs().max() > 0.1
    adapter.attach(unet)


def test_names_and_sizes_of_the_real_files() -> None:
    """On the meta device: 80 tensors of 28,491,210 values, 46 of 6,130,050, as measured of the released classes."""
    with torch.device("meta"):
        unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
        adapter = AudioAdapter.from_unet(unet)
        projector, clap = ReleasedProjector(), Cnn14AudioEncoder()
    shapes = gate_shapes((1280, 1280, 640, 320), 768)
    assert len(shapes) == 80
    assert sum(map(math.prod, shapes.values())) == 28_491_210
    names = sonicdiffusion_checkpoint.gate_names(adapter)
    assert {names[name]: tuple(value.shape) for name, value in adapter.state_dict().items()} == shapes
    assert {heads for _, heads in adapter.config["blocks"].values()} == {sonicdiffusion_checkpoint.HEADS}

    shapes = projector_shapes()
    assert len(shapes) == 46
    assert sum(map(math.prod, shapes.values())) == 6_130_050
    names = sonicdiffusion_checkpoint.projector_names(projector)
    live = {names[name]: tuple(value.shape) for name, value in projector.state_dict().items()}
    assert live.items() <= shapes.items()
    assert len(live) == 46 - 21
    assert sum(map(math.prod, live.values())) == 6_130_050 - 3_259_584

    shapes = clap_shapes((64, 128, 256, 512, 1024, 2048), 2048, 1024)
    names = sonicdiffusion_checkpoint.clap_names(clap)
    assert {names[name]: tuple(value.shape) for name, value in clap.state_dict().items()}.items() <= shapes.items()
