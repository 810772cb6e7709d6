"""How tests wait: for a condition, with a patience that only a test that fails ever comes to the end of."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 300.0  # seconds: the machine may be busy with anything else


def until(found: Callable[[], T], what: Callable[[], str] = lambda: "it did not happen") -> T:
    """What `found` gives once that is true; AssertionError with what `what` says where it never is."""
    end = time.monotonic() + PATIENCE
    while not (value := found()):
        assert time.monotonic() < end, what()
        time.sleep(0.02)
    return value
