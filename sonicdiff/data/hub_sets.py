"""Data sets of the Hugging Face Hub, or saved by its library `datasets`, which the extra `data` installs.

The columns are found by their type, Audio and Image, and where there are several, by the names given first in COLUMNS. Files are taken
as they are stored and decoded by the library's own guarded loaders.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sonicdiff.data.reading import one_line, pair, words
from sonicdiff.data.splitting import Placed, named

COLUMNS = {
    "sound": ("sound", "audio"),
    "picture": ("picture", "image"),
    "caption": ("caption", "text", "description"),
    "class": ("class", "label", "category"),
    "group": ("group", "video", "video_id", "speaker", "speaker_id"),
}
SAVED = ("dataset_dict.json", "state.json")  # what `save_to_disk` writes


@dataclass(frozen=True)
class Cell:
    """A file stored in a table: `rows` has one column, of Audio or Image that is not decoded."""

    rows: Any
    index: int
    column: str

    @property
    def name(self) -> str:
        return f"{self.column} of row {self.index}"

    def read_bytes(self) -> bytes:
        stored = self.rows[self.index][self.column]
        if stored is None or (stored.get("bytes") is None and not stored.get("path")):
            raise OSError(f"there is nothing in the column {self.column} of row {self.index}")
        return stored["bytes"] if stored.get("bytes") is not None else Path(stored["path"]).read_bytes()


def read(where: str, local: bool) -> Iterator[Placed]:
    """The rows of every split. where: owner/name on the Hub, which is fetched, or with `local` a folder saved by `datasets`."""
    for name, rows in _loaded(where, local).items():
        yield from _rows(str(name), rows, named(str(name).split("[")[0]))


def _library() -> Any:
    try:
        return import_module("datasets")
    except ImportError:
        raise ImportError("Hugging Face data sets need the package datasets; install it: pip install 'sonicdiff[data]'") from None


def _loaded(where: str, local: bool) -> dict[str, Any]:
    library = _library()
    try:
        saved = local and any((Path(where) / file).is_file() for file in SAVED)
        found = library.load_from_disk(where) if saved else library.load_dataset(where)
    except Exception as error:  # the library, and what it is built on, raise errors of many kinds
        reason = " ".join(str(error).split())[:300]
        raise ValueError(f"{where} cannot be opened as a Hugging Face data set: {reason}") from error
    return found if isinstance(found, dict) else {str(found.split or "all"): found}


def _rows(name: str, rows: Any, place: str | None) -> Iterator[Placed]:
    library = _library()
    sound, picture = _column(rows, "sound", library.Audio), _column(rows, "picture", library.Image)
    sounds = rows.select_columns([sound]).cast_column(sound, library.Audio(decode=False))
    pictures = rows.select_columns([picture]).cast_column(picture, library.Image(decode=False))
    captions, labels, groups = (_texts(rows, COLUMNS[kind]) for kind in ("caption", "class", "group"))
    for index, (caption, label, group) in enumerate(zip(captions, labels, groups, strict=True)):
        key = f"{name}/{index:06d}"
        described = {"caption": one_line(caption), "label": words(label) or None, "group": group or key}
        yield pair(key, Cell(pictures, index, picture), Cell(sounds, index, sound), **described), place


def _column(rows: Any, kind: str, typed: type) -> str:
    columns = [name for name, feature in rows.features.items() if isinstance(feature, typed)]
    usual = [name for name in COLUMNS[kind] if name in columns]
    if len(columns) == 1 or usual:
        return columns[0] if len(columns) == 1 else usual[0]
    there = ", ".join(f"{name} ({type(feature).__name__})" for name, feature in rows.features.items())
    got = f"{len(columns)} columns of {kind}s" if columns else f"no column of {kind}s"
    raise ValueError(f"the data set has {got} among {there}; expected one of the type {typed.__name__}, or one called {kind}")


def _texts(rows: Any, names: tuple[str, ...]) -> list[str]:
    """A column of text, or of numbered classes by their names; empty texts if there is no such column."""
    name = next((name for name in names if name in rows.column_names), None)
    if name is None:
        return [""] * len(rows)
    feature, values = rows.features[name], rows[name]
    numbered = hasattr(feature, "int2str")
    return ["" if value is None else str(feature.int2str(value)) if numbered and value >= 0 else str(value) for value in values]
