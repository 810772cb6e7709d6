"""Photographs to learn from, out of Debian packages: a list with authors, licences and captions, and a folder of them at one size."""

from __future__ import annotations

import io
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from sonicdiff.data import debian_packages

LIST = Path(__file__).with_suffix(".toml")
LICENCES = ("CC0", "public domain", "CC BY", "CC BY-SA")  # what may be learnt from, without their versions
SHORT_SIDE = 512  # pixels of a gathered photograph; smaller ones stay as they are


@dataclass(frozen=True)
class Photograph:
    """One photograph: the Debian package and the file in it, who made it under which licence, and a caption in the landscapes' words."""

    number: int  # in the list
    package: str
    path: str
    author: str
    licence: str
    caption: str
    place: bool = False  # it shows a place in whole, as the landscapes do
    validation: bool = False  # kept apart from training

    @property
    def file_name(self) -> str:
        return f"{self.number:03d}-{Path(self.path).stem}.png"


def read_list(file: Path = LIST) -> tuple[Photograph, ...]:
    """The photographs of a list. ValueError, naming the entry, for an unknown key, a missing one or a licence that is not in LICENCES."""
    known = {field.name for field in fields(Photograph)} - {"number"}
    needed = known - {"place", "validation"}
    photographs = []
    for number, entry in enumerate(tomllib.loads(file.read_text())["photograph"]):
        if wrong := (set(entry) - known) | (needed - set(entry)):
            raise ValueError(f"{file}, photograph {number}: {sorted(wrong)} are unknown or missing; expected the keys {sorted(known)}")
        if re.sub(r" \d\.\d$", "", entry["licence"]) not in LICENCES:
            raise ValueError(f"{file}, photograph {number}: the licence is {entry['licence']!r}; expected one of {', '.join(LICENCES)}")
        photographs.append(Photograph(number, **entry))
    return tuple(photographs)


def gather(folder: Path, work: Path, photographs: Iterable[Photograph] | None = None) -> int:
    """Write the photographs as PNG files under `folder`, 512 pixels on the short side at most; how many were not there yet.

    Packages are downloaded to and unpacked under `work` (200 MB in all). OSError, one sentence, where a package cannot be had.
    """
    folder.mkdir(parents=True, exist_ok=True)
    added = 0
    for photograph in read_list() if photographs is None else photographs:
        target = folder / photograph.file_name
        if not target.exists():
            image = Image.open(io.BytesIO(debian_packages.fetch(photograph.package, photograph.path, work)))
            partial = target.with_suffix(".partial")
            shrunk(ImageOps.exif_transpose(image).convert("RGB")).save(partial, "PNG")
            partial.replace(target)
            added += 1
    return added


def shrunk(image: Image.Image, short_side: int = SHORT_SIDE) -> Image.Image:
    """The image with at most `short_side` pixels on its short side."""
    scale = short_side / min(image.size)
    size = (round(image.width * scale), round(image.height * scale))
    return image.resize(size, Image.Resampling.LANCZOS) if scale < 1 else image


def load(folder: Path, validation: bool = False) -> list[tuple[Photograph, np.ndarray]]:
    """Gathered photographs with their pixels (height, width, 3) uint8: those to learn from, or those kept apart.

    FileNotFoundError where some are not there yet.
    """
    chosen = [photograph for photograph in read_list() if photograph.validation == validation]
    missing = [photograph.file_name for photograph in chosen if not (folder / photograph.file_name).exists()]
    if missing:
        raise FileNotFoundError(f"{folder} misses {len(missing)} photographs; run: sonicdiff data photographs --to {folder}")
    return [(photograph, np.asarray(Image.open(folder / photograph.file_name))) for photograph in chosen]
