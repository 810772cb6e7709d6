"""A jam in real time: each clip is made as late as it can be, so that what is asked of the jam is soon heard."""

from __future__ import annotations

import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Generator
from typing import Protocol

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.riffusion.jam import Stretch

TAKES = 2.0  # times the longest of the last makings: how long before a clip is due its making begins


class Player(Protocol):
    """A jam, as far as pacing knows it."""

    cancelled: threading.Event

    @property
    def clip_seconds(self) -> float: ...

    def next_clip(self) -> Stretch: ...

    def cancel(self) -> None: ...


def paced(jam: Player, look_ahead: float | None = None, clock: Callable[[], float] = time.monotonic,
          make: Callable[[], Stretch] | None = None, tick: float | None = None) -> Generator[Stretch | None, None, None]:  # fmt: skip
    """The next stretch whenever less than `look_ahead` seconds (by default half a clip) are left to play, for ever.

    A thread makes the clips, with `make` (by default the jam's `next_clip`), each in time by what the last ones took. Where the next
    is not there in time, the last one comes again. With `tick`, None comes every so many seconds between stretches. Ends once the jam
    is cancelled, and cancels it when closed (a `next_clip` that is at work is waited for); what else stops the making is raised here.
    """
    look_ahead = jam.clip_seconds / 2 if look_ahead is None else look_ahead
    maker = Maker(make or jam.next_clip)
    now, plays_until = None, math.inf  # nothing plays before the first clip is there

    def wait_until(left: float) -> Generator[None, None, bool]:
        """Whether the jam goes on once no more than `left` seconds are left to play."""
        while now is not None and (early := plays_until - left - clock()) > 0:
            if jam.cancelled.wait(soonest(early, tick)):
                return False
            if tick is not None:
                yield None
        return True

    try:
        while True:
            if not (yield from wait_until(look_ahead + maker.reserve)):
                return
            maker.ask()
            if not (yield from wait_until(look_ahead)):
                return
            coming = None
            while coming is None:
                coming = maker.made(soonest(plays_until - clock(), tick))
                if coming is None and now is not None and plays_until <= clock():
                    coming = now.again()
                elif coming is None and tick is not None:
                    yield None
            plays_until = (clock() if now is None else max(plays_until, clock())) + coming.seconds
            now = coming
            yield now
    except Stopped:
        return
    finally:
        jam.cancel()
        maker.end(wait=make is None)


class Maker:
    """A thread that makes one clip each time it is asked to."""

    def __init__(self, make: Callable[[], Stretch]) -> None:
        self.make = make
        self.asked: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self.done: queue.SimpleQueue[Stretch | BaseException] = queue.SimpleQueue()
        self.waiting = False
        self.took: deque[float] = deque(maxlen=3)
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    @property
    def reserve(self) -> float:
        """Seconds from asking to having, with room for bad luck. The first making is no measure: what is compiled is compiled there."""
        return TAKES * max(self.took) if self.took else math.inf

    def ask(self) -> None:
        """Has a clip made, unless one is on its way."""
        if not self.waiting:
            self.waiting = True
            self.asked.put(True)

    def made(self, timeout: float | None) -> Stretch | None:
        """The clip that was asked for; None where it is not there within so many seconds."""
        try:
            clip = self.done.get(timeout=timeout)
        except queue.Empty:
            return None
        self.waiting = False
        if isinstance(clip, BaseException):
            raise clip
        return clip

    def end(self, wait: bool) -> None:
        """No more clips. wait: until the one that is being made is given up, so that no thread computes while the process ends."""
        self.asked.put(False)
        if wait:
            self.thread.join()

    def _work(self) -> None:
        first = True
        while self.asked.get():
            began = time.monotonic()
            try:
                clip = self.make()
            except BaseException as error:
                self.done.put(error)
                return
            if not first:
                self.took.append(time.monotonic() - began)
            first = False
            self.done.put(clip)


def soonest(seconds: float, tick: float | None) -> float | None:
    """How long to wait, None for ever."""
    wait = min(max(seconds, 0.0), math.inf if tick is None else tick)
    return None if wait == math.inf else wait
