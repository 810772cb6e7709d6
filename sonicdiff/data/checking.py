"""Going once through a data set: what cannot be read is skipped, counted and listed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from sonicdiff.data.sample import Sample, SampleError


@dataclass(frozen=True)
class Skipped:
    """A sample left out, and the sentence that says why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Checked:
    """The samples that can be read, the others, and what was found in those that can."""

    samples: list[Sample]
    skipped: list[Skipped]
    seconds: float  # of sound, in all
    twins: int  # pairs whose content is that of an earlier one

    @property
    def classes(self) -> dict[str, int]:
        """How many samples each class has, the largest first; those without a class are not counted."""
        return dict(Counter(sample.label for sample in self.samples if sample.label is not None).most_common())

    @property
    def groups(self) -> int:
        return len({sample.group for sample in self.samples})


def checked(samples: Iterable[Sample], log: Callable[[str], None] | None = None, listed: str | os.PathLike[str] | None = None) -> Checked:
    """Read the picture and the sound of every sample once, and keep those where it goes well.

    log: told of each sample that is skipped. listed: a file, written whole at the end, with a line of JSON each. Raises ValueError,
    once the list is written, where nothing can be read.
    """
    good: list[Sample] = []
    skipped: list[Skipped] = []
    seconds, prints = 0.0, set()
    for sample in samples:
        try:
            sample.picture()
            length = sample.sound().seconds
            prints.add(sample.fingerprint())
        except SampleError as error:
            skipped.append(Skipped(sample.key, str(error)))
            if log is not None:
                log(f"skipped {error}")
            continue
        good.append(sample)
        seconds += length
    if listed is not None:
        write_skipped(skipped, Path(listed))
    if not good:
        why = f", the first because {skipped[0].reason}" if skipped else ""
        raise ValueError(f"none of {len(skipped)} samples can be read{why}")
    return Checked(good, skipped, seconds, len(good) - len(prints))


def write_skipped(skipped: Iterable[Skipped], path: Path) -> None:
    """A line of JSON each; the file appears whole or not at all."""
    part = path.with_name(f"{path.name}.part")
    part.write_text("".join(f"{json.dumps({'key': one.key, 'reason': one.reason}, ensure_ascii=False)}\n" for one in skipped), "utf-8")
    part.replace(path)
