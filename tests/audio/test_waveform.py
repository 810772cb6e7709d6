"""Sounds from files of every kind that holds one: what is loaded, saved, cut and mixed down."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from clips import RATE, encoded, likeness, muxed, tone

from sonicdiff.audio.waveform import AudioError, Waveform, load


@pytest.mark.parametrize(
    ("name", "bits", "tolerance"),
    [
        ("a.wav", 16, 1e-4),
        ("a.wav", 24, 1e-6),
        ("a.wav", 32, 0),
        ("a.flac", 16, 1e-4),
        ("a.flac", 24, 1e-6),
        ("a.ogg", 16, None),
        ("a.mp3", 16, None),
    ],
)
def test_what_is_saved_is_loaded(tmp_path: Path, name: str, bits: int, tolerance: float | None) -> None:
    sound = Waveform(tone(1.0, channels=2), RATE)
    again = load(sound.save(tmp_path / name, bits))
    assert again.sample_rate == RATE
    assert again.samples.shape[0] == 2
    if tolerance is None:
        assert abs(again.seconds - 1.0) < 0.15
        assert np.abs(again.samples).max() == pytest.approx(0.5, abs=0.1)
    else:
        np.testing.assert_allclose(again.samples, sound.samples, atol=tolerance)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_minute_of_ogg_is_written(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 0.05, (1, 60 * 48_000)).astype(np.float32)
    assert load(Waveform(noise, 48_000).save(tmp_path / "a.ogg")).seconds == pytest.approx(60, abs=0.1)


@pytest.mark.parametrize(("name", "bits"), [("a.xyz", 16), ("a", 16), ("a.flac", 32), ("a.wav", 12)])
def test_saving_refuses_what_it_cannot_write(tmp_path: Path, name: str, bits: int) -> None:
    with pytest.raises(AudioError, match="expected"):
        Waveform(tone(), RATE).save(tmp_path / name, bits)
    assert not list(tmp_path.iterdir())


def test_mp3_of_an_odd_rate_is_refused_with_the_way_out(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="resampled"):
        Waveform(tone(rate=5000), 5000).save(tmp_path / "a.mp3")


@pytest.mark.parametrize("rate", [1000, 8000, 11025, 44100, 96000, 192_000])
@pytest.mark.parametrize("channels", [1, 2, 6, 8])
def test_rates_and_channels(rate: int, channels: int) -> None:
    sound = load(encoded(tone(0.25, rate, channels, hertz=100), rate))
    assert sound.sample_rate == rate
    assert sound.samples.shape == (channels, round(0.25 * rate))
    heard = sound.mono().resampled(48_000)
    assert abs(heard.samples.shape[1] - 12_000) <= 3
    expected = tone(0.25, 48_000, hertz=100)[0]
    assert likeness(heard.samples[0], expected) > 0.98


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "PCM_32", "ALAW", "ULAW", "IMA_ADPCM", "FLOAT", "DOUBLE"])
def test_sample_formats_of_wav(subtype: str) -> None:
    sound = load(encoded(tone(), subtype=subtype))
    assert likeness(sound.samples[0], tone()[0]) > 0.97


@pytest.mark.parametrize(
    ("kind", "subtype"), [("OGG", "VORBIS"), ("OGG", "OPUS"), ("MP3", "MPEG_LAYER_III"), ("FLAC", "PCM_16"), ("AIFF", "PCM_16")]
)
def test_formats_are_told_by_content_not_by_name(tmp_path: Path, kind: str, subtype: str) -> None:
    for name in ("sound.wav", "sound.mp3", "sound.raw", "sound.png", "sound"):
        path = tmp_path / name
        path.write_bytes(encoded(tone(), kind=kind, subtype=subtype))
        assert load(path).seconds == pytest.approx(1.0, abs=0.15)


@pytest.mark.parametrize(
    ("kind", "codec", "video"), [("mp4", "aac", False), ("webm", "libopus", False), ("mp4", "aac", True), ("adts", "aac", False)]
)
def test_m4a_webm_and_the_sound_of_a_video(kind: str, codec: str, video: bool) -> None:
    wave = tone(1.0, 48_000, 2)
    sound = load(muxed(kind, codec, wave, video=video))
    assert sound.sample_rate == 48_000
    assert sound.samples.shape[0] == 2
    assert sound.seconds == pytest.approx(1.0, abs=0.06)
    loudness = np.sqrt(np.mean(np.square(sound.samples), axis=1))
    np.testing.assert_allclose(loudness, [0.354, 0.177], atol=0.03)


@pytest.mark.parametrize(("kind", "codec"), [("mp4", "aac"), ("webm", "libopus"), (None, "FLAC")])
def test_start_and_length_find_the_right_stretch(kind: str | None, codec: str) -> None:
    t = np.arange(6 * 48_000) / 48_000
    sweep = (0.5 * np.sin(2 * np.pi * (200 * t + 150 * t**2)))[None].astype(np.float32)  # 200 Hz + 300 Hz a second
    data = muxed(kind, codec, sweep) if kind else encoded(sweep, 48_000, codec)
    part = load(data, start=3.0, length=1.5)
    assert part.samples.shape == (1, 72_000)
    crossings = np.count_nonzero(np.diff(np.signbit(part.samples[0, :4800])))
    assert crossings / 2 / 0.1 == pytest.approx(200 + 300 * 3.05, rel=0.03)


def test_bytes_paths_files_waveforms_and_arrays_are_one_sound(tmp_path: Path) -> None:
    data = encoded(tone(channels=2), kind="FLAC")
    path = tmp_path / "a.flac"
    path.write_bytes(data)
    first = load(path)
    with path.open("rb") as file:
        file.read(100)
        sounds = [load(str(path)), load(data), load(file), load(io.BytesIO(data)), load(first), load((first.samples, RATE))]
        assert not file.closed
    sounds.append(load((first.samples.T, RATE)))
    assert {sound.sha256() for sound in sounds} == {first.sha256()}
    assert load((np.round(first.samples * 32768).astype(np.int16), RATE)).sha256() == first.sha256()
    assert load(data, length=0.5).sha256() != first.sha256()


@pytest.mark.parametrize("kind", ["int16", "int32", "uint8", "float64"])
def test_arrays_of_numbers(kind: str) -> None:
    wave = tone()[0]
    limits = np.iinfo(kind) if kind != "float64" else None
    middle, scale = (0, 1.0) if limits is None else ((128, 127.0) if kind == "uint8" else (0, float(limits.max)))
    sound = load(((wave * scale + middle).astype(kind), RATE))
    np.testing.assert_allclose(sound.samples[0], wave, atol=0.02)


def test_a_sound_past_full_scale_keeps_its_shape() -> None:
    for scale in (3.0, 30_000.0, 1e300):
        sound = load((tone()[0].astype(np.float64) * 2 * scale, RATE))
        np.testing.assert_allclose(sound.samples, tone() * 2, atol=1e-4)
    assert np.abs(load(encoded(tone() * 8, subtype="FLOAT")).samples).max() == pytest.approx(1.0)


def test_without_length_a_minute_is_heard() -> None:
    assert load((tone(70, 8000), 8000)).seconds == 60
    assert load((tone(70, 8000), 8000), start=65).seconds == 5
    assert load((tone(70, 8000), 8000), length=70).seconds == 70


def test_of_three_hours_little_is_read(tmp_path: Path) -> None:
    path = tmp_path / "long.flac"
    with soundfile.SoundFile(path, "w", 8000, 1, format="FLAC") as file:
        minute = np.zeros(60 * 8000, np.int16)
        for _ in range(179):
            file.write(minute)
        file.write((tone(60, 8000)[0] * 32767).astype(np.int16))
    assert soundfile.info(path).duration == 3 * 3600
    tracemalloc.start()
    sound = load(path, start=3 * 3600 - 70, length=40)
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
    assert sound.seconds == 40
    assert np.abs(sound.samples[0, : 9 * 8000]).max() == 0 < np.abs(sound.samples[0, 11 * 8000 :]).max()


def test_a_file_cut_short_is_heard_as_far_as_it_goes() -> None:
    for data in (encoded(tone(2.0)), encoded(tone(2.0), kind="FLAC"), muxed("webm", "libopus", tone(2.0, 48_000))):
        assert 0.1 < load(data[: len(data) * 2 // 3]).seconds < 2.0


def test_clip_and_mono_are_exact() -> None:
    sound = Waveform(tone(2.0, channels=2), RATE)
    np.testing.assert_array_equal(sound.clip(0.5, 1.0).samples, sound.samples[:, 8000:24000])
    np.testing.assert_array_equal(sound.clip(1.5).samples, sound.samples[:, 24000:])
    np.testing.assert_allclose(sound.mono().samples[0], sound.samples.mean(axis=0), atol=1e-7)
    assert sound.resampled(RATE) is sound


@pytest.mark.parametrize("channels", range(3, 9))
def test_more_channels_are_mixed_down_by_the_standard(channels: int) -> None:
    """Speech in the centre of a film is heard on both sides, thunder behind on its own, and a constant keeps its level."""
    one = Waveform(np.ones((channels, 100), np.float32), RATE)
    np.testing.assert_allclose(one.stereo().samples, 1, atol=1e-6)
    np.testing.assert_allclose(one.mono().samples, 1, atol=1e-6)
    if channels != 4:
        centre = np.zeros((channels, 100), np.float32)
        centre[2] = 1
        left, right = Waveform(centre, RATE).stereo().samples[:, 0]
        assert left == right > 0.2
    if channels == 6:
        mixed = Waveform(np.eye(6, dtype=np.float32), RATE).stereo().samples
        np.testing.assert_allclose(mixed[0] / mixed[0, 0], [1, 0, 0.5**0.5, 0, 0.5**0.5, 0], atol=1e-6)
        np.testing.assert_allclose(mixed[1] / mixed[1, 1], [0, 1, 0.5**0.5, 0, 0, 0.5**0.5], atol=1e-6)
