"""What latents hold, seen at once: in the decoder's colours, or through the small decoder where it is here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import AutoencoderTiny
from hub_server import Hub, serving
from PIL import Image

from sonicdiff.hub import model_directory
from sonicdiff.pipelines import loading, pulling
from sonicdiff.pipelines.common import image_loading, picture_vae
from sonicdiff.pipelines.common.latent_preview import preview, small_decoder
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

PHOTO = Path(__file__).parents[3] / "examples/photos/valley.jpg"


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub with a small model of TAESD's layout."""
    torch.manual_seed(0)
    sizes: Any = {"encoder_block_out_channels": [4] * 4, "decoder_block_out_channels": [4] * 4}
    model: Any = AutoencoderTiny.from_config({**sizes, "num_encoder_blocks": [1] * 4, "num_decoder_blocks": [1] * 4})
    model.save_pretrained(tmp_path / "taesd")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    with serving({"models/madebyollin/taesd": tmp_path / "taesd"}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


@torch.no_grad()
def test_the_cheap_preview_has_the_decoders_colours() -> None:
    pipeline = load_pictures("mini")
    photo = image_loading.load(PHOTO)
    latents = pipeline._encode(photo, pipeline.size(photo))
    whole = picture_vae.to_image(picture_vae.decode(pipeline.vae, latents))
    exact = np.asarray(whole.resize((latents.shape[3], latents.shape[2]), Image.Resampling.BOX), dtype=float)
    pipeline._preview_seconds = 0.0  # pyright: ignore[reportAttributeAccessIssue]
    assert preview(pipeline, latents) == whole
    pipeline._preview_seconds = 1.0  # pyright: ignore[reportAttributeAccessIssue]
    cheap = np.asarray(preview(pipeline, latents), dtype=float)
    del pipeline._preview_seconds  # pyright: ignore[reportAttributeAccessIssue]
    assert np.abs(exact - cheap).mean() < 0.4 * np.abs(exact - exact.mean((0, 1))).mean()


@torch.no_grad()
def test_the_small_decoder_is_used_where_it_is_here(hub: Hub, tiny_directory: Path) -> None:
    assert pulling.at_hand("taesd") is None and loading.load(tiny_directory, "cpu").preview_decoder is None
    place = pulling.pull("taesd")
    assert pulling.at_hand("taesd") == place and not model_directory.faults(place)
    pipeline = loading.load(tiny_directory, "cpu")
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    pipeline._preview_seconds = 1.0  # pyright: ignore[reportAttributeAccessIssue]
    expected = AutoencoderTiny.from_pretrained(place).decode(latents, return_dict=False)[0][0].permute(1, 2, 0).numpy() / 2 + 0.5
    found = np.asarray(preview(pipeline, latents), dtype=float) / 255
    assert found.shape == (64, 64, 3) and np.abs(found - expected.clip(0, 1)).max() < 0.003


def test_it_is_for_stable_diffusions_latents_alone(hub: Hub, loaded_tiny: SonicDiffusionPipeline) -> None:
    pulling.pull("taesd")
    where = torch.float32, torch.device("cpu")
    assert small_decoder(loaded_tiny.vae, *where) is not None
    assert small_decoder(load_pictures("mini").vae, *where) is None
    with pytest.raises(ValueError, match=r"'taesd' is a small decoder.* and no model"):
        loading.load("taesd")
