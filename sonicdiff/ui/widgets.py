"""What several pages share: a sound and what is heard in it, saved settings, errors in a sentence."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from typing import Any, Literal

import gradio as gr

from sonicdiff.audio import waveform
from sonicdiff.ui import page, settings
from sonicdiff.ui.compute import on_gpu, perform
from sonicdiff.ui.controls import Control
from sonicdiff.ui.refusals import shown
from sonicdiff.ui.session import Sessions, place
from sonicdiff.ui.tasks import Heard, Listen

log = logging.getLogger(__name__)
COMPUTING: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "compute"}
"""Of every event that computes: one at a time, whichever page it comes from."""
INSTANT: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
SOUNDS: list[Literal["upload", "microphone"]] = ["upload", "microphone"]
computed = on_gpu(perform)


@dataclass(frozen=True)
class App:
    """What the pages know of each other. keep_record: the switch for settings in files."""

    demo: gr.Blocks
    models: dict[str, Any]  # "pictures" and "music": the menus of models, `choosing.Menus`
    sessions: Sessions
    keep_record: Any
    examples: Path
    opened: Any  # the event of a page that was opened, or loaded again, and has its session


def answered(fn: Callable[..., Generator[Any, None, None]]) -> Callable[..., Any]:
    """An endpoint's generator that answers programs in one sentence what goes wrong."""

    @wraps(fn)
    def generator(*args: Any, **kwargs: Any) -> Any:
        try:
            yield from fn(*args, **kwargs)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(explained(error), print_exception=False) from None

    return generator


def explained(error: Exception) -> str:
    """What a person is told of an error: that of an input in its own words, any other without what is inside it."""
    name = type(error).__name__
    if name in ("OutOfMemoryError", "MemoryError"):
        return "The model ran out of memory; choose fewer steps or seconds, or a smaller model."
    if isinstance(error, FileNotFoundError):
        return "A file that this needs is not there any more; choose the photo and the sound again."
    if isinstance(error, (ValueError, TypeError)):
        return " ".join(str(error).split())[:500]
    log.exception("a run failed", exc_info=error)
    return f"This failed inside the program ({name}); its log says where. Other settings may work."


def refused(sentence: str) -> str:
    """A sentence that says why something was not done, as the page's lines show it: until the next action, and not as markup."""
    return f'<span class="refused">{shown(sentence)}</span>'


def hearing(app: App, sound: Any, model: Any) -> None:
    """Under a sound: its spectrogram, the three things that the model hears first, and, where it is so, that it is none it knows."""
    with gr.Accordion("What is heard", open=True, elem_classes="heard"):
        picture = gr.Image(show_label=False, height=90, interactive=False, buttons=[], alt_text="Spectrogram of the sound")
        names = gr.Label(show_label=False, num_top_classes=3)
        said = gr.Markdown(container=False)

    def listen(path: str | None, model: str, request: gr.Request) -> Any:
        if not path:
            yield None, None, ""
            return
        try:
            for told in computed(Listen(model, path, app.sessions.of(request).folder)):
                if isinstance(told, Heard):
                    yield gr.Image(told.picture, alt_text=f"Spectrogram of the sound: {told.text}"), told.names, told.said
                else:
                    yield gr.skip(), gr.skip(), gr.skip()
        except Exception as error:
            yield None, None, refused(explained(error))

    wiring = {"inputs": [sound, model], "outputs": [picture, names, said], "api_visibility": "private"}
    wiring |= {"show_progress": "hidden", **COMPUTING}
    gr.on([sound.change, model.change], listen, **wiring)
    # The sound that is there when the page opens changes nothing. Where GPUs are lent, nobody's share is spent on it.
    if "spaces" not in sys.modules:
        app.opened.then(listen, **wiring)


def keeps(app: App, name: str, widgets: Sequence[Any]) -> None:
    """What these components of a page hold stays in the browser's tab, and comes back where its page is loaded again."""
    keep = f"(...values) => {{ window.keepPage('{name}', values); return []; }}"
    gr.on([each.change for each in widgets], None, list(widgets), None, js=keep, **INSTANT)
    app.opened.then(None, list(widgets), list(widgets), js=f"(...values) => window.keptPage('{name}', values)", **INSTANT)


def from_video(app: App, sound: Any) -> None:
    """Under a sound: a button that takes the sound of a video, which the field for sounds itself lets no browser choose."""
    button = gr.UploadButton("Take the sound of a video", file_types=["video"], size="sm")

    def take(path: str, request: gr.Request) -> str:
        taken = place(app.sessions.of(request).folder, ".flac", Path(path).stem)
        waveform.load(path).save(taken)
        return str(taken)

    button.upload(told(take), button, sound, **INSTANT)


def told(fn: Callable[..., Any]) -> Callable[..., Any]:
    """An event's function whose refusals the page shows as they are."""

    @wraps(fn)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return fn(*args, **kwargs)
        except Exception as error:
            raise gr.Error(explained(error), print_exception=False) from None

    return inner


def saved_settings(name: str, controls: Sequence[Control], widgets: Sequence[Any]) -> None:
    """Settings of a page into a file and out of one."""
    with gr.Accordion("Save or load settings", open=False):
        save = gr.Button("Save these settings", size="sm")
        file = gr.File(label="Load: settings, or a picture or sound made here", file_count="single", height=110)
        note = gr.Markdown(container=False, elem_classes="note")
    text, filename = gr.Textbox(visible=False), gr.Textbox(f"sonicdiff-{name}.json", visible=False)

    def export(*values: Any) -> str:
        return settings.export(name, controls, values)

    def load(path: str | None) -> Any:
        if not path:
            return [gr.skip()] * (1 + len(controls))
        try:
            found, said = settings.restore(name, controls, path)
        except Exception as error:
            return [refused(explained(error)), *(gr.skip() for _ in controls)]
        return [said, *(gr.update(value=found[control.name]) if control.name in found else gr.skip() for control in controls)]

    save.click(export, list(widgets), text, **INSTANT).then(None, [text, filename], None, js=page.DOWNLOAD, **INSTANT)
    file.upload(load, file, [note, *widgets], **INSTANT)
