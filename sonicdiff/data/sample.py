"""One pair of a sound and a picture: named, described, and read only when asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from PIL import Image

from sonicdiff.audio.waveform import Waveform


class SampleError(ValueError):
    """A pair that cannot be read; the message is one sentence that names the file and what is wrong with it."""


@dataclass(frozen=True)
class Sample:
    """A sound and the picture that belongs to it.

    `picture` and `sound` read the files, and raise SampleError where they cannot: pictures are RGB and upright, sounds are as they were
    recorded. `fingerprint` is 64 hex digits of what the pair is made of (file contents and the cut, not names or dates): equal
    fingerprints, equal pictures and sounds.
    """

    key: str  # unique within its data set and the same on every machine: a relative path without its ending
    picture: Callable[[], Image.Image]
    sound: Callable[[], Waveform]
    fingerprint: Callable[[], str]
    caption: str | None = None  # what the picture shows, in words
    label: str | None = None  # its class, in words
    group: str = ""  # what it was cut from (a video, a speaker): groups are never divided between splits; intervals are over groups
    size: int = 0  # bytes of its files, 0 where that is not known without reading: pairs of the same content are looked for among equals
