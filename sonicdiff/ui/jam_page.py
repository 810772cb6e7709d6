"""The page of the endless jam, steered while it plays."""

from __future__ import annotations

import secrets
import shutil
import time
from dataclasses import dataclass
from typing import Any

import gradio as gr

from sonicdiff.pipelines.riffusion.jam import Stretch
from sonicdiff.pipelines.riffusion.jam_player import paced
from sonicdiff.ui import controls
from sonicdiff.ui.compute import TICK
from sonicdiff.ui.controls import MOST_SEED
from sonicdiff.ui.jamming import Recording, begin, drawn, jam_of, keep, line, maker, parts, sent, until
from sonicdiff.ui.runs import STOPPED, WENT, WENT_WITH, Run, moment, run_row, stoppable
from sonicdiff.ui.tasks import capitalised
from sonicdiff.ui.widgets import INSTANT, App, keeps, refused, saved_settings

LONGEST = 60 * 60.0  # seconds of one jam; the player keeps all it has played
AT_ONCE = 4  # jams that play at the same time; they take turns with each other and with all else that computes
LOOK_AHEAD = 4.0  # seconds: a browser asks for what is new every 2 s at the latest, and has to fetch and to decode it
STEERS = ("prompt", "negative_prompt", "strength", "seed")
NO_FFMPEG = "ffmpeg is not installed here: the jam plays clip by clip, with a short pause between them."


@dataclass(frozen=True)
class JamPage:
    recording: Any
    to_edit: Any
    run: Run
    events: list[Any]


def jam_page(app: App) -> JamPage:
    streams = shutil.which("ffmpeg") is not None and shutil.which("ffprobe") is not None
    model, widgets = app.models["music"].menu(), {control.name: control for control in controls.JAM}
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("prompt", "negative_prompt", "strength")}
            model.render()
            steering = gr.Button("Steer: play this from now on")
            note = gr.Markdown(container=False, elem_classes="note")
        with gr.Column(min_width=280):
            player = gr.Audio(
                label="Jam",
                interactive=False,
                streaming=streams,
                autoplay=not streams,
                type="filepath",
                buttons=[],
                elem_id="jam-player",
                elem_classes="result",
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
    keeps(app, "jam", [model, *ordered])

    def play(request: gr.Request, model: str, keep_record: bool, *values: Any) -> Any:
        settings = checked(values)
        settings["seed"] = secrets.randbelow(MOST_SEED) if settings["seed"] is None else settings["seed"]
        session = app.sessions.of(request)
        nothing = {note: f"Seed used: {settings['seed']}", recording: gr.update(value=None, visible=False)}
        jam, took = jam_of(model, settings), list[float]()
        yield {run.status: line(jam, took, 0, 0), **nothing}
        record = begin(session, jam, settings, keep_record)
        began, number, ends, waiting = 0.0, 0, 0.0, list[Stretch]()
        make = maker(jam, model, settings, took)
        try:
            for stretch in paced(jam, LOOK_AHEAD, make=make, tick=TICK):
                if stretch is None:
                    yield {run.status: line(jam, took, number, record.seconds - (time.monotonic() - began))}
                    continue
                waiting.append(stretch)
                if not number and len(waiting) < 2:
                    continue  # the player starts with two, and has a clip in hand from then on
                began = began or time.monotonic()
                while waiting:
                    stretch = waiting.pop(0)
                    if not streams:
                        for _ in until(ends, jam):  # a player of files drops what it plays for what it is sent
                            yield {run.status: line(jam, took, number, ends - time.monotonic())}
                        ends = time.monotonic() + stretch.seconds
                    number += 1
                    record.add(stretch)
                    session.used = time.monotonic()
                    yield {picture: drawn(stretch, session)}
                    for part in parts(stretch) if streams else [stretch]:
                        yield {player: sent(part, session, streams)}
                if record.seconds >= LONGEST:
                    break
        finally:
            jam.cancel()
            keep(session, record)
        if record.seconds >= LONGEST:
            yield {run.status: "An hour has passed; start again to go on.", recording: played(record)}

    def steer(request: gr.Request, *values: Any) -> str:
        try:
            settings = checked(values)
        except ValueError as error:
            return refused(str(error))
        jam = app.sessions.of(request).jam
        if jam is None or jam.cancelled.is_set():
            return "Nothing plays yet; this is where the jam will start."
        wanted = {name: settings[name] for name in STEERS if settings[name] is not None and settings[name] != getattr(jam.asked, name)}
        if not wanted:
            return "It plays this already."
        jam.steer(**wanted)
        notice = capitalised(jam.pipeline.not_understood(jam.asked.prompt)) if "prompt" in wanted else ""
        return f"Heard from clip {jam.begun + 1} on, and fully {jam.walk - 1} clip{'s' if jam.walk != 2 else ''} later. {notice}".strip()

    def start(request: gr.Request, clicked: float) -> None:
        app.sessions.of(request).stopped["play"] = moment(clicked)

    def stop(request: gr.Request, clicked: float) -> Any:
        session = app.sessions.of(request)
        session.stopped["play"] = moment(clicked)
        if session.jam is None:
            return "Stopped.", gr.skip(), gr.skip()
        session.jam.cancel()
        return f"Stopped after {session.recording.seconds:.0f} s.", None, played(session.recording)

    outputs = [run.status, player, picture, note, recording]
    inputs = [run.clicked, model, app.keep_record, *ordered]
    options = {"js": WENT_WITH, "trigger_mode": "multiple", "show_progress": "hidden", "api_visibility": "private", **JAMMING}
    event = run.go.click(stoppable(app, run, play), inputs, outputs, **options)
    run.go.click(start, run.clicked, None, js=WENT, **INSTANT)
    run.stop.click(stop, run.clicked, [run.status, player, recording], js=STOPPED, **INSTANT)
    gr.on([steering.click, shown["prompt"].submit, shown["strength"].release], steer, ordered, note, **INSTANT)
    return JamPage(recording, to_edit, run, [event])


JAMMING = {"concurrency_limit": AT_ONCE, "concurrency_id": "jam"}


def played(record: Recording) -> Any:
    """The player of what was played."""
    path = record.finish()
    return gr.update(value=path, visible=path is not None, label=f"What was played ({record.seconds:.0f} s)")


def checked(values: Any) -> dict[str, Any]:
    settings = controls.checked(controls.JAM, values)
    if not settings["prompt"]:
        raise ValueError("There are no words yet; say what to play, for example: lo-fi piano, 84 bpm.")
    return settings
