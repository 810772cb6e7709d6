"""Random files of the released formats: the names and shapes are spelled out here as the page on SonicDiffusion gives them."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
from __future__ import annotations

import math
import resource
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import librosa
import torch
from torch import Tensor
from transformers import ClapAudioConfig, ClapAudioModelWithProjection
from typer.testing import CliRunner

from sonicdiff.cli.app import app

Shapes = dict[str, tuple[int, ...]]

GATED = ("mid_block.attentions.0", *(f"up_blocks.{up}.attentions.{n}" for up in (1, 2, 3) for n in (0, 1, 2)))


def gate_shapes(widths: Sequence[int], context_dim: int) -> Shapes:
    """widths: of the middle block, then of up_blocks 1, 2 and 3."""
    shapes: Shapes = {}
    for place in GATED:
        d = widths[0] if place.startswith("mid") else widths[int(place.split(".")[1])]
        shapes |= {
            f"{place}.transformer_blocks.0.{name}": shape
            for name, shape in {
                "attn_adapter.to_q.weight": (d, d),
                "attn_adapter.to_k.weight": (d, context_dim),
                "attn_adapter.to_v.weight": (d, context_dim),
                "attn_adapter.to_out.0.weight": (d, d),
                "attn_adapter.to_out.0.bias": (d,),
                "norm_adapter.weight": (d,),
                "norm_adapter.bias": (d,),
                "gate_adapter": (1,),
            }.items()
        }
    return shapes


def projector_shapes(embed_dim: int = 1024, context_dim: int = 768, tokens: int = 77, width: int = 320) -> Shapes:
    long = 3 * embed_dim
    mapper = {
        "0": ((tokens, 1, 17), (tokens,)),
        "2": ((tokens, tokens, 17), (tokens,)),
        "4": ((tokens, embed_dim),) * 2,
        "5": ((tokens, tokens, 17), (tokens,)),
        "7": ((tokens, embed_dim),) * 2,
        "8": ((tokens, tokens, 17), (tokens,)),
        "10": ((tokens, long),) * 2,
        "12": ((tokens, tokens, 17), (tokens,)),
    }
    shapes: Shapes = {}
    for number, (weight, bias) in mapper.items():
        shapes |= {f"audio_emb_projection.{number}.weight": weight, f"audio_emb_projection.{number}.bias": bias}
    for block in range(4):
        shapes |= {f"cross_attention.{block}.to_{letter}_adapter.weight": (width, context_dim) for letter in "qkv"}
        shapes |= {f"between_attention.{block}.0.weight": (width, width), f"between_attention.{block}.0.bias": (width,)}
        shapes |= {f"between_attention.{block}.2.weight": (context_dim, width), f"between_attention.{block}.2.bias": (context_dim,)}
    return shapes | {"to_out_adapter.0.weight": (context_dim, context_dim), "to_out_adapter.0.bias": (context_dim,)}


def clap_shapes(widths: Sequence[int], hidden: int, embed_dim: int, mels: int = 64) -> Shapes:
    def norm(name: str, size: int) -> Shapes:
        return {f"{name}.{part}": (size,) for part in ("weight", "bias", "running_mean", "running_var")} | {
            f"{name}.num_batches_tracked": ()
        }

    base = norm("bn0", mels)
    for number, (before, after) in enumerate(zip((1, *widths), widths, strict=False), start=1):
        block = f"conv_block{number}"
        base |= {f"{block}.conv1.weight": (after, before, 3, 3), f"{block}.conv2.weight": (after, after, 3, 3)}
        base |= norm(f"{block}.bn1", after) | norm(f"{block}.bn2", after)
    base |= {"fc1.weight": (hidden, widths[-1]), "fc1.bias": (hidden,), "fc_audioset.weight": (5, hidden), "fc_audioset.bias": (5,)}
    base |= {f"spectrogram_extractor.stft.conv_{part}.weight": (513, 1, 1024) for part in ("real", "imag")}
    projection = {"linear1.weight": (embed_dim, hidden), "linear2.weight": (embed_dim, embed_dim)}
    projection |= {"layer_norm.weight": (embed_dim,), "layer_norm.bias": (embed_dim,)}
    other = {"caption_encoder.base.embeddings.word_embeddings.weight": (7, 3), "caption_encoder.projection.linear1.weight": (3, 3)}
    return (
        {f"audio_encoder.base.{name}": shape for name, shape in base.items()}
        | {f"audio_encoder.projection.{name}": shape for name, shape in projection.items()}
        | other
        | {"logit_scale": ()}
    )


def random_tensors(shapes: Shapes, seed: int = 0) -> dict[str, Tensor]:
    """Of the size that trained weights have; counters are whole, variances positive."""
    generator = torch.Generator().manual_seed(seed)
    tensors = {}
    for name, shape in shapes.items():
        value = torch.randn(shape, generator=generator) / math.sqrt(max(1, math.prod(shape[1:])))
        if name.endswith("num_batches_tracked"):
            value = torch.tensor(17)
        tensors[name] = value.abs() + 0.5 if name.endswith("running_var") else value
    return tensors


def gate_file(widths: Sequence[int], context_dim: int) -> dict[str, Tensor]:
    tensors = random_tensors(gate_shapes(widths, context_dim), seed=1)
    for name in tensors:
        if name.endswith("gate_adapter"):
            tensors[name] = tensors[name] + 1.0
    return tensors


def projector_file(**sizes: int) -> dict[str, Tensor]:
    return random_tensors(projector_shapes(**sizes), seed=2)


def clap_file(widths: Sequence[int] = (4, 4, 8, 8, 8, 16), hidden: int = 16, embed_dim: int = 64) -> dict[str, Any]:
    tensors = random_tensors(clap_shapes(widths, hidden, embed_dim), seed=3)
    for name, value in tensors.items():
        if ".bn" in name and name.endswith(("weight", "bias", "running_mean")):  # so that what is heard comes through six blocks
            tensors[name] = value.abs() + 0.5 if name.endswith("weight") else 0.3 * value
        elif ".conv" in name and value.ndim == 4:
            tensors[name] = 1.4 * value
    filters = librosa.filters.mel(sr=44_100, n_fft=1024, n_mels=64, fmin=50, fmax=14_000)  # (mels, bins)
    tensors["audio_encoder.base.logmel_extractor.melW"] = torch.from_numpy(filters.T.copy())
    return {"model": tensors}


def make_htsat(**changes: Any) -> ClapAudioModelWithProjection:
    """A small tower of HTSAT's layout: shifted windows in its first stage, none in its second; LAION's front end but for 16 mels."""
    torch.manual_seed(0)
    sizes = {"spec_size": 32, "num_mel_bins": 16, "window_size": 4, "patch_embeds_hidden_size": 8, "hidden_size": 16, "projection_dim": 12}
    depth = {"depths": [2, 3], "num_attention_heads": [2, 4], "num_hidden_layers": 2}
    model = ClapAudioModelWithProjection(ClapAudioConfig(**{**sizes, **depth, **changes})).eval()
    with torch.no_grad():
        for value in model.state_dict().values():
            if value.is_floating_point():
                value.add_(0.1 * torch.randn_like(value).abs())
    return model


def laion_file(model: ClapAudioModelWithProjection) -> dict[str, Any]:
    """The same weights as LAION stores them, with what a training run leaves beside them."""
    encoder, state = model.audio_model.audio_encoder, {}

    def put(name: str, module: Any) -> None:
        state.update({f"module.{name}.{part}": value for part, value in module.state_dict().items()})

    put("audio_branch.bn0", encoder.batch_norm)
    put("audio_branch.patch_embed.proj", encoder.patch_embed.proj)
    put("audio_branch.patch_embed.norm", encoder.patch_embed.norm)
    put("audio_branch.norm", encoder.norm)
    for number, stage in enumerate(encoder.layers):
        for index, block in enumerate(stage.blocks):
            place, attention = f"audio_branch.layers.{number}.blocks.{index}", block.attention.self
            for part in ("relative_position_bias_table", "relative_position_index"):
                state[f"module.{place}.attn.{part}"] = getattr(attention, part)
            for part in ("weight", "bias"):
                joined = torch.cat([getattr(layer, part) for layer in (attention.query, attention.key, attention.value)])
                state[f"module.{place}.attn.qkv.{part}"] = joined
            put(f"{place}.norm1", block.layernorm_before)
            put(f"{place}.norm2", block.layernorm_after)
            put(f"{place}.attn.proj", block.attention.output.dense)
            put(f"{place}.mlp.fc1", block.intermediate.dense)
            put(f"{place}.mlp.fc2", block.output.dense)
            if index % 2 and min(stage.blocks[0].input_resolution) > 4:
                state[f"module.{place}.attn_mask"] = torch.zeros((stage.blocks[0].input_resolution[0] // 4) ** 2, 16, 16)
        if stage.downsample is not None:
            put(f"audio_branch.layers.{number}.downsample", stage.downsample)
    put("audio_projection.0", model.audio_projection.linear1)
    put("audio_projection.2", model.audio_projection.linear2)
    mels = encoder.config.num_mel_bins
    filters = librosa.filters.mel(sr=48_000, n_fft=1024, n_mels=mels, fmin=50, fmax=14_000)
    rest = {
        "audio_branch.logmel_extractor.melW": torch.from_numpy(filters.T.copy()),
        "audio_branch.spectrogram_extractor.stft.conv_real.weight": torch.zeros(513, 1, 1024),
        "audio_branch.spectrogram_extractor.stft.conv_imag.weight": torch.zeros(513, 1, 1024),
        "audio_branch.tscam_conv.weight": torch.zeros(5, 16, 2, 3),
        "audio_branch.tscam_conv.bias": torch.zeros(5),
        "audio_branch.head.weight": torch.zeros(5, 5),
        "audio_branch.head.bias": torch.zeros(5),
        "audio_transform.sequential.0.weight": torch.zeros(3, 3),
        "text_branch.embeddings.position_ids": torch.zeros(1, 4, dtype=torch.int64),
        "text_projection.0.weight": torch.zeros(3, 3),
        "text_transform.sequential.0.weight": torch.zeros(3, 3),
        "logit_scale_a": torch.tensor(1.0),
        "logit_scale_t": torch.tensor(1.0),
    }
    state.update({f"module.{name}": value for name, value in rest.items()})
    return {"epoch": 15, "name": "a run", "state_dict": state, "optimizer": {}}


def save(folder: Path, name: str, content: Any) -> Path:
    torch.save(content, folder / name)
    return folder / name


@contextmanager
def disk_full_after(size: int) -> Iterator[None]:
    """No file may grow beyond so many bytes: what is written to it fails as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def convert_command(*arguments: Any) -> Any:
    """`sonicdiff convert` with these arguments."""
    return CliRunner().invoke(app, ["convert", *map(str, arguments)])
