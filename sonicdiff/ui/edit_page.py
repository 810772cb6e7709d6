"""The page that edits a photo by a sound."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from sonicdiff.pipelines import photos
from sonicdiff.ui import controls
from sonicdiff.ui.compute import Step
from sonicdiff.ui.runs import run_row, sentence, wire
from sonicdiff.ui.session import place
from sonicdiff.ui.tasks import Edit, Made, Sounds
from sonicdiff.ui.widgets import INSTANT, SOUNDS, App, answered, computed, hearing, saved_settings

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
    event: Any


def edit_page(app: App) -> EditPage:
    with gr.Row(elem_classes="page"):
        with gr.Column(min_width=280):
            photo = gr.Image(
                str(app.examples / "photos" / "valley.jpg"), type="filepath", image_mode=None, label="Photo", height=HEIGHT,
                sources=["upload", "clipboard", "webcam"], buttons=["fullscreen"], alt_text="The photo to edit",
            )  # fmt: skip
            sound = gr.Audio(str(app.examples / "sounds" / "splash.ogg"), type="filepath", label="Sound", sources=SOUNDS, buttons=[])
            hearing(app, sound)
        with gr.Column(min_width=280):
            slider = gr.ImageSlider(
                type="filepath",
                label="Before and after",
                max_height=HEIGHT,
                interactive=False,
                elem_classes="result",
                buttons=["download", "fullscreen"],
            )
            run = run_row("Edit the photo")
            how = gr.Radio(list(PRESETS), value="Balanced", label="How much")
            widgets = {control.name: control for control in controls.EDIT}
            shown: dict[str, Any] = {name: widgets[name].widget() for name in ("beta", "structure", "prompt")}
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
                others.append(gr.Audio(type="filepath", label=f"A {name} sound, mixed in", sources=SOUNDS, buttons=[]))
                shown[f"weight_{number}"] = widgets[f"weight_{number}"].widget()
    with gr.Accordion("More settings", open=False):
        with gr.Row():
            for names in (("negative_prompt", "count", "seed", "variation"), GUIDING):
                with gr.Column(min_width=240):
                    shown |= {name: widgets[name].widget() for name in names}
        with gr.Accordion("Advanced", open=False), gr.Row():
            for names in (("audio_start", "audio_end"), ("detail", "layers"), ("solver", *SECOND_STAGE)):
                with gr.Column(min_width=240):
                    shown |= {name: widgets[name].widget() for name in names}
    ordered = [shown[control.name] for control in controls.EDIT]
    saved_settings("edit", controls.EDIT, ordered)
    how.input(lambda name: PRESETS[name], how, [shown["beta"], shown["structure"]], **INSTANT)
    gr.Examples(
        [[str(app.examples / "photos" / f"{a}.jpg"), str(app.examples / "sounds" / f"{b}.ogg")] for a, b in EXAMPLES],
        [photo, sound], label="Examples", examples_per_page=6, api_visibility="private",
    )  # fmt: skip

    @answered
    def edit_photo(request: gr.Request, photo_file: str | None, sound_file: str | None, second: str | None, third: str | None, model: str,
                   keep_record: bool, *values: Any) -> Any:  # fmt: skip
        settings = controls.checked(controls.EDIT, values)
        sounds = mixed(settings, sound_file, second, third)
        if not photo_file:
            raise ValueError("There is no photo yet; choose one, or one of the examples.")
        if not sounds and not settings["prompt"]:
            raise ValueError("There is nothing to change it by; choose a sound, or write some words.")
        session = app.sessions.of(request)
        upright = photos.load(photo_file)
        before, small = kept(upright, session.folder), kept(small_of(upright), session.folder)
        made: list[Made] = []
        previews: list[str] = []
        nothing = {variations: gr.update(value=[], visible=False), used: "", reuse: gr.update(visible=False)}
        yield {run.status: "Getting ready.", **nothing}
        for told in computed(Edit(model, sounds, settings, session.folder, keep_record, photo=photo_file)):
            if isinstance(told, Step):
                if told.preview and not made:
                    previews.append(like(small, told.preview, session.folder))
                    forget(previews[:-2])
                    yield {run.status: sentence(told), slider: (small, previews[-1])}
                else:
                    yield {run.status: sentence(told)}
            elif isinstance(told, Made):
                made.append(told)
                session.keep(told.path, told.picture, told.text)
                gallery = gr.update(value=[(each.path, each.text) for each in made], visible=len(made) > 1)
                seed = f"Seed used: {told.seed}" if told.seed is not None else "The edit itself: no seed."
                sent = {used: seed, reuse: gr.update(visible=told.seed is not None), pair: (before, made[0].path)}
                yield {slider: (before, told.path) if len(made) == 1 else gr.skip(), variations: gallery, **sent}
            else:
                yield {run.status: gr.skip()}
        yield {run.status: f"Done: {len(made)} picture{'s' if len(made) > 1 else ''}, {made[0].text}." if made else "Stopped."}

    inputs = [photo, sound, *others, app.models["pictures"], app.keep_record, *ordered]
    event = wire(app, run, edit_photo, inputs, [slider, variations, pair, used, reuse])
    reuse.click(seed_of, used, shown["seed"], **INSTANT)
    variations.select(chosen, [pair, variations], [slider, pair], **INSTANT)
    return EditPage(photo, sound, pair, again, event)


EXAMPLES = (
    ("valley", "splash"), ("brook", "campfire"), ("mountains", "thunder-near"), ("hilltop", "wind"), ("riverside", "wading"),
    ("palace", "fire"),
)  # fmt: skip


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


def chosen(pair: tuple[str, str], gallery: Sequence[tuple[str, str]], event: gr.SelectData) -> Any:
    """The variation that was picked, in the slider."""
    picked = (pair[0], gallery[event.index][0])
    return picked, picked
