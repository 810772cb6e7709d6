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
from sonicdiff.ui.tasks import Edit, Generate, Made, Music
from sonicdiff.ui.widgets import COMPUTING, App, answered, computed


def named_endpoints(app: App, pictures: str, music_model: str) -> None:
    """Hidden components, so that the endpoints have types of their own and not those of a page's every slider."""

    @answered
    def edit(photo: str, sound: str | None = None, prompt: str = "", negative_prompt: str = "", beta: float = 1,
             structure: float = 0.5, audio_guidance_scale: float = 7.5, guidance_scale: float = 5, num_inference_steps: float = 50,
             seed: float | None = None) -> Any:  # fmt: skip
        """A photo changed by a sound, by words, or both: the PNG, and the seed that made it (null for the edit itself).

        photo and sound: files. beta: how strong the sound is, 1 as trained. structure: 0 to 1, how much of the photo's structure to
        keep. seed: another variation of the edit.
        """
        settings = chosen(controls.EDIT, locals())
        if not photo or not (sound or settings["prompt"]):
            raise ValueError("got no photo, or neither a sound nor words; expected a photo, and a sound or a prompt")
        yield from results(Edit(pictures, sounds(sound), settings, app.sessions.for_program(), photo=photo))

    @answered
    def generate(sound: str | None = None, prompt: str = "", negative_prompt: str = "", beta: float = 1,
                 audio_guidance_scale: float = 7.5, guidance_scale: float = 5, num_inference_steps: float = 50,
                 seed: float | None = None) -> Any:  # fmt: skip
        """An image from a sound, from words, or both: the PNG, and the seed that made it."""
        settings = chosen(controls.GENERATE, locals())
        if not (sound or settings["prompt"]):
            raise ValueError("got neither a sound nor words; expected a sound, a prompt, or both")
        yield from results(Generate(pictures, sounds(sound), settings, app.sessions.for_program()))

    @answered
    def music(prompt: str = "", negative_prompt: str = "", seconds: float = 10, bpm: float | None = None,
              loop: bool = True, seed_image: str = "none", strength: float = 0.75, num_inference_steps: float = 30,
              seed: float | None = None, ending: str = "wav") -> Any:  # fmt: skip
        """Music for words: the sound file, and the seed that made it. seed_image: a loop of ours to start from, by name, or "none"."""
        settings = chosen(controls.MUSIC, locals())
        if not settings["prompt"] or settings["seed_image"] == "your sound":
            raise ValueError("got no prompt, or a seed_image that only the page takes; expected words, and the name of a loop or 'none'")
        yield from results(Music(music_model, settings, app.sessions.for_program()))

    photo = gr.Image(type="filepath", image_mode=None, label="photo", visible=False)
    sound = gr.Audio(type="filepath", label="sound", visible=False)
    for fn, table, files, result in (
        (edit, controls.EDIT, {"photo": photo, "sound": sound}, gr.Image(label="image", format="png", type="filepath", visible=False)),
        (generate, controls.GENERATE, {"sound": sound}, gr.Image(label="image", format="png", type="filepath", visible=False)),
        (music, controls.MUSIC, {}, gr.Audio(label="clip", type="filepath", visible=False)),
    ):
        with gr.Group(visible=False):
            names = list(signature(fn).parameters)
            widgets = {control.name: component(control) for control in table if control.name in names}
            button = gr.Button(visible=False)
            inputs = [files.get(name) or widgets[name] for name in names]
            seed = gr.Number(label="seed", precision=0, visible=False)
        button.click(fn, inputs, [result, seed], api_name=fn.__name__, api_visibility="public", show_progress="hidden", **COMPUTING)


def component(control: controls.Control) -> Any:
    """What tells programs a type: a number is one here, also where it may be left out, and no words are written for anybody."""
    if isinstance(control, controls.Perhaps):
        return gr.Number(None, label=control.label)
    return (replace(control, default="") if isinstance(control, controls.Text) else control).widget()


def chosen(table: tuple[controls.Control, ...], given: dict[str, Any]) -> dict[str, Any]:
    """Every control's checked value: the one given, or its default."""
    return {control.name: control.checked(given.get(control.name, getattr(control, "default", None))) for control in table}


def sounds(sound: str | None) -> tuple[tuple[str, float], ...]:
    return ((sound, 1.0),) if sound else ()


def results(task: Callable[..., Any]) -> Iterator[tuple[Any, Any]]:
    """Nothing until the result is there, but often, so that a client who cancels, or is gone, is noticed."""
    for told in computed(task):
        yield (told.path, told.seed) if isinstance(told, Made) else (gr.skip(), gr.skip())
