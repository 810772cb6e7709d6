"""The record in an image, and the image again from its record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, PngImagePlugin
from tiny import make_pipeline

from sonicdiff.pipelines import replay
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.replay import ReplayError
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False}


def test_record(tiny: SonicDiffusionPipeline, tiny_directory: Path, sound: Path, photo: Path, tmp_path: Path) -> None:
    image = tiny.edit(photo, [(sound, 0.5)], "rain", beta={"mid_block*": 0.5}, **FAST)
    made = replay.read(replay.save(image, tmp_path / "out.png"))
    assert set(made) == record.FIELDS
    assert (made["task"], made["model"], made["revision"]) == ("edit", "tiny", record.revision(tiny_directory))
    assert made["settings"]["prompt"] == "rain" and made["settings"]["beta"] == {"mid_block*": 0.5}
    assert made["sounds"] == [{"name": "hiss.wav", "sha256": made["sounds"][0]["sha256"], "weight": 0.5}]
    assert made["photo"]["name"] == "coast.png" and len(made["photo"]["sha256"]) == 64
    assert str(photo.parent) not in json.dumps(made) and str(sound.parent) not in json.dumps(made)


def test_paths_only_if_told(tiny: SonicDiffusionPipeline, sound: Path, photo: Path, tmp_path: Path) -> None:
    image = tiny.edit(photo, sound, **FAST)
    made = replay.read(replay.save(image, tmp_path / "out.png", with_paths=True))
    assert (tmp_path / made["files"]["photo"]).resolve() == photo.resolve()
    assert (tmp_path / made["files"]["sounds"][0]).resolve() == sound.resolve()


@pytest.mark.parametrize("with_paths", [False, True])
def test_edit_again_is_the_same_bytes(tiny: SonicDiffusionPipeline, sound: Path, photo: Path, tmp_path: Path, with_paths: bool) -> None:
    image = tiny.edit(photo, sound, "rain", **FAST, variation=0.4 * with_paths, seed=7)
    path = replay.save(image, tmp_path / "out.png", with_paths)
    assert replay.read(path)["seed"] == (7 if with_paths else None)
    files = {} if with_paths else {"sound": sound, "image": photo}
    again = replay.replay(path, **files, pipeline=tiny, show_progress=False)
    assert replay.save(again, tmp_path / "again.png").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("ending", [".jpg", ".webp"])
def test_other_formats_keep_the_record_too(tiny: SonicDiffusionPipeline, sound: Path, tmp_path: Path, ending: str) -> None:
    image = tiny.generate(sound, "a harbour é", seed=5, **FAST)[0]
    path, whole = (replay.save(image, tmp_path / f"out{end}", with_paths=True) for end in (ending, ".png"))
    assert replay.read(path) == replay.read(whole)
    again = replay.replay(path, pipeline=tiny, show_progress=False)
    assert replay.save(again, tmp_path / f"again{ending}", with_paths=False)
    with Image.open(path) as saved, Image.open(tmp_path / f"again{ending}") as made:
        assert saved.format in ("JPEG", "WEBP") and saved.tobytes() == made.tobytes()
    with Image.open(path) as saved:
        saved.save(tmp_path / f"stripped{ending}")
    with pytest.raises(replay.ReplayError, match="no record"):
        replay.read(tmp_path / f"stripped{ending}")


def test_generate_again_is_the_same_bytes(
    tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path, photo: Path, tmp_path: Path
) -> None:
    mixture: Any = [(sound, 1.0), (other_sound, 0.25)]
    batch = tiny.generate(mixture, "a harbour é", num_images_per_prompt=2, seed=5, image=photo, **FAST)
    path = replay.save(batch[1], tmp_path / "out.png")
    assert replay.read(path)["seed"] == 6
    again = replay.replay(path, [sound, other_sound], photo, tiny, show_progress=False)
    assert replay.save(again, tmp_path / "again.png").read_bytes() == path.read_bytes()


def test_interpolation_frame_again(tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path, tmp_path: Path) -> None:
    frame = tiny.interpolate(sound, other_sound, 3, **FAST)[1]
    path = replay.save(frame, tmp_path / "frame.png")
    again = replay.replay(path, [sound, other_sound], pipeline=tiny, show_progress=False)
    assert np.array_equal(np.asarray(again), np.asarray(frame))


def test_finds_files_beside_the_image_and_the_model_by_name(
    tiny: SonicDiffusionPipeline, tiny_directory: Path, sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = replay.save(tiny.generate(sound, seed=1, **FAST)[0], tmp_path / "out.png")
    shutil.copy(sound, tmp_path)
    monkeypatch.setattr(replay.loading, "load", lambda name: tiny if name == "tiny" else None)
    again = replay.replay(path, show_progress=False)
    assert replay.save(again, tmp_path / "again.png").read_bytes() == path.read_bytes()


def test_what_cannot_be_replayed_says_why(
    tiny: SonicDiffusionPipeline, sound: Path, other_sound: Path, photo: Path, tmp_path: Path
) -> None:
    path = replay.save(tiny.generate(sound, seed=1, **FAST)[0], tmp_path / "out.png")
    with pytest.raises(ReplayError, match=r"hiss\.wav, which .* say where it is"):
        replay.replay(path, pipeline=tiny)
    with pytest.raises(ReplayError, match=r"hum\.wav is not what it was made from"):
        replay.replay(path, other_sound, pipeline=tiny)
    with pytest.raises(ReplayError, match="1 sounds and no photo"):
        replay.replay(path, sound, photo, tiny)
    for generator, audio in ((torch.Generator(), {}), (None, {"audio_embeds": tiny.embed_audio(sound)})):
        (image,) = tiny.generate(prompt="rain", generator=generator, **audio, **FAST)
        with pytest.raises(ReplayError, match="cannot be made again"):
            replay.replay(replay.save(image, path), pipeline=tiny)
    with pytest.raises(ReplayError, match="holds no record"):
        replay.read(photo)
    with pytest.raises(ReplayError, match="holds no record"):
        replay.read(sound)


def test_other_weights_are_refused_and_other_versions_are_said(tiny: SonicDiffusionPipeline, sound: Path, tmp_path: Path) -> None:
    (image,) = tiny.generate(sound, seed=1, **FAST)
    made = json.loads(image.info[record.KEY])
    image.info[record.KEY] = json.dumps({**made, "revision": "0" * 64})
    with pytest.raises(ReplayError, match="revision 000"):
        replay.replay(replay.save(image, tmp_path / "other.png"), sound, pipeline=tiny)
    image.info[record.KEY] = json.dumps({**made, "machine": {**made["machine"], "torch": "1.0"}})
    with pytest.warns(UserWarning, match=r"torch 1\.0 -> "):
        replay.replay(replay.save(image, tmp_path / "old.png"), sound, pipeline=tiny, show_progress=False)


def test_model_that_was_never_saved(tiny_directory: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny_directory)
    origin = record.origin(make_pipeline(tmp_path))
    assert origin == {"model": None, "revision": None}
    with pytest.raises(ReplayError, match="never saved"):
        replay.named(origin)


def test_damaged_record(tmp_path: Path) -> None:
    for text in ("{", "[]", '{"task": "edit"}'):
        info = PngImagePlugin.PngInfo()
        info.add_itxt(record.KEY, text)
        Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
        with pytest.raises(ReplayError, match=r"a\.png holds"):
            replay.read(tmp_path / "a.png")


def test_save_refuses_what_would_lose_the_record(tiny: SonicDiffusionPipeline, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no record"):
        replay.save(Image.new("RGB", (8, 8)), tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"ends in \.png"):
        replay.save(tiny.generate(prompt="rain", **FAST)[0], tmp_path / "a.gif")
