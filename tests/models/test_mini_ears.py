"""The ears that ship with `mini`: recordings of examples/ heard as they are said to be, and a sound that it does not know."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sonicdiff.evaluation.recordings import said_classes
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.synthetic.classes import CLASSES

EXAMPLES = Path(__file__).parents[2] / "examples"
RIGHT = 14  # of 21, as its card says


def test_recordings_are_heard_rightly_as_often_as_the_card_says() -> None:
    said, pipeline = said_classes(EXAMPLES / "SOURCES.md"), load_pictures("mini", "cpu")
    files = [file for file in EXAMPLES.rglob("*") if file.name in said]
    right = [pipeline.heard(file, top=1).nearest == said[file.name] for file in files]
    assert len(right) == 21 and sum(right) >= RIGHT


def test_it_has_a_name_for_every_class_and_a_sense_for_none_of_them() -> None:
    pipeline = load_pictures("mini", "cpu")
    assert pipeline.labels is not None and set(pipeline.labels.config["names"]) == {"calm", *CLASSES}
    t = np.arange(3 * 48_000) / 48_000
    beeps = (0.3 * np.sin(2 * np.pi * 880 * t) * (t % 0.5 < 0.2)).astype(np.float32)
    assert not pipeline.heard((beeps, 48_000)).is_known
    fire = pipeline.heard(EXAMPLES / "sounds" / "campfire.ogg")
    assert fire.none_of_these is not None and fire.is_known and fire.nearest == "fire crackling"
