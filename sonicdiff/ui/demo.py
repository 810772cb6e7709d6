"""The app: its pages, what goes from one to another, and what a visitor has made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from sonicdiff.audio.waveform import FORMATS
from sonicdiff.pipelines.pulling import examples
from sonicdiff.ui import page
from sonicdiff.ui.api import named_endpoints
from sonicdiff.ui.choosing import Menus
from sonicdiff.ui.edit_page import edit_page
from sonicdiff.ui.generate_page import generate_page
from sonicdiff.ui.jam_page import jam_page
from sonicdiff.ui.models_page import Speeds, models_page
from sonicdiff.ui.music_page import music_page
from sonicdiff.ui.session import KEPT, Sessions, private_folder
from sonicdiff.ui.widgets import INSTANT, App, refused

EXAMPLES = examples()
EXAMPLE = str(EXAMPLES / "photos" / "valley.jpg"), str(EXAMPLES / "sounds" / "splash.ogg")


def create_demo(pictures: str = "mini", music: str = "mini-music", public: bool = False, speeds: Speeds | None = None) -> gr.Blocks:
    """The app for two models by name or path. public: its visitors are strangers. speeds: what was measured of this machine."""
    sessions, speeds = Sessions(private_folder() / "visitors"), speeds or Speeds()
    sessions.keep_swept()

    def open_session(token: str, request: gr.Request) -> None:
        sessions.adopt(request, token)

    def leave(request: gr.Request) -> None:
        sessions.leave(request)

    with gr.Blocks(title=page.TITLE, delete_cache=(600, KEPT), analytics_enabled=False) as demo:
        gr.Markdown(page.HEAD_TEXT)
        menus = {"pictures": Menus(False, pictures), "music": Menus(True, music)}
        keep_record = gr.Checkbox(True, label="Results say how they were made (settings and seed, no paths)", render=False)
        token = gr.Textbox(visible=False)
        opened = demo.load(open_session, token, None, js=page.TOKEN, **INSTANT)
        app = App(demo, menus, sessions, keep_record, EXAMPLES, opened)
        with gr.Tabs(selected="edit") as tabs:
            with gr.Tab("Edit", id="edit"):
                edit = edit_page(app)
            with gr.Tab("Generate", id="generate"):
                generate = generate_page(app)
            with gr.Tab("Music", id="music"):
                clip = music_page(app)
            with gr.Tab("Jam", id="jam"):
                jam = jam_page(app)
            with gr.Tab("Models", id="models"):
                times = models_page(
                    menus, speeds, (str(EXAMPLES / "photos" / "valley.jpg"), str(EXAMPLES / "sounds" / "splash.ogg")), public
                )

        for each in menus.values():
            each.agree()

        def send(button: gr.Button, page: Any, source: Any, target: Any, tab: str, pick: Any = lambda value: value) -> None:
            def go(value: Any) -> Any:
                value = pick(value) if value else None
                if not value:
                    return gr.skip(), gr.skip(), refused("There is nothing to send yet.")
                return value, gr.Tabs(selected=tab), gr.skip()

            button.click(go, source, [target, tabs, page.run.status], **INSTANT)

        send(edit.again, edit, edit.pair, edit.photo, "edit", lambda pair: pair[1])
        send(generate.to_edit, generate, generate.result, edit.photo, "edit")
        for name, target in (("edit", edit.sound), ("generate", generate.sound), ("music", clip.source)):
            send(clip.sends[name], clip, clip.clip, target, name)
        send(jam.to_edit, jam, jam.recording, edit.sound, "edit")
        made_here(app, [event for each in (edit, generate, clip, jam) for event in each.events])
        with gr.Row():
            with gr.Column(min_width=280):
                keep_record.render()
            with gr.Column(min_width=280):
                foot = gr.Markdown(page.FOOT_TEXT)
        demo.load(lambda: (f"{page.FOOT_TEXT}\n\n{speeds.line()}", speeds.table()), None, [foot, times], **INSTANT)

        demo.unload(leave)
        named_endpoints(app)
    return demo


def made_here(app: App, events: list[Any]) -> None:
    """What the visitor has made since the page was opened, newest first."""
    with gr.Accordion("Made in this session", open=False):
        gallery = gr.Gallery(label="Pictures, and spectrograms of music", columns=6, height=220, buttons=["download"], format="png")
        player = gr.Audio(label="Music that is chosen above", interactive=False, visible=False, type="filepath", buttons=["download"])
        files = gr.Files(label="Files", interactive=False)

    def shown(request: gr.Request) -> Any:
        session = app.sessions.of(request)
        return session.made, session.files or None

    def play(request: gr.Request, chosen: gr.SelectData) -> Any:
        files = app.sessions.of(request).files
        file = files[chosen.index] if 0 <= chosen.index < len(files) else ""
        return gr.update(value=file, visible=True) if Path(file).suffix in FORMATS else gr.update(value=None, visible=False)

    gallery.select(play, None, player, **INSTANT)
    for event in (app.opened, *events):
        event.then(shown, None, [gallery, files], **INSTANT)
