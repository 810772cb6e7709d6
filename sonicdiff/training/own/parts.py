"""What a training stands on: the frozen parts of a base and an audio encoder, the projector and audio layers that learn."""

# diffusers and transformers type their models loosely.
# pyright: reportAttributeAccessIssue=false, reportArgumentType=false
from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import ClapAudioModelWithProjection, ClapFeatureExtractor, CLIPTextModel, CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.hub import model_directory
from sonicdiff.hub.base_models import base_components, resolve_base
from sonicdiff.hub.registry import BASES, CHECKPOINTS
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.pipelines.loading import load, resolve, without_bars
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.training.config import ConfigError
from sonicdiff.training.own.config import OwnConfig

EDITING = ("feature_injection", "attention_injection", "focus", "guidance_rescale", "inversion_refinements", "detail")
OWN_SETTINGS = (*EDITING, "guidance_scale", "sampler")


@dataclass
class Parts:
    """The components of the model in the making. place: the base's directory, or its single file."""

    place: Path
    vae: AutoencoderKL
    text_encoder: CLIPTextModel
    tokenizer: CLIPTokenizer
    unet: UNet2DConditionModel
    scheduler: DDIMScheduler
    audio_encoder: ClapAudioModelWithProjection
    feature_extractor: ClapFeatureExtractor
    projector: AudioProjector
    adapter: AudioAdapter
    labels: SoundLabels | None = None
    upscaler: Upscaler | None = None
    super_resolution: UNet2DConditionModel | None = None  # which hears as the base does: left out with other ears
    super_resolution_scheduler: DDIMScheduler | None = None
    hears_as_base: bool = True  # with the base's own audio encoder, whose names for sounds then still hold
    settings: dict[str, Any] = field(default_factory=dict)  # how the base treats a photo

    @classmethod
    def load(cls, config: OwnConfig, device: torch.device) -> Parts:
        """All frozen but projector and adapter. ValueError or OSError, one sentence, for what is not there or does not fit."""
        with without_bars():
            place, base, settings = base_of(config.base)
            heard = audio_encoder_of(config.audio_encoder) if config.audio_encoder else {}
        if "audio_encoder" not in base and not heard:
            raise ConfigError(f"the base {config.base!r} has no ears; set audio_encoder, for example to 'laion/clap-htsat-unfused'")
        learning = {name: base.pop(name, None) for name in ("projector", "adapter")}
        found = {**base, **heard}
        if heard:
            found |= dict.fromkeys(SECOND_STAGE)
        for name, module in found.items():
            if isinstance(module, torch.nn.Module):
                found[name] = module.to(device).requires_grad_(False)
        stage = config.align or config.adapt
        torch.manual_seed(stage.loop.seed if stage else 0)
        projector = projector_of(config, learning["projector"], found["audio_encoder"], found["unet"]).to(device)
        adapter = adapter_of(config, learning["adapter"], found["unet"]).to(device)
        return cls(place, **found, projector=projector, adapter=adapter, hears_as_base=not heard, settings=settings)

    @property
    def front_end(self) -> ClapFrontEnd:
        return ClapFrontEnd.from_extractor(self.feature_extractor)

    def pipeline(self, scheduler: DDIMScheduler | None = None, **changed: Any) -> SonicDiffusionPipeline:
        """These very components as a pipeline."""
        components = {name: getattr(self, name) for name in COMPONENTS}
        components |= {"scheduler": scheduler or self.scheduler, **changed}
        return SonicDiffusionPipeline(**components, null_audio="off", **self.settings)


SECOND_STAGE = ("super_resolution", "super_resolution_scheduler")
COMPONENTS = ("vae", "text_encoder", "tokenizer", "unet", "scheduler", "audio_encoder", "feature_extractor", "projector", "adapter",
              "labels", "upscaler", *SECOND_STAGE)  # fmt: skip


def base_of(name: str) -> tuple[Path, dict[str, Any], dict[str, Any]]:
    """The place of a base, its components by name, and the settings of its pipeline: one of ours, or a plain Stable Diffusion 1.x."""
    is_plain = name in BASES or (Path(name).is_file() and name not in CHECKPOINTS)
    place = resolve_base(name) if is_plain else resolve(name)
    if place.is_file() or model_directory.index_of(place).get("_class_name") != SonicDiffusionPipeline.__name__:
        return place, base_components(place), {}
    pipeline = load(place, "cpu", torch.float32)
    components = {name: getattr(pipeline, name) for name in COMPONENTS}
    return place, components, {name: pipeline.config[name] for name in OWN_SETTINGS}


def audio_encoder_of(name: str) -> dict[str, Any]:
    """The encoder and its feature extractor: of one of our models, of a directory of transformers' CLAP, or of its repository."""
    if name in CHECKPOINTS or (Path(name) / "model_index.json").is_file():
        pipeline = load(name, "cpu", torch.float32)
        if not isinstance(pipeline, SonicDiffusionPipeline):
            raise ConfigError(f"the model {name!r} makes music and has no ears; set audio_encoder to one that makes pictures from sounds")
        return {"audio_encoder": pipeline.audio_encoder, "feature_extractor": pipeline.feature_extractor}
    try:
        encoder = ClapAudioModelWithProjection.from_pretrained(name, use_safetensors=True, dtype=torch.float32).eval()
        extractor = ClapFeatureExtractor.from_pretrained(name)
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())[:200]
        raise ConfigError(
            f"there is no audio encoder {name!r} to be had, as a model, a directory or a repository with safetensors: {said}"
        ) from None
    ClapFrontEnd.from_extractor(extractor)  # refuses fused ones
    return {"audio_encoder": encoder, "feature_extractor": extractor}


def projector_of(config: OwnConfig, own: Any, audio_encoder: Any, unet: UNet2DConditionModel) -> Any:
    shape, context = config.projector, unet.config["cross_attention_dim"]
    embed_dim = embed_dim_of(audio_encoder)
    if not shape.from_base:
        if shape.width % shape.heads:
            raise ConfigError(f"[projector]: {shape.heads} heads do not divide a width of {shape.width}")
        return AudioProjector(embed_dim, context, shape.tokens, shape.width, shape.heads, shape.blocks)
    if own is None or own.config["embed_dim"] != embed_dim or own.config["context_dim"] != context:
        raise ConfigError(f"[projector] from_base: {config.base!r} has no projector from {embed_dim} to {context}; set it to false")
    return own


def adapter_of(config: OwnConfig, own: Any, unet: UNet2DConditionModel) -> AudioAdapter:
    if not config.adapter.from_base:
        adapter = AudioAdapter.from_unet(unet, config.adapter.where, config.adapter.gate)
        if config.adapter.copy_text:
            adapter.copy_text(unet)
        return adapter
    if own is None:
        raise ConfigError(f"[adapter] from_base: {config.base!r} has no audio layers; set it to false")
    return own


def embed_dim_of(audio_encoder: Any) -> int:
    config = audio_encoder.config
    return config["embed_dim"] if isinstance(config, dict) else config.projection_dim
