"""How long music takes with the shipped model on this machine, how fast a jam is, and how even its joints are.

python -m bench.music_time [--model mini-music] [--threads 2]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.loading import load_music
from sonicdiff.pipelines.riffusion.clip import joined
from sonicdiff.pipelines.riffusion.init_audio import SEEDS
from sonicdiff.pipelines.riffusion.jam import OVERLAP, Asked, Jam
from sonicdiff.pipelines.riffusion.loudness import loudness_of

JAM = ("lo-fi electric piano, 84 bpm, a dusty beat", "jazz saxophone", "ambient flute", "energetic funk guitar")


def timed(run: Callable[[], object], repeats: int = 3) -> str:
    run()  # compiles what is compiled
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return f"{min(seconds):.1f} to {max(seconds):.1f} s"


def jump(sound: Waveform, joints: list[int]) -> list[float]:
    """The spectral jump at each joint over the 99th percentile of all: about 1 or less where there is nothing to be heard."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.samples[0], 1024)[::256] * np.hanning(1024)
    flux = np.abs(np.diff(np.abs(np.fft.rfft(frames)), axis=0)).sum(1)
    usual = np.quantile(flux, 0.99)
    return [float(flux[joint // 256 - 6 : joint // 256 + 3].max() / usual) for joint in joints]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini-music")
    parser.add_argument("--threads", type=int, default=2)
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    pipeline = load_music(given.model)
    quiet, again = {"show_progress": False, "seed": 0}, {"audio_bpm": 80, "stereo": False, "show_progress": False}
    print(f"{given.model}, {given.threads} threads")
    print("5 s of music      ", timed(lambda: pipeline.music("jazz piano, 110 bpm", seconds=5, **quiet)))
    print("20 s of music     ", timed(lambda: pipeline.music("jazz piano, 110 bpm", seconds=20, **quiet), 1))
    loop = SEEDS["dusty beat"].sound("dusty beat")
    print(f"riff on {loop.seconds:.0f} s      ", timed(lambda: pipeline.riff(loop, "house synth", seed=0, **again), 1))
    print(
        f"edit of {loop.seconds:.0f} s      ",
        timed(lambda: pipeline.edit(loop, "house synth", **again), 1),
    )

    jam = Jam(pipeline, Asked(JAM[0], seed=0))
    print(f"jam                {jam.rehearse():.2f} x real time, clips of {jam.clip_seconds:.2f} s at {jam.grid.bpm:.1f} bpm")
    parts, began = [], time.perf_counter()
    for number in range(12):
        if number and number % 3 == 0:
            jam.steer(prompt=JAM[number // 3])
        parts.append(jam.next_clip())
    seconds = time.perf_counter() - began
    whole = joined(parts)
    held = round(OVERLAP * whole.sample_rate)
    joints = list(np.cumsum([part.samples.shape[1] for part in parts])[:-1])
    across = jump(whole, joints) + jump(whole, [joint + held for joint in joints])
    levels = [loudness_of(part) for part in parts]
    print(f"{whole.seconds:.1f} s of jam     {seconds:.1f} s; jump at joints: median {np.median(across):.2f}, at most {max(across):.2f}; "
          f"loudness {min(levels):.1f} to {max(levels):.1f} LUFS; highest peak {np.abs(whole.samples).max():.3f}")  # fmt: skip


if __name__ == "__main__":
    main()
