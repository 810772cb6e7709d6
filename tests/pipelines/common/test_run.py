"""One pipeline for many threads: each gets what it would get alone; callbacks enter again; a fork is refused in a sentence."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.riffusion.jam import Asked, Jam
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 1, "show_progress": False}
SHORT: dict[str, Any] = {"num_inference_steps": 1, "show_progress": False, "bars": 1, "loop": False}
THREADS, CALLS = 8, 5


def bytes_of(results: Any) -> list[bytes]:
    return [np.asarray(each).tobytes() for each in (results if isinstance(results, list) else [results])]


def test_eight_threads_get_what_one_gets(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, other_sound: Path) -> None:
    def calls(number: int) -> list[list[bytes]]:
        return [
            bytes_of(tiny.generate(sound, "rain", seed=number, **FAST)),
            bytes_of(tiny.edit(photo, other_sound, "rain", beta=0.1 * number, **FAST)),
            bytes_of(tiny.interpolate(sound, other_sound, 2, seed=number, **FAST)),
            bytes_of(tiny.embed_audio(sound)),
            bytes_of(tiny.edit_many(photo, [sound, other_sound], seed=number, variation=0.5, **FAST)),
        ]

    alone = [calls(0), calls(1)]
    tiny.sources.sources.clear()
    with ThreadPoolExecutor(THREADS) as threads:
        assert list(threads.map(calls, [number % 2 for number in range(THREADS)])) == alone * (THREADS // 2)
    assert len(alone[0]) == CALLS and alone[0] != alone[1]


def test_music_in_threads(tiny_music: MusicPipeline) -> None:
    def calls(number: int) -> list[bytes]:
        clip = tiny_music.music("jazz", seed=number, **SHORT)[0]
        jam = Jam(tiny_music, Asked("jazz", seed=number), bars=1, how=tiny_music.sampling(1, None))
        return [clip.samples.tobytes(), jam.next_clip().samples.tobytes(), jam.next_clip().samples.tobytes()]

    alone = [calls(number) for number in range(3)]
    with ThreadPoolExecutor(3) as threads:
        assert list(threads.map(calls, range(3))) == alone


def test_a_callback_may_run_the_pipeline_again(tiny: SonicDiffusionPipeline, photo: Path, sound: Path) -> None:
    plain = bytes_of(tiny.generate(sound, seed=1, **FAST)), bytes_of(tiny.edit(photo, sound, **FAST))
    inside: list[Any] = []

    def on_step(pipeline: Any, step: int, t: int, state: dict[str, Any]) -> None:
        inside.append((bytes_of(pipeline.generate(sound, seed=1, **FAST)), bytes_of(pipeline.edit(photo, sound, **FAST))))

    tiny.sources.sources.clear()
    around = bytes_of(tiny.generate(sound, seed=1, callback_on_step_end=on_step, **FAST))
    assert (around, bytes_of(tiny.edit(photo, sound, callback_on_step_end=on_step, **FAST))) == plain
    assert inside and all(each == plain for each in inside)


def test_what_stops_or_fails_lets_the_next_one_in(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    wanted = bytes_of(tiny.generate(sound, seed=1, **FAST))

    def stop(pipeline: Any, *_: Any) -> None:
        pipeline._interrupt = True

    def fail(*_: Any) -> None:
        raise KeyboardInterrupt

    for callback, error in ((stop, Stopped), (fail, KeyboardInterrupt)):
        with pytest.raises(error):
            tiny.generate(sound, callback_on_step_end=callback, **FAST)
        with ThreadPoolExecutor(1) as other:
            assert other.submit(lambda: bytes_of(tiny.generate(sound, seed=1, **FAST))).result(60) == wanted


def test_another_thread_stops_the_run_that_holds_the_pipeline(tiny: SonicDiffusionPipeline, sound: Path) -> None:
    running, stopped = threading.Event(), threading.Event()

    def on_step(*_: Any) -> None:
        running.set()
        stopped.wait(60)

    with ThreadPoolExecutor(1) as other:
        run = other.submit(lambda: tiny.generate(sound, callback_on_step_end=on_step, **FAST))
        assert running.wait(60)
        tiny._interrupt = True
        stopped.set()
        with pytest.raises(Stopped):
            run.result(60)


def test_pipelines_that_share_a_unet_share_its_lock_and_copies_do_not(tiny: SonicDiffusionPipeline) -> None:
    twin = SonicDiffusionPipeline(**tiny.components)
    assert twin.lock is tiny.lock
    assert copy.deepcopy(tiny).lock is not tiny.lock
    assert pickle.loads(pickle.dumps(tiny.lock)) is not tiny.lock  # noqa: S301


FORK = """
import os, sys, torch
from sonicdiff.pipelines.loading import load_once
torch.set_num_threads(2)
pipeline = load_once(sys.argv[1], "cpu")
if os.fork() == 0:
    for call in (lambda: pipeline.generate(None, "rain", num_inference_steps=1), lambda: load_once(sys.argv[1], "cpu")):
        try:
            call()
        except RuntimeError as error:
            print(error)
    torch.set_num_threads(1)
    print(len(pipeline.generate(None, "rain", num_inference_steps=1, show_progress=False)), flush=True)
    os._exit(0)
os.wait()
"""


@pytest.mark.skipif(not hasattr(os, "fork") or torch.cuda.is_available(), reason="for a system that forks, computing on its processor")
def test_a_fork_after_a_load_is_refused_or_computes(tiny_directory: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FORK, tiny_directory], capture_output=True, text=True, timeout=120)
    lines = done.stdout.splitlines()
    assert len(lines) == 3 and lines[0] == lines[1] and "forked" in lines[0] and lines[2] == "1", done.stderr
