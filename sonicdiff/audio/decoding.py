"""Compressed or plain bytes to samples: libsndfile first, FFmpeg (PyAV) for what it cannot read; never more than is asked for."""

from __future__ import annotations

from typing import BinaryIO

import av
import numpy as np
import soundfile
from av.container import InputContainer

from sonicdiff.audio.formats import demuxer, no_sound

LOWEST_RATE, HIGHEST_RATE = 1_000, 192_000  # Hz
MOST_CHANNELS = 8
READABLE = "wav, flac, ogg, mp3, m4a, webm or a video with sound"


class AudioError(ValueError):
    """A sound that cannot be used; the message is one sentence saying what came, what was expected and what to do."""


def decode(stream: BinaryIO, name: str, start: float, length: float) -> tuple[np.ndarray, int]:
    """Samples float32 (channels, n) and rate (Hz) of `length` seconds from `start`, or of what there is of them.

    What the file is, is told from its bytes. Raises AudioError, which calls the file `name`.
    """
    head = stream.read(4096)
    if not isinstance(head, bytes):
        raise AudioError(f"{name} was opened as text; expected a binary file: open it with mode 'rb'")
    if not head:
        raise AudioError(f"{name} is empty (0 bytes); expected a sound file: record or export it again")
    other = no_sound(head)
    if other is not None:
        raise AudioError(f"{name} is {other}, not a sound; expected {READABLE}: choose another file")
    stream.seek(0)
    try:
        return _by_libsndfile(stream, name, start, length)
    except soundfile.LibsndfileError as error:
        known = demuxer(head)
        if known is None:
            reason = error.error_string.rstrip(".")
            raise AudioError(f"{name} is no sound that can be read ({reason}); expected {READABLE}: convert it") from None
    stream.seek(0)
    return _by_ffmpeg(stream, name, known, start, length)


def check(name: str, rate: int, channels: int) -> None:
    """Raise AudioError unless `rate` (Hz) and `channels` are ones a sound can be heard from."""
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioError(f"{name} has a sample rate of {rate} Hz; expected {LOWEST_RATE} to {HIGHEST_RATE} Hz: resample or export it again")
    if not 1 <= channels <= MOST_CHANNELS:
        raise AudioError(f"{name} has {channels} channels; expected 1 to {MOST_CHANNELS}: mix it down first")


def late(name: str, start: float, seconds: float) -> AudioError:
    """The error for a `start` past the end of a sound of `seconds`."""
    return AudioError(f"{name} lasts {seconds:.2f} s and was to be heard from {start:.2f} s; expected an earlier start: choose one")


def _by_libsndfile(stream: BinaryIO, name: str, start: float, length: float) -> tuple[np.ndarray, int]:
    with soundfile.SoundFile(stream) as file:
        rate = int(file.samplerate)
        check(name, rate, file.channels)
        first, wanted = round(start * rate), max(1, round(length * rate))
        if first and first >= file.frames:
            raise late(name, start, file.frames / rate)
        if first:
            file.seek(first)
        blocks: list[np.ndarray] = []
        # Ten seconds at a time: a header that lies about the length costs no memory.
        while wanted > 0:
            block = file.read(min(wanted, 10 * rate), dtype="float32", always_2d=True)
            blocks.append(block)
            wanted -= block.shape[0]
            if block.shape[0] == 0:
                break
        return np.ascontiguousarray(np.concatenate(blocks).T), rate


def _by_ffmpeg(stream: BinaryIO, name: str, known: tuple[str, str], start: float, length: float) -> tuple[np.ndarray, int]:
    try:
        with av.open(stream, mode="r", format=known[0], metadata_errors="ignore") as container:
            if not container.streams.audio:
                raise AudioError(f"{name} is {known[1]} without a sound track; expected one with sound: choose another file")
            return _stretch(container, name, start, length)
    except (av.FFmpegError, ValueError, RuntimeError, OverflowError, MemoryError) as error:
        if isinstance(error, AudioError):
            raise
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise AudioError(f"{name} looks like {known[1]} but cannot be decoded ({reason}); expected it whole: export it again") from None


def _stretch(container: InputContainer, name: str, start: float, length: float) -> tuple[np.ndarray, int]:
    """The stretch of the first sound track; frames are placed by their time stamps, so a seek may land early."""
    track = container.streams.audio[0]
    if track.codec_context is None:
        raise AudioError(f"{name} has a sound track in an unknown codec; expected {READABLE}: convert it")
    rate = int(track.codec_context.sample_rate or 0)
    check(name, rate, track.codec_context.channels)
    zero = float((track.start_time or 0) * (track.time_base or 0))
    if start > 1.0:
        container.seek(int((start - 0.5 + zero) * av.time_base))
    resampler = av.AudioResampler(format="fltp", rate=rate)
    first, wanted = round(start * rate), max(1, round(length * rate))
    blocks: list[np.ndarray] = []
    position, got = 0, 0
    try:
        for frame in container.decode(track):
            if frame.pts is not None:
                position = round((float(frame.pts * (frame.time_base or 0)) - zero) * rate)
            for plain in resampler.resample(frame):
                block = plain.to_ndarray()
                kept = block[:, max(0, first - position) :][:, : wanted - got]
                position += block.shape[1]
                if kept.shape[1] and (not blocks or kept.shape[0] == blocks[0].shape[0]):
                    blocks.append(kept.astype(np.float32))
                    got += kept.shape[1]
            if got >= wanted:
                break
    except av.FFmpegError:
        # A file cut short is heard as far as it goes.
        if not blocks:
            raise
    if not blocks and first > 0 and position > 0:
        raise late(name, start, position / rate)
    return (np.concatenate(blocks, axis=1) if blocks else np.zeros((1, 0), dtype=np.float32)), rate
