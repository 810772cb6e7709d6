"""A run of a page: it goes on while its visitor's page is loaded again, and tells whoever listens all that it has made so far."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

from sonicdiff.ui.compute import TICK, Step, Task, Waiting

AWAY = 20.0  # seconds that a run goes on while nobody listens: a page is loaded again within them


class Ongoing:
    """A task that computes for a page. about: what the page has to know of it. clicked: when Go was, by the browser's clock (ms).

    keep: told of each result once. Where GPUs are lent, a task is tied to the request that asked for it, and ends with it.
    """

    def __init__(
        self,
        perform: Callable[[Task], Generator[Any, None, None]],
        task: Task,
        about: Any = None,
        clicked: float = 0.0,
        keep: Callable[[Any], None] = lambda made: None,
    ) -> None:
        self.about, self.clicked, self.keep = about, clicked, keep
        self.made: list[Any] = []
        self.latest: Step | Waiting | None = None
        self.stopped, self.ended = threading.Event(), False
        self.error: Exception | None = None
        self.news, self.listeners, self.left = threading.Condition(), 0, time.monotonic()
        self.updates = perform(task)
        self.is_lent = "spaces" in sys.modules
        if not self.is_lent:
            threading.Thread(target=self.work, daemon=True, name="sonicdiff-run").start()

    @property
    def is_wanted(self) -> bool:
        return not self.stopped.is_set() and (self.listeners > 0 or time.monotonic() - self.left < AWAY)

    def work(self) -> None:
        """Takes what the task tells until it ends or is not wanted any more."""
        try:
            for told in self.updates:
                self.take(told)
                if not self.is_wanted:
                    self.stopped.set()
                    break
        except Exception as error:
            self.error = error
        finally:
            self.updates.close()
            with self.news:
                self.ended = True
                self.news.notify_all()

    def take(self, told: Any) -> None:
        with self.news:
            if isinstance(told, (Step, Waiting)):
                self.latest = told
            elif told is not None:
                self.keep(told)
                self.made.append(told)
            self.news.notify_all()

    def follow(self) -> Generator[Any, None, None]:
        """All results from the first one on, the latest Step or Waiting, and None at least every TICK. Raises the task's error."""
        if self.is_lent:
            yield from self.follow_lent()
            return
        with self.news:
            self.listeners += 1
        try:
            yield from self.news_until_the_end()
        finally:
            with self.news:
                self.listeners, self.left = self.listeners - 1, time.monotonic()
        if self.error is not None and not self.stopped.is_set():
            raise self.error

    def news_until_the_end(self) -> Iterator[Any]:
        given, seen, ended = 0, None, False
        while not (ended and given == len(self.made)):
            with self.news:
                if given == len(self.made) and self.latest is seen and not self.ended:
                    self.news.wait(TICK)
                made, latest, ended = self.made[given:], self.latest, self.ended
            given += len(made)
            yield from made
            if latest is not seen and not ended:
                yield latest
            elif not made:
                yield None
            seen = latest

    def follow_lent(self) -> Iterator[Any]:
        try:
            for told in self.updates:
                self.take(told)
                yield told
        finally:
            self.updates.close()
            self.ended = True
