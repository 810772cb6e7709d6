"""Sounds and files of them, made for the tests of this folder."""

from __future__ import annotations

import io
from typing import cast

import av
import numpy as np
import soundfile

RATE = 16_000


def tone(seconds: float = 1.0, rate: int = RATE, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    """Float32 (channels, n); the channels differ in level."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.5 * np.sin(2 * np.pi * hertz * t)[None] / np.arange(1, channels + 1)[:, None]).astype(np.float32)


def encoded(samples: np.ndarray, rate: int = RATE, kind: str = "WAV", subtype: str | None = None) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, samples.T, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def muxed(kind: str, codec: str | None, samples: np.ndarray, rate: int = 48_000, video: bool = False) -> bytes:
    """A file made by PyAV: `kind` is the container, `codec` the sound's (None: no sound track)."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=kind) as container:
        picture = cast(av.VideoStream, container.add_stream("mpeg4", rate=10)) if video else None
        layout = "mono" if samples.shape[0] == 1 else "stereo"
        track = cast(av.AudioStream, container.add_stream(codec, rate=rate, layout=layout)) if codec else None
        if picture is not None:
            picture.width, picture.height, picture.pix_fmt = 64, 48, "yuv420p"
            for index in range(10):
                frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 20 * index, np.uint8), format="rgb24")
                container.mux(picture.encode(frame))
            container.mux(picture.encode(None))
        if track is not None:
            frame = av.AudioFrame.from_ndarray(samples, format="fltp", layout=layout)
            frame.sample_rate, frame.pts = rate, 0
            container.mux(track.encode(frame))
            container.mux(track.encode(None))
    return buffer.getvalue()


def likeness(a: np.ndarray, b: np.ndarray) -> float:
    """Cosine of two sounds over their common length."""
    n = min(a.size, b.size)
    return float(a[:n] @ b[:n] / (np.linalg.norm(a[:n]) * np.linalg.norm(b[:n]) + 1e-9))
