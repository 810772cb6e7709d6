"""A random pipeline of Stable Diffusion's topology (seed 0), small enough to run in a second, and its parts."""

# pyright: reportAttributeAccessIssue=false, reportArgumentType=false, reportCallIssue=false, reportIndexIssue=false
from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from diffusers import AutoencoderKL, DDIMScheduler, UNet2DConditionModel
from transformers import (
    ClapAudioConfig,
    ClapAudioModelWithProjection,
    ClapFeatureExtractor,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTokenizer,
)

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector

if TYPE_CHECKING:
    from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

TEXT_DIM, EMBED_DIM = 32, 32


def make_unet() -> UNet2DConditionModel:
    torch.manual_seed(0)
    return UNet2DConditionModel(
        sample_size=8,
        in_channels=4,
        out_channels=4,
        block_out_channels=(32, 32, 64, 64),
        layers_per_block=2,
        cross_attention_dim=TEXT_DIM,
        attention_head_dim=4,
        norm_num_groups=8,
    ).eval()


def make_adapter(unet: UNet2DConditionModel, gate: float = 1.0) -> AudioAdapter:
    torch.manual_seed(1)
    return AudioAdapter.from_unet(unet, gate=gate).eval()


def make_second_stage() -> dict[str, Any]:
    """The components of a second stage for the tiny pipeline's latents."""
    from sonicdiff.training.super_resolution import SuperResolutionOptions, make_scheduler
    from sonicdiff.training.super_resolution import make_unet as make_super_resolution

    torch.manual_seed(2)
    options = SuperResolutionOptions(channels=(16, 32), heads=(2, 2), layers=1)
    unet = make_super_resolution(4, TEXT_DIM, EMBED_DIM, options).eval()
    return {"super_resolution": unet, "super_resolution_scheduler": make_scheduler()}


def make_vae() -> AutoencoderKL:
    torch.manual_seed(0)
    return AutoencoderKL(
        block_out_channels=(8, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=64,
    ).eval()


def make_tokenizer(folder: Path) -> CLIPTokenizer:
    """CLIP's byte-level tokenizer without any merges: each character is a token."""
    letters = [chr(code) for code in range(33, 127)]
    words = [*letters, *(letter + "</w>" for letter in letters), "<|startoftext|>", "<|endoftext|>"]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    return CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=77)


def make_text_encoder(tokenizer: CLIPTokenizer) -> CLIPTextModel:
    torch.manual_seed(0)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    shape = {"hidden_size": TEXT_DIM, "intermediate_size": 37, "num_attention_heads": 4, "num_hidden_layers": 2}
    return CLIPTextModel(CLIPTextConfig(vocab_size=len(tokenizer), projection_dim=TEXT_DIM, **shape, **ends)).eval()


def make_audio_encoder() -> ClapAudioModelWithProjection:
    torch.manual_seed(0)
    config = ClapAudioConfig(
        spec_size=64,
        patch_size=4,
        patch_stride=[4, 4],
        num_mel_bins=16,
        hidden_size=16,
        patch_embeds_hidden_size=8,
        depths=[1, 1],
        num_hidden_layers=2,
        num_attention_heads=[2, 2],
        window_size=4,
        num_classes=2,
        projection_dim=EMBED_DIM,
        enable_fusion=False,
    )
    return ClapAudioModelWithProjection(config).eval()


def make_feature_extractor() -> ClapFeatureExtractor:
    return ClapFeatureExtractor(
        feature_size=16,
        sampling_rate=16_000,
        hop_length=160,
        max_length_s=1,
        fft_window_size=512,
        frequency_max=8_000,
        truncation="rand_trunc",
        padding="repeat",
    )


def make_labels() -> SoundLabels:
    labels = SoundLabels(["calm", "raining", "thunder", "wind noise"], EMBED_DIM)
    labels.vectors.copy_(torch.eye(4, EMBED_DIM))
    return labels


def make_scheduler() -> DDIMScheduler:
    return DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False, steps_offset=1
    )


MUSIC = {"sample_rate": 8000, "hop_length": 125, "win_length": 500, "n_fft": 1000, "mel_bins": 64, "max_frequency": 3500.0}


def make_music_pipeline(folder: Path, **config: Any) -> MusicPipeline:
    """A beat is 32 pixels, four latents; the UNet sees two beats at a time. At 120 bpm a hop is 125 samples of 8 kHz."""
    from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

    tokenizer = make_tokenizer(folder)
    parts = {"vae": make_vae(), "text_encoder": make_text_encoder(tokenizer), "tokenizer": tokenizer, "unet": make_unet()}
    return MusicPipeline(**parts, scheduler=make_scheduler(), **{"spectrogram": MUSIC, "frames_a_beat": 32, "bpm": 120.0, **config})


def make_pipeline(folder: Path, **config: Any) -> SonicDiffusionPipeline:
    from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

    unet, tokenizer = make_unet(), make_tokenizer(folder)
    adapter = make_adapter(unet)
    torch.manual_seed(0)
    return SonicDiffusionPipeline(
        vae=make_vae(),
        text_encoder=make_text_encoder(tokenizer),
        tokenizer=tokenizer,
        unet=unet,
        scheduler=make_scheduler(),
        audio_encoder=make_audio_encoder(),
        feature_extractor=make_feature_extractor(),
        projector=AudioProjector(EMBED_DIM, TEXT_DIM, width=32, heads=4).eval(),
        adapter=adapter,
        labels=make_labels(),
        **config,
    )


def save_base(folder: Path, **unet: Any) -> Path:
    """A stock Stable Diffusion pipeline of the tiny components, with SD 1.5's scheduler. unet: what its configuration says else."""
    from diffusers import PNDMScheduler, StableDiffusionPipeline

    tokenizer = make_tokenizer(folder.with_name(f"{folder.name}-tokenizer"))
    scheduler = PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)
    parts = {"vae": make_vae(), "text_encoder": make_text_encoder(tokenizer), "tokenizer": tokenizer, "unet": make_unet()}
    nothing = {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    StableDiffusionPipeline(**parts, scheduler=scheduler, **nothing).save_pretrained(folder)
    if unet:
        config = folder / "unet" / "config.json"
        config.write_text(json.dumps({**json.loads(config.read_text()), **unet}))
    return folder


def random_lora(unet: UNet2DConditionModel, names: tuple[str, ...] = ("to_q", "to_v"), rank: int = 2) -> dict[str, torch.Tensor]:
    """A LoRA, as diffusers saves one, of every UNet linear layer with such a name."""
    generator = torch.Generator().manual_seed(3)
    state = {}
    for path, layer in unet.named_modules():
        if isinstance(layer, torch.nn.Linear) and path.endswith(names) and ".audio." not in path:
            state[f"unet.{path}.lora_A.weight"] = torch.randn(rank, layer.in_features, generator=generator)
            state[f"unet.{path}.lora_B.weight"] = torch.randn(layer.out_features, rank, generator=generator)
    return state
