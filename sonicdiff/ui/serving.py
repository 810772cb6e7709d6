"""Starting the app: on this machine for its user, or as a Hugging Face Space for everybody."""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from sonicdiff.ui import page
from sonicdiff.ui.compute import perform
from sonicdiff.ui.demo import EXAMPLE, create_demo
from sonicdiff.ui.guard import Guard
from sonicdiff.ui.models_page import Measure, Speeds

WAITING = 16  # runs in the queue; one more is told that the server is busy
MOST_A_FILE = "60mb"
LOCAL = ("127.0.0.1", "localhost", "[::1]")

log = logging.getLogger(__name__)


def build(pictures: str | None = None, music: str | None = None) -> tuple[gr.Blocks, Speeds]:
    """The app with its queue. Models: those given, else SONICDIFF_MODEL and SONICDIFF_MUSIC_MODEL, else ours."""
    pictures = pictures or os.environ.get("SONICDIFF_MODEL") or "mini"
    music = music or os.environ.get("SONICDIFF_MUSIC_MODEL") or "mini-music"
    speeds = Speeds()
    demo = create_demo(pictures, music, public=is_space(), speeds=speeds)
    demo.queue(api_open=False, max_size=WAITING, default_concurrency_limit=1)
    demo.models = pictures, music  # pyright: ignore[reportAttributeAccessIssue]
    return demo, speeds


def launch_options(hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that `Blocks.launch` is to be told, whoever calls it. hosts: further names that the server answers to."""
    space = os.environ.get("SPACE_HOST", "")
    names = [*LOCAL, *hosts, *([space, "*.hf.space", "huggingface.co"] if space else [])]
    return {
        "share": False,
        "show_error": False,  # a gr.Error is shown; any other error does not say what is inside the program
        "max_file_size": MOST_A_FILE,
        "max_threads": 40,
        "allowed_paths": [],
        "blocked_paths": [str(Path(__file__).resolve().parents[2] / name) for name in ("checkpoints", "runs", "outputs", ".git", ".venv")],
        "enable_monitoring": False,
        "run_history": False,
        "strict_cors": True,
        "footer_links": ["api", "settings"],
        "state_session_capacity": 500,
        "ssr_mode": False,
        "theme": page.THEME,
        "css": page.CSS,
        "head": page.KEYS,
        "app_kwargs": {"middleware": [Middleware(Guard, hosts=names)]},
    }


def is_space() -> bool:
    return "SPACE_ID" in os.environ


def get_ready(models: tuple[str, str], speeds: Speeds) -> None:
    """Loads the models and measures the machine, behind the page that is up already. The first run waits for it if it comes early."""
    try:
        for told in perform(Measure(*models, *EXAMPLE)):
            if told is not None:
                speeds.seconds[told[0]] = told[1]
    except Exception as error:
        log.warning("the machine could not be measured: %s", error)


def serve(
    host: str = "127.0.0.1", port: int | None = None, pictures: str | None = None, music: str | None = None, hosts: Sequence[str] = (),
    auth: tuple[str, str] | None = None, block: bool = True, **options: Any,
) -> str:  # fmt: skip
    """Serves the app and returns its address. host "0.0.0.0" serves the network, as `hosts`. OSError for a taken port."""
    demo, speeds = build(pictures, music)
    threading.Thread(target=get_ready, args=(demo.models, speeds), daemon=True).start()  # pyright: ignore[reportAttributeAccessIssue]
    own = [] if host in ("0.0.0.0", "::") else [host]
    _, address, _ = demo.launch(
        server_name=host, server_port=port, auth=auth, prevent_thread_lock=not block, **{**launch_options([*own, *hosts]), **options}
    )
    return address
