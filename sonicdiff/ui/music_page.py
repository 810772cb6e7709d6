"""The page that makes music from words, from a loop, or from a sound."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from sonicdiff.ui import controls
from sonicdiff.ui.choosing import KNOWN, PROMPTS, of_music
from sonicdiff.ui.compute import Step
from sonicdiff.ui.generate_page import shown_preview
from sonicdiff.ui.runs import Run, Show, Updates, run_row, wire
from sonicdiff.ui.session import Session
from sonicdiff.ui.tasks import Made, Music
from sonicdiff.ui.widgets import INSTANT, SOUNDS, App, from_video, keeps, saved_settings

WEIGHTS = r"""`(piano)` counts 1.1 times, `((piano))` 1.21 times, `(piano:1.5)` 1.5 times; `[drums]` and `[drums:1.5]` count as much less.
`\(` is a bracket. A tempo in the words ("110 bpm") is kept to exactly."""


@dataclass(frozen=True)
class MusicPage:
    source: Any
    clip: Any
    sends: dict[str, Any]
    run: Run
    events: list[Any]


def music_page(app: App) -> MusicPage:
    menus = app.models["music"]
    model, widgets = menus.menu(), dict[str, Any]({control.name: control for control in controls.MUSIC})
    widgets["prompt"] = replace(widgets["prompt"], default=of_music(PROMPTS, menus.first))
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("prompt",)}
            with gr.Accordion("How words are weighted, and which are known", open=False):
                gr.Markdown(WEIGHTS)
                known = gr.Markdown(of_music(KNOWN, menus.first))
            shown |= {name: widgets[name].widget() for name in ("seconds", "bars", "loop", "seed_image", "strength")}
            model.render()
        with gr.Column(min_width=280):
            clip = gr.Audio(
                label="Music",
                interactive=False,
                loop=True,
                buttons=["download"],
                type="filepath",
                elem_id="music-clip",
                elem_classes="result",
            )
            picture = gr.Image(
                label="Spectrogram", height=180, interactive=False, elem_classes="result", buttons=[], alt_text="Spectrogram of the music"
            )
            run = run_row("Make music")
            used = gr.Markdown(container=False)
            with gr.Row():
                sends = {name: gr.Button(f"Send to {name.capitalize()}", size="sm", min_width=90) for name in ("edit", "generate", "music")}
    with gr.Accordion("From a sound of yours: as a start, played anew, or its rhythm alone", open=False), gr.Row():
        with gr.Column(min_width=240):
            source = gr.Audio(type="filepath", label="Your sound", sources=SOUNDS, buttons=[])
            from_video(app, source)
        with gr.Column(min_width=240):
            shown |= {name: widgets[name].widget() for name in ("way", "audio_bpm")}
    with gr.Accordion("More settings", open=False), gr.Row():
        for names in (("negative_prompt", "bpm", "seed"), ("num_inference_steps", "guidance_scale"), ("scheduler", "loudness", "ending")):
            with gr.Column(min_width=200):
                shown |= {name: widgets[name].widget() for name in names}
    ordered = [shown[control.name] for control in controls.MUSIC]
    saved_settings("music", controls.MUSIC, ordered)
    keeps(app, "music", [source, model, *ordered])

    def change(name: str, words: str) -> Any:
        return of_music(KNOWN, name), of_music(PROMPTS, name) if words in PROMPTS.values() else gr.skip()

    model.change(change, [model, shown["prompt"]], [known, shown["prompt"]], **INSTANT)

    def prepare(session: Session, sound: str | None, model: str, keep_record: bool, *values: Any) -> Any:
        settings = controls.checked(controls.MUSIC, values)
        check_sound(settings, sound)
        return Music(model, settings, session.folder, sound, keep_record), session.seen.get("music"), {used: ""}

    def step(session: Session, about: Any, told: Step, made: list[Made]) -> Updates:
        return {picture: shown_preview(told, session.folder)} if told.preview else {}

    def shown_made(session: Session, about: Any, made: list[Made]) -> Updates:
        each = made[-1]
        session.seen["music"] = each.picture
        return {clip: each.path, picture: each.picture, used: "" if each.seed is None else f"Seed used: {each.seed}"}

    def ended(session: Session, about: Any, made: list[Made], stopped: bool) -> tuple[str, Updates]:
        if stopped and not made:  # a preview is no result: the spectrogram of the clip that is there comes back
            return "Stopped.", {picture: about}
        # Told again with the last line: Gradio's page writes what comes last, even if it is nothing, into the file that it was told of.
        return f"Done: {made[-1].text}.", {clip: made[-1].path, picture: made[-1].picture}

    inputs = [source, model, app.keep_record, *ordered]
    events = wire(app, run, Show("music", prepare, step, shown_made, ended), inputs, [clip, picture, used])
    return MusicPage(source, clip, sends, run, events)


def check_sound(settings: dict[str, Any], sound: str | None) -> None:
    """ValueError where the settings need a sound that is not there, or words."""
    if not settings["prompt"]:
        raise ValueError("There is no prompt yet; say what to play, for example: jazz piano, 110 bpm.")
    if not sound and (settings["way"] != "music" or settings["seed_image"] == "your sound"):
        raise ValueError("There is no sound of yours yet; choose one under 'From a sound of yours'.")
