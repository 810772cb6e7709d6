"""A folder of pairs: `name.wav` and `name.jpg` side by side, a caption in `name.txt`; folders within are classes, or splits of classes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from sonicdiff.data.reading import PICTURES, SOUNDS, broken, one_line, pair, words
from sonicdiff.data.sample import Sample
from sonicdiff.data.splitting import Placed, named


def read(root: Path) -> Iterator[Placed]:
    """The pairs in order of name. A first folder called train, validation (val, valid, dev) or test is a split; the last one a class.

    A picture without a sound, or a sound without a picture, is a sample that cannot be read.
    """
    kinds = {suffix: kind for kind, suffixes in (("picture", PICTURES), ("sound", SOUNDS)) for suffix in suffixes}
    stems: dict[Path, dict[str, list[Path]]] = defaultdict(lambda: {"picture": [], "sound": []})
    for file in files(root):
        kind = kinds.get(file.suffix.lower())
        if kind is not None:
            stems[file.with_suffix("")][kind].append(file)
    for stem, found in stems.items():
        place, label = place_and_label(root, stem)
        yield _sample(stem.relative_to(root).as_posix(), found["picture"], found["sound"], label), place


def files(root: Path) -> list[Path]:
    """The files under `root`, in order; hidden ones are left out."""
    found = (path for path in root.rglob("*") if path.is_file())
    return sorted(path for path in found if not any(part.startswith((".", "__MACOSX")) for part in path.relative_to(root).parts))


def place_and_label(root: Path, file: Path) -> tuple[str | None, str | None]:
    """The split and the class that the folders between `root` and `file` stand for."""
    folders = list(file.relative_to(root).parts[:-1])
    place = named(folders[0]) if folders else None
    if place is not None:
        folders = folders[1:]
    return place, words(folders[-1]) if folders else None


def caption_beside(file: Path) -> str | None:
    """What stands in the .txt file of the same name."""
    text = file.with_name(f"{file.stem}.txt")
    if not text.is_file():
        return None
    with text.open(encoding="utf-8", errors="replace") as stream:
        return one_line(stream.read(10_000))


def _sample(key: str, pictures: list[Path], sounds: list[Path], label: str | None) -> Sample:
    if not pictures:
        return broken(key, f"there is no picture beside {sounds[0].name}", label=label)
    if not sounds:
        return broken(key, f"there is no sound beside {pictures[0].name}", label=label)
    if len(pictures) + len(sounds) > 2:
        names = ", ".join(file.name for file in (*pictures, *sounds))
        return broken(key, f"{names} lie side by side; expected one picture and one sound of a name", label=label)
    return pair(key, pictures[0], sounds[0], caption=caption_beside(sounds[0]), label=label)
