"""The app's pages through the app itself: what a click gives, and what a bad input says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from sonicdiff.pipelines import provenance
from sonicdiff.pipelines.sonic_diffusion import SonicDiffusionPipeline
from sonicdiff.ui import demo as app


@pytest.fixture
def pages(tiny: SonicDiffusionPipeline, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setattr(app, "load_pictures", lambda model: tiny)
    demo = app.create_demo("tiny")
    return {str(block.api_name): block.fn for block in demo.fns.values()}


def test_a_click_gives_a_picture_with_its_record(pages: dict[str, Any], photo: Path, sound: Path) -> None:
    path, heard = pages["edit"](str(photo), str(sound), "", 3.0, 2)
    with Image.open(path) as image:
        assert image.size == (96, 64)
    record = provenance.read(Path(path))
    assert record["settings"]["audio_guidance_scale"] == 3.0 and str(sound) not in Path(path).read_bytes().decode("latin1")
    assert heard is None or sum(heard.values()) <= 1.001
    again, _ = pages["generate"](str(sound), "rain", 3.0, 2, 7)
    assert provenance.read(Path(again))["seed"] == 7


def test_bad_inputs_are_answered_in_a_sentence(pages: dict[str, Any], photo: Path, tmp_path: Path) -> None:
    with pytest.raises(gr.Error, match="Give a photo, and a sound"):
        pages["edit"](str(photo), None, "", 3.0, 2)
    with pytest.raises(gr.Error, match="Give a sound"):
        pages["generate"](None, "", 3.0, 2, -1)
    (tmp_path / "notes.wav").write_text("not a sound")
    with pytest.raises(gr.Error, match=r"notes\.wav"):
        pages["edit"](str(photo), str(tmp_path / "notes.wav"), "", 3.0, 2)
