"""Small data sets on the disk: a sound, a picture and a video to tell apart, and trees of them."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import soundfile
from PIL import Image

from sonicdiff.audio.waveform import Waveform

RATE = 16_000
COLOURS = ((200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30))
TONES = (300.0, 600.0, 1200.0, 2400.0)


def sound(path: Path, tone: float = 440.0, seconds: float = 0.5) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, 0.5 * np.sin(2 * np.pi * tone * np.arange(round(seconds * RATE)) / RATE), RATE)
    return path


def picture(path: Path, colour: tuple[int, int, int] = (90, 120, 60)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (24, 16), colour).save(path)
    return path


def pair(stem: Path, number: int = 0, caption: str | None = None) -> None:
    """`stem`.wav and `stem`.png, no two alike in content."""
    sound(stem.with_suffix(".wav"), 200.0 + number)
    picture(stem.with_suffix(".png"), (number % 256, 50, 50))
    if caption is not None:
        stem.with_suffix(".txt").write_text(caption)


def video(path: Path, seconds: int = 4, with_sound: bool = True, halves: bool = False, size: tuple[int, int] = (64, 48)) -> Path:
    """A video at 10 frames a second whose colour and tone change every second; with `halves` the right one has another colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        # One key frame alone, so that every other frame has to be decoded from the beginning.
        shown = container.add_stream("mpeg4", rate=10, options={"sc_threshold": "1000000000"})
        shown.gop_size = 600
        shown.width, shown.height = size
        shown.bit_rate = 400_000
        heard = container.add_stream("aac", rate=RATE, layout="mono") if with_sound else None
        for number in range(10 * seconds):
            pixels = np.full((size[1], size[0], 3), COLOURS[number // 10 % 4], np.uint8)
            if halves:
                pixels[:, size[0] // 2 :] = COLOURS[2]
            container.mux(shown.encode(av.VideoFrame.from_ndarray(pixels, "rgb24")))
        container.mux(shown.encode())
        if heard is not None:
            time = np.arange(seconds * RATE) / RATE
            tones = 0.5 * np.sin(2 * np.pi * np.array(TONES)[time.astype(int) % 4] * time)
            frame = av.AudioFrame.from_ndarray(tones.astype(np.float32)[None], "fltp", "mono")
            frame.sample_rate = RATE
            container.mux(heard.encode(frame))
            container.mux(heard.encode())
    return path


def colour(image: Image.Image) -> int:
    """The number of the second that a video's frame is of."""
    mean = np.asarray(image, np.float64).mean((0, 1))
    return int(np.argmin([np.abs(mean - np.array(one)).sum() for one in COLOURS]))


def tone(heard: Waveform) -> float:
    """The strongest frequency, in Hz."""
    samples = heard.mono().samples[0]
    return float(np.fft.rfftfreq(samples.size, 1 / heard.sample_rate)[np.argmax(np.abs(np.fft.rfft(samples)))])
