"""The way of a call through the code: `python -m bench.way edit|generate|music`.

Counts what of ours a call of a loaded model enters until the first gated audio layer (edit, generate) or the VAE's decoder (music) is
called: files, functions, changes of file from one entered function to the next, and our frames on the stack there. Two steps are sampled.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np

import sonicdiff

OURS = str(Path(sonicdiff.__file__).parent)
SOUND = np.sin(np.arange(48_000) / 10).astype(np.float32), 48_000  # samples and rate
LAST = {"edit": "GatedCrossAttention.forward", "generate": "GatedCrossAttention.forward", "music": "AutoencoderKL.decode"}
ARGUMENTS: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False, "seed": 0}


class Reached(Exception):
    """Where the counting ends."""


class Way:
    """Hears of every call by `sys.setprofile`, keeps the code objects that are ours, and ends where `last` is called."""

    def __init__(self, last: str) -> None:
        self.last = last
        self.calls: list[CodeType] = []
        self.depth = 0

    def __call__(self, frame: FrameType, event: str, argument: Any) -> None:
        if event != "call":
            return
        if frame.f_code.co_filename.startswith(OURS):
            self.calls.append(frame.f_code)
        if frame.f_code.co_qualname == self.last:
            self.depth = depth(frame)
            sys.setprofile(None)
            raise Reached

    @property
    def files(self) -> list[str]:
        """File by file in the order of the calls, the same one several times in a row once."""
        names = [str(Path(code.co_filename).relative_to(OURS)) for code in self.calls]
        return [name for before, name in zip([None, *names], names, strict=False) if name != before]


def depth(frame: FrameType | None) -> int:
    """How many frames of the stack are ours."""
    count = 0
    while frame is not None:
        count += frame.f_code.co_filename.startswith(OURS)
        frame = frame.f_back
    return count


def walk(verb: str) -> Way:
    """The way of one call of the small model, loaded before."""
    if verb == "music":
        call = partial(sonicdiff.load("mini-music").music, "jazz piano", seconds=2, **ARGUMENTS)
    else:
        photo = (np.full((64, 96, 3), 128, np.uint8),) if verb == "edit" else ()
        call = partial(getattr(sonicdiff.load("mini"), verb), *photo, SOUND, **ARGUMENTS)
    way = Way(LAST[verb])
    sys.setprofile(way)
    try:
        call()
    except Reached:
        return way
    finally:
        sys.setprofile(None)
    raise RuntimeError(f"{verb} ended without a call of {LAST[verb]}")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("verb", choices=LAST)
    parser.add_argument("--list", action="store_true", help="the files, in the order of their first call")
    given = parser.parse_args(arguments)
    way = walk(given.verb)
    files, functions = dict.fromkeys(way.files), {(code.co_filename, code.co_qualname) for code in way.calls}
    print(f"{given.verb}: {len(files)} files, {len(functions)} functions, {len(way.files) - 1} changes of file, {way.depth} frames")
    if given.list:
        for file, count in Counter(way.files).most_common():
            print(f"{count:6}  {file}")


if __name__ == "__main__":
    main()
