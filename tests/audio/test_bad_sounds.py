"""Files and arguments that hold no sound, or lie about it: an AudioError of one sentence."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from clips import RATE, encoded, muxed, tone
from hypothesis import given, settings
from hypothesis import strategies as st

from sonicdiff.audio.waveform import AudioError, Waveform, load


def lying(field: int, value: bytes) -> bytes:
    data = bytearray(encoded(tone(0.5)))
    data[field : field + len(value)] = value
    return bytes(data)


def with_value(value: float) -> bytes:
    wave = tone()
    wave[0, 100] = value
    return encoded(wave, subtype="FLOAT")


BAD: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "four bytes": lambda: b"RIFF",
    "text": lambda: "the sound of rain, in words: plätscher\n".encode() * 50,
    "html": lambda: b"<!doctype html><html><body>404</body></html>",
    "playlist": lambda: b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n",
    "ffconcat": lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(500),
    "jpeg": lambda: b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(500),
    "zip": lambda: b"PK\x03\x04" + bytes(100),
    "midi": lambda: b"MThd" + bytes(100),
    "zeros": lambda: bytes(5000),
    "noise": lambda: np.random.default_rng(0).bytes(5000),
    "id3 alone": lambda: b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10),
    "cut header": lambda: encoded(tone())[:30],
    "cut flac header": lambda: encoded(tone(), kind="FLAC")[:30],
    "m4a without its index": lambda: muxed("mp4", "aac", tone(1.0, 48_000))[:3000],
    "video without sound": lambda: muxed("mp4", None, tone(), video=True),
    "no frames": lambda: encoded(tone(0)),
    "too short": lambda: encoded(tone(0.02)),
    "silence": lambda: encoded(tone() * 0),
    "hardly any sound": lambda: encoded(tone() * 1e-6, subtype="FLOAT"),
    "nan": lambda: with_value(np.nan),
    "infinite": lambda: with_value(-np.inf),
    "100 Hz": lambda: encoded(tone(10, 100, hertz=7), 100),
    "1 Hz": lambda: encoded(tone(100, 1), 1),
    "16 channels": lambda: encoded(tone(0.5, channels=16)),
    "no channels": lambda: lying(22, struct.pack("<H", 0)),
    "65535 channels": lambda: lying(22, struct.pack("<H", 65535)),
    "rate 0": lambda: lying(24, struct.pack("<I", 0)),
    "rate 4 GHz": lambda: lying(24, struct.pack("<I", 2**32 - 1)),
    "unknown codec": lambda: lying(20, struct.pack("<H", 0x7777)),
    "header of 4 GB, 40 bytes of sound": lambda: lying(40, struct.pack("<I", 2**32 - 1))[:84],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_clear_sentence(name: str, tmp_path: Path) -> None:
    path = tmp_path / "private" / "input.wav"
    path.parent.mkdir()
    path.write_bytes(BAD[name]())
    with pytest.raises(AudioError) as caught:
        load(path)
    message = str(caught.value)
    assert "input.wav" in message and "expected" in message
    assert "\n" not in message and "private" not in message and len(message) < 250


def test_a_header_that_lies_about_length_costs_nothing() -> None:
    sound = load(lying(40, struct.pack("<I", 2**32 - 1)))
    assert sound.seconds == pytest.approx(0.5, abs=0.01)


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    import os

    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "absent.wav", tmp_path / "pipe", "nul\0.wav", "https://example.org/a.wav", "", "x" * 5000):
        with pytest.raises(AudioError, match="expected"):
            load(path)


@pytest.mark.parametrize(
    "source",
    [
        (RATE, tone()),
        (tone(),),
        (tone(), "48000"),
        (tone().astype(complex), RATE),
        (np.zeros((2, 2, 2)), RATE),
        (np.zeros(0), RATE),
        None,
        3,
        io.StringIO("x"),
    ],
)
def test_sources_that_are_none(source: object) -> None:
    with pytest.raises(AudioError, match="expected"):
        load(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("start", "length"),
    [(-1, None), (float("nan"), None), (5, None), (1e300, 1), (0, 0), (0, -1), (0, float("inf")), (0, 1e9), (0.99, None)],
)
def test_stretches_that_are_not_there(start: float, length: float | None) -> None:
    for source in (encoded(tone()), encoded(tone(), kind="FLAC"), (tone(), RATE), Waveform(tone(), RATE)):
        with pytest.raises(AudioError, match="expected"):
            load(source, start, length)


def test_late_start_in_a_video_is_told() -> None:
    with pytest.raises(AudioError, match="expected"):
        load(muxed("mp4", "aac", tone(1.0, 48_000)), start=30)


def test_waveform_checks_its_samples() -> None:
    for samples, rate in ((np.zeros(10, np.float32), RATE), (np.zeros((1, 10)), RATE), (np.zeros((1, 10), np.float32), 0)):
        with pytest.raises(AudioError, match="expected"):
            Waveform(samples, rate)


def sound_or_error(data: bytes) -> None:
    try:
        sound = load(data, length=2.0)
    except AudioError as error:
        assert "\n" not in str(error) and "expected" in str(error)
    else:
        assert sound.samples.dtype == np.float32 and sound.samples.ndim == 2
        assert np.isfinite(sound.samples).all() and 0 < np.abs(sound.samples).max() <= 1
        assert 0.1 <= sound.seconds <= 2.0 + 1e-6


@settings(max_examples=100)
@given(
    st.binary(max_size=300),
    st.sampled_from([b"", b"RIFF\x00\x00\x00\x00WAVEfmt ", b"fLaC", b"OggS", b"ID3", b"\xff\xfb", b"\x00\x00\x00\x18ftypM4A "]),
)
def test_any_bytes_are_a_sound_or_an_error(data: bytes, head: bytes) -> None:
    sound_or_error(head + data)


@pytest.fixture(scope="module")
def seeds() -> list[bytes]:
    wave = tone(0.4, 48_000)
    files = [
        encoded(wave, 48_000, kind, subtype) for kind, subtype in (("WAV", "PCM_16"), ("FLAC", None), ("OGG", "VORBIS"), ("MP3", None))
    ]
    return [*files, muxed("mp4", "aac", wave), muxed("webm", "libopus", wave)]


@pytest.mark.parametrize("kind", range(6))
@settings(max_examples=25)
@given(st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), max_size=6), st.floats(0, 1), st.booleans())
def test_damaged_files_are_a_sound_or_an_error(
    seeds: list[bytes], kind: int, wounds: list[tuple[float, bytes]], end: float, early: bool
) -> None:
    data = bytearray(seeds[kind])
    for place, value in wounds:
        at = int(place * (100 if early else len(data)))
        data[at : at + len(value)] = value
    sound_or_error(bytes(data[: max(1, int(len(data) * (1 - end**4)))]))
