"""What a model hears, by its own labels."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from sonicdiff.audio.waveform import Waveform
from sonicdiff.data.sample import Sample
from sonicdiff.evaluation.hearing import hearing
from sonicdiff.evaluation.scores import Estimate
from sonicdiff.models.labels import SoundLabels
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

RATE = 16_000


def sample(key: str, frequency: float, label: str) -> Sample:
    sound = Waveform(0.3 * np.sin(2 * np.pi * frequency * np.arange(RATE)[None] / RATE).astype(np.float32), RATE)
    return Sample(key, lambda: Image.new("RGB", (8, 8)), lambda: sound, lambda: key, label=label)


@pytest.fixture
def model(tiny: SonicDiffusionPipeline) -> SonicDiffusionPipeline:
    """It calls a low tone wood and a high one metal."""
    tones = torch.cat([tiny.embed_audio(sample("", frequency, "").sound()) for frequency in (200, 5000)])
    tiny.register_modules(labels=SoundLabels.from_embeds(("wood", "metal"), tones, torch.arange(2), temperature=1e-4))
    return tiny


def test_sounds_are_counted_by_class(model: SonicDiffusionPipeline) -> None:
    heard = [sample("a", 200, "wood"), sample("b", 5000, "wood"), sample("c", 5000, "wood"), sample("d", 5000, "metal")]
    table = hearing(model, heard)
    assert table is not None
    assert table.rows["wood"] == {"right": pytest.approx(1 / 3), "n": 3, "else mostly": "metal"}
    assert table.rows["metal"] == {"right": 1.0, "n": 1, "else mostly": None}
    every = table.rows["all"]["right"]
    assert isinstance(every, Estimate) and every.mean == 0.5 and table.rows["all"]["n"] == 4


def test_a_model_without_names_for_the_classes_is_not_asked(model: SonicDiffusionPipeline) -> None:
    assert hearing(model, [sample("a", 200, "glass")]) is None
    model.register_modules(labels=None)
    assert hearing(model, [sample("a", 200, "wood")]) is None
