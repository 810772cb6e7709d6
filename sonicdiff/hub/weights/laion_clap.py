"""LAION's original CLAP checkpoints (630k-audioset-best.pt and its like) as transformers' audio tower, every tensor accounted for."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor
from transformers import ClapAudioConfig, ClapAudioModelWithProjection

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.hub.weights import strict_load

KIND = "LAION's CLAP"
DROPPED = (
    "audio_branch.spectrogram_extractor.*",  # torchlibrosa keeps its front end among the weights
    "audio_branch.logmel_extractor.*",
    "audio_branch.layers.*.blocks.*.attn_mask",  # follows from the sizes
    "audio_branch.tscam_conv.*",  # AudioSet's classes
    "audio_branch.head.*",
    "audio_transform.*",  # a second head, of training only
    *("text_branch.*", "text_projection.*", "text_transform.*", "token_embedding.*", "positional_embedding", "ln_final.*", "attn_mask"),
    *("logit_scale_a", "logit_scale_t"),
)
RENAMED = (  # transformers' names, and LAION's
    ("audio_model.audio_encoder.", "audio_branch."),
    ("audio_projection.linear1.", "audio_projection.0."),
    ("audio_projection.linear2.", "audio_projection.2."),
    (".batch_norm.", ".bn0."),
    (".layernorm_before.", ".norm1."),
    (".layernorm_after.", ".norm2."),
    (".attention.self.", ".attn."),
    (".attention.output.dense.", ".attn.proj."),
    (".intermediate.dense.", ".mlp.fc1."),
    (".output.dense.", ".mlp.fc2."),
)


def audio_encoder(path: Path) -> tuple[ClapAudioModelWithProjection, ClapFrontEnd]:
    """The audio tower of a checkpoint and the front end it hears with. HTSAT-tiny or -base: the shapes say which."""
    tensors = strict_load.read(path, KIND, wrapped_in="state_dict")
    check_supported(path, tensors)
    tensors = apart(tensors)
    config = config_of(path, tensors)
    with torch.device("meta"):
        model = ClapAudioModelWithProjection(config)
    names = {name: original(name) for name in model.state_dict()}
    strict_load.check_names(path, tensors, names.values(), DROPPED)
    strict_load.fill(path, model, tensors, names)
    front_end = ClapFrontEnd(feature_size=config.num_mel_bins, padding="repeatpad")
    strict_load.check_filters(path, front_end, tensors.get("audio_branch.logmel_extractor.melW"))
    return model, front_end


def check_supported(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """ValueError for LAION's other two kinds of audio tower."""
    if any(re.search(r"\.(mel_conv[12]d|fusion_model)\.", name) for name in tensors):
        raise ValueError(f"{path} is a fused CLAP, which hears by random crops; expected an unfused one, such as 630k-audioset-best.pt")
    if any(name.startswith("audio_branch.conv_block") for name in tensors):
        raise ValueError(f"{path} hears with PANN; expected a CLAP that hears with HTSAT, such as 630k-audioset-best.pt")


def original(name: str) -> str:
    """LAION's name of a tensor of transformers' audio tower; of query, key and value as `apart` calls them."""
    for ours, theirs in RENAMED:
        name = name.replace(ours, theirs)
    return name


def apart(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With each query-key-value matrix in its three parts."""
    found = {}
    for name, value in tensors.items():
        head, qkv, tail = name.rpartition(".attn.qkv.")
        if qkv and name.startswith("audio_branch.") and value.ndim and len(value) % 3 == 0:
            parts = zip(("query", "key", "value"), value.chunk(3), strict=True)
            found |= {f"{head}.attn.{part}.{tail}": chunk.clone() for part, chunk in parts}
        else:
            found[name] = value
    return found


def config_of(path: Path, tensors: Mapping[str, Tensor]) -> ClapAudioConfig:
    """Depths, heads, widths and sizes as the shapes of the tensors say them."""
    tables = strict_load.matching(tensors, "audio_branch.layers.*.relative_position_bias_table")
    stages = [int(name.split(".")[2]) for name in tables]
    mask = "audio_branch.layers.0.blocks.1.attn_mask"  # (windows, positions, positions): tells the size of the picture
    biases = [f"audio_branch.layers.{stage}.blocks.0.attn.relative_position_bias_table" for stage in sorted(set(stages))]
    projections = ("audio_branch.patch_embed.proj.weight", "audio_branch.bn0.weight", "audio_projection.0.weight")
    needed = (*projections, mask, *biases, "audio_branch.layers.0.blocks.0.mlp.fc1.weight")
    if lacking := [name for name in needed if name not in tensors] or ([] if tables else ["audio_branch.layers"]):
        raise ValueError(f"{path} lacks {strict_load.several(lacking)}; expected all tensors of {KIND} with HTSAT: download it again")

    width, channels, patch, _ = strict_load.shape(path, tensors, projections[0], 4)
    (mels,) = strict_load.shape(path, tensors, projections[1], 1)
    projection_dim, hidden = strict_load.shape(path, tensors, projections[2], 2)
    windows = strict_load.shape(path, tensors, mask, 3)[0]
    positions = strict_load.shape(path, tensors, biases[0], 2)[0]
    window = (math.isqrt(positions) + 1) // 2
    return ClapAudioConfig(
        window_size=window,
        num_mel_bins=mels,
        spec_size=math.isqrt(windows) * window * patch,
        patch_size=patch,
        patch_stride=[patch, patch],
        patch_embed_input_channels=channels,
        patch_embeds_hidden_size=width,
        hidden_size=hidden,
        projection_dim=projection_dim,
        depths=[stages.count(stage) for stage in sorted(set(stages))],
        num_attention_heads=[strict_load.shape(path, tensors, name, 2)[1] for name in biases],
        num_hidden_layers=len(biases),
        mlp_ratio=strict_load.shape(path, tensors, needed[-1], 2)[0] / width,
        enable_fusion=False,
    )
