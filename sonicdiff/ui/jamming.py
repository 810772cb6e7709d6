"""Behind the jam's page: the next clip, wherever it is made, and what becomes of it."""

from __future__ import annotations

import io
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image, PngImagePlugin

from sonicdiff.audio.drawing import spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.common.audio_conditioning import Heard
from sonicdiff.pipelines.loading import load_music
from sonicdiff.pipelines.riffusion.jam import Asked, Jam, Stretch
from sonicdiff.ui.compute import TICK, in_turn, on_gpu
from sonicdiff.ui.session import Session, place
from sonicdiff.ui.tasks import SPECTROGRAM

PIECE = 1.4  # seconds: of what the player is sent at once


@dataclass(frozen=True)
class NextClip:
    """A jam's next clip, as the jam stands, made in another process."""

    model: str
    settings: dict[str, Any]
    asked: Asked
    state: dict[str, Any]
    gpu_seconds: float = 10.0


@on_gpu
def next_clip(task: NextClip) -> tuple[Stretch, dict[str, Any]]:
    jam = jam_of(task.model, task.settings)
    jam.asked = task.asked
    jam.go_on_from(task.state)
    return jam.next_clip(), jam.state


class Recording:
    """What a jam has played, as a FLAC file that is there once it is finished. comment: its record, or none."""

    def __init__(self, path: Path, sample_rate: int, comment: str = "") -> None:
        self.comment = comment
        self.path, self.lock, self.seconds = path, threading.Lock(), 0.0
        self.file: soundfile.SoundFile | None = soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16", format="FLAC")
        if comment:
            self.file.comment = comment

    def add(self, sound: Waveform) -> None:
        with self.lock:
            if self.file is not None:
                self.file.write(np.clip(sound.samples[0], -1, 1))
                self.seconds += sound.seconds

    def finish(self) -> str | None:
        """Its path; None where nothing was played."""
        with self.lock:
            if self.file is not None:
                self.file.close()
                self.file = None
        return str(self.path) if self.seconds else None


def jam_of(model: str, settings: dict[str, Any]) -> Jam:
    pipeline = load_music(model)
    asked = Asked(settings["prompt"], settings["negative_prompt"], settings["strength"], settings["seed"])
    how = pipeline.sampling(settings["num_inference_steps"], None)
    return Jam(pipeline, asked, settings["bars"], settings["walk"], settings["bpm"], how)


def begin(session: Session, jam: Jam, settings: dict[str, Any], keep_record: bool = True) -> Recording:
    """The jam is the session's; one that played before stops. keep_record: whether the recording says how it was made."""
    if session.jam is not None:
        session.jam.cancel()
    session.jam = jam
    path = place(session.folder, ".flac", "jam", settings["prompt"])
    session.recording = Recording(path, jam.grid.params.sample_rate, record_of(jam, settings) if keep_record else "")
    return session.recording


def record_of(jam: Jam, settings: dict[str, Any]) -> str:
    """What a jam began with, as JSON in ASCII."""
    made = record.made(jam.pipeline, "live-jam", settings, Heard(), None, None)
    return json.dumps({name: value for name, value in made.items() if name != "files"} | {"seed": settings["seed"]}, sort_keys=True)


def keep(session: Session, recording: Recording) -> None:
    """What a jam has played, once, for the gallery."""
    path, picture = recording.finish(), next(session.folder.glob("jam-spectrogram-*.png"), None)
    if path is not None and picture is not None and path not in session.files:
        shown = recording.path.with_suffix(".png")
        with_record(picture, shown, recording.comment)
        session.keep(path, str(shown), recording.path.stem)


def with_record(picture: Path, path: Path, comment: str) -> None:
    """The picture of a jam saved under another name, with the jam's record."""
    text = PngImagePlugin.PngInfo()
    if comment:
        text.add_itxt(record.KEY, comment)
    with Image.open(picture) as image:
        image.save(path, pnginfo=text)


def maker(jam: Jam, model: str, settings: dict[str, Any], took: list[float]) -> Callable[[], Stretch]:
    """What makes the next clip, and notes the seconds it took: the thread that computes; where GPUs are lent, another process."""

    def here() -> Stretch:
        began = time.monotonic()
        stretch = jam.next_clip()
        took.append(time.monotonic() - began)
        return stretch

    def elsewhere() -> Stretch:
        began, asked = time.monotonic(), jam.asked
        jam.begun = jam.number + 1
        stretch, state = next_clip(NextClip(model, settings, asked, jam.state))
        jam.go_on_from(state if jam.asked is asked else {**state, "_left": jam._left})
        took.append(time.monotonic() - began)
        return stretch

    return elsewhere if "spaces" in sys.modules else lambda: in_turn(here)


def line(jam: Jam, took: list[float], number: int, ahead: float) -> str:
    """How the jam goes. The first clip of a process is slower than those to come, and is not judged by."""
    if not number:
        return f"Making the first two clips, of {jam.clip_seconds:.1f} s each."
    factor = jam.clip_seconds / (took[-1] if len(took) > 1 else max(jam.clip_seconds, *took))
    speed = f"this machine makes {factor:.1f} s of music a second"
    if factor < 1:
        speed = f"{speed}: clips will come more than once, fewer steps make it faster"
    return f"Clip {number} at {jam.grid.bpm:.2f} bpm, {max(0.0, ahead):.1f} s ahead; {speed}."


def until(when: float, jam: Jam) -> Iterator[None]:
    """Waits until then, by the monotonic clock, or until the jam is cancelled; None every TICK."""
    while (left := when - time.monotonic()) > 0 and not jam.cancelled.wait(min(left, TICK)):
        yield None


def parts(stretch: Waveform) -> list[Waveform]:
    """Pieces of about PIECE seconds: the player asks for what is new as often as one piece lasts."""
    pieces = np.array_split(stretch.samples, max(1, round(stretch.seconds / PIECE)), axis=1)
    return [Waveform(np.ascontiguousarray(piece), stretch.sample_rate) for piece in pieces]


def sent(stretch: Waveform, session: Session, streams: bool) -> bytes | str:
    """A stretch as the player takes it: 16-bit bytes for a stream, else the path of a file, in place of the last but two."""
    samples = np.clip(stretch.samples[0], -1, 1)
    if not streams:
        for old in sorted(session.folder.glob("clip*.wav"), key=lambda file: file.stat().st_mtime_ns)[:-2]:
            old.unlink()
        path = place(session.folder, ".wav", "clip")
        soundfile.write(path, samples, stretch.sample_rate, subtype="PCM_16")
        return str(path)
    file = io.BytesIO()
    soundfile.write(file, samples, stretch.sample_rate, subtype="PCM_16", format="WAV")
    return file.getvalue()


def drawn(stretch: Stretch, session: Session) -> str:
    """Its spectrogram, in one of two files by turns: the page loads a new name."""
    last = session.folder / "jam-spectrogram-0.png"
    path = session.folder / "jam-spectrogram-1.png" if last.exists() else last
    (session.folder / ("jam-spectrogram-0.png" if path != last else "jam-spectrogram-1.png")).unlink(missing_ok=True)
    spectrogram(stretch.samples[0], stretch.sample_rate, SPECTROGRAM).save(path)
    return str(path)
