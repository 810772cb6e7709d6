"""The row of a page that starts a run, stops it, and says how it goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr

from sonicdiff.ui.compute import Step, Task, Waiting, line
from sonicdiff.ui.ongoing import Ongoing
from sonicdiff.ui.session import Session
from sonicdiff.ui.widgets import INSTANT, App, computed, explained, refused

PAGES: dict[str, Any] = {"concurrency_limit": 64, "concurrency_id": "pages"}
"""Of a page's runs: they wait for their turn inside, where the page can say how many come first, and not in Gradio's queue."""
MOST_WAITING = 16  # runs; one more is told that the server is busy
WENT = "() => [window.clicked.go]"
WENT_WITH = "(clicked, ...inputs) => [window.clicked.go, ...inputs]"
STOPPED = "() => [window.clicked.stop]"
Updates = dict[Any, Any]


@dataclass(frozen=True)
class Run:
    """clicked: when Go or Stop was last clicked, by the browser's clock (ms)."""

    go: gr.Button
    stop: gr.Button
    status: gr.Markdown
    clicked: gr.Number


@dataclass(frozen=True)
class Show:
    """What a page does in a run.

    prepare: (session, *inputs) -> a task, what the others are to know of it, and the page's first updates; ValueError for what is refused.
    step: (session, about, Step, results so far) -> updates beside the status. made: the same after a result, and where a page is loaded
    again. ended: (session, about, results, whether it was stopped) -> the last line of the status, and updates.
    """

    name: str
    prepare: Callable[..., tuple[Task, Any, Updates]]
    step: Callable[[Session, Any, Step, list[Any]], Updates]
    made: Callable[[Session, Any, list[Any]], Updates]
    ended: Callable[[Session, Any, list[Any], bool], tuple[str, Updates]]


def run_row(text: str) -> Run:
    with gr.Row(elem_classes="main-button"):
        go = gr.Button(text, variant="primary", scale=3, elem_classes="go-button")
        stop = gr.Button("Stop", variant="stop", scale=1, min_width=80, elem_classes="stop-button")
    return Run(go, stop, gr.Markdown(elem_classes="status", container=False), gr.Number(visible=False))


def wire(app: App, run: Run, show: Show, inputs: Sequence[Any], outputs: Sequence[Any]) -> list[Any]:
    """Go starts a run in place of the page's last, Stop ends it, a page that is loaded again finds it. Gives the events that show runs."""

    def go(request: gr.Request, clicked: float, *inputs: Any) -> Any:
        session = app.sessions.of(request)
        try:
            check_room()
            task, about, first = show.prepare(session, *inputs)
            ongoing = session.begin(show.name, Ongoing(computed, task, about, moment(clicked), session.keep_made))
            yield {run.status: "Getting ready.", **first}
            yield from following(session, ongoing)
        except Exception as error:
            yield {run.status: refused(explained(error))}

    def again(request: gr.Request) -> Any:
        session = app.sessions.of(request)
        ongoing = session.runs.get(show.name)
        try:
            if ongoing is not None:
                yield from following(session, ongoing)
            yield {run.status: gr.skip()}
        except Exception as error:
            yield {run.status: refused(explained(error))}

    def following(session: Session, ongoing: Ongoing) -> Iterator[Updates]:
        made: list[Any] = []
        for told in ongoing.follow():
            if session.runs.get(show.name) is not ongoing:
                return  # another run has taken its place, and says how it goes
            if session.stopped.get(show.name, 0.0) > ongoing.clicked:
                ongoing.stopped.set()
            if ongoing.stopped.is_set():
                break
            if told is None:
                yield {run.status: gr.skip()}
            elif isinstance(told, Waiting):
                yield {run.status: waits(told)}
            elif isinstance(told, Step):
                yield {run.status: sentence(told), **show.step(session, ongoing.about, told, made)}
            else:
                made.append(told)
                yield {run.status: gr.skip(), **show.made(session, ongoing.about, made)}
        if session.runs.get(show.name) is ongoing:
            said, updates = show.ended(session, ongoing.about, made, ongoing.stopped.is_set())
            yield {run.status: said, **updates}

    def stop(request: gr.Request, clicked: float) -> str:
        session = app.sessions.of(request)
        session.stopped[show.name] = moment(clicked)
        ongoing = session.runs.get(show.name)
        if ongoing is not None and not ongoing.ended and ongoing.clicked < moment(clicked):
            ongoing.stopped.set()
        return "Stopped."

    options = {"api_visibility": "private", "show_progress": "hidden", **PAGES}
    shown = [run.status, *outputs]
    event = run.go.click(go, [run.clicked, *inputs], shown, js=WENT_WITH, trigger_mode="multiple", **options)
    event.failure(lambda: "Not done; the message says why.", None, run.status, **INSTANT)
    run.stop.click(stop, run.clicked, run.status, js=STOPPED, **INSTANT)
    return [event, app.opened.then(again, None, shown, **options)]


def check_room() -> None:
    """ValueError where too many wait already."""
    if len(line(os.getpid())) > MOST_WAITING:
        raise ValueError(f"The server is busy: {MOST_WAITING} runs wait for their turn; try again in a minute.")


def stoppable(app: App, run: Run, fn: Callable[..., Generator[Any, None, None]]) -> Callable[..., Any]:
    """`fn`, a generator of updates, that ends by itself once Stop, or Go again, was clicked after its Go.

    Gradio could cancel it from outside, but then its page takes the next click for a part of the run that ends, and drops it.
    """

    def generator(request: gr.Request, clicked: float, *inputs: Any) -> Any:
        stopped, began = app.sessions.of(request).stopped, moment(clicked)
        updates = fn(request, *inputs)
        try:
            for update in updates:
                yield update
                if stopped.get(fn.__name__, 0.0) > began:
                    return
        except Exception as error:
            yield {run.status: refused(explained(error))}
        finally:
            updates.close()

    generator.__name__ = fn.__name__
    return generator


def moment(clicked: Any) -> float:
    return float(clicked) if isinstance(clicked, (int, float)) else 0.0


def waits(told: Waiting) -> str:
    return f"Waiting for its turn: {told.ahead} before this one."


def sentence(step: Step) -> str:
    """How far a run is, in words."""
    doing = step.phase.partition(" ")[0]  # a pipeline numbers its own pictures, of which a task asks for one at a time
    doing = "finishing" if step.done == step.total else doing
    of = f"{step.part} of {step.parts}: {doing}" if step.parts > 1 else doing.capitalize()
    return f"{of}, step {step.done} of {step.total}" + remaining(step.left)


def remaining(seconds: float | None) -> str:
    if seconds is None or round(seconds) < 1:
        return ""
    return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"
