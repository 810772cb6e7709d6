"""What users of diffusers do with any pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler

from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 3, "show_progress": False, "seed": 0}


def test_a_compiled_unet_gives_the_same(tiny: SonicDiffusionPipeline, sound: Path, photo: Path) -> None:
    """And says that it runs uncompiled: a compiled one would not notice the layers and hooks that change from step to step."""
    expected = [tiny.generate(sound, "rain", **FAST)[0], tiny.edit(photo, sound, "rain", **FAST)]
    stock = tiny.unet
    try:
        tiny.unet = torch.compile(stock, backend="eager")
        tiny.sources.sources.clear()  # the features of the stock one
        with pytest.warns(UserWarning, match="uncompiled"):
            made = [tiny.generate(sound, "rain", **FAST)[0], tiny.edit(photo, sound, "rain", **FAST)]
    finally:
        tiny.unet = stock
        torch.compiler.reset()
    for one, other in zip(made, expected, strict=True):
        assert np.array_equal(one, other)


def test_a_scheduler_that_is_not_used_says_so(tiny: SonicDiffusionPipeline, tiny_music: MusicPipeline, sound: Path) -> None:
    for pipeline, word, run in (
        (tiny, "solver=", lambda: tiny.generate(sound, **FAST)),
        (tiny_music, "scheduler=", lambda: tiny_music.music("jazz", seconds=1, **FAST)),
    ):
        own = pipeline.scheduler
        pipeline.scheduler = EulerDiscreteScheduler.from_config(own.config)
        try:
            with pytest.warns(UserWarning, match=f"EulerDiscreteScheduler .*{word}"):
                run()
        finally:
            pipeline.scheduler = own
