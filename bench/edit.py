"""Seconds of an edit at full size (Stable Diffusion 1.5, 512 x 512, random weights): ours against the plain loops, turn by turn.

    python -m bench.edit [--steps 10] [--rounds 2] [--device cpu|cuda] [--peak 1.5e12] [--no-float32]

`--steps` are run and taken for 50, with the same fractions of injection. Ours and the plain loops have the same weights: once in the
device's best number format, once each in its own (the plain loops': float32). `--peak`: FLOP/s that the device can do, for the share of
the limit that is reached; by default that of a large matrix product, measured here. Needs 12 GB of memory.
"""

from __future__ import annotations

import argparse
import gc
import resource
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import diffusers
import torch

from bench import flops
from sonicdiff.pipelines.common.device import best_dtype, laid_out

NEXT, FIRST = 63.4, 128.3  # TFLOP of 50 steps, by bench/flops.py


def seconds(run: Callable[[], Any], device: str) -> tuple[float, Any]:
    began = time.perf_counter()
    result = run()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began, result


def peak(dtype: torch.dtype, device: str) -> float:
    """FLOP/s of a large matrix product."""
    a, b = torch.randn(2, 4096, 4096, device=device).to(dtype)
    times = [seconds(lambda: a @ b, device)[0] for _ in range(8)]
    return 2 * 4096**3 / min(times)


class Timed:
    """The best of several rounds, by what was timed."""

    def __init__(self, device: str, scale: float) -> None:
        self.device, self.scale, self.best = device, scale, dict[str, float]()

    def __call__(self, name: str, run: Callable[[], Any]) -> Any:
        took, result = seconds(run, self.device)
        self.best[name] = min(took * self.scale, self.best.get(name, float("inf")))
        return result


def measure(dtype: torch.dtype, steps: int, rounds: int, device: str, ours: bool = True) -> dict[str, float]:
    """Seconds of 50 steps of each part, plain and ours."""
    scene = flops.Scene(flops.FULL, False, steps, dtype, device)
    timed = Timed(device, 50 / steps)
    for _ in range(rounds):
        trajectory = timed("plain inversion", scene.plain_inversion)
        timed("plain edit", partial(scene.plain_edit, trajectory))
        if ours:
            laid_out(scene.unet)
            source = timed("our photo", scene.prepare)
            timed("our edit", partial(scene.edit, source))
            scene.unet.to(memory_format=torch.contiguous_format)
    return timed.best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--peak", type=float)
    parser.add_argument("--no-float32", action="store_true")
    given = parser.parse_args()
    diffusers.utils.logging.set_verbosity_error()
    dtype = best_dtype(given.device)
    most = given.peak or peak(dtype, given.device)
    best = measure(dtype, given.steps, given.rounds, given.device)
    plain, first = best["plain edit"], best["plain inversion"] + best["plain edit"]
    ours, our_first = best["our edit"], best["our photo"] + best["our edit"]
    name = str(dtype).removeprefix("torch.")
    print(f"{given.device}, {name}, a matrix product of {most / 1e12:.2f} TFLOP/s; {given.steps} steps taken for 50")
    print(f"next sound   plain {plain:.2f} s, ours {ours:.2f} s: {plain / ours:.2f} x; {NEXT / (ours * most / 1e12):.0%} of the limit")
    print(f"first edit   plain {first:.2f} s, ours {our_first:.2f} s: {first / our_first:.2f} x; "
          f"{FIRST / (our_first * most / 1e12):.0%} of the limit")  # fmt: skip
    gc.collect()
    if not given.no_float32 and dtype != torch.float32:
        slow = measure(torch.float32, given.steps, 1, given.device, ours=False)
        print(f"plain in float32: next sound {slow['plain edit']:.1f} s, ours is {slow['plain edit'] / ours:.1f} x as fast")
    if given.device == "cuda":
        print(f"GPU memory at most {torch.cuda.max_memory_allocated() / 1e9:.2f} GB")
    print(f"memory at most {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f} GB")


if __name__ == "__main__":
    main()
