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


def test_what_is_none_of_the_classes_is_said(tmp_path: Path) -> None:
    vectors, weight = torch.eye(3, 4), torch.tensor([0.0, 0.0, 0.0, 9.0])
    made = SoundLabels.from_readings(
        ["rain", "fire", "wind noise"], 9 * vectors, torch.tensor([0.0, 0.0, 0.5]), weight, torch.tensor([-4.0]), 0.6
    )
    made.save_pretrained(tmp_path)
    labels = SoundLabels.from_pretrained(tmp_path)
    known, unknown = labels.heard(torch.tensor([[0.0, 2.0, 0.0, 0.1]])), labels.heard(torch.tensor([[0.0, 0.0, 0.3, 1.0]]))
    assert known.is_known and known.nearest == "fire" and known.sentence() == "fire (100%)"
    assert known.none_of_these is not None and known.none_of_these < 0.1
    assert not unknown.is_known and unknown.nearest == "wind noise"
    assert unknown.sentence("mini") == "sounds like none of what mini knows; nearest: wind noise"


def test_labels_without_a_sense_for_it_say_nothing_of_it(tmp_path: Path) -> None:
    labels = SoundLabels(["rain", "fire"], 4)
    labels.vectors.copy_(torch.eye(2, 4))
    labels.save_pretrained(tmp_path)
    assert "none_weight" not in labels.state_dict()
    heard = SoundLabels.from_pretrained(tmp_path).heard(torch.ones(1, 4))
    assert heard.none_of_these is None and heard.is_known
    assert dict(heard) == dict(heard.names) and len(heard) == 2 and heard[0] in heard
