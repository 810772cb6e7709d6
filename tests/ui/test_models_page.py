"""The page of the models: what it lists, and fetching from a hub on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import Hub, serving

from sonicdiff.hub.registry import CHECKPOINTS
from sonicdiff.ui.choosing import Menus, at_hand
from sonicdiff.ui.compute import perform
from sonicdiff.ui.models_page import Measure, fetching, listed


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, tiny_music_directory: Path) -> Iterator[Hub]:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for name in ("HF_HUB_CACHE", "SONICDIFF_CACHE", "HF_HUB_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    source = CHECKPOINTS["riffusion"].source[0]
    assert not isinstance(source, str)
    with serving({f"models/{source.repo_id}": tiny_music_directory}) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield hub


def test_a_model_is_fetched_and_then_here(hub: Hub) -> None:
    assert "riffusion" not in at_hand(music=True) and "**riffusion**" in listed() and "**to be fetched**" in listed()
    said = list(fetching("riffusion"))
    assert said[0].startswith("Fetching riffusion") and said[-1] == "riffusion is here.", said
    assert "riffusion" in Menus(True, "mini-music").names()
    assert "riffusion" in at_hand(music=True) and "landscape" not in at_hand(music=False)


def test_what_cannot_be_fetched_is_said(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    last = list(fetching("landscape"))[-1]
    assert "It could not be fetched: " in last and "cannot be reached" in last and "\n" not in last


def test_a_photo_that_was_edited_before_is_measured_again(
    tiny_directory: Path, tiny_music_directory: Path, photo: Path, sound: Path
) -> None:
    task = Measure(str(tiny_directory), str(tiny_music_directory), str(photo), str(sound), jam=False)
    for _ in range(2):
        told = dict(each for each in perform(task) if isinstance(each, tuple))
        assert told["An edit, 50 steps"] > told["Another sound on the same photo"] > 0
