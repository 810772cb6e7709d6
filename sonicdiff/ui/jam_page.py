"""The page of the endless jam, steered while it plays."""

from __future__ import annotations

import io
import secrets
import shutil
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import soundfile

from sonicdiff.audio.drawing import spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.checkpoints import load_music
from sonicdiff.pipelines.music.jam import Asked, Jam, Stretch, paced
from sonicdiff.ui import controls
from sonicdiff.ui.compute import TICK, Tell, in_turn, on_gpu
from sonicdiff.ui.controls import MOST_SEED
from sonicdiff.ui.session import Session, place
from sonicdiff.ui.tasks import SPECTROGRAM
from sonicdiff.ui.widgets import INSTANT, App, answered, computed, run_row, saved_settings, wire

LONGEST = 60 * 60.0  # seconds of one jam; the player keeps all it has played
PIECE = 1.4  # seconds
AT_ONCE = 4  # jams that play at the same time; they take turns with each other and with all else that computes
STEERS = ("prompt", "negative_prompt", "strength", "seed")
NO_FFMPEG = "ffmpeg is not installed here: the jam plays clip by clip, with a short pause between them."


@dataclass(frozen=True)
class Rehearse:
    """How many seconds of music this machine makes in a second."""

    model: str
    settings: dict[str, Any]
    gpu_seconds: float = 15.0

    def __call__(self, tell: Tell) -> None:
        tell(jam_of(self.model, self.settings).rehearse(callback=lambda *_: not tell.cancelled.is_set()))


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
    """What a jam has played, as a FLAC file that is there once it is finished."""

    def __init__(self, path: Path, sample_rate: int) -> None:
        self.path, self.lock, self.seconds = path, threading.Lock(), 0.0
        self.file: soundfile.SoundFile | None = soundfile.SoundFile(path, "w", sample_rate, 1, "PCM_16", format="FLAC")

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


@dataclass(frozen=True)
class JamPage:
    recording: Any
    to_edit: Any
    event: Any


def jam_page(app: App) -> JamPage:
    streams = shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None
    widgets = {control.name: control for control in controls.JAM}
    with gr.Row():
        with gr.Column(min_width=280):
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("prompt", "negative_prompt", "strength")}
            steering = gr.Button("Steer: play this from now on")
            note = gr.Markdown(container=False)
        with gr.Column(min_width=280):
            player = gr.Audio(
                label="Jam", interactive=False, streaming=streams, autoplay=True, type="filepath", buttons=[], elem_id="jam-player"
            )
            run = run_row("Start the jam")
            picture = gr.Image(show_label=False, height=110, interactive=False, buttons=[], alt_text="Spectrogram of the next clip")
            recording = gr.Audio(label="What was played", interactive=False, visible=False, type="filepath", buttons=["download"])
            to_edit = gr.Button("Send what was played to Edit", size="sm")
            if not streams:
                gr.Markdown(NO_FFMPEG)
    with gr.Accordion("More settings", open=False), gr.Row():
        for names in (("seed", "bpm"), ("bars", "walk"), ("num_inference_steps",)):
            with gr.Column(min_width=200):
                shown |= {name: widgets[name].widget() for name in names}
    ordered = [shown[control.name] for control in controls.JAM]
    saved_settings("jam", controls.JAM, ordered)

    @answered
    def play(request: gr.Request, model: str, *values: Any) -> Any:
        settings = checked(values)
        settings["seed"] = secrets.randbelow(MOST_SEED) if settings["seed"] is None else settings["seed"]
        session = app.sessions.of(request)
        nothing = {note: f"Seed used: {settings['seed']}", recording: gr.update(value=None, visible=False)}
        yield {run.status: "Finding out how fast this machine is.", **nothing}
        factor = 0.0
        for told in computed(Rehearse(model, settings)):
            factor = told or factor
            yield {run.status: gr.skip()}
        jam = jam_of(model, settings)
        record = begin(session, jam, settings)
        began, number, stretch = time.monotonic(), 0, None
        try:
            for stretch in paced(jam, make=maker(jam, model, settings), tick=TICK):
                if stretch is None:
                    yield {run.status: line(jam, factor, number, record.seconds - (time.monotonic() - began))}
                    continue
                number += 1
                began = time.monotonic() if number == 1 else began
                record.add(stretch)
                session.used = time.monotonic()
                yield {picture: drawn(stretch, session)}
                for part in parts(stretch) if streams else [stretch]:
                    yield {player: sent(part, session, streams)}
                if record.seconds >= LONGEST:
                    break
        finally:
            jam.cancel()
            record.finish()
        yield {run.status: f"An hour has passed; start again to go on. {record.seconds:.0f} s were played."}

    def steer(request: gr.Request, *values: Any) -> str:
        try:
            settings = checked(values)
        except ValueError as error:
            return str(error)
        jam = app.sessions.of(request).jam
        if jam is None or jam.cancelled.is_set():
            return "Nothing plays yet; this is where the jam will start."
        wanted = {name: settings[name] for name in STEERS if settings[name] is not None and settings[name] != getattr(jam.asked, name)}
        if not wanted:
            return "It plays this already."
        jam.steer(**wanted)
        return f"Heard from clip {jam.number + 2} on, and fully {jam.walk - 1} clip{'s' if jam.walk != 2 else ''} later."

    def stopped(request: gr.Request) -> Any:
        session = app.sessions.of(request)
        if session.jam is None:
            return "Stopped.", gr.skip()
        session.jam.cancel()
        path = session.recording.finish()
        return f"Stopped after {session.recording.seconds:.0f} s.", gr.update(value=path, visible=path is not None)

    event = wire(run, play, [app.models["music"], *ordered], [player, picture, note, recording], JAMMING)
    run.stop.click(stopped, None, [run.status, recording], **INSTANT)
    gr.on([steering.click, shown["prompt"].submit, shown["strength"].release], steer, ordered, note, **INSTANT)
    return JamPage(recording, to_edit, event)


JAMMING = {"concurrency_limit": AT_ONCE, "concurrency_id": "jam"}


def checked(values: Any) -> dict[str, Any]:
    settings = controls.checked(controls.JAM, values)
    if not settings["prompt"]:
        raise ValueError("There are no words yet; say what to play, for example: lo-fi piano, 84 bpm.")
    return settings


def jam_of(model: str, settings: dict[str, Any]) -> Jam:
    pipeline = load_music(model)
    asked = Asked(settings["prompt"], settings["negative_prompt"], settings["strength"], settings["seed"])
    how = pipeline.sampling(settings["num_inference_steps"], None)
    return Jam(pipeline, asked, settings["bars"], settings["walk"], settings["bpm"], how)


def begin(session: Session, jam: Jam, settings: dict[str, Any]) -> Recording:
    """The jam is the session's; one that played before stops."""
    if session.jam is not None:
        session.jam.cancel()
    session.jam = jam
    session.recording = Recording(place(session.folder, ".flac", "jam", settings["prompt"]), jam.grid.params.sample_rate)
    return session.recording


def maker(jam: Jam, model: str, settings: dict[str, Any]) -> Callable[[], Stretch]:
    """What makes the next clip: the thread that computes; where GPUs are lent, another process, which is told how the jam stands."""
    if "spaces" not in sys.modules:
        return lambda: in_turn(jam.next_clip)

    def elsewhere() -> Stretch:
        asked = jam.asked
        stretch, state = next_clip(NextClip(model, settings, asked, jam.state))
        jam.go_on_from(state if jam.asked is asked else {**state, "_left": jam._left})
        return stretch

    return elsewhere


def line(jam: Jam, factor: float, number: int, ahead: float) -> str:
    """How the jam goes."""
    speed = f"this machine makes {factor:.1f} s of music a second"
    if factor < 1:
        speed = f"{speed}: clips will come more than once, fewer steps make it faster"
    if not number:
        return f"Making the first clip of {jam.clip_seconds:.1f} s; {speed}."
    return f"Clip {number} at {jam.grid.bpm:.2f} bpm, {max(0.0, ahead):.1f} s ahead; {speed}."


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
