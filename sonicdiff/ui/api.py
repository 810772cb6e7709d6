"""The app's endpoints for programs: `edit`, `generate` and `music`, through the same queue and the same checks as the pages.

client = gradio_client.Client("http://127.0.0.1:7860")
image, seed = client.predict(photo=handle_file("coast.jpg"), sound=handle_file("rain.wav"), api_name="/edit")
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from inspect import signature
from typing import Any

import gradio as gr

from sonicdiff.ui import controls
from sonicdiff.ui.tasks import Edit, Generate, Made, Music, Strip
from sonicdiff.ui.widgets import COMPUTING, App, answered, computed

FILES = {
    "sound": "The sound, a file: wav, flac, ogg, mp3, m4a or a video's",
    "second_sound": "Another sound, mixed in, or the end of a strip",
    "third_sound": "A third sound, mixed in",
}


def named_endpoints(app: App) -> None:
    """Hidden components, so that the endpoints have types of their own and not those of a page's every slider."""

    @answered
    def edit(photo: str, sound: str | None = None, prompt: str = "", negative_prompt: str = "", beta: float = 1,
             structure: float = 0.5, audio_guidance_scale: float = 7.5, guidance_scale: float = 5, num_inference_steps: float = 50,
             seed: float | None = None, second_sound: str | None = None, weight_2: float = 0.5, third_sound: str | None = None,
             weight_3: float = 0.5, model: str = "") -> Any:  # fmt: skip
        """A photo changed by a sound, by words, or both: the PNG, and the seed that made it (null for the edit itself).

        photo and sound: files. beta: how strong the sound is, 1 as trained. structure: 0 to 1, how much of the photo's structure to
        keep. seed: another variation of the edit. second_sound, third_sound: mixed in with weight_2, weight_3.
        """
        settings = chosen(controls.EDIT, locals())
        if not photo or not (sound or settings["prompt"]):
            raise ValueError("got no photo, or neither a sound nor words; expected a photo, and a sound or a prompt")
        yield from results(
            Edit(
                named("pictures", model),
                sounds((sound, 1.0), (second_sound, weight_2), (third_sound, weight_3)),
                settings,
                app.sessions.for_program(),
                photo=photo,
            )
        )

    @answered
    def generate(sound: str | None = None, prompt: str = "", negative_prompt: str = "", beta: float = 1,
                 audio_guidance_scale: float = 7.5, guidance_scale: float = 5, num_inference_steps: float = 50,
                 seed: float | None = None, second_sound: str | None = None, weight_2: float = 0.5, frames: float = 1,
                 model: str = "") -> Any:  # fmt: skip
        """An image from a sound, from words, or both: the PNG, and the seed that made it.

        second_sound: mixed in with weight_2; with frames from 2 on, a strip of so many images on the way to it. model: by name.
        """
        settings = chosen(controls.GENERATE, locals())
        common = named("pictures", model), sounds((sound, 1.0), (second_sound, weight_2)), settings, app.sessions.for_program()
        if settings["frames"] > 1 and len(common[1]) < 2:
            raise ValueError("got frames without two sounds; expected a sound and a second_sound for a strip")
        if not (sound or settings["prompt"]):
            raise ValueError("got neither a sound nor words; expected a sound, a prompt, or both")
        yield from results(Strip(*common, frames=settings["frames"]) if settings["frames"] > 1 else Generate(*common))

    @answered
    def music(prompt: str = "", negative_prompt: str = "", seconds: float = 10, bpm: float | None = None,
              loop: bool = True, seed_image: str = "none", strength: float = 0.75, num_inference_steps: float = 30,
              seed: float | None = None, ending: str = "wav", sound: str | None = None, way: str = "music",
              model: str = "") -> Any:  # fmt: skip
        """Music for words: the sound file, and the seed that made it. seed_image: a loop of ours to start from, by name, or "none".

        sound: with way "riff" it is played anew, with "edit" its rhythm is kept, else with seed_image "your sound" it is the start.
        """
        settings = chosen(controls.MUSIC, locals())
        if not settings["prompt"]:
            raise ValueError("got no prompt; expected words")
        if not sound and (settings["seed_image"] == "your sound" or settings["way"] != "music"):
            raise ValueError("got no sound; expected one for way 'riff' or 'edit', and for the seed_image 'your sound'")
        yield from results(Music(named("music", model), settings, app.sessions.for_program(), sound))

    def named(kind: str, model: str) -> str:
        names = app.models[kind].names()
        if model and model not in names:
            raise ValueError(f"got the model {str(model)[:40]!r}; expected one of {', '.join(names)}, or nothing for the first")
        return model or names[0]

    files: dict[str, Any] = {"photo": gr.Image(type="filepath", image_mode=None, label="The photo to change, a file", visible=False)}
    for name, label in FILES.items():
        files[name] = gr.Audio(type="filepath", label=label, visible=False)
    for fn, table, result in (
        (edit, controls.EDIT, gr.Image(label="image", format="png", type="filepath", visible=False)),
        (generate, controls.GENERATE, gr.Image(label="image", format="png", type="filepath", visible=False)),
        (music, controls.MUSIC, gr.Audio(label="clip", type="filepath", visible=False)),
    ):
        with gr.Group(visible=False):
            names = list(signature(fn).parameters)
            widgets = {control.name: component(control) for control in table if control.name in names}
            button = gr.Button(visible=False)
            widgets["model"] = gr.Textbox("", label="The model, by name; empty: the app's")
            inputs = [files.get(name) or widgets[name] for name in names]
            seed = gr.Number(label="seed", precision=0, visible=False)
        button.click(fn, inputs, [result, seed], api_name=fn.__name__, api_visibility="public", show_progress="hidden", **COMPUTING)


def component(control: controls.Control) -> Any:
    """What tells programs a type: a number is one here, also where it may be left out, and no words are written for anybody.

    Its label is what the endpoint's description says of the parameter.
    """
    label = f"{control.label}. {control.info}" if control.info else control.label
    if isinstance(control, controls.Perhaps):
        return gr.Number(None, label=label)
    return replace(control, label=label, **({"default": ""} if isinstance(control, controls.Text) else {})).widget()


def chosen(table: tuple[controls.Control, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Every control's checked value: the one given, or its default."""
    return {control.name: control.checked(given.get(control.name, getattr(control, "default", None))) for control in table}


def sounds(*weighted: tuple[str | None, float]) -> tuple[tuple[str, float], ...]:
    """Those that are there."""
    return tuple((sound, float(weight)) for sound, weight in weighted if sound)


def results(task: Callable[..., Any]) -> Iterator[tuple[Any, Any]]:
    """Nothing until the result is there, but often, so that a client who cancels, or is gone, is noticed."""
    for told in computed(task):
        yield (told.path, told.seed) if isinstance(told, Made) else (gr.skip(), gr.skip())
