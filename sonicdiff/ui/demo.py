"""The app's pages: a photo edited by a sound, an image made from a sound."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from sonicdiff.pipelines import provenance
from sonicdiff.pipelines.checkpoints import load_pictures

Result = tuple[str, dict[str, float] | None]
HEIGHT = 320  # pixels of a photo on the page: the button stays in sight of it
HEAD = "# sonicdiff\nPlay a sound to a photo and the photo shows it; a sound alone makes a picture. Runs here, on this machine."


def create_demo(model: str = "mini") -> gr.Blocks:
    """The app for a model by name or path; the model is loaded with the first run, and one run is made at a time."""
    queue: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "model"}

    def edit(photo: str | None, sound: str | None, prompt: str, follow: float, steps: int, progress: gr.Progress = gr.Progress()) -> Result:  # noqa: B008
        """A photo changed by a sound."""
        if not photo or not (sound or prompt):
            raise gr.Error("Give a photo, and a sound or some words to change it by.", print_exception=False)
        options = {"audio_guidance_scale": follow, "num_inference_steps": int(steps), "callback_on_step_end": told(progress)}
        return finished(model, sound, lambda: load_pictures(model).edit(photo, sound, prompt, show_progress=False, **options))

    def generate(sound: str | None, prompt: str, follow: float, steps: int, seed: float, progress: gr.Progress = gr.Progress()) -> Result:  # noqa: B008
        """An image made from a sound, a text, or both; a negative seed draws one."""
        if not (sound or prompt):
            raise gr.Error("Give a sound, some words, or both.", print_exception=False)
        options = {"audio_guidance_scale": follow, "num_inference_steps": int(steps), "callback_on_step_end": told(progress)}
        drawn = int(seed) if seed >= 0 else secrets.randbelow(2**32)
        return finished(model, sound, lambda: load_pictures(model).generate(sound, prompt, seed=drawn, show_progress=False, **options)[0])

    with gr.Blocks(title="sonicdiff") as demo:
        gr.Markdown(HEAD)
        for title, run in (("Edit a photo", edit), ("Make an image", generate)):
            with gr.Tab(title), gr.Row():
                with gr.Column():
                    first = [gr.Image(type="filepath", format="png", label="Photo", height=HEIGHT)] if run is edit else []
                    sound = gr.Audio(type="filepath", label="Sound")
                    prompt = gr.Textbox(label="Words", info="What else to show, if anything.")
                    follow = gr.Slider(1, 20, 7.5, label="How far to follow the sound")
                    steps = gr.Slider(5, 100, 50, step=1, label="Steps", info="More is finer and slower.")
                    last = [] if run is edit else [gr.Number(-1, precision=0, label="Seed", info="-1 draws one.")]
                    button = gr.Button(title, variant="primary")
                with gr.Column():
                    picture, heard = gr.Image(format="png", label="Result", height=HEIGHT), gr.Label(label="Heard as", num_top_classes=3)
            button.click(run, [*first, sound, prompt, follow, steps, *last], [picture, heard], api_name=run.__name__, **queue)
    return demo


def finished(model: str, sound: str | None, make: Callable[[], Image.Image]) -> Result:
    """The path of the picture, saved with its record but no paths, and what the sound was heard as; a bad input as one sentence."""
    pipeline = load_pictures(model)
    try:
        heard = dict(pipeline.heard(sound)) if sound and pipeline.labels is not None else None
        image = make()
    except (ValueError, TypeError) as error:
        raise gr.Error(str(error), print_exception=False) from error
    path = Path(tempfile.mkdtemp(prefix="sonicdiff-")) / "sonicdiff.png"
    return str(provenance.save(image, path, with_paths=False)), heard


def told(progress: gr.Progress) -> Callable[..., None]:
    def tell(pipeline: Any, step: int, timestep: int, state: dict[str, Any]) -> None:
        progress((step + 1, state["total"]), desc=state["phase"])

    return tell
