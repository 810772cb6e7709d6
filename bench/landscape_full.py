"""The layout of the paper's released weights at full size (Stable Diffusion 1.x, CNN14, the released projector), with random weights.

    python -m bench.landscape_full [--steps 5] [--memory auto]

What can be shown without the weights: the directory loads, an edit of 512 x 512 runs in the number format of this machine, how long its
parts take, and how much memory it takes at most (the features of 50 steps, 0.7 GB, are counted in). It writes 2.3 GB to a temporary folder.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bench.riffusion_full import standard_parts
from sonicdiff.hub.weights.sonicdiffusion_checkpoint import CLAP_FRONT_END
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.cnn14 import Cnn14AudioEncoder
from sonicdiff.models.released_projector import ReleasedProjector
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FEATURES = 709e6  # bytes that 50 steps keep of a photo in 16 bit, by bench/flops.py


def write(folder: Path) -> None:
    parts: dict[str, Any] = standard_parts()
    parts |= {"audio_encoder": Cnn14AudioEncoder().half(), "feature_extractor": CLAP_FRONT_END.extractor()}
    parts |= {"projector": ReleasedProjector().half(), "adapter": AudioAdapter.from_unet(parts["unet"]).half()}
    pipeline = SonicDiffusionPipeline(**parts, null_audio="zeros", attention_injection=0.8, inversion_refinements=0)
    pipeline.save_pretrained(folder)


def edit(folder: Path, steps: int, memory: str) -> None:
    """In a process of its own, whose memory is its own."""
    began = time.perf_counter()
    pipeline = load_pictures(folder, memory=memory)
    print(f"loaded in {time.perf_counter() - began:.1f} s, {str(pipeline.unet.dtype)[6:]}, memory {pipeline.memory!r}", flush=True)
    rng = np.random.default_rng(0)
    photo, sounds = rng.integers(0, 256, (512, 512, 3), dtype=np.uint8), [(rng.normal(0, 0.1, 441_000), 44_100) for _ in range(2)]
    for name, sound in zip(("first edit", "next sound"), sounds, strict=True):
        began = time.perf_counter()
        image = pipeline.edit(photo, sound, num_inference_steps=steps, show_progress=False)
        print(f"{name}: {image.size}, {steps} steps in {time.perf_counter() - began:.1f} s", flush=True)
    peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kept = sum(source.nbytes for source in pipeline.sources.sources.values())
    print(f"memory at most {peak / 1e9:.1f} GB; with the features of 50 steps {(peak + FEATURES - kept) / 1e9:.1f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--memory", default="auto")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        write(Path(folder))
        process = multiprocessing.get_context("spawn").Process(target=edit, args=(Path(folder), given.steps, given.memory))
        process.start()
        process.join()


if __name__ == "__main__":
    main()
