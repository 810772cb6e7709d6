"""Settings into a file, and back from it or from anything that was saved."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sonicdiff.pipelines import replay
from sonicdiff.pipelines.riffusion.jam import Asked, Jam, made_for
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.ui import controls, jamming, tasks
from sonicdiff.ui.compute import perform
from sonicdiff.ui.session import Sessions
from sonicdiff.ui.settings import export, restore


def written(folder: Path, text: str, name: str = "settings.json") -> str:
    (folder / name).write_text(text)
    return str(folder / name)


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    values = [getattr(control, "default", "") for control in controls.EDIT]
    changed = {"beta": 1.4, "prompt": "a häfen", "seed": "12", "count": 3}
    values = [changed.get(control.name, value) for control, value in zip(controls.EDIT, values, strict=True)]
    found, _ = restore("edit", controls.EDIT, written(tmp_path, export("edit", controls.EDIT, values)))
    assert found == {control.name: value for control, value in zip(controls.EDIT, values, strict=True)}


def test_a_picture_says_how_it_was_made(tiny: SonicDiffusionPipeline, photo: Path, sound: Path, tmp_path: Path) -> None:
    chosen = {"num_inference_steps": 5, "structure": 0.7, "variation": 0.4, "beta": {"*": 0.5, "mid_block*": 1.0}, "prompt": "rain"}
    image = tiny.edit(photo, sound, seed=9, show_progress=False, **chosen)
    found, note = restore("edit", controls.EDIT, str(replay.save(image, tmp_path / "a.png")))
    assert {name: found[name] for name in ("num_inference_steps", "structure", "variation", "beta", "layers", "prompt", "seed")} == {
        **chosen, "beta": 0.5, "layers": "mid_block*=2", "seed": "9",
    }  # fmt: skip
    assert found["count"] == 1 and "hiss.wav" in note and "coast.png" in note
    with pytest.raises(ValueError, match="page 'edit'; expected some of 'music'"):
        restore("music", controls.MUSIC, str(tmp_path / "a.png"))


def test_a_clip_says_how_it_was_made(tiny_music: MusicPipeline, sound: Path, tmp_path: Path) -> None:
    quick: dict[str, Any] = {"num_inference_steps": 5, "show_progress": False}
    (clip,) = tiny_music.music("jazz, 120 bpm", bars=1, seed_image="slow tide", strength="vary", seed=3, **quick)
    found, _ = restore("music", controls.MUSIC, str(clip.save(tmp_path / "a.flac")))
    expected = {"way": "music", "prompt": "jazz, 120 bpm", "bars": "1", "seed_image": "slow tide", "strength": 0.55, "seed": "3"}
    assert {name: found[name] for name in expected} == expected
    clip = tiny_music.riff(sound, "rock", strength=0.5, audio_bpm=120, seed=4, **quick)
    found, note = restore("music", controls.MUSIC, str(clip.save(tmp_path / "b.wav")))
    assert (found["way"], found["strength"], found["audio_bpm"]) == ("riff", 0.5, "120") and "hiss.wav" in note
    jam = made_for(Jam(tiny_music, Asked("funk, 100 bpm", "", 0.8, 5), bars=1), 1.0)
    found, _ = restore("jam", controls.JAM, str(jam.save(tmp_path / "c.flac")))
    assert {name: found[name] for name in ("prompt", "strength", "seed", "bars")} == {
        "prompt": "funk, 100 bpm", "strength": 0.8, "seed": "5", "bars": 1,
    }  # fmt: skip


def page(settings: Any) -> str:
    return json.dumps({"page": "edit", "settings": settings})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is no settings file"),
        ("[" * 100_000, "has 100000 bytes"),
        ("[" * 30_000, "is no settings file"),
        ('{"page": "edit"}', "is no settings file"),
        (page([1]), "its settings are no object"),
        (page({"beta": float("nan")}), "Sound strength is"),
        (page({"beta": 99}), "expected a number from 0 to 2"),
        (page({"beta": "1"}), "expected a number from 0 to 2"),
        (page({"photo": "/etc/passwd", "__class__": 1}), "none of the settings of this page"),
        (page({"prompt": "x" * 3000}), "expected at most 2000"),
    ],
)
def test_what_is_no_settings_is_told_in_a_sentence(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        restore("edit", controls.EDIT, written(tmp_path, text))


def test_other_files_are_refused(tmp_path: Path, photo: Path, sound: Path) -> None:
    for file, said in (
        (photo, "holds no record"),
        (sound, "holds no record"),
        (Path(written(tmp_path, "x", "a.exe")), "holds no settings"),
    ):
        with pytest.raises(ValueError, match=said):
            restore("edit", controls.EDIT, str(file))


DRAWN = ("seed", "count", "frames", "weight_2")  # a strip weighs its sounds by itself


def every_task(model: str, music: str, photo: Path, sound: Path, folder: Path) -> list[tuple[str, Any, Any]]:
    """Every kind of result of every page, as the page asks for it by default."""

    def chosen(table: Any, **given: Any) -> dict[str, Any]:
        short = {"seconds": 2} if table is controls.MUSIC else {}
        return {**{one.name: one.checked(one.widget().value) for one in table}, "num_inference_steps": 5, **short, **given}

    one, two = ((str(sound), 1.0),), ((str(sound), 1.0), (str(sound), 0.25))
    every: list[tuple[str, Any, Any]] = [
        ("edit", controls.EDIT, tasks.Edit(model, one, chosen(controls.EDIT, count=2), folder, photo=str(photo))),
        ("edit", controls.EDIT, tasks.Edit(model, two, chosen(controls.EDIT, weight_2=0.25), folder, photo=str(photo))),
        ("edit", controls.EDIT, tasks.Edit(model, (), chosen(controls.EDIT, reconstruct=True), folder, photo=str(photo))),
        ("generate", controls.GENERATE, tasks.Generate(model, (), chosen(controls.GENERATE), folder)),
        ("generate", controls.GENERATE, tasks.Strip(model, two, chosen(controls.GENERATE), folder, frames=2)),
    ]
    every += [
        ("music", controls.MUSIC, tasks.Music(music, chosen(controls.MUSIC, ending=ending), folder))
        for ending in ("wav", "flac", "ogg", "mp3")
    ]
    for given in ({"way": "riff"}, {"way": "edit"}, {"seed_image": "your sound"}, {"seed_image": controls.SEED_IMAGES[2]}, {"bars": 1}):
        every.append(("music", controls.MUSIC, tasks.Music(music, chosen(controls.MUSIC, **given), folder, sound=str(sound))))
    return every


def test_every_result_of_every_page_is_loaded_back(
    tiny_directory: Path, tiny_music_directory: Path, photo: Path, sound: Path, tmp_path: Path
) -> None:
    for page, table, task in every_task(str(tiny_directory), str(tiny_music_directory), photo, sound, tmp_path):
        made = [told for told in perform(task) if isinstance(told, tasks.Made)]
        assert made
        for file in {file for each in made for file in (each.path, each.picture)}:
            found, note = restore(page, table, file)
            known = {one.name: one for one in table}
            own = (*DRAWN, *(["structure", "detail"] if task.settings.get("reconstruct") else []))  # of what keeps nothing of the photo
            same = {name: known[name].checked(value) for name, value in found.items() if name not in own}
            assert same == {name: task.settings[name] for name in same} and "Left as it was" not in note, file
            assert {"prompt", "num_inference_steps"} <= found.keys()
        if isinstance(task, tasks.Strip):
            assert restore(page, table, made[-1].path)[0]["frames"] == 2


def test_a_jams_recording_and_its_picture_are_loaded_back(tiny_music_directory: Path, tmp_path: Path) -> None:
    settings = {one.name: one.checked(one.widget().value) for one in controls.JAM} | {"seed": 3, "bars": 1, "num_inference_steps": 5}
    jam, visitor = jamming.jam_of(str(tiny_music_directory), settings), Sessions(tmp_path).of(None)
    record = jamming.begin(visitor, jam, settings)
    stretch = jam.next_clip()
    record.add(stretch)
    jamming.with_record(Path(jamming.drawn(stretch, visitor)), tmp_path / "jam.png", record.comment)
    for file in (record.finish(), tmp_path / "jam.png"):
        found, _ = restore("jam", controls.JAM, str(file))
        assert {name: found[name] for name in ("prompt", "seed", "bars", "walk", "num_inference_steps")} == {
            "prompt": settings["prompt"], "seed": "3", "bars": 1, "walk": 2, "num_inference_steps": 5,
        }  # fmt: skip


def test_a_result_from_outside_the_pages_limits_is_loaded_but_for_that(tiny: SonicDiffusionPipeline, photo: Path, tmp_path: Path) -> None:
    image = tiny.edit(photo, prompt="rain", num_inference_steps=2, structure=0.7, show_progress=False)
    found, note = restore("edit", controls.EDIT, str(replay.save(image, tmp_path / "a.png")))
    assert found["structure"] == 0.7 and "num_inference_steps" not in found and "Left as it was: Steps is '2'" in note
