"""Clips on disk: every format with its record and its spectrogram, and the clip again from them."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image
from tunes import tune

from sonicdiff.audio import image as spectrogram_image
from sonicdiff.audio import waveform
from sonicdiff.pipelines import replay
from sonicdiff.pipelines.replay import ReplayError
from sonicdiff.pipelines.riffusion.clip import joined
from sonicdiff.pipelines.riffusion.components import Sampling
from sonicdiff.pipelines.riffusion.jam import Asked, Jam, made_for
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False}
RATE = 8000


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tune(2.0, RATE, 0.5).save(tmp_path_factory.mktemp("sounds") / "tune.wav")


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_format_keeps_the_record(tiny_music: MusicPipeline, tmp_path: Path, ending: str) -> None:
    clip = tiny_music.music("a (café:1.2), 'quoted' \"so\"", seed=3, **FAST)[0]
    path = clip.save(tmp_path / f"clip{ending}")
    made = replay.read(path)
    assert made == replay.read(path.with_suffix(".png"))
    assert (made["task"], made["model"], made["seed"]) == ("music", "tiny-music", 3)
    assert made["settings"]["prompt"] == "a (café:1.2), 'quoted' \"so\""
    assert waveform.load(path).samples.shape[1] == pytest.approx(clip.samples.shape[1], abs=2400 if ending == ".mp3" else 0)
    again = replay.replay(path, pipeline=tiny_music, show_progress=False)
    assert np.array_equal(again.samples, clip.samples) and again.bpm == clip.bpm
    if ending in (".wav", ".flac"):
        assert again.save(tmp_path / f"again{ending}").read_bytes() == path.read_bytes()


def chunks_of(data: bytes) -> dict[bytes, bytes]:
    """The chunks of a wav file, by name."""
    found, at = {}, 12
    while at < len(data):
        name, size = struct.unpack_from("<4sI", data, at)
        found[name] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    assert at == len(data) == struct.unpack_from("<I", data, 4)[0] + 8
    return found


@pytest.mark.parametrize("ending", [".wav", ".flac", ".ogg", ".mp3"])
def test_players_and_samplers_are_told(tiny_music: MusicPipeline, tmp_path: Path, ending: str) -> None:
    clip = tiny_music.music("jazz piano", seed=3, bpm=100, **FAST)[0]
    path = clip.save(tmp_path / f"clip{ending}")
    with soundfile.SoundFile(path) as file:
        assert (file.title, file.genre.lower()) == ("jazz piano", "jazz")
        assert ending == ".mp3" or file.frames == clip.samples.shape[1]
    if ending == ".wav":
        chunks = chunks_of(path.read_bytes())
        assert struct.unpack_from("<II", chunks[b"smpl"], 44) == (0, clip.samples.shape[1] - 1)
        assert struct.unpack_from("<I", chunks[b"acid"], 12)[0] == 4 and struct.unpack_from("<f", chunks[b"acid"], 20)[0] == 100


def test_the_picture_is_the_sound(tiny_music: MusicPipeline, tmp_path: Path) -> None:
    clip = tiny_music.music("jazz, 97 bpm", seed=3, **FAST)[0]
    path = clip.save(tmp_path / "clip.wav")
    mel, params = spectrogram_image.from_image(Image.open(path.with_suffix(".png")))
    assert mel.shape == (1, 64, round(clip.samples.shape[1] / params.hop_length))
    assert params.hop_length == round(60 / 97 * RATE / 32)
    assert not (clip.save(tmp_path / "bare.wav", picture=False).with_suffix(".png")).exists()


def test_what_it_was_made_from(tiny_music: MusicPipeline, sound: Path, tmp_path: Path) -> None:
    """By name and hash; where it lies only if told, and then it is found again."""
    mask = tmp_path / "mask.png"
    Image.fromarray(np.tile(np.array([0, 255], np.uint8), (64, 64))).save(mask)
    clip = tiny_music.music("x", seed=1, seed_image=sound, seed_bpm=120, mask=mask, **FAST)[0]
    made = replay.read(clip.save(tmp_path / "a.wav"))
    assert made["sounds"][0]["name"] == "tune.wav" and made["photo"]["name"] == "mask.png"
    assert str(sound.parent) not in json.dumps(made)
    with pytest.raises(ReplayError, match=r"tune\.wav"):
        replay.replay(tmp_path / "a.wav", pipeline=tiny_music)
    given = replay.replay(tmp_path / "a.wav", sound, mask, tiny_music, show_progress=False)
    found = replay.replay(clip.save(tmp_path / "b.wav", with_paths=True), pipeline=tiny_music, show_progress=False)
    assert np.array_equal(given.samples, clip.samples) and np.array_equal(found.samples, clip.samples)


def test_a_named_loop_is_its_name(tiny_music: MusicPipeline, tmp_path: Path) -> None:
    clip = tiny_music.music("x", seed=1, seed_image="dusty beat", **FAST)[0]
    path = clip.save(tmp_path / "a.flac")
    assert replay.read(path)["settings"]["seed_image"] == "dusty beat" and replay.read(path)["sounds"] == []
    assert np.array_equal(replay.replay(path, pipeline=tiny_music, show_progress=False).samples, clip.samples)


def test_riffs_edits_and_walks_again(tiny_music: MusicPipeline, sound: Path, tmp_path: Path) -> None:
    clips = [
        tiny_music.riff(sound, "x", seed=5, sound_start=0.5, **FAST),
        tiny_music.edit(sound, "x", audio_bpm=120, **FAST),
        tiny_music.interpolate("a", "b", 3, seed_a=1, **FAST)[1],
        tiny_music.interpolate("a", "b", 2, seed_a=1, seed_image=sound, **FAST)[0],
    ]
    for number, clip in enumerate(clips):
        path = clip.save(tmp_path / f"{number}.wav", with_paths=True)
        assert np.array_equal(replay.replay(path, pipeline=tiny_music, show_progress=False).samples, clip.samples), number


def test_a_jam_again(tiny_music: MusicPipeline, tmp_path: Path) -> None:
    asked = Asked("jazz, 100 bpm", "drums", 0.8, 7)
    clip = made_for(Jam(tiny_music, asked, bars=1, walk=1, how=Sampling(2, 3.0)), 6.0, ["jazz, 100 bpm", "rock"], 2)
    path = clip.save(tmp_path / "jam.flac")
    again = replay.replay(path, pipeline=tiny_music, show_progress=False)
    assert np.array_equal(again.samples, clip.samples) and again.save(tmp_path / "again.flac").read_bytes() == path.read_bytes()


def test_another_sound_is_refused(tiny_music: MusicPipeline, sound: Path, tmp_path: Path) -> None:
    path = tiny_music.riff(sound, "x", seed=5, audio_bpm=120, **FAST).save(tmp_path / "a.wav")
    other = tune(2.0, RATE, 0.25).save(tmp_path / "other.wav")
    with pytest.raises(ReplayError, match="contents differ"):
        replay.replay(path, other, pipeline=tiny_music)
    with pytest.raises(ReplayError, match="no record"):
        replay.read(other)
    (tmp_path / "broken.mp3").write_bytes(b"no sound at all")
    with pytest.raises(ReplayError, match="no record"):
        replay.read(tmp_path / "broken.mp3")


def test_clips_in_a_row(tiny_music: MusicPipeline) -> None:
    clips = tiny_music.music("x", seed=1, num_clips=2, **FAST)
    assert joined(clips).samples.shape == (1, 32_000)
