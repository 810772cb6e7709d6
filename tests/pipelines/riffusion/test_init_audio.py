"""What music starts from: Riffusion's pictures without settings, pictures of every file format, sounds shorter than a beat."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tunes import tune

from sonicdiff.audio.image import to_image
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.riffusion import init_audio
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False, "seed": 1}
RATE = 8000


@pytest.fixture(scope="module")
def bare() -> Image.Image:
    """A picture as Riffusion's seeds are: 512 x 512, eight beats of 64 columns, nothing written in it."""
    params = SpectrogramParams()
    mel = mel_spectrogram(tune(5.12, beat=0.64), params, circular=True)
    return Image.fromarray(np.asarray(to_image(mel, params)))


def test_riffusions_seed_pictures_play_at_their_tempo(tiny_music: MusicPipeline, bare: Image.Image) -> None:
    seed = init_audio.read(bare)
    assert seed.sound.seconds == 5.12 and (seed.bpm, seed.first_beat) == (93.75, 0.0)
    # Its onsets, on a grid of another tempo, are 32 columns apart.
    mel = seed.mel(tiny_music.grid(120, bars=2), False, True)[0]
    rise = mel.diff(dim=1, append=mel[:, :1]).clamp(min=0).sum(0).numpy()
    strength = [float(np.correlate(rise, np.roll(rise, lag))[0]) for lag in range(8, 60)]
    assert 8 + int(np.argmax(strength)) == 32


def test_a_picture_without_settings_may_be_the_models(tiny_music: MusicPipeline, bare: Image.Image) -> None:
    low = bare.resize((256, 64))
    riffusions, models = (tiny_music.music("jazz", seed_image=low, seed_picture=how, **FAST)[0].bpm for how in ("riffusion", "model"))
    assert riffusions != models
    with pytest.raises(ValueError, match="riffusion, model"):
        tiny_music.music("jazz", seed_image=low, seed_picture="mine", **FAST)


def test_pictures_are_known_by_their_bytes(bare: Image.Image, tmp_path: Path) -> None:
    for kind, name in (("JPEG", "a.jpg"), ("WEBP", "a.webp"), ("PNG", "no-ending")):
        bare.crop((0, 0, 32, 512)).resize((32, 64)).save(tmp_path / name, kind)
        data = (tmp_path / name).read_bytes()
        sources: list[Any] = [tmp_path / name, str(tmp_path / name), data, BytesIO(data)]
        for source in sources:
            assert init_audio.read(source, 93.75).sound.seconds == 0.32
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(40))
    with pytest.raises(ValueError, match="picture"):
        init_audio.read(tmp_path / "cut.png")


def kick(seconds: float) -> Waveform:
    time = np.arange(round(seconds * RATE)) / RATE
    return Waveform((0.8 * np.sin(2 * np.pi * 60 * time) * np.exp(-15 * time))[None].astype(np.float32), RATE)


@pytest.mark.parametrize("seconds", [0.1, 0.3, 0.45])
def test_a_sound_shorter_than_a_beat_comes_on_every_beat(tiny_music: MusicPipeline, seconds: float) -> None:
    clip = tiny_music.music("techno", seed_image=kick(seconds), seed_bpm=120, **FAST)[0]
    assert (clip.seconds, clip.bpm) == (2.0, 120.0)
    filled = init_audio.repeated(kick(seconds).samples, 4000, 16_000)
    assert np.array_equal(filled.reshape(4, 4000)[0], filled.reshape(4, 4000)[3]) and not filled[0, round(seconds * RATE) : 4000].any()
    assert tiny_music.music("techno", seed_image=kick(seconds), **FAST)[0].seconds > 1
    assert tiny_music.riff(kick(seconds), "techno", **FAST).seconds == pytest.approx(seconds, abs=1e-3)


def test_whole_beats_come_again() -> None:
    samples = np.arange(10.0, dtype=np.float32)[None]
    assert init_audio.repeated(samples, 4, 12)[0].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]
    assert init_audio.repeated(samples, 10.1, 12)[0].tolist() == [*range(10), 0, 1]  # but for rounding, a beat
