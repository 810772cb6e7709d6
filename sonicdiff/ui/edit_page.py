"""The page that edits a photo by a sound."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from sonicdiff.pipelines.common import image_loading
from sonicdiff.ui import controls
from sonicdiff.ui.choosing import changes_with_model, file_of, has_second_stage, samples, samples_of
from sonicdiff.ui.compute import Step
from sonicdiff.ui.runs import Run, Show, Updates, run_row, wire
from sonicdiff.ui.session import Session, place
from sonicdiff.ui.tasks import Edit, Made, Sounds
from sonicdiff.ui.widgets import INSTANT, SOUNDS, App, from_video, hearing, keeps, saved_settings

HEIGHT = 340  # pixels of a photo on the page: the button stays in sight of it
SECOND_STAGE = ("super_resolution_steps", "super_resolution_noise")
GUIDING = ("audio_guidance_scale", "guidance_scale", "num_inference_steps")
SHOWN = 1024  # pixels along the longer side of a preview
PRESETS = {"Subtle": (0.6, 0.7), "Balanced": (1.0, 0.5), "Strong": (1.5, 0.3)}
"""Sound strength and how much of the photo's structure is kept."""


@dataclass(frozen=True)
class EditPage:
    photo: Any
    sound: Any
    pair: Any
    again: Any
    run: Run
    events: list[Any]


def edit_page(app: App) -> EditPage:
    model, begin = app.models["pictures"].menu(), samples_of(app.models["pictures"].first).pairs[0]
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            photo = gr.Image(
                file_of(app, begin[0]), type="filepath", image_mode=None, label="Photo", height=HEIGHT,
                sources=["upload", "clipboard", "webcam"], buttons=["fullscreen"], alt_text="The photo to edit",
            )  # fmt: skip
            sound = gr.Audio(file_of(app, begin[1]), type="filepath", label="Sound", sources=SOUNDS, buttons=[])
            from_video(app, sound)
            hearing(app, sound, model)
        with gr.Column(min_width=280):
            slider = gr.ImageSlider(
                type="filepath",
                label="Before and after",
                height=HEIGHT,
                max_height=HEIGHT,
                interactive=False,
                elem_classes="result",
                buttons=["download", "fullscreen"],
            )
            run = run_row("Edit the photo")
            how = gr.Radio(list(PRESETS), value="Balanced", label="How much")
            widgets = {control.name: control for control in controls.EDIT}
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("beta", "structure", "prompt")}
            model.render()
            variations = gr.Gallery(label="Variations", columns=4, height=200, visible=False, buttons=["download"], format="png")
            pair = gr.State(None)  # the photo as shown, and the result that is seen beside it
            used = gr.Markdown(container=False)
            with gr.Row():
                reuse = gr.Button("Use this seed again", size="sm", visible=False)
                again = gr.Button("Send the result to Edit, as the photo", size="sm")
    with gr.Accordion("More sounds", open=False), gr.Row():
        others = []
        for number, name in ((2, "second"), (3, "third")):
            with gr.Column(min_width=240):
                others.append(one := gr.Audio(type="filepath", label=f"A {name} sound, mixed in", sources=SOUNDS, buttons=[]))
                from_video(app, one)
                shown[f"weight_{number}"] = widgets[f"weight_{number}"].widget()
    with gr.Accordion("More settings", open=False):
        with gr.Row():
            for names in (("negative_prompt", "count", "seed", "variation"), GUIDING):
                with gr.Column(min_width=240):
                    shown |= {name: widgets[name].widget() for name in names}
        with gr.Accordion("Advanced", open=False), gr.Row():
            for names in (("audio_start", "audio_end", "reconstruct"), ("detail", "layers", "solver")):
                with gr.Column(min_width=240):
                    shown |= {name: widgets[name].widget() for name in names}
            with gr.Column(min_width=240, visible=has_second_stage(app.models["pictures"].first)) as second_stage:
                shown |= {name: widgets[name].widget() for name in SECOND_STAGE}
    ordered = [shown[control.name] for control in controls.EDIT]
    saved_settings("edit", controls.EDIT, ordered)
    keeps(app, "edit", [photo, sound, *others, model, how, *ordered])
    how.input(lambda name: PRESETS[name], how, [shown["beta"], shown["structure"]], **INSTANT)
    groups = samples(app, sound, photo)
    changes_with_model(app, model, sound, groups, second_stage, controls.EDIT, shown, keeps_words=True)

    def prepare(session: Session, photo_file: str | None, sound_file: str | None, second: str | None, third: str | None, model: str,
                keep_record: bool, *values: Any) -> Any:  # fmt: skip
        settings = controls.checked(controls.EDIT, values)
        sounds = mixed(settings, sound_file, second, third)
        if not photo_file:
            raise ValueError("There is no photo yet; choose one, or one of the examples.")
        if not sounds and not settings["prompt"] and not settings["reconstruct"]:
            raise ValueError("There is nothing to change it by; choose a sound, or write a prompt.")
        upright = image_loading.load(photo_file)
        about = About(kept(upright, session.folder), kept(small_of(upright), session.folder), session.seen.get("edit"))
        task = Edit(model, sounds, settings, session.folder, keep_record, photo=photo_file)
        return task, about, {variations: gr.update(value=[], visible=False), used: "", reuse: gr.update(visible=False)}

    def step(session: Session, about: About, told: Step, made: list[Made]) -> Updates:
        if made or not told.preview:
            return {}
        about.previews.append(like(about.small, told.preview, session.folder))
        forget(about.previews[:-2])
        return {slider: (about.small, about.previews[-1])}

    def selected(session: Session, before: str, each: Made) -> Updates:
        """A result beside the photo; what is sent on, and the seed that is used again, are its own."""
        session.seen["edit"] = (before, each.path)
        text = f"Seed used: {each.seed}" if each.seed is not None else "The edit itself: no seed."
        return {slider: (before, each.path), pair: (before, each.path), used: text, reuse: gr.update(visible=each.seed is not None)}

    def shown_made(session: Session, about: About, made: list[Made]) -> Updates:
        gallery = gr.update(value=[(each.path, each.text) for each in made], visible=len(made) > 1)
        return {variations: gallery, **(selected(session, about.before, made[0]) if len(made) == 1 else {})}

    def ended(session: Session, about: About, made: list[Made], stopped: bool) -> tuple[str, Updates]:
        said = f"{len(made)} picture{'s' if len(made) > 1 else ''}, {made[0].text}." if made else ""
        if stopped:  # a preview is no result: what was there before comes back
            return f"Stopped. {said}".strip(), {} if made else {slider: about.earlier}
        return f"Done: {said}", {}

    def chosen(request: gr.Request, event: gr.SelectData) -> Any:
        session = app.sessions.of(request)
        run_of = session.runs.get("edit")
        if run_of is None or not 0 <= event.index < len(run_of.made):
            return [gr.skip()] * 4
        return list(selected(session, run_of.about.before, run_of.made[event.index]).values())

    inputs = [photo, sound, *others, model, app.keep_record, *ordered]
    show = Show("edit", prepare, step, shown_made, ended)
    events = wire(app, run, show, inputs, [slider, variations, pair, used, reuse])
    reuse.click(seed_of, used, shown["seed"], **INSTANT)
    variations.select(chosen, None, [slider, pair, used, reuse], **INSTANT)
    return EditPage(photo, sound, pair, again, run, events)


@dataclass
class About:
    """What the page knows of an edit. before: the photo as it is shown; small: below a preview; earlier: what the slider showed."""

    before: str
    small: str
    earlier: tuple[str, str] | None
    previews: list[str] = field(default_factory=list)


def mixed(settings: dict[str, Any], first: str | None, second: str | None, third: str | None) -> Sounds:
    """The sounds that are there, with their weights."""
    weighted = ((first, 1.0), (second, settings["weight_2"]), (third, settings["weight_3"]))
    return tuple((sound, weight) for sound, weight in weighted if sound)


def small_of(photo: Image.Image) -> Image.Image:
    small = photo.copy()
    small.thumbnail((SHOWN, SHOWN))
    return small


def kept(photo: Image.Image, folder: Path) -> str:
    """The photo as the model sees it, upright and in RGB, as a file for the slider."""
    path = place(folder, ".jpg", "before")
    photo.save(path, quality=92)
    return str(path)


def like(photo: str, preview: bytes, folder: Path) -> str:
    """A preview as large as the photo, since the slider lays one over the other."""
    shown = place(folder, ".jpg", "preview")
    with Image.open(photo) as below, Image.open(io.BytesIO(preview)) as above:
        above.resize(below.size, Image.Resampling.BICUBIC).save(shown, quality=85)
    return str(shown)


def forget(files: Sequence[str]) -> None:
    """Previews that were replaced, and loaded by the page or never."""
    for file in files:
        Path(file).unlink(missing_ok=True)


def seed_of(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
