"""Which pairs are for training, which for validation, which for the test: as given, or by a hash of the group."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import accumulate

from sonicdiff.data.sample import Sample, SampleError

SPLITS = ("train", "validation", "test")
OTHER_NAMES = {"training": "train", "val": "validation", "valid": "validation", "dev": "validation", "testing": "test"}
SHARES = {"train": 0.8, "validation": 0.1, "test": 0.1}

Placed = tuple[Sample, str | None]  # a sample, and the split its data set gives it


def named(name: str) -> str | None:
    """The split that `name` stands for (`val` is validation), None if it stands for none."""
    name = name.strip().lower()
    name = OTHER_NAMES.get(name, name)
    return name if name in SPLITS else None


def check(split: str) -> str:
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}: expected one of {', '.join(SPLITS)}")
    return split


def chosen(placed: Iterable[Placed], split: str) -> list[Sample]:
    """The samples of `split`, in order.

    Where the data set gives no splits, 80, 10 and 10 % of the groups are drawn by a hash of their names; groups that hold a pair of
    the same content, whatever their names, stay together. Where it gives some, they
    stand as they are, and samples that it places nowhere are left out; only if validation is not among them, a tenth of train's
    groups become it. Raises ValueError where a group is given two splits, or there is no such split.
    """
    check(split)
    placed = list(placed)
    given = sorted({place for _, place in placed if place is not None})
    if not given:
        return _drawn([sample for sample, _ in placed], SHARES, split)
    _undivided(placed)
    halved = "validation" not in given and split != "test"
    source = "train" if halved else split
    if source not in given:
        raise ValueError(f"the data set has no {split} split, only {', '.join(given)}; ask for one of those")
    found = [sample for sample, place in placed if place == source]
    if not halved:
        return found
    return _drawn(found, {"train": 0.9, "validation": 0.1}, split)


def _drawn(samples: Sequence[Sample], shares: dict[str, float], split: str) -> list[Sample]:
    together = joined(samples)
    places = drawn(together.values(), shares)
    return [sample for sample in samples if places[together[sample.group]] == split]


def joined(samples: Iterable[Sample]) -> dict[str, str]:
    """The first name, in alphabetical order, of all groups that hang together with each group by pairs of the same content."""
    groups: dict[str, str] = {}

    def first(group: str) -> str:
        while groups.setdefault(group, group) != group:
            group = groups[group]
        return group

    equals: dict[int, list[Sample]] = {}
    for sample in samples:
        first(sample.group)
        equals.setdefault(sample.size, []).append(sample)
    for size, alike in equals.items():
        contents: dict[str, str] = {}
        for sample in alike if size and len({sample.group for sample in alike}) > 1 else ():
            try:
                one, other = sorted((first(sample.group), first(contents.setdefault(sample.fingerprint(), sample.group))))
            except SampleError:
                continue
            groups[other] = one
    return {group: first(group) for group in groups}


def drawn(groups: Iterable[str], shares: dict[str, float]) -> dict[str, str]:
    """The split of each group, by a hash of its name alone: the same on every machine, however the data set grows.

    Only where there are so few groups that a split would stay empty, the largest split gives it its last one.
    """
    order = sorted(groups, key=place_of)
    bounds = list(zip(shares, accumulate(shares.values()), strict=True))
    places = {group: next((split for split, bound in bounds if place_of(group) < bound), bounds[-1][0]) for group in order}
    for split in shares:
        sizes = Counter(places.values())
        largest, size = sizes.most_common(1)[0] if sizes else ("", 0)
        if not sizes[split] and size > 1:
            places[[group for group in order if places[group] == largest][-1]] = split
    return places


def place_of(group: str) -> float:
    """A number from 0 to 1 drawn by the group's name."""
    return int.from_bytes(hashlib.sha256(group.encode("utf-8", "surrogateescape")).digest()[:6]) / 2**48


def _undivided(placed: Iterable[Placed]) -> None:
    places: dict[str, str] = {}
    for sample, place in placed:
        if place is not None and places.setdefault(sample.group, place) != place:
            raise ValueError(
                f"{sample.group} is given both to {places[sample.group]} and to {place}; expected a group in one split: correct the data"
            )
