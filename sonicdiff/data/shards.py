"""WebDataset shards: tar files in which the members `key.jpg`, `key.wav` and `key.txt`, `key.cls` or `key.json` are one pair.

Members are found by their headers and read from their place in the archive: nothing is unpacked, and no name in it becomes a path.
"""

from __future__ import annotations

import json
import os
import re
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path, PurePosixPath
from typing import Any

from sonicdiff.data.reading import PICTURES, SOUNDS, broken, one_line, pair, words
from sonicdiff.data.sample import Sample
from sonicdiff.data.splitting import Placed, named

TEXTS = (".txt", ".cls", ".json")
LARGEST, LARGEST_TEXT = 2**28, 2**16  # bytes of a picture or sound, of a text


@dataclass(frozen=True)
class Member:
    """A file within an archive, by its place."""

    archive: Path
    name: str
    offset: int
    size: int

    def read_bytes(self) -> bytes:
        if self.size > (LARGEST_TEXT if self.name.endswith(TEXTS) else LARGEST):
            raise OSError(f"{self.name} in {self.archive.name} has {self.size / 1e6:.0f} MB, more than is read of one file")
        with self.archive.open("rb") as file:
            file.seek(self.offset)
            content = file.read(self.size)
        if len(content) < self.size:
            raise OSError(f"{self.name} is cut short in {self.archive.name}; expected {self.size} bytes: fetch the shard again")
        return content


def expanded(pattern: str) -> list[Path]:
    """The paths that a pattern with braces stands for: {000..012} counts, {a,b} lists. A path without braces is itself."""
    parts = re.split(r"\{([^{}]*)\}", pattern)
    choices = [[part] if n % 2 == 0 else _choices(part) for n, part in enumerate(parts)]
    return [Path("".join(chosen)) for chosen in product(*choices)]


def _choices(inside: str) -> list[str]:
    counted = re.fullmatch(r"(\d{1,6})\.\.(\d{1,6})", inside)
    if counted is None:
        return inside.split(",")
    first, last = int(counted[1]), int(counted[2])
    return [str(n).zfill(len(counted[1])) for n in range(first, last + 1)]


def read(archives: Sequence[Path]) -> Iterator[Placed]:
    """The pairs of all shards, in order. A shard whose name, or whose folder's, holds train, val or test is of that split.

    A pair's group is `group` in its .json, or else the pair itself. A shard that cannot be read is a sample that cannot be read.
    """
    root = os.path.commonpath([archive.parent.absolute() for archive in archives]) if archives else ""
    for archive in archives:
        shard = archive.absolute().relative_to(root).with_suffix("").as_posix()
        place = next((split for part in re.split(r"[-_.]", archive.stem) if (split := named(part))), None) or named(archive.parent.name)
        members: dict[str, list[Member]] = {}
        try:
            for member in _members(archive):
                path = PurePosixPath(member.name)
                members.setdefault(str(path.with_name(path.name.split(".")[0])), []).append(member)
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            yield broken(shard, f"the shard cannot be read to its end ({error}); expected a whole .tar, not compressed"), place
        for key, found in members.items():
            yield _sample(f"{shard}/{key}", found), place


def _members(archive: Path) -> Iterator[Member]:
    """Plain files alone: links and devices would stand for something outside."""
    with tarfile.open(archive, "r:") as tar:
        for info in tar:
            if info.isreg() and not info.issparse():
                yield Member(archive, info.name, info.offset_data, info.size)


def _sample(key: str, members: list[Member]) -> Sample:
    def of(endings: tuple[str, ...]) -> list[Member]:
        return [member for member in members if PurePosixPath(member.name).suffix.lower() in endings]

    pictures, sounds = of(PICTURES), of(SOUNDS)
    try:
        described = _described(of(TEXTS))
    except (OSError, ValueError, RecursionError) as error:
        return broken(key, f"its text cannot be read: {error}")
    if len(pictures) != 1 or len(sounds) != 1:
        return broken(key, f"it has {len(pictures)} pictures and {len(sounds)} sounds; expected one of each", **described)
    return pair(key, pictures[0], sounds[0], **described)


def _described(texts: list[Member]) -> dict[str, Any]:
    """Caption, label and group, as far as the texts of a pair give them; .json goes before .txt and .cls."""
    described: dict[str, Any] = {}
    for member in sorted(texts, key=lambda member: TEXTS.index(PurePosixPath(member.name).suffix.lower())):
        text = member.read_bytes().decode("utf-8", errors="replace")
        kind = PurePosixPath(member.name).suffix.lower()
        if kind == ".json":
            found = json.loads(text)
            if not isinstance(found, dict):
                raise ValueError(f"{member.name} is no JSON object")
            named_so = {"caption": found.get("caption"), "label": found.get("class", found.get("label")), "group": found.get("group")}
            described |= {name: one_line(str(value)) for name, value in named_so.items() if value is not None}
        else:
            described["caption" if kind == ".txt" else "label"] = one_line(text)
    if described.get("label"):
        described["label"] = words(described["label"])
    return described
