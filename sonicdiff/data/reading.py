"""A sample made of stored files: pictures and sounds read by the library's own guarded loaders, fingerprints of file contents."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from sonicdiff.audio import waveform
from sonicdiff.audio.waveform import AudioError, Waveform
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.pipelines.common import image_loading

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".avif", ".gif", ".tif", ".tiff", ".bmp")
SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".aac", ".aif", ".aiff")
LONGEST_CAPTION = 2000  # characters


class Stored(Protocol):
    """A file, wherever it lies: on the disk (a Path is one), in an archive, in a table's cell."""

    @property
    def name(self) -> str: ...

    def read_bytes(self) -> bytes: ...


def pair(key: str, picture: Stored, sound: Stored, **described: Any) -> Sample:
    """The sample of a picture's file and a sound's. described: caption, label and group; without a group the pair is its own."""
    described = {**described, "group": described.get("group") or key, "size": size_of(picture, sound)}
    return Sample(key, partial(read_picture, key, picture), partial(read_sound, key, sound), partial(digest, (picture, sound)), **described)


def size_of(*files: Stored) -> int:
    """Bytes of all files; 0 where one's is not known."""
    try:
        sizes = [file.stat().st_size if isinstance(file, Path) else getattr(file, "size", 0) for file in files]
    except OSError:
        return 0
    return sum(sizes) if all(sizes) else 0


def broken(key: str, reason: str, **described: Any) -> Sample:
    """A sample that says `reason` whenever it is read: what is named in a data set and is not there is counted with the corrupt."""
    fail = partial(_fail, f"{key}: {reason}")
    return Sample(key, fail, fail, fail, **{**described, "group": described.get("group") or key})


def read_picture(key: str, file: Stored) -> Image.Image:
    """RGB and upright. Raises SampleError."""
    try:
        return image_loading.load(file if isinstance(file, Path) else file.read_bytes())
    except (image_loading.ImageError, OSError) as error:
        raise SampleError(f"{key}: {error}") from error


def read_sound(key: str, file: Stored, start: float = 0.0, length: float | None = None) -> Waveform:
    """`length` seconds from `start`, or at most the first 60. Raises SampleError."""
    try:
        return waveform.load(file if isinstance(file, Path) else file.read_bytes(), start, length)
    except (AudioError, OSError) as error:
        raise SampleError(f"{key}: {error}") from error


def digest(files: Sequence[Stored], cut: str = "") -> str:
    """SHA-256 over the contents of `files`, in this order, and `cut`. Raises SampleError."""
    whole = hashlib.sha256(cut.encode())
    for file in files:
        try:
            if isinstance(file, Path):
                state = file.stat()
                whole.update(_hash(file, state.st_mtime_ns, state.st_size))
            else:
                whole.update(hashlib.sha256(file.read_bytes()).digest())
        except OSError as error:
            raise SampleError(f"{file.name} cannot be read ({error.strerror or error}); expected a file: check the path") from error
    return whole.hexdigest()


@lru_cache(maxsize=256)
def _hash(file: Path, _modified: int, _size: int) -> bytes:
    """SHA-256 of a file; a video's many windows share it."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def words(name: str) -> str:
    """A class's name as words: `fire_crackling` is 'fire crackling'."""
    return " ".join(name.replace("_", " ").split())


def one_line(text: str) -> str | None:
    """A caption on one line, cut at 2000 characters; None if there is nothing in it."""
    return " ".join(text[: 4 * LONGEST_CAPTION].split())[:LONGEST_CAPTION] or None


def _fail(reason: str) -> Any:
    raise SampleError(reason)
