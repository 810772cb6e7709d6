"""Pairs cut out of videos: windows of some seconds, each with the frame at one place in it; a video's windows are one group."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from PIL import Image

from sonicdiff.audio.formats import demuxer
from sonicdiff.data.folder import caption_beside, files, place_and_label
from sonicdiff.data.reading import broken, digest, read_sound
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.data.splitting import Placed
from sonicdiff.pipelines.common import image_loading

VIDEOS = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".flv", ".wmv", ".mpg", ".mpeg", ".ts")
LONGEST = 86_400.0  # seconds of a video; a damaged header may claim any number, and there would be as many windows


@dataclass(frozen=True)
class Cutting:
    """How videos are cut: into windows of `seconds`, the frame taken `at` this part of each (0 its beginning, 1 its end)."""

    seconds: float = 10.0
    at: float = 0.5

    def __post_init__(self) -> None:
        if not 0.1 <= self.seconds <= 600:
            raise ValueError(f"got windows of {self.seconds} seconds; expected 0.1 to 600")
        if not 0 <= self.at <= 1:
            raise ValueError(f"got a frame at {self.at} of the window; expected 0 to 1")


def read(root: Path, cutting: Cutting) -> Iterator[Placed]:
    """The windows of every video under `root`, or of the one that `root` is. The folder of a video is its class, as in a folder of pairs.

    A video's caption (name.txt) is that of its windows.
    """
    for video in [root] if root.is_file() else files(root):
        if video.suffix.lower() in VIDEOS:
            key = (Path(video.name) if root.is_file() else video.relative_to(root)).with_suffix("").as_posix()
            place, label = (None, None) if root.is_file() else place_and_label(root, video)
            for sample in windows(key, video, cutting, label=label, caption=caption_beside(video), group=key):
                yield sample, place


def windows(key: str, video: Path, cutting: Cutting, **described: Any) -> Iterator[Sample]:
    """The windows of one video; a rest shorter than half of one is left out. A video that cannot be read is a sample that cannot be."""
    try:
        length = duration(video)
    except SampleError as error:
        yield broken(key, str(error), **described)
        return
    for number in range(int(length // cutting.seconds) + 1):
        start = number * cutting.seconds
        if number == 0 or length - start >= cutting.seconds / 2:
            window = min(cutting.seconds, length - start)
            yield cut(f"{key}@{start:g}", video, start, window, start + cutting.at * window, **described)


def cut(key: str, video: Path, start: float, length: float, at: float, sound: Path | None = None, **described: Any) -> Sample:
    """`length` seconds of sound from `start`, of the video or of the file `sound`, and the frame at `at` seconds."""
    sources = (video, sound) if sound is not None else (video,)
    fingerprint = partial(digest, sources, f"{start:.6f} {length:.6f} {at:.6f}")
    hear = partial(read_sound, key, sound or video, start, length)
    return Sample(key, partial(read_frame, key, video, at), hear, fingerprint, **described)


def duration(video: Path) -> float:
    """Seconds. Raises SampleError where it cannot be told."""
    with _opened(video) as container:
        if not container.duration or container.duration < 0:
            raise SampleError(f"{video.name} does not say how long it is; expected a finished recording: copy it with ffmpeg -c copy")
        seconds = container.duration / av.time_base
    if seconds > LONGEST:
        raise SampleError(f"{video.name} says that it lasts {seconds:.0f} s; expected at most {LONGEST:.0f}: cut it, or export it again")
    return seconds


def read_frame(key: str, video: Path, at: float) -> Image.Image:
    """The frame shown at `at` seconds, RGB and upright. Raises SampleError."""
    try:
        with _opened(video) as container:
            return _shown(container, at)
    except (SampleError, image_loading.ImageError) as error:
        raise SampleError(f"{key}: {error}") from error


def _shown(container: InputContainer, at: float) -> Image.Image:
    stream = container.streams.video[0]
    image_loading.check_size(stream.codec_context.width, stream.codec_context.height)
    zero = float((stream.start_time or 0) * (stream.time_base or 0))
    if at > 0:
        container.seek(int((at + zero) * av.time_base))
    shown = None
    for frame in container.decode(stream):
        if shown is not None and (frame.time is None or frame.time - zero > at + 1e-6):
            break
        shown = frame
    if shown is None:
        raise SampleError(f"there is no frame at {at:.2f} s; expected a whole video: export it again")
    image_loading.check_size(shown.width, shown.height)
    return shown.to_image().rotate(shown.rotation, expand=True).convert("RGB")


@contextmanager
def _opened(video: Path) -> Iterator[InputContainer]:
    """The video by the demuxer that its first bytes name: FFmpeg left to guess would follow a playlist to other files."""
    try:
        with video.open("rb") as stream:
            known = demuxer(stream.read(4096))
            stream.seek(0)
            if known is None:
                raise SampleError(f"{video.name} is no video that can be read; expected mp4, mov, mkv, webm or avi: convert it")
            with av.open(stream, mode="r", format=known[0], metadata_errors="ignore") as container:
                if not container.streams.video or container.streams.video[0].codec_context is None:
                    raise SampleError(f"{video.name} is {known[1]} without pictures that can be decoded; expected a video: convert it")
                yield container
    except (av.FFmpegError, OSError, RuntimeError, OverflowError, MemoryError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise SampleError(f"{video.name} cannot be decoded ({reason}); expected a whole video: export it again") from None
