"""The finished model as a pipeline directory: 16-bit safetensors in shards that a git repository can carry."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DiffusionPipeline, UNet2DConditionModel
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.training import super_resolution
from sonicdiff.training.base import make_scheduler
from sonicdiff.training.clap import make_feature_extractor

SHARD = "14MB"


@dataclass(frozen=True)
class ModelOptions:
    """What suits the finished model, for its configuration: found on rows of the split `validation`."""

    feature_injection: float = 0.8
    attention_injection: float = 0.5
    focus: float = 0.0
    guidance_rescale: float = 0.0


def export_pipeline(parts: dict[str, Path], labels: SoundLabels, options: ModelOptions, output: Path) -> None:
    """Assemble the components in `parts` (by name) and write them as `output`, replacing an older model but not its card."""
    pipeline = SonicDiffusionPipeline(
        vae=AutoencoderKL.from_pretrained(parts["vae"], torch_dtype=torch.float16),
        text_encoder=CLIPTextModel.from_pretrained(parts["text_encoder"], dtype=torch.float16),
        tokenizer=CLIPTokenizer.from_pretrained(parts["tokenizer"]),
        unet=UNet2DConditionModel.from_pretrained(parts["unet"], torch_dtype=torch.float16),
        scheduler=make_scheduler(),
        audio_encoder=ClapAudioModelWithProjection.from_pretrained(parts["audio_encoder"], dtype=torch.float16),
        feature_extractor=make_feature_extractor(),
        projector=AudioProjector.from_pretrained(parts["projector"], torch_dtype=torch.float16),
        adapter=AudioAdapter.from_pretrained(parts["adapter"], torch_dtype=torch.float16),
        labels=labels.half(),
        **enlarging(parts),
        null_audio="off",
        **asdict(options),
    )
    write(pipeline, output)


def enlarging(parts: dict[str, Path]) -> dict[str, Any]:
    """What doubles the pixels: the second stage, else the upscaler, if there is either."""
    if "super_resolution" in parts:
        unet = UNet2DConditionModel.from_pretrained(parts["super_resolution"], torch_dtype=torch.float16)
        return {"super_resolution": unet, "super_resolution_scheduler": super_resolution.make_scheduler()}
    if "upscaler" in parts:
        return {"upscaler": Upscaler.from_pretrained(parts["upscaler"], torch_dtype=torch.float16)}
    return {}


def write(pipeline: DiffusionPipeline, output: Path) -> None:
    """Save as `output`, replacing an older model but not the files beside it: its card, its pictures."""
    partial = output.with_name(output.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    pipeline.save_pretrained(partial, max_shard_size=SHARD)
    for kept in [path for path in output.glob("*") if path.is_file() and path.name != "model_index.json"]:
        shutil.copy2(kept, partial / kept.name)
    shutil.rmtree(output, ignore_errors=True)
    partial.rename(output)
