"""A sound that is none of a model's classes: the command says so and makes the picture, the page says so under the sound."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from sonicdiff.cli import app
from sonicdiff.models.labels import SoundLabels
from sonicdiff.ui import tasks
from tests.tiny import EMBED_DIM, make_pipeline

SAID = "sounds like none of what tiny knows; nearest: "


@pytest.fixture
def unknowing(tmp_path: Path) -> Path:
    """A model to which every sound is none of its classes."""
    pipeline = make_pipeline(tmp_path)
    vectors = torch.nn.functional.normalize(torch.randn(3, EMBED_DIM, generator=torch.Generator().manual_seed(0)), dim=1)
    labels = SoundLabels.from_readings(
        ["rain", "fire", "wind noise"], 9 * vectors, torch.zeros(3), torch.zeros(EMBED_DIM), torch.tensor([3.0]), 0.5
    )
    pipeline.register_modules(labels=labels)
    pipeline.save_pretrained(tmp_path / "tiny")
    return tmp_path / "tiny"


def test_the_command_says_it_and_makes_the_picture(unknowing: Path, sound: Path, tmp_path: Path) -> None:
    from typer.testing import CliRunner

    output = tmp_path / "made.png"
    result = CliRunner().invoke(app, ["generate", str(sound), "-o", str(output), "-m", str(unknowing), "--steps", "2", "--seed", "0"])
    assert result.exit_code == 0 and output.is_file() and f"{sound.name} {SAID}" in result.output


def test_the_page_says_it(unknowing: Path, sound: Path, tmp_path: Path) -> None:
    told: list[tasks.Heard] = []
    tasks.Listen(str(unknowing), str(sound), tmp_path)(told.append)  # pyright: ignore[reportArgumentType]
    assert told[0].said.startswith("Sounds like none of what tiny knows; nearest: ") and len(told[0].names) == 3
