"""What of a data set is tried, and what it is compared with: balanced over the classes, and never two parts of one recording."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from sonicdiff.audio.waveform import Waveform
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.evaluation.extractors import Extractors, Looked

T = TypeVar("T")
LEAST = 4  # on each side, for a distance between two sets


@dataclass(frozen=True)
class Judged:
    """Samples with what the extractors make of their pictures and sounds."""

    samples: list[Sample]
    looked: Looked
    heard: np.ndarray  # (n, d)
    heard_as_released: np.ndarray | None  # (n, d)
    left_out: list[str] = field(default_factory=list)  # why, for each sample that could not be read

    @property
    def labels(self) -> list[str] | None:
        """The samples' classes; None where one has none."""
        found = [sample.label for sample in self.samples if sample.label is not None]
        return found if len(found) == len(self.samples) else None


def fingerprint(samples: Iterable[Sample]) -> str:
    """16 hexadecimal digits of which samples these are, and of their contents."""
    lines = sorted(f"{sample.key} {sample.fingerprint()}\n" for sample in samples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def divided(samples: Sequence[Sample], seed: int) -> tuple[list[Sample], list[Sample]]:
    """Samples to try and samples to compare them with, in the order in which they are to be taken.

    The groups are shuffled and, class by class, dealt to the two sides in turn, so that none is on both. On each side the classes come
    in turn, and in each class the groups. ValueError where there are too few groups.
    """
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.group or sample.key].append(sample)
    if len(groups) < 2 * LEAST:
        raise ValueError(f"got {len(groups)} separate recordings, at least {2 * LEAST} are needed, half to compare with: take more data")
    names = sorted(groups)
    shuffled = [groups[names[i]] for i in np.random.default_rng(seed).permutation(len(names))]
    rounds = list(in_turn(by_label(shuffled, lambda group: group[0].label)))
    if len(rounds) < 2:
        rounds = [[group] for group in rounds[0]]  # classes of one recording each
    first, second = (balanced([group for each in rounds[start::2] for group in each]) for start in (0, 1))
    return first, second


def balanced(groups: Sequence[Sequence[Sample]]) -> list[Sample]:
    """All samples of the groups, the classes in turn, and in each class the groups."""
    in_order = [sample for place in in_turn(groups) for sample in place]
    return [sample for place in in_turn(by_label(in_order, lambda sample: sample.label)) for sample in place]


def by_label(things: Iterable[T], label_of: Callable[[T], str | None]) -> list[list[T]]:
    """The things of each label, the labels in the order of their names."""
    found: dict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[label_of(thing) or ""].append(thing)
    return [found[label] for label in sorted(found)]


def in_turn(lists: Sequence[Sequence[T]]) -> Iterator[list[T]]:
    """The first of each list, then the second of each that has one, and so on."""
    for place in range(max(map(len, lists), default=0)):
        yield [each[place] for each in lists if place < len(each)]


class Reread(Iterable[Waveform]):
    """The sounds of samples, read anew each time they are gone through."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        self.samples = samples

    def __iter__(self) -> Iterator[Waveform]:
        return (sample.sound() for sample in self.samples)


def judged(extractors: Extractors, candidates: Iterable[Sample], count: int, log: Callable[[str], None]) -> Judged:
    """The first `count` of the candidates that can be read, seen and heard one at a time. ValueError where they are fewer than LEAST."""
    kept, looks, sounds, left_out = [], [], [], []
    for sample in candidates:
        if len(kept) == count:
            break
        try:
            picture, sound = sample.picture(), sample.sound()
        except SampleError as error:
            left_out.append(str(error))
            log(f"left out: {error}")
            continue
        kept.append(sample)
        looks.append(extractors.look(np.asarray(picture)))
        sounds.append(extractors.listen(sound))
    if len(kept) < LEAST:
        raise ValueError(
            f"{len(kept)} pairs could be read; expected at least {LEAST}: {left_out[0] if left_out else 'take a larger split'}"
        )
    released = extractors.listen_as_released(Reread(kept))
    return Judged(kept, Looked.together(looks), np.concatenate(sounds), released, left_out)
