"""What a step of stage 2 costs: the work a sample, counted on the meta device, and how much of the time is spent in the UNet.

    python -m bench.train [--model mini | sd-1.5] [--batch 16] [--steps 5] [--device cuda]

sd-1.5 is Stable Diffusion 1.5's shape with random weights (its latents 64 x 64, bf16). Latents and vectors are random and read from
shards as in a training; the step is the training's own, with optimiser and EMA.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from bench.flops import FULL
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.training.adapt import AdaptTask, Pairs
from sonicdiff.training.config import LoopConfig
from sonicdiff.training.loop import Run
from sonicdiff.training.own.config import OwnAdaptOptions
from sonicdiff.training.own.features import Rows
from sonicdiff.training.own.stages import attach
from sonicdiff.training.own.store import Store

PAIRS, EMBED_DIM = 64, 512


@dataclass
class Parts:
    unet: Any
    adapter: Any
    projector: Any


def full(device: str) -> Parts:
    """Stable Diffusion 1.5 with audio layers and projector of random weights."""
    with torch.device(device):
        unet = UNet2DConditionModel(**FULL).requires_grad_(False)
        return Parts(unet, AudioAdapter.from_unet(unet), AudioProjector(EMBED_DIM, unet.config["cross_attention_dim"]))


def mini(device: str) -> Parts:
    pipeline = load_pictures("mini", device)
    return Parts(pipeline.unet.requires_grad_(False), pipeline.adapter.requires_grad_(True), pipeline.projector.requires_grad_(True))


def work(frozen: bool) -> float:
    """TFLOP of forward and backward pass of a sample of Stable Diffusion 1.5 at 512 x 512, frozen but for what is ours, or learning too."""
    parts = full("meta")
    if not frozen:
        parts.unet.requires_grad_(True)
    parts.adapter.attach(parts.unet)
    with torch.device("meta"):
        embeds, latents, text = torch.randn(1, EMBED_DIM), torch.randn(1, 4, 64, 64), torch.randn(1, 77, 768)
    with FlopCounterMode(display=False) as counter:
        tokens = parts.projector(embeds)
        parts.unet(latents, 1, text, cross_attention_kwargs={"audio_tokens": tokens}).sample.square().mean().backward()
    return counter.get_total_flops() / 1e12


@dataclass
class Clock:
    """Seconds in the UNet: its forward pass, and from its output's gradient until the audio tokens have all of theirs."""

    device: str
    spent: float = 0.0
    begun: float = 0.0

    def now(self) -> float:
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()

    def begin(self, *_: Any) -> None:
        self.begun = self.now()

    def end(self, *_: Any) -> None:
        self.spent += self.now() - self.begun

    def watch(self, unet: torch.nn.Module) -> None:
        unet.register_forward_pre_hook(self.enter, with_kwargs=True)
        unet.register_forward_hook(self.leave)

    def enter(self, _: Any, args: Any, kwargs: dict[str, Any]) -> None:
        kwargs["cross_attention_kwargs"]["audio_tokens"].register_hook(self.end)
        self.begin()

    def leave(self, _: Any, args: Any, output: Any) -> None:
        self.end()
        output.sample.register_hook(self.begin)


def pairs(parts: Parts, folder: Path) -> Pairs:
    """Random ones, their latents in a shard."""
    unet, embed_dim = parts.unet, parts.projector.config["embed_dim"]
    shape, context = (2, unet.config["in_channels"], *2 * (unet.config["sample_size"],)), unet.config["cross_attention_dim"]
    store, keys = Store(folder), [f"{number:04d}" for number in range(PAIRS)]
    store.add({key: torch.randn(shape).half() for key in keys})
    store.look()
    rows, text = np.arange(PAIRS), torch.randn(2, 77, context).half()
    embeds: Tensor = torch.nn.functional.normalize(torch.randn(PAIRS, embed_dim), dim=-1)
    return Pairs([Rows(store, keys, version) for version in (0, 1)], rows, embeds, rows[:, None], text, rows % 2, text[:1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=("mini", "sd-1.5"), default="mini")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", choices=("bf16", "no"), default="bf16")
    chosen = parser.parse_args()
    print(f"Stable Diffusion 1.5 at 512, a sample: {work(True):.2f} TFLOP with all frozen but projector and audio layers, "
          f"{work(False):.2f} if the UNet learned too")  # fmt: skip
    torch.manual_seed(0)
    parts = (mini if chosen.model == "mini" else full)(chosen.device)
    loop, options = LoopConfig(100, chosen.batch, 1e-4, mixed_precision=chosen.precision), OwnAdaptOptions()
    clock = Clock(chosen.device)
    with tempfile.TemporaryDirectory(prefix="sonicdiff-") as room:
        material = pairs(parts, Path(room))
        attach(parts, options, loop)  # pyright: ignore[reportArgumentType]
        run = Run(AdaptTask(parts.unet, parts.adapter, parts.projector, options, material), loop, Path(room))
        clock.watch(parts.unet)
        run.advance()
        clock.spent, began = 0.0, clock.now()
        for _ in range(chosen.steps):
            run.advance()
        seconds = clock.now() - began
    step, share = seconds / chosen.steps, clock.spent / seconds
    print(f"{chosen.model} on {chosen.device}, batch {chosen.batch}, {chosen.precision}: {step:.3f} s a step, "
          f"{chosen.batch / step:.3g} samples/s, {100 * share:.0f} % of the time in the UNet")  # fmt: skip


if __name__ == "__main__":
    main()
