"""The row of a page that starts a run, stops it, and says how it goes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from sonicdiff.ui.compute import Step
from sonicdiff.ui.widgets import COMPUTING, INSTANT, App

WENT = "() => [window.clicked.go]"
WENT_WITH = "(clicked, ...inputs) => [window.clicked.go, ...inputs]"
STOPPED = "() => [window.clicked.stop]"


@dataclass(frozen=True)
class Run:
    """clicked: when Go or Stop was last clicked, by the browser's clock (ms)."""

    go: gr.Button
    stop: gr.Button
    status: gr.Markdown
    clicked: gr.Number


def run_row(text: str) -> Run:
    with gr.Row(elem_classes="main-button"):
        go = gr.Button(text, variant="primary", scale=3, elem_classes="go-button")
        stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, elem_classes="stop-button")
    return Run(go, stop, gr.Markdown(elem_classes="status", container=False), gr.Number(visible=False))


def wire(app: App, run: Run, fn: Callable[..., Any], inputs: Sequence[Any], outputs: Sequence[Any],
         concurrency: dict[str, Any] | None = None) -> Any:  # fmt: skip
    """Go starts `fn`, a generator, in place of what this page runs; Stop ends it, also where it still waits. Gives Go's event."""
    options = {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": run.status, "js": WENT_WITH}
    options["trigger_mode"] = "multiple"
    options |= concurrency or COMPUTING
    event = run.go.click(stoppable(app, run, fn), [run.clicked, *inputs], [run.status, *outputs], **options)

    def end_earlier(request: gr.Request, clicked: float) -> None:
        app.sessions.of(request).stopped[fn.__name__] = moment(clicked)

    def stop(request: gr.Request, clicked: float) -> str:
        end_earlier(request, clicked)
        return "Stopped."

    run.go.click(end_earlier, run.clicked, None, js=WENT, **INSTANT)
    run.stop.click(stop, run.clicked, run.status, js=STOPPED, **INSTANT)
    return event


def stoppable(app: App, run: Run, fn: Callable[..., Generator[Any, None, None]]) -> Callable[..., Any]:
    """`fn` that ends by itself once Stop, or Go again, was clicked after its Go.

    Gradio could cancel it from outside, but then its page takes the next click for a part of the run that ends, and drops it.
    """

    def generator(request: gr.Request, clicked: float, *inputs: Any) -> Any:
        stopped, began = app.sessions.of(request).stopped, moment(clicked)
        updates = fn(request, *inputs)
        try:
            for update in updates:
                yield update
                if stopped.get(fn.__name__, 0.0) > began:
                    yield {run.status: "Stopped."}
                    return
        finally:
            updates.close()

    generator.__name__ = fn.__name__
    return generator


def moment(clicked: Any) -> float:
    return float(clicked) if isinstance(clicked, (int, float)) else 0.0


def sentence(step: Step) -> str:
    """How far a run is, in words."""
    doing = step.phase.partition(" ")[0]  # a pipeline numbers its own pictures, of which a task asks for one at a time
    of = f"{step.part} of {step.parts}: {doing}" if step.parts > 1 else doing.capitalize()
    return f"{of}, step {step.done} of {step.total}" + remaining(step.left)


def remaining(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"
