"""A jam in real time."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.riffusion import jam_player
from sonicdiff.pipelines.riffusion.jam import Stretch
from sonicdiff.pipelines.riffusion.jam_player import paced


class Slow:
    """A jam whose clips are short and come when the test says so."""

    def __init__(self, clip_seconds: float = 0.02) -> None:
        self.clip_seconds = clip_seconds
        self.cancelled, self.allowed = threading.Event(), threading.Semaphore(0)
        self.begun = 0

    def next_clip(self) -> Stretch:
        self.begun += 1
        self.allowed.acquire()
        if self.cancelled.is_set():
            raise Stopped("cancelled")
        number, length = self.begun, round(8000 * self.clip_seconds)
        return Stretch(np.full((1, length), number / 100, np.float32), 8000, np.full((1, 16), number / 100, np.float32), np.zeros(length))

    def cancel(self) -> None:
        self.cancelled.set()
        self.allowed.release()


class Clock(threading.Event):
    """An event for which waiting takes no time: the clock goes on by as much."""

    now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, timeout: float | None = None) -> bool:
        self.now += timeout or 0.0
        return self.is_set()


def number_of(stretch: Stretch | None) -> float:
    assert stretch is not None
    return round(100 * float(stretch.samples[0, 80]))


def test_a_slow_machine_loops_what_it_has() -> None:
    jam = Slow()
    jam.allowed.release()
    playing = paced(jam)
    assert [number_of(next(playing)) for _ in range(3)] == [1, 1, 1]
    jam.allowed.release()
    while number_of(next(playing)) == 1:
        pass
    jam.cancel()
    assert all(number_of(stretch) == 2 for stretch in playing)  # and it ends


def test_a_clip_is_made_as_late_as_it_can_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that it is made of what is asked by then."""
    clock = Clock()
    jam = Slow(0.4)
    jam.cancelled = clock
    jam.allowed.release(100)
    begun: list[float] = []

    class AtOnce(jam_player.Maker):
        """Makes a clip where it is asked to, and takes 0.05 s by its own account."""

        reserve = 0.1  # pyright: ignore[reportAssignmentType]

        def ask(self) -> None:
            if self.done.empty():
                begun.append(clock.now)
                self.done.put(jam.next_clip())

    monkeypatch.setattr(jam_player, "Maker", AtOnce)
    playing = paced(jam, look_ahead=0.1, clock=clock)
    had = []
    for expected in range(1, 6):
        assert number_of(next(playing)) == expected
        had.append(clock.now)
    playing.close()
    assert np.diff(had) == pytest.approx([0.3, 0.4, 0.4, 0.4])  # each 0.1 s before the last has played
    assert np.subtract(had, begun)[1:] == pytest.approx(0.1)  # and begun just early enough
    assert jam.cancelled.is_set()


def test_while_it_waits_it_says_so() -> None:
    jam = Slow(60)  # nothing comes again before the test has ended
    playing = paced(jam, tick=0.01)
    assert [next(playing) for _ in range(3)] == [None, None, None]
    jam.allowed.release(2)
    while next(playing) is None:
        pass
    jam.cancel()
    assert list(filter(None, playing)) == []


def test_what_goes_wrong_is_told() -> None:
    class Broken(Slow):
        def next_clip(self) -> Stretch:
            raise ValueError("no such thing")

    with pytest.raises(ValueError, match="no such thing"):
        next(paced(Broken()))
