"""A table of pairs, CSV or JSONL: a row a pair, with the columns sound and picture, and at will caption, class, split and group."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sonicdiff.data.reading import one_line, pair, words
from sonicdiff.data.splitting import Placed, named

NEEDED = ("sound", "picture")
NAMES = ("metadata.csv", "metadata.jsonl", "manifest.csv", "manifest.jsonl")
ENDINGS = (".csv", ".jsonl")


def read(file: Path) -> Iterator[Placed]:
    """The rows in order. Paths are relative to the table's folder; other columns are left out.

    A pair's group is the column's, or else its sound, so that two pictures of one sound stay together. Raises ValueError where a
    needed column is missing or a split has an unknown name.
    """
    seen: dict[str, int] = {}
    for number, row in rows(file):
        missing = [name for name in NEEDED if not row.get(name)]
        if missing:
            got = ", ".join(row) or "none"
            raise ValueError(f"{file.name}, line {number}: nothing under {' and '.join(missing)}; expected them among its columns, {got}")
        place = named(row["split"]) if row.get("split") else None
        if row.get("split") and place is None:
            raise ValueError(f"{file.name}, line {number}: unknown split {row['split']!r}; expected train, validation or test")
        key = Path(row["picture"]).with_suffix("").as_posix()
        seen[key] = seen.get(key, 0) + 1
        described = {"caption": one_line(row.get("caption", "")), "label": words(row.get("class", "")) or None}
        name = key if seen[key] == 1 else f"{key}#{seen[key]}"
        group = row.get("group") or row["sound"]
        yield pair(name, file.parent / row["picture"], file.parent / row["sound"], **described, group=group), place


def rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """(line, columns as text) of each row. Raises ValueError where the table cannot be read."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            if file.suffix.lower() == ".csv":
                separator = separator_of(stream.readline())
                stream.seek(0)
                table = csv.DictReader(stream, delimiter=separator)
                for row in table:
                    yield table.line_num, {column(name): (row[name] or "").strip() for name in table.fieldnames or () if name}
            else:
                for number, line in enumerate(stream, 1):
                    if line.strip():
                        yield number, _columns(json.loads(line))
    except (UnicodeDecodeError, csv.Error, json.JSONDecodeError, RecursionError) as error:
        raise ValueError(f"{file.name} cannot be read as {file.suffix[1:]} in UTF-8: {error}") from None


def separator_of(first: str) -> str:
    """What stands between the columns of a CSV's first line: as many programs write it, a semicolon or a tab."""
    return max(",;\t", key=first.count)


def column(name: str) -> str:
    """The name of a column, written in capitals, with spaces or hyphens: `Guidance scale`."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _columns(row: Any) -> dict[str, str]:
    return {column(name): str(value).strip() for name, value in row.items() if value is not None} if isinstance(row, dict) else {}


def found(folder: Path) -> Path | None:
    """The table that describes `folder`: one called metadata or manifest, or a CSV file with the needed columns. None if there is none."""
    named_so = (folder / name for name in NAMES if (folder / name).is_file())
    return next(named_so, next((path for path in sorted(folder.glob("*.csv")) if _has_columns(path)), None))


def _has_columns(file: Path) -> bool:
    with file.open(encoding="utf-8-sig", errors="replace", newline="") as stream:
        first = stream.readline(10_000)
        return set(NEEDED) <= {column(name) for name in next(csv.reader([first], delimiter=separator_of(first)), [])}
