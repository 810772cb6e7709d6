"""Riffusion's layout at full size (Stable Diffusion 1.5, 860 M parameters in the UNet, half-precision files), with random weights.

    python -m bench.riffusion_full [--steps 3]

What can be shown without the weights: `load("riffusion")` reads the layout, takes the half-precision files, and a clip of 512 x 512
comes out at the tempo asked for. It writes 2 GB to a temporary folder and needs 10 GB of memory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, PNDMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from sonicdiff.pipelines.loading import load_music
from sonicdiff.training.tokenizer import make_tokenizer


def standard_parts() -> dict[str, Any]:
    """The components of Stable Diffusion 1.5 with random weights in half precision."""
    torch.manual_seed(0)
    torch.set_default_dtype(torch.float16)
    unet = UNet2DConditionModel(sample_size=64, cross_attention_dim=768, attention_head_dim=8)
    blocks = ("DownEncoderBlock2D",) * 4, ("UpDecoderBlock2D",) * 4
    vae = AutoencoderKL(3, 3, *blocks, block_out_channels=(128, 256, 512, 512), layers_per_block=2, latent_channels=4, sample_size=512)
    text = CLIPTextModel(
        CLIPTextConfig(vocab_size=49_408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12, num_attention_heads=12)
    )
    torch.set_default_dtype(torch.float32)
    tokenizer: CLIPTokenizer = make_tokenizer(["jazz piano, 110 bpm"])
    scheduler = PNDMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1)
    return {"vae": vae, "text_encoder": text.half(), "tokenizer": tokenizer, "unet": unet, "scheduler": scheduler}


def write(folder: Path) -> None:
    pipeline = StableDiffusionPipeline(**standard_parts(), safety_checker=None, feature_extractor=None, requires_safety_checker=False)  # pyright: ignore
    pipeline.save_pretrained(folder, variant="fp16")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder, "riffusion"))
        size = sum(file.stat().st_size for file in Path(folder).rglob("*.safetensors")) / 1e9
        os.environ["SONICDIFF_CHECKPOINTS"] = folder
        began = time.perf_counter()
        pipeline = load_music("riffusion")
        parameters = sum(p.numel() for p in pipeline.unet.parameters()) / 1e6
        print(f"{size:.2f} GB of files, UNet of {parameters:.0f} M parameters, loaded in {time.perf_counter() - began:.0f} s")
        for prompt in ("(jazz:1.2) piano", "rock guitar, 110 bpm"):
            began = time.perf_counter()
            clip = pipeline.music(prompt, negative_prompt="drums", seed=0, num_inference_steps=given.steps)[0]
            took = time.perf_counter() - began
            print(f"{prompt!r}: {clip.seconds:.3f} s at {clip.bpm:.2f} bpm, {clip.image.size}, {given.steps} steps in {took:.0f} s")


if __name__ == "__main__":
    main()
