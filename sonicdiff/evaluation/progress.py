"""How far a long evaluation is, and how long it will still take."""

from __future__ import annotations

import time
from collections.abc import Callable


class Clock:
    """Counts units of work (denoising passes) towards a total and logs the time left, at most every `every` seconds."""

    def __init__(self, total: float, log: Callable[[str], None], every: float = 15.0) -> None:
        self.total, self.log, self.every = total, log, every
        self.done, self.began = 0.0, time.monotonic()
        self.said = self.began

    def advance(self, units: float, what: str) -> None:
        self.done += units
        now = time.monotonic()
        if now - self.said >= self.every:
            self.said = now
            left = (now - self.began) / self.done * max(self.total - self.done, 0)
            self.log(f"{100 * min(self.done / self.total, 1):3.0f} %  {what}  {left / 60:.1f} min left")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began
