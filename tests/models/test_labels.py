"""Labels name the class whose direction is nearest, with probabilities, and survive saving."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sonicdiff.models.labels import SoundLabels


def test_the_nearest_class_comes_first(tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    centres = torch.nn.functional.normalize(torch.randn(3, 16, generator=generator), dim=-1)
    classes = torch.arange(60) % 3
    embeds = centres[classes] + 0.02 * torch.randn(60, 16, generator=generator)
    SoundLabels.from_embeds(["a", "b", "c"], embeds, classes).save_pretrained(tmp_path)
    labels = SoundLabels.from_pretrained(tmp_path)
    for index, name in enumerate("abc"):
        heard = labels.heard(5 * centres[index : index + 1], top=2)
        assert heard[0][0] == name and heard[0][1] > 0.5 and len(heard) == 2
    everything = labels.heard(centres[:1], top=9)
    assert sum(p for _, p in everything) == pytest.approx(1)
