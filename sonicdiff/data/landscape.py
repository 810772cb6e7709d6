"""Landscape (Lee et al. 2022) and Into the Wild (Li et al. 2022), which the paper trains on together.

Three layouts are read, and may lie under one root:
the pairs that SonicDiffusion's authors list: `image_train_landscape.txt`, `audio_train_landscape.txt` (and `val`) with lines such as
`landscape-images/0012_3889.png`, classes in `labels.csv` (filename, label), the files under `images/` and `audios/`; 0012 is the video;
folders of videos by class, `fire_crackling/NAME_3.mp4`, where the number at the end counts the clips of one video (unverified);
videos of one folder named by class, video and clip, `train/fire_crackling_136_6_34.mp4` (unverified).
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from sonicdiff.data import videos
from sonicdiff.data.folder import files, place_and_label
from sonicdiff.data.reading import pair, words
from sonicdiff.data.splitting import Placed, named
from sonicdiff.data.videos import Cutting

LIST = re.compile(r"image_(train|val|test)_landscape\.txt")
CLIP = re.compile(r"([A-Za-z]+(?:_[A-Za-z]+)*)_(\d+)(?:_\d+)*")
CLASSES = {"fire crackling", "raining", "splashing water", "squishing water", "thunder", "underwater bubbling", "wind noise", "explosion",
           "waterfall burbling"}  # fmt: skip


def found(root: Path) -> bool:
    """Whether the authors' lists are there, or videos of most of Landscape's classes: of one or two anybody may have videos."""
    if any(LIST.fullmatch(file.name) for file in root.rglob("image_*_landscape.txt")):
        return True
    there = {label(root, file)[1] for file in files(root) if file.suffix.lower() in videos.VIDEOS}
    return len(there & CLASSES) > len(CLASSES) / 2


def read(root: Path, cutting: Cutting) -> Iterator[Placed]:
    """The listed pairs, then the videos, cut into windows. The class of a video is its folder's, or what its name begins with."""
    for file in files(root):
        if match := LIST.fullmatch(file.name):
            yield from _listed(root, file, named(match[1]))
    for video in (file for file in files(root) if file.suffix.lower() in videos.VIDEOS):
        place, kind, group = label(root, video)
        key = video.relative_to(root).with_suffix("").as_posix()
        yield from ((sample, place) for sample in videos.windows(key, video, cutting, label=kind, group=group))


def label(root: Path, video: Path) -> tuple[str | None, str | None, str]:
    """(split, class, group) of a video, by its folders and its name."""
    place, folder = place_and_label(root, video)
    match = CLIP.fullmatch(video.stem)
    if match is not None and words(match[1]) in CLASSES:
        return place, words(match[1]), f"{match[1]}_{match[2]}"
    source = re.sub(r"_+\d+$", "", video.relative_to(root).with_suffix("").as_posix())
    return place, folder, source


def _listed(root: Path, pictures: Path, place: str | None) -> Iterator[Placed]:
    sounds = pictures.with_name(pictures.name.replace("image_", "audio_", 1))
    if not sounds.is_file():
        raise ValueError(f"there is no {sounds.name} beside {pictures.name}; expected the two lists of the authors together")
    labels, names = _labels(pictures.with_name("labels.csv")), [file.read_text().split() for file in (pictures, sounds)]
    if len(names[0]) != len(names[1]):
        raise ValueError(f"{pictures.name} has {len(names[0])} lines and {sounds.name} {len(names[1])}; expected as many of each")
    for picture, sound in zip(*names, strict=True):
        name = Path(picture)
        described = {"label": labels.get(name.name), "group": name.stem.split("_")[0]}
        yield pair(name.with_suffix("").as_posix(), _stored(root, "images", picture), _stored(root, "audios", sound), **described), place


def _stored(root: Path, folder: str, name: str) -> Path:
    """Where a listed file lies: under `images/` or `audios/`, or the root itself."""
    return root / folder / name if (root / folder / name).is_file() else root / name


def _labels(file: Path) -> dict[str, str]:
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8-sig", newline="") as stream:
        rows = csv.DictReader(stream)
        if not {"filename", "label"} <= set(rows.fieldnames or ()):
            raise ValueError(f"{file.name} has the columns {', '.join(rows.fieldnames or ())}; expected filename and label")
        return {row["filename"]: words(row["label"] or "") for row in rows if row["filename"]}
