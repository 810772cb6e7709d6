"""Seconds of an edit, of a second sound on the same photo, and of a generation.

`python bench/edit_time.py [--model mini] [--steps 50] [--threads 2] [--output FILE]`; each figure is (clock, processors).
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound


def seconds(run: Callable[[], object]) -> tuple[float, float]:
    """Of the clock and of the processors."""
    clock, processors = time.perf_counter(), time.process_time()
    run()
    return round(time.perf_counter() - clock, 2), round(time.process_time() - processors, 2)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--output", type=Path, help="append the figures to this file, as a line of JSON")
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    figures: dict[str, object] = {"model": given.model, "steps": given.steps, "threads": given.threads}
    pipelines = []
    figures["load"] = seconds(lambda: pipelines.append(load_pictures(given.model, "cpu")))
    (pipeline,) = pipelines
    rows = [row(index, "test") for index in range(3)]
    sounds = [Waveform(render_sound(r.scene.cause, r.scene.intensity, r.sound_seed)[None], 48_000) for r in rows]
    photo = np.ascontiguousarray(render(rows[2].scene))
    options = {"num_inference_steps": given.steps, "show_progress": False}
    pipeline.generate(sounds[0], num_inference_steps=1, show_progress=False)  # the first call of all warms up
    figures["edit"] = seconds(lambda: pipeline.edit(photo, sounds[0], **options))
    figures["second sound"] = seconds(lambda: pipeline.edit(photo, sounds[1], **options))
    figures["generate"] = seconds(lambda: pipeline.generate(sounds[0], seed=0, **options))
    figures["hear"] = seconds(lambda: pipeline.embed_audio(sounds[0]))
    print(json.dumps(figures))
    if given.output:
        with given.output.open("a") as file:
            file.write(json.dumps(figures) + "\n")


if __name__ == "__main__":
    main()
