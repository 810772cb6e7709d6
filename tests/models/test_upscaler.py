"""The upscaler adds nothing before it has learnt, survives saving, and doubles a pipeline's pictures without touching its latents."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from sonicdiff.models.upscaler import Upscaler
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


@pytest.fixture
def doubled(tiny: SonicDiffusionPipeline) -> Iterator[SonicDiffusionPipeline]:
    torch.manual_seed(0)
    tiny.register_modules(upscaler=Upscaler(width=8, blocks=1))
    yield tiny
    tiny.register_modules(upscaler=None)


def test_untrained_it_is_bicubic_and_saved_it_is_the_same(tmp_path: Path) -> None:
    upscaler, x = Upscaler(width=8, blocks=2), torch.rand(2, 3, 6, 10, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.equal(upscaler(x), F.interpolate(x, scale_factor=2, mode="bicubic"))
    torch.nn.init.normal_(upscaler.conv_out.weight, std=0.1)
    upscaler.save_pretrained(tmp_path)
    assert torch.equal(Upscaler.from_pretrained(tmp_path)(x), upscaler(x))
    assert not torch.equal(upscaler(x), F.interpolate(x, scale_factor=2, mode="bicubic"))


def test_sizes_are_those_of_the_doubled_picture(doubled: SonicDiffusionPipeline) -> None:
    assert (doubled.multiple, doubled.size()) == (128, (128, 128))
    settings = {"prompt": "rain", "seed": 1, "num_inference_steps": 2, "show_progress": False}
    assert doubled.generate(**settings)[0].size == (128, 128)
    assert doubled.generate(**settings, height=128, width=256)[0].size == (256, 128)
    (latents,) = doubled.generate(**settings, height=128, width=256, output_type="latent")
    assert latents.shape == (1, 4, 8, 16)


def test_an_edit_is_compared_with_the_doubled_photo(doubled: SonicDiffusionPipeline) -> None:
    """Where edit and reconstruction are both doubled, what the edit leaves alone comes back as the photo."""
    photo = Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 120, 3), dtype=np.uint8))
    edited = doubled.edit(photo, None, num_inference_steps=2, show_progress=False)
    (source,) = doubled.sources.sources.values()
    assert source.reconstruction is not None
    assert edited.size == photo.size and source.reconstruction.size == doubled.size(photo)
