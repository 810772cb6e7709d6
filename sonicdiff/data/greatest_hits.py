"""Greatest Hits as published: a drumstick that hits and scratches things (Owens et al. 2016, "Visually Indicated Sounds").

`vis-data` and the smaller `vis-data-256` hold, a recording, `ID_denoised.mp4`, `ID_denoised.wav` and `ID_times.txt`, a line a hit:
seconds, material, action, reaction; `train.txt` and `test.txt` list the IDs of the two splits. A sample is one hit; the recording is
its group.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from sonicdiff.data.folder import files
from sonicdiff.data.reading import broken, words
from sonicdiff.data.splitting import Placed
from sonicdiff.data.videos import cut

BEFORE, SECONDS = 0.25, 2.0  # of the sound: before the hit, and in all. A longer stretch holds other materials too
UNKNOWN = "None"
VERBS = {"hit": "hitting", "scratch": "scratching"}


def found(root: Path) -> bool:
    return any(_video(times).is_file() for times in root.rglob("*_times.txt"))


def read(root: Path) -> Iterator[Placed]:
    """The hits in order of recording and time; the class is the material, and hits of which it is not known are left out."""
    there = files(root)
    places = _places(there)
    # Where a recording is there in both sizes, the one of `vis-data` is taken, which comes first.
    recordings = {times.name.removesuffix("_times.txt"): times for times in reversed(there) if times.name.endswith("_times.txt")}
    for name, times in sorted(recordings.items()):
        place = places.get(name)
        video, sound = _video(times), times.with_name(f"{name}_denoised.wav")
        if not video.is_file():
            yield broken(name, f"there is no {video.name} beside its times"), place
            continue
        try:
            marks = _hits(times)
        except (OSError, ValueError) as error:
            yield broken(name, f"{times.name} cannot be read: {error}"), place
            continue
        for at, material, action in marks:
            doing = VERBS.get(action, "touching")
            described = {"label": material, "caption": f"a drumstick {doing} {material}", "group": name}
            start = max(0.0, at - BEFORE)
            yield cut(f"{name}@{at:.3f}", video, start, SECONDS, at, sound if sound.is_file() else None, **described), place


def _video(times: Path) -> Path:
    return times.with_name(times.name.replace("_times.txt", "_denoised.mp4"))


def _hits(times: Path) -> list[tuple[float, str, str]]:
    """(seconds, material, action) of the hits whose material is known; two at the same time are one."""
    found = {}
    for line in times.read_text(encoding="utf-8").splitlines():
        fields = line.split()
        if not fields:
            continue
        if len(fields) < 3 or not 0 <= float(fields[0]) < 1e5:
            raise ValueError(f"expected seconds, material and action, got {line!r}")
        if fields[1] != UNKNOWN:
            found.setdefault(f"{float(fields[0]):.3f}", (float(fields[0]), words(fields[1].replace("-", " ")), fields[2]))
    return list(found.values())


def _places(listed: list[Path]) -> dict[str, str]:
    """The split of each recording, from all the lists train.txt and test.txt."""
    places = {}
    for split in ("train", "test"):
        for file in (file for file in listed if file.name == f"{split}.txt"):
            places |= {line.strip().removesuffix("_denoised"): split for line in file.read_text().splitlines()}
    return places
