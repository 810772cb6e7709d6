"""Recordings that the ears are trained on: out of Debian packages by a list, and out of folders, each with its source on record."""

from __future__ import annotations

import csv
import hashlib
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from pathlib import Path

from sonicdiff.data import debian_packages
from sonicdiff.synthetic.classes import CLASSES

OTHER = "other"  # none of the classes
LIST = Path(__file__).with_name("recordings.csv")
MANIFEST = "recordings.csv"  # in a gathered folder
HELD_OUT, VALIDATION, TRAIN = "held out", "validation", "train"
DIVISION = 2  # of the sources into splits; another number where the held-out third has been looked at while something was chosen
SHARE = "usr/share"  # what a path in the list begins after
FOLDERS = {"rain": "raining", "sea-waves": "sea waves", "fire": "fire crackling", OTHER: OTHER}
"""Class folders of a set such as ESC-10's that are called otherwise than the class."""
JUDGED = frozenset(("freesound 4211",))
"""Sources of recordings in `examples/`, by which the ears are judged, wherever else they turn up."""


@dataclass(frozen=True)
class Listed:
    """One line of the list: a file of a package or, with * and ?, several; of one `source`, or, where that is empty, each of its own."""

    label: str
    package: str
    path: str
    source: str
    author: str
    licence: str


@dataclass(frozen=True)
class Recording:
    """A gathered file: its place in the folder, its class, the original recording it comes from, and whose it is."""

    file: str
    label: str
    source: str
    author: str
    licence: str
    taken_from: str

    @property
    def kind(self) -> str:
        """Its class; of what is none of the classes, the folder it was taken from: dogs, helicopters, a game's blows."""
        return self.label if self.label != OTHER else self.taken_from.rpartition("/")[0]


def splits(recordings: Sequence[Recording]) -> dict[str, str]:
    """The split of each source: of each kind every third is held out for judging, and one in nine chooses, in the order of a hash.

    All clips of one original recording are in one split; the same recordings give the same splits.
    """
    kinds: dict[str, set[str]] = {}
    for recording in recordings:
        kinds.setdefault(recording.kind, set()).add(recording.source)
    found: dict[str, str] = {}
    for kind in sorted(kinds):
        ordered = sorted(kinds[kind] - found.keys(), key=lambda source: hashlib.sha256(f"{DIVISION} {source}".encode()).hexdigest())
        found |= {source: HELD_OUT if rank % 3 == 2 else VALIDATION if rank % 9 == 4 else TRAIN for rank, source in enumerate(ordered)}
    return found


def read_list(path: Path = LIST) -> list[Listed]:
    """The lines of a list. Raises ValueError for other columns, an unknown class, or a line without author or licence."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        expected = ["class", *(field.name for field in fields(Listed)[1:])]
        if rows.fieldnames != expected:
            raise ValueError(f"{path} has the columns {rows.fieldnames}; expected {', '.join(expected)}")
        lines = [Listed(row["class"], *(row[name] for name in expected[1:])) for row in rows]
    for number, line in enumerate(lines, 2):
        if line.label not in (*CLASSES, OTHER):
            raise ValueError(f"{path}, line {number}: unknown class {line.label!r}; known are {', '.join((*CLASSES, OTHER))}")
        if not (line.package and line.path and line.author and line.licence):
            raise ValueError(f"{path}, line {number}: package, path, author and licence must be said")
    return lines


def gather(
    output: Path,
    packages: Path,
    lines: Sequence[Listed] = (),
    folders: Sequence[Path] = (),
    log: Callable[[str], None] = print,
) -> list[Recording]:
    """Copy what `lines` name out of Debian packages (fetched into `packages`), and the clips of `folders`, into `output` with a manifest.

    Sources in JUDGED are left out. Raises OSError where a package cannot be had or has no such file.
    """
    found: list[Recording] = []
    output.mkdir(parents=True, exist_ok=True)
    for line in lines:
        for path in debian_packages.matching(line.package, f"{SHARE}/{line.path}", packages):
            name = path.removeprefix(f"{SHARE}/")
            place = f"{line.label.replace(' ', '-')}/{line.package}-{re.sub('[^A-Za-z0-9.]+', '-', name)}"
            source = line.source or f"{line.package} {name}"
            found.append(Recording(place, line.label, source, line.author, line.licence, f"{line.package}: {name}"))
            write(output / place, debian_packages.fetch(line.package, path, packages))
    log(f"{len(found)} files of {len({line.package for line in lines})} packages")
    for folder in folders:
        clips = list(read_folder(folder))
        for clip in clips:
            (output / clip.file).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(folder / clip.taken_from, output / clip.file)
        found += clips
        log(f"{len(clips)} files of {folder}")
    found = [recording for recording in found if recording.source not in JUDGED]
    with (output / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(field.name for field in fields(Recording))
        rows.writerows(astuple(recording) for recording in found)
    return found


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def read_folder(folder: Path) -> Iterator[Recording]:
    """The clips that a folder's README.md lists in a table (file, title, author, licence), by class folders.

    Named as ESC-10's are (fold, number of the original on Freesound, take), takes of one original are one source.
    """
    rows = re.findall(r"^\| ([\w./-]+\.\w+) \| (.*?) \| (.*?) \| (.*?) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    if not rows:
        raise ValueError(f"{folder}/README.md lists no recordings; expected a table of file, title, author and licence")
    for path, _, author, licence in rows:
        top, stem = path.split("/")[0], Path(path).stem
        label = FOLDERS.get(top, top)
        if label not in (*CLASSES, OTHER):
            raise ValueError(f"{folder}/{top} is no class; known are {', '.join((*CLASSES, *FOLDERS))}")
        numbered = re.fullmatch(r"\d-(\d+)-[A-Z]", stem)
        source = f"freesound {numbered[1]}" if numbered else f"{folder.name} {path}"
        yield Recording(f"{label.replace(' ', '-')}/{path.replace('/', '-')}", label, source, author, licence, path)


def read(folder: Path) -> list[Recording]:
    """What `gather` wrote to a folder; or, where there is no manifest, the clips that its README.md lists, as they lie there."""
    if not (folder / MANIFEST).is_file():
        return [Recording(**{**asdict(clip), "file": clip.taken_from}) for clip in read_folder(folder) if clip.source not in JUDGED]
    with (folder / MANIFEST).open(encoding="utf-8", newline="") as file:
        return [Recording(**row) for row in csv.DictReader(file)]
