"""Sounds in memory, and to and from files: wav, flac, ogg, mp3 (libsndfile), m4a, webm and the sound of a video (PyAV)."""

from __future__ import annotations

import hashlib
import io
import os
import stat
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from sonicdiff.audio.decoding import AudioError, check, decode, late

__all__ = ["DEFAULT_SECONDS", "AudioError", "Waveform", "load"]

DEFAULT_SECONDS = 60.0  # heard of a longer file unless `length` says otherwise
MOST_SECONDS = 600.0  # the longest `length`
LEAST_SECONDS = 0.1  # anything shorter is a click
QUIETEST = 1e-5  # peak, -100 dBFS: less is silence
FORMATS = {".wav": "WAV", ".flac": "FLAC", ".ogg": "OGG", ".mp3": "MP3"}
FRONT = ("left", "right")
LAYOUTS = {
    3: (*FRONT, "centre"),
    4: (*FRONT, "surround left", "surround right"),
    5: (*FRONT, "centre", "surround left", "surround right"),
    6: (*FRONT, "centre", "low effects", "surround left", "surround right"),
    7: (*FRONT, "centre", "low effects", "back", "surround left", "surround right"),
    8: (*FRONT, "centre", "low effects", "surround left", "surround right", "surround left", "surround right"),
}  # of a wav file, by the number of channels; 8: back, then side
SIDES = {side: {side: 1.0, "centre": 0.5**0.5, f"surround {side}": 0.5**0.5, "back": 0.5} for side in FRONT}
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True, eq=False)
class Waveform:
    """A sound: `samples` float32 (channels, n), nominally within -1..1, at `sample_rate` Hz."""

    samples: np.ndarray
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 2 or self.samples.dtype != np.float32:
            got = f"{self.samples.dtype} of shape {self.samples.shape}"
            raise AudioError(f"got samples {got}; expected float32 (channels, n): load() converts arrays")
        if self.sample_rate <= 0:
            raise AudioError(f"got a sample rate of {self.sample_rate}; expected a positive number of Hz")

    @property
    def seconds(self) -> float:
        return self.samples.shape[1] / self.sample_rate

    def mono(self) -> Waveform:
        """The mean of both sides, (1, n); of more than two channels, of what `stereo` makes of them."""
        if self.samples.shape[0] == 1:
            return self
        return Waveform(self.stereo().samples.mean(axis=0, keepdims=True, dtype=np.float32), self.sample_rate)

    def stereo(self) -> Waveform:
        """At most two channels: more, in the order of a wav file, are mixed down as ITU-R BS.775 says, at the level of their mean.

        The centre goes to both sides and the surrounds to their own, each 3 dB down; the channel of low effects is left out.
        """
        channels = self.samples.shape[0]
        if channels <= 2:
            return self
        places = LAYOUTS[channels]
        weights = np.array([[SIDES[side].get(place, 0.0) for place in places] for side in ("left", "right")], np.float32)
        return Waveform((weights / weights.sum(1, keepdims=True)) @ self.samples, self.sample_rate)

    def resampled(self, rate: int) -> Waveform:
        """At `rate` Hz, by soxr's high quality; the same samples if that is the rate already."""
        if rate == self.sample_rate:
            return self
        samples = soxr.resample(np.ascontiguousarray(self.samples.T), self.sample_rate, rate, quality="HQ")
        return Waveform(np.ascontiguousarray(samples.T, dtype=np.float32), rate)

    def clip(self, start: float = 0.0, length: float | None = None) -> Waveform:
        """From `start` seconds, `length` seconds long or to the end. Raises AudioError if nothing is there."""
        start, seconds = _span(start, MOST_SECONDS if length is None else length)
        first = round(start * self.sample_rate)
        last = None if length is None else first + max(1, round(seconds * self.sample_rate))
        if first > 0 and first >= self.samples.shape[1]:
            raise late("the sound", start, self.seconds)
        return Waveform(self.samples[:, first:last], self.sample_rate)

    def save(self, path: str | os.PathLike[str], bits: int = 16, comment: str = "", title: str = "", genre: str = "",
             chunks: bytes = b"") -> Path:  # fmt: skip
        """Write wav (`bits` 16, 24, or 32 for float), flac (16, 24), ogg (Vorbis) or mp3, by the extension; return the path.

        What passes full scale is clipped, but for float. The file appears whole or not at all. comment, title, genre: the file's tags of
        those names, of an mp3 in ASCII. chunks: of a wav, after its samples.
        """
        path = Path(path)
        subtype = self._subtype(path, bits)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem[:40]}-", suffix=path.suffix)
        os.close(handle)
        try:
            kind = FORMATS[path.suffix.lower()]
            with soundfile.SoundFile(unfinished, "w", self.sample_rate, self.samples.shape[0], subtype, format=kind) as file:
                for name, text in (("comment", comment), ("title", title), ("genre", genre)):
                    kept = text.encode("ascii", "ignore").decode().strip() if kind == "MP3" else text
                    if kept:
                        setattr(file, name, kept)
                # libsndfile crashes when a minute of Vorbis is written in one call.
                for first in range(0, self.samples.shape[1], 5 * self.sample_rate):
                    block = self.samples[:, first : first + 5 * self.sample_rate].T
                    file.write(block if subtype == "FLOAT" else np.clip(block, -1.0, 1.0))
            if chunks and kind == "WAV":
                append_chunks(Path(unfinished), chunks)
            # A temporary file is private; a saved one follows the user's umask as any other.
            mask = os.umask(0)
            os.umask(mask)
            Path(unfinished).chmod(0o666 & ~mask)
            Path(unfinished).replace(path)
        except soundfile.LibsndfileError as error:
            raise AudioError(f"{path.name} could not be written ({error.error_string.rstrip('.')}); choose wav or another folder") from None
        finally:
            Path(unfinished).unlink(missing_ok=True)
        return path

    def sha256(self) -> str:
        """Hash of rate, shape and samples: the same sound has the same hash, whatever the file it came from."""
        digest = hashlib.sha256(f"{self.sample_rate} {self.samples.shape[0]} {self.samples.shape[1]} ".encode())
        digest.update(np.ascontiguousarray(self.samples, dtype="<f4").tobytes())
        return digest.hexdigest()

    def _subtype(self, path: Path, bits: int) -> str:
        suffix = path.suffix.lower()
        if suffix not in FORMATS:
            raise AudioError(f"cannot save a sound as {path.name}; expected the extension {', '.join(FORMATS)}")
        if suffix == ".mp3" and (self.sample_rate not in MP3_RATES or self.samples.shape[0] > 2):
            got = f"{self.samples.shape[0]} channels at {self.sample_rate} Hz"
            raise AudioError(f"mp3 cannot hold {got}; expected 1 or 2 at 8000 to 48000: use .resampled(48000).mono() or wav")
        subtypes = {".wav": {16: "PCM_16", 24: "PCM_24", 32: "FLOAT"}, ".flac": {16: "PCM_16", 24: "PCM_24"}}.get(suffix)
        if subtypes is None:
            return "VORBIS" if suffix == ".ogg" else "MPEG_LAYER_III"
        if bits not in subtypes:
            raise AudioError(f"{suffix} cannot be saved with {bits} bits; expected one of {', '.join(map(str, subtypes))}")
        return subtypes[bits]


def append_chunks(path: Path, chunks: bytes) -> None:
    """Append RIFF chunks, each of even length, to a wav file."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        file.write(b"\0" * (size % 2) + chunks)
        total = file.tell() - 8
        if total < 2**32:
            file.seek(4)
            file.write(struct.pack("<I", total))


Source = str | os.PathLike[str] | bytes | BinaryIO | Waveform | tuple[np.ndarray, int]


def load(source: Source, start: float = 0.0, length: float | None = None) -> Waveform:
    """A sound from a path, the bytes of a file, an open binary file, a Waveform, or (array, sample rate).

    Heard are `length` seconds from `start` (seconds); without `length` **at most the first 60 seconds** from there. No more than
    that is read, whatever the length of the file; the longest `length` is 600. What a file is, is told from its bytes, not its name.

    Accepted: 1 to 8 channels (kept), 1 to 192 kHz (kept: see `Waveform.resampled`), at least 0.1 s. An array is (n,), (channels, n)
    or (n, channels), of floats within -1..1 or of integers over their whole range. A sound that passes full scale is scaled to it.
    A file cut short is heard as far as it goes. Raises AudioError, with one sentence for the user, for anything else: no sound,
    silence (peak under -100 dBFS), samples that are not finite, a start past the end.
    """
    start, seconds = _span(start, DEFAULT_SECONDS if length is None else length)
    if isinstance(source, Waveform):
        return _sound(source.clip(start, seconds), "the sound")
    if isinstance(source, tuple):
        return _sound(_from_array(source).clip(start, seconds), "the array")
    stream, name = _opened(source)
    try:
        samples, rate = decode(stream, name, start, seconds)
    except OSError as error:
        raise AudioError(f"{name} cannot be read ({error.strerror or error}); expected a readable sound file: check the disk") from None
    finally:
        if stream is not source:
            stream.close()
    return _sound(Waveform(samples, rate), name)


def _span(start: float, length: float) -> tuple[float, float]:
    if isinstance(start, bool) or not 0 <= start < 1e7:
        raise AudioError(f"got start {start!r}; expected seconds from 0")
    if isinstance(length, bool) or not 0 < length <= MOST_SECONDS:
        raise AudioError(f"got length {length!r}; expected seconds above 0, at most {MOST_SECONDS:.0f}")
    return float(start), float(length)


def _opened(source: str | os.PathLike[str] | bytes | BinaryIO) -> tuple[BinaryIO, str]:
    """A seekable binary stream and what to call it. Nothing but plain files is opened: a pipe could wait for ever."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return io.BytesIO(source), "the sound"
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        name = path.name[-80:] or "the sound"
        try:
            if not stat.S_ISREG(path.stat().st_mode):
                raise AudioError(f"{name} is no file; expected a sound file: give the path of one")
            # By descriptor, libsndfile does not see the name and cannot be misled by its extension.
            return os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0)), "rb"), name
        except AudioError:
            raise
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise AudioError(f"{name} cannot be opened ({reason}); expected a sound file: check the path") from None
    if hasattr(source, "read") and hasattr(source, "seek"):
        source.seek(0)
        return source, "the sound"
    raise AudioError(f"got {type(source).__name__}; expected a path, bytes, an open binary file, a Waveform or (array, sample rate)")


def _from_array(source: tuple[np.ndarray, int]) -> Waveform:
    if len(source) != 2 or isinstance(source[0], (int, np.integer)) or not isinstance(source[1], (int, np.integer)):
        got = ", ".join(type(part).__name__ for part in source)
        raise AudioError(f"got a tuple of {got}; expected (array, sample rate in Hz), in this order")
    array, rate = np.asarray(source[0]), int(source[1])
    if array.dtype.kind not in "iuf" or array.ndim not in (1, 2):
        raise AudioError(f"got an array {array.dtype} of shape {array.shape}; expected numbers (n,), (channels, n) or (n, channels)")
    if array.ndim == 1:
        array = array[None]
    elif array.shape[0] > array.shape[1]:
        array = array.T
    check("the array", rate, array.shape[0])
    if array.dtype.kind in "iu":
        limits = np.iinfo(array.dtype)
        middle = (int(limits.max) + int(limits.min) + 1) // 2
        array = (array.astype(np.float64) - middle) / (int(limits.max) - middle + 1)
    elif array.size and np.isfinite(array).all():
        # Scaled before the change to single precision, which a large double would not survive.
        array = array / max(1.0, float(np.abs(array).max()))
    return Waveform(np.ascontiguousarray(array, dtype=np.float32), rate)


def _sound(waveform: Waveform, name: str) -> Waveform:
    """`waveform` if it can be heard, scaled to full scale if it passes it; AudioError if not."""
    samples, seconds = waveform.samples, waveform.seconds
    check(name, waveform.sample_rate, samples.shape[0])
    if samples.shape[1] == 0:
        raise AudioError(f"{name} holds no samples; expected at least {LEAST_SECONDS} s of sound: record or export it again")
    if seconds < LEAST_SECONDS:
        raise AudioError(f"{name} gives {seconds:.3f} s of sound; expected at least {LEAST_SECONDS} s: choose a longer stretch")
    low, high = float(samples.min()), float(samples.max())
    peak = max(-low, high)
    if not np.isfinite(peak) or not np.isfinite(low):
        count = int(samples.size - np.isfinite(samples).sum())
        raise AudioError(f"{name} has {count} samples that are NaN or infinite; expected numbers within -1..1: export it again")
    if peak < QUIETEST:
        raise AudioError(f"{name} is silent over these {seconds:.2f} s; expected a sound that can be heard: choose another stretch")
    return waveform if peak <= 1.0 else Waveform((samples / np.float32(peak)).astype(np.float32), waveform.sample_rate)
