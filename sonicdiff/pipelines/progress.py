"""One run's progress: the bar, the caller's callback, and the wish to stop."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import Any

from torch import Tensor
from tqdm.auto import tqdm

OnStepEnd = Callable[[Any, int, int, dict[str, Any]], Any]
"""diffusers' callback_on_step_end: (pipeline, step, timestep, {"latents": ..., "total": steps of the whole run, "phase": name})."""


def is_seen() -> bool:
    """Whether there is somebody to draw a bar for: a terminal, or a notebook."""
    return sys.stderr.isatty() or any(kind.__module__ == "tqdm.notebook" for kind in tqdm.__mro__)


class Progress:
    """Counts the steps of all phases of a run; as a step callback of the samplers it answers False where the run should stop."""

    def __init__(self, pipeline: Any, total: int, callback: OnStepEnd | None, show: bool) -> None:
        self.pipeline, self.total, self.callback = pipeline, total, callback
        self.step, self.phase = 0, ""
        self.interrupted, pipeline._interrupt = pipeline._interrupt, False  # a run inside a callback of another's is stopped by itself
        self.bar = tqdm(total=total, **{"disable": not show or not is_seen(), **getattr(pipeline, "_progress_bar_config", {})})

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.bar.close()
        self.pipeline._interrupt |= self.interrupted

    def begin(self, phase: str) -> None:
        self.phase = phase
        self.bar.set_description(phase)

    def __call__(self, step: int, t: int, latents: Tensor) -> bool:
        answer = None
        if self.callback is not None:
            answer = self.callback(self.pipeline, self.step, t, {"latents": latents, "total": self.total, "phase": self.phase})
        self.step += 1
        self.bar.update()
        return answer is not False and not self.pipeline._interrupt
