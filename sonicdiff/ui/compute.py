"""Where the app's models compute: one thread, one task at a time, told of step by step and stopped at the next step.

A browser that goes away, a Stop, a client that cancels: all of them close the generator that `perform` is, and that stops the task.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.ui.previews import Preview

TICK = 0.2  # seconds: how soon a closed generator is noticed
SHOWN_EVERY, SEEN_EVERY = 0.35, 1.2  # seconds between two lines of progress, two previews


@dataclass(frozen=True)
class Step:
    """How far a task is. part of parts: of the pictures or clips to make. left: seconds, None while there is no telling."""

    done: int
    total: int
    phase: str
    part: int
    parts: int
    left: float | None
    preview: bytes | None = None


@dataclass(frozen=True)
class Waiting:
    """A task waits for its turn. ahead: how many come before it, with the one that runs."""

    ahead: int


class Task(Protocol):
    """Work for the models: plain data, so that it can be sent to another process (as on ZeroGPU), and what to do."""

    @property
    def gpu_seconds(self) -> float:
        """How long it may take on a GPU."""
        ...

    def __call__(self, tell: Tell) -> None:
        """Does it, handing `tell` what is made. A task that is not wanted any more ends with Stopped."""
        ...


class Tell:
    """A task's way to say how it goes."""

    def __init__(self, send: Callable[[Any], None], cancelled: threading.Event, preview: Callable[..., bytes | None] | None = None) -> None:
        self.send, self.cancelled, self.preview = send, cancelled, preview or Preview()
        self.part, self.parts, self.steps_each = 1, 1, 0
        self.began: float | None = None
        self.steps, self.shown, self.seen = 0, -1.0, -1.0
        self.stepped: float | None = None  # when the last step of a part was done
        self.finishing: float | None = None  # seconds from there to the result: decoding, saving

    def __call__(self, made: Any) -> None:
        self.check()
        if self.stepped is not None:
            self.finishing, self.stepped = time.monotonic() - self.stepped, None
        self.send(made)

    def check(self) -> None:
        if self.cancelled.is_set():
            raise Stopped("nobody waits for it any more")

    def begin(self, part: int, parts: int, steps_each: int) -> None:
        """The next of several pictures or clips, each of about so many steps."""
        self.check()
        self.part, self.parts, self.steps_each = part, parts, steps_each

    def on_step(self, pipeline: Any, step: int, timestep: int, state: dict[str, Any]) -> bool:
        """diffusers' callback_on_step_end."""
        now = time.monotonic()
        if self.began is None:
            self.began = now  # the first step is not counted: it may have to compile or to wait
        else:
            self.steps += 1
        picture = self.preview(pipeline, timestep, state, now - self.seen >= SEEN_EVERY)
        last = step + 1 == state["total"]
        self.stepped = now if last else None
        if picture is not None or last or now - self.shown >= SHOWN_EVERY:
            self.shown = now
            self.seen = now if picture is not None else self.seen
            ahead = state["total"] - step - 1 + (self.parts - self.part) * self.steps_each
            left = ahead * (now - self.began) / self.steps if self.steps > 2 else None
            if left is not None:  # each part also has to be decoded, which takes as long as it took before
                left += (self.parts - self.part + 1) * (self.finishing or 0.0)
            self.send(Step(step + 1, state["total"], state["phase"], self.part, self.parts, left, picture))
        return not self.cancelled.is_set()


@lru_cache(maxsize=1)
def worker(process: int) -> ThreadPoolExecutor:
    """The thread that computes, of this process: a forked one must not wait for its parent's."""
    return ThreadPoolExecutor(1, thread_name_prefix="sonicdiff-compute")


@lru_cache(maxsize=1)
def line(process: int) -> list[object]:
    """What computes in this process and what waits for it, in order."""
    return []


def in_turn(work: Callable[[], Any]) -> Any:
    """What `work` returns, done when its turn comes."""
    return worker(os.getpid()).submit(work).result()


def perform(task: Task) -> Generator[Any, None, None]:
    """Does a task and yields what it tells: how many come first while any do, Steps, what it made, and None at least every TICK.

    Closing it stops the task.
    """
    told: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
    cancelled = threading.Event()

    def run() -> None:
        try:
            if not cancelled.is_set():
                task(Tell(lambda made: told.put(("made", made)), cancelled))
            told.put(("end", None))
        except Stopped:
            told.put(("end", None))
        except BaseException as error:
            told.put(("error", error))

    yield None  # Gradio loses a generator whose run is cancelled before it has yielded: by then nothing may have begun
    waiting, seen = line(os.getpid()), 0
    waiting.append(told)
    worker(os.getpid()).submit(run).add_done_callback(lambda _: waiting.remove(told))
    try:
        while True:
            ahead = waiting.index(told) if told in waiting else 0
            if ahead and ahead != seen:
                yield Waiting(ahead)
            seen = ahead
            try:
                kind, value = told.get(timeout=TICK)
            except queue.Empty:
                yield None
                continue
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        cancelled.set()


def on_gpu(work: Callable[..., Any]) -> Callable[..., Any]:
    """On a Space with ZeroGPU, `work` for a GPU as long as its task needs one; elsewhere as it is. `spaces` must be imported first."""
    spaces = sys.modules.get("spaces")
    return work if spaces is None else spaces.GPU(duration=lambda task: round(task.gpu_seconds))(work)
