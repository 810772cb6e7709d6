"""The page that makes images from sounds and words, and strips of images from one sound to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import gradio as gr

from sonicdiff.ui import controls
from sonicdiff.ui.choosing import changes_with_model, file_of, has_second_stage, samples, samples_of
from sonicdiff.ui.compute import Step
from sonicdiff.ui.edit_page import GUIDING, SECOND_STAGE, mixed
from sonicdiff.ui.runs import Run, Show, Updates, run_row, wire
from sonicdiff.ui.session import Session, place
from sonicdiff.ui.tasks import Generate, Made, Strip
from sonicdiff.ui.widgets import INSTANT, SOUNDS, App, from_video, hearing, keeps, saved_settings


@dataclass(frozen=True)
class GeneratePage:
    sound: Any
    result: Any
    to_edit: Any
    run: Run
    events: list[Any]


def generate_page(app: App) -> GeneratePage:
    model, begin = app.models["pictures"].menu(), samples_of(app.models["pictures"].first)
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            first = "sounds/thunder-near" if "sounds/thunder-near" in begin.sounds else begin.sounds[0]
            sound = gr.Audio(file_of(app, first), type="filepath", label="Sound", sources=SOUNDS, buttons=[])
            from_video(app, sound)
            hearing(app, sound, model)
            widgets: dict[str, Any] = {control.name: control for control in controls.GENERATE}
            widgets["prompt"] = replace(widgets["prompt"], default=begin.prompt)
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("prompt", "count", "seed")}
        with gr.Column(min_width=280):
            gallery = gr.Gallery(
                elem_classes="result", label="Images", columns=2, height=380, preview=True, buttons=["download", "fullscreen"], format="png"
            )
            run = run_row("Make images")
            shown["beta"] = widgets["beta"].widget()
            model.render()
            result, used = gr.State(None), gr.Markdown(container=False)
            to_edit = gr.Button("Send the image to Edit", size="sm")
    with gr.Accordion("More sounds, and strips", open=False), gr.Row():
        others = []
        for number, name in ((2, "second"), (3, "third")):
            with gr.Column(min_width=240):
                others.append(one := gr.Audio(type="filepath", label=f"A {name} sound, mixed in", sources=SOUNDS, buttons=[]))
                from_video(app, one)
                shown[f"weight_{number}"] = widgets[f"weight_{number}"].widget()
        with gr.Column(min_width=240):
            shown["frames"] = widgets["frames"].widget()
    with gr.Accordion("More settings", open=False), gr.Row():
        for names in (("negative_prompt", *GUIDING), ("audio_start", "audio_end", "layers")):
            with gr.Column(min_width=240):
                shown |= {name: widgets[name].widget() for name in names}
        with gr.Column(min_width=240, visible=has_second_stage(app.models["pictures"].first)) as second_stage:
            shown |= {name: widgets[name].widget() for name in SECOND_STAGE}
    ordered = [shown[control.name] for control in controls.GENERATE]
    saved_settings("generate", controls.GENERATE, ordered)
    keeps(app, "generate", [sound, *others, model, *ordered])
    groups = samples(app, sound)
    changes_with_model(app, model, sound, groups, second_stage, controls.GENERATE, shown, keeps_words=False)

    def prepare(session: Session, first: str | None, second: str | None, third: str | None, model: str, keep_record: bool,
                *values: Any) -> Any:  # fmt: skip
        settings = controls.checked(controls.GENERATE, values)
        sounds, number = mixed(settings, first, second, third), settings["frames"]
        if not sounds and not settings["prompt"]:
            raise ValueError("There is nothing to make it from; choose a sound, write a prompt, or both.")
        if number > 1 and len(sounds) < 2:
            raise ValueError("A strip goes from one sound to another; choose a second sound, or set Strip to 1.")
        common = (model, sounds[:2] if number > 1 else sounds, settings, session.folder, keep_record)
        task = Strip(*common, frames=number) if number > 1 else Generate(*common)
        return task, session.seen.get("generate"), {used: ""}

    def step(session: Session, about: Any, told: Step, made: list[Made]) -> Updates:
        if not told.preview:
            return {}
        return {gallery: gr.update(value=[*listed(made), (shown_preview(told, session.folder), "preview")], selected_index=len(made))}

    def shown_made(session: Session, about: Any, made: list[Made]) -> Updates:
        session.seen["generate"] = listed(made)
        shows = gr.update(value=listed(made), selected_index=len(made) - 1)
        return {gallery: shows, result: made[-1].path, used: f"Seed used: {made[-1].seed}"}

    def ended(session: Session, about: Any, made: list[Made], stopped: bool) -> tuple[str, Updates]:
        said = f"{len(made)} image{'s' if len(made) > 1 else ''}." if made else ""
        if stopped:  # a preview is no result: what was there before comes back
            return f"Stopped. {said}".strip(), {
                gallery: gr.update(value=listed(made) or about, selected_index=0 if made or about else None)
            }
        return f"Done: {said}", {}

    def chosen(request: gr.Request, event: gr.SelectData) -> Any:
        """The picture that was picked is what is sent on, and its seed is shown."""
        run_of = app.sessions.of(request).runs.get("generate")
        if run_of is None or not 0 <= event.index < len(run_of.made):
            return gr.skip(), gr.skip()
        each = run_of.made[event.index]
        return each.path, f"Seed used: {each.seed}"

    inputs = [sound, *others, model, app.keep_record, *ordered]
    events = wire(app, run, Show("generate", prepare, step, shown_made, ended), inputs, [gallery, result, used])
    gallery.select(chosen, None, [result, used], **INSTANT)
    return GeneratePage(sound, result, to_edit, run, events)


def listed(made: list[Made]) -> list[tuple[str, str]]:
    """Results as a gallery takes them."""
    return [(each.path, each.text) for each in made]


def shown_preview(step: Step, folder: Any) -> str:
    path = place(folder, ".jpg", "preview")
    path.write_bytes(step.preview or b"")
    return str(path)
