"""One run of a pipeline: a lock that lets one call in at a time, from any thread, and the progress that can be watched and stopped."""

from __future__ import annotations

import os
import sys
import threading
import warnings
from collections.abc import Callable
from functools import wraps
from types import TracebackType
from typing import Any, TypeVar

import torch
from diffusers import DDIMScheduler
from torch import Tensor
from tqdm.auto import tqdm

Method = TypeVar("Method", bound=Callable[..., Any])
WAIT = 1.0  # seconds at a time, so that Ctrl-C ends the waiting on every system


class RunLock:
    """A reentrant lock: a thread that holds it, as a callback's does, enters again. A copy of one is a lock of its own.

    Entering raises RuntimeError in a process that was forked after the lock was first entered, where torch would wait for threads that
    the fork did not copy; with one thread of torch's it may go on.
    """

    def __init__(self) -> None:
        self.lock, self.process = threading.RLock(), 0

    def __enter__(self) -> RunLock:
        if self.process != os.getpid():
            if self.process and not usable_after_fork():
                raise RuntimeError(
                    "this process was forked after a model had been loaded, and torch's threads do not survive a fork; load models after "
                    "the fork (without --preload), start processes by 'spawn', or call torch.set_num_threads(1) in this process"
                )
            self.lock, self.process = threading.RLock(), os.getpid()
        while not self.lock.acquire(timeout=WAIT):
            pass
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.lock.release()

    def __deepcopy__(self, memo: dict[int, Any]) -> RunLock:
        return RunLock()

    def __reduce__(self) -> tuple[type[RunLock], tuple[()]]:
        return RunLock, ()


def usable_after_fork() -> bool:
    """Whether torch computes in a forked process: with one thread, or on a GPU that the parent had not begun to use."""
    return torch.get_num_threads() == 1 or (torch.cuda.is_available() and not torch.cuda._is_in_bad_fork())


def exclusive(method: Method) -> Method:
    """A method of what has a `lock`, run while it is held."""

    @wraps(method)
    def run(self: Any, *args: Any, **kwargs: Any) -> Any:
        with self.lock:
            return method(self, *args, **kwargs)

    return run  # pyright: ignore[reportReturnType]


class Exclusive:
    """A pipeline whose `lock` every verb holds while it runs; `with pipeline.lock:` keeps others out for several calls."""

    @property
    def lock(self) -> RunLock:
        """Of the UNet, which a run changes for a while: pipelines that share one wait for each other."""
        return self._stock_unet.__dict__.setdefault("_run_lock", RunLock())

    @property
    def _stock_unet(self) -> Any:
        """The UNet that runs use: that within what torch.compile made of it, where `unet` is that, since a run changes its layers and
        hooks from step to step, which a compiled one would not notice."""
        unet: Any = getattr(self, "unet")  # noqa: B009
        return getattr(unet, "_orig_mod", unet)

    def _check_parts(self, argument: str) -> None:
        """Warns where the pipeline was given a scheduler of which a run takes the noise schedule alone, or a compiled UNet."""
        if getattr(self, "unet") is not self._stock_unet:  # noqa: B009
            warnings.warn("the UNet runs uncompiled: a run changes its layers from step to step", stacklevel=5)
        scheduler: Any = getattr(self, "scheduler")  # noqa: B009
        if not isinstance(scheduler, DDIMScheduler):
            kind = type(scheduler).__name__
            warnings.warn(f"of the pipeline's {kind} only the noise schedule is used; choose how to sample by {argument}", stacklevel=5)

    @exclusive
    def to(self, *args: Any, **kwargs: Any) -> Any:
        """As diffusers has it, once nothing runs."""
        return super().to(*args, **kwargs)  # pyright: ignore[reportAttributeAccessIssue]


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
