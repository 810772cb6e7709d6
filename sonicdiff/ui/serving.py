"""Starting the app: on this machine for its user, or as a Hugging Face Space for everybody."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware

from sonicdiff.pipelines.loading import load_music, load_pictures
from sonicdiff.ui import page
from sonicdiff.ui.compute import perform
from sonicdiff.ui.demo import EXAMPLE, create_demo
from sonicdiff.ui.guard import Guard
from sonicdiff.ui.models_page import Measure, Speeds
from sonicdiff.ui.refusals import plain_refusals

WAITING = 16  # runs in the queue; one more is told that the server is busy
MOST_A_FILE = "60mb"
REMEMBERED = 100  # visitors whose components Gradio keeps as they are, half a megabyte each
UNHEARD = 300  # clients whose messages are kept until they ask for them
FIRST_PAGE = 4.0  # seconds that the first visitor's page has the machine for itself
LOCAL = ("127.0.0.1", "localhost", "[::1]")

log = logging.getLogger(__name__)


def chosen(pictures: str | None, music: str | None) -> tuple[str, str]:
    """The models to serve: those given, else SONICDIFF_MODEL and SONICDIFF_MUSIC_MODEL, else ours."""
    own = os.environ.get("SONICDIFF_MODEL") or "mini", os.environ.get("SONICDIFF_MUSIC_MODEL") or "mini-music"
    return pictures or own[0], music or own[1]


def build(pictures: str, music: str, speeds: Speeds | None = None) -> gr.Blocks:
    """The app with its queue."""
    demo = create_demo(pictures, music, public=is_space(), speeds=speeds)
    demo.queue(api_open=False, max_size=WAITING, default_concurrency_limit=1)
    demo._queue.ANALYTICS_MAX_EVENTS = 50
    demo._queue.ANAYLTICS_CACHE_FREQUENCY = sys.maxsize  # runs after which Gradio makes a table of them, which nobody may see
    demo._queue.pending_messages_per_session.max_size = UNHEARD
    demo.process_api = plain_refusals(demo.process_api)  # pyright: ignore[reportAttributeAccessIssue]
    return demo


def launch_options(hosts: Sequence[str] = ()) -> dict[str, Any]:
    """Everything that `Blocks.launch` is to be told, whoever calls it. hosts: further names that the server answers to."""
    names, origins = [*LOCAL, *hosts], [*LOCAL, *hosts]
    if is_space():  # it stands behind a server that asks by other names
        names, origins = ["*"], [*LOCAL, os.environ.get("SPACE_HOST", ""), "huggingface.co"]
    return {
        "share": False,
        "show_error": False,  # a gr.Error is shown; any other error does not say what is inside the program
        "max_file_size": MOST_A_FILE,
        "max_threads": 40,
        "allowed_paths": [],
        "blocked_paths": [str(folder) for folder in private_folders()],
        "enable_monitoring": False,
        "run_history": False,
        "strict_cors": True,
        "footer_links": ["api", "settings"],
        "state_session_capacity": REMEMBERED,
        "ssr_mode": False,
        "theme": page.THEME,
        "css": page.CSS,
        "head": page.head(),
        "app_kwargs": {"middleware": [Middleware(Guard, hosts=names, origins=origins)]},
    }


def private_folders() -> list[Path]:
    """What is never served, whatever a component says: weights, results, the repository's own."""
    package = Path(__file__).resolve().parents[1]
    return [package / "checkpoints", *(package.parent / name for name in ("checkpoints", "runs", "outputs", ".git", ".venv"))]


def is_space() -> bool:
    return "SPACE_ID" in os.environ


def get_ready(models: tuple[str, str], speeds: Speeds) -> None:
    """Loads the models and measures the machine, behind the page that is up already. The first run waits for it if it comes early.

    Where GPUs are lent, models are placed before the first of them is; nothing is measured.
    """
    if "spaces" in sys.modules:
        load_pictures(models[0])
        load_music(models[1])
        return
    time.sleep(FIRST_PAGE)
    try:
        for told in perform(Measure(*models, *EXAMPLE, jam=False)):
            if isinstance(told, tuple):
                speeds.seconds[told[0]] = told[1]
    except Exception as error:
        log.warning("the machine could not be measured: %s", error)


@dataclass(frozen=True)
class Served:
    """An app that answers at `address`."""

    demo: gr.Blocks
    address: str

    def wait(self) -> None:
        """Until the program is interrupted or told to end."""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # else what it wrote for its visitors would stay
        self.demo.block_thread()

    def close(self) -> None:
        self.demo.close(verbose=False)


def start(
    host: str = "127.0.0.1", port: int | None = None, pictures: str | None = None, music: str | None = None, hosts: Sequence[str] = (),
    auth: tuple[str, str] | None = None, measure: bool = True,
) -> Served:  # fmt: skip
    """Serves the app. host "0.0.0.0" serves the network, as `hosts`. measure: the machine, behind it. OSError for a port that is taken."""
    models = chosen(pictures, music)
    speeds = Speeds()
    demo = build(*models, speeds)
    ready = threading.Thread(target=get_ready, args=(models, speeds), daemon=True)
    if measure:
        ready.start()
    if "spaces" in sys.modules:
        ready.join()
    own = [] if host in ("0.0.0.0", "::") else [host]
    _, address, _ = demo.launch(server_name=host, server_port=port, auth=auth, prevent_thread_lock=True, **launch_options([*own, *hosts]))
    return Served(demo, address)
