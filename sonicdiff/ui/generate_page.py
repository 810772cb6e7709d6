"""The page that makes images from sounds and words, and strips of images from one sound to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from sonicdiff.ui import controls
from sonicdiff.ui.compute import Step
from sonicdiff.ui.edit_page import GUIDING, SECOND_STAGE, mixed
from sonicdiff.ui.runs import run_row, sentence, wire
from sonicdiff.ui.session import place
from sonicdiff.ui.tasks import Generate, Made, Strip
from sonicdiff.ui.widgets import SOUNDS, App, answered, computed, hearing, saved_settings

STRIP = "From 2 on: so many images on the way from the first sound to the second."
FRAMES = controls.Number("frames", "Strip", STRIP, 1, low=1, high=12, step=1)


@dataclass(frozen=True)
class GeneratePage:
    sound: Any
    result: Any
    to_edit: Any
    event: Any


def generate_page(app: App) -> GeneratePage:
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            sound = gr.Audio(str(app.examples / "sounds" / "thunder-near.ogg"), type="filepath", label="Sound", sources=SOUNDS, buttons=[])
            hearing(app, sound)
            widgets = {control.name: control for control in controls.GENERATE}
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("prompt", "count", "seed")}
        with gr.Column(min_width=280):
            gallery = gr.Gallery(
                elem_classes="result", label="Images", columns=2, height=380, preview=True, buttons=["download", "fullscreen"], format="png"
            )
            run = run_row("Make images")
            shown["beta"] = widgets["beta"].widget()
            result, used = gr.State(None), gr.Markdown(container=False)
            to_edit = gr.Button("Send the image to Edit", size="sm")
    with gr.Accordion("More sounds, and strips", open=False), gr.Row():
        others = []
        for number, name in ((2, "second"), (3, "third")):
            with gr.Column(min_width=240):
                others.append(gr.Audio(type="filepath", label=f"A {name} sound, mixed in", sources=SOUNDS, buttons=[]))
                shown[f"weight_{number}"] = widgets[f"weight_{number}"].widget()
        with gr.Column(min_width=240):
            frames = FRAMES.widget()
    with gr.Accordion("More settings", open=False), gr.Row():
        for names in (("negative_prompt", *GUIDING), ("audio_start", "audio_end", "layers"), SECOND_STAGE):
            with gr.Column(min_width=240):
                shown |= {name: widgets[name].widget() for name in names}
    ordered = [shown[control.name] for control in controls.GENERATE]
    saved_settings("generate", controls.GENERATE, ordered)

    @answered
    def make_images(request: gr.Request, first: str | None, second: str | None, third: str | None, count: float, model: str,
                    keep_record: bool, *values: Any) -> Any:  # fmt: skip
        settings = controls.checked(controls.GENERATE, values)
        sounds = mixed(settings, first, second, third)
        if not sounds and not settings["prompt"]:
            raise ValueError("There is nothing to make it from; choose a sound, write some words, or both.")
        number = int(FRAMES.checked(count))
        if number > 1 and len(sounds) < 2:
            raise ValueError("A strip goes from one sound to another; choose a second sound, or set Strip to 1.")
        session = app.sessions.of(request)
        common = (model, sounds[:2] if number > 1 else sounds, settings, session.folder, keep_record)
        made: list[Made] = []
        yield {run.status: "Getting ready.", used: ""}
        for told in computed(Strip(*common, frames=number) if number > 1 else Generate(*common)):
            if isinstance(told, Step):
                pictures = [(each.path, each.text) for each in made]
                if told.preview:
                    pictures.append((shown_preview(told, session.folder), "preview"))
                    yield {run.status: sentence(told), gallery: gr.update(value=pictures, selected_index=len(made))}
                else:
                    yield {run.status: sentence(told)}
            elif isinstance(told, Made):
                made.append(told)
                session.keep(told.path, told.picture, told.text)
                pictures = gr.update(value=[(each.path, each.text) for each in made], selected_index=len(made) - 1)
                yield {gallery: pictures, result: told.path, used: f"Seed used: {made[0].seed}"}
            else:
                yield {run.status: gr.skip()}
        yield {run.status: f"Done: {len(made)} image{'s' if len(made) > 1 else ''}." if made else "Stopped."}

    inputs = [sound, *others, frames, app.models["pictures"], app.keep_record, *ordered]
    event = wire(app, run, make_images, inputs, [gallery, result, used])
    return GeneratePage(sound, result, to_edit, event)


def shown_preview(step: Step, folder: Any) -> str:
    path = place(folder, ".jpg", "preview")
    path.write_bytes(step.preview or b"")
    return str(path)
