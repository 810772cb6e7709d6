"""The table that a batch goes through: its rows, one at a time, and what must be in order before any of them is run."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from sonicdiff.cli import options, verbs
from sonicdiff.data.manifest import column, separator_of

FILES = ("photo", "sounds", "sound", "image")  # columns that may name files beside the table


def rows_of(table: Path) -> Iterator[dict[str, Any]]:
    """The rows of a .jsonl or .csv (with commas, semicolons or tabs), one at a time, without what is empty.

    ValueError, with the line, for what is none.
    """
    with table.open(encoding="utf-8-sig", newline="") as file:
        if table.suffix.lower() == ".csv":
            first = file.readline()
            file.seek(0)
            yield from cells_of(csv.DictReader(file, delimiter=separator_of(first)), table)
        else:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield {column(name): value for name, value in object_of(line, number, table).items() if value is not None}


def cells_of(reader: csv.DictReader, table: Path) -> Iterator[dict[str, Any]]:
    try:
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num} of {table.name} has not as many cells as the first; expected one a column")
            yield {column(name): value for name, value in row.items() if value.strip()}
    except (csv.Error, UnicodeDecodeError) as error:
        raise ValueError(f"{table.name} is no CSV after line {reader.line_num} ({error}); save it as CSV in UTF-8") from None


def object_of(line: str, number: int, table: Path) -> dict[str, Any]:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"line {number} of {table.name} is no JSON object; expected one a line")
    return found


def surveyed(table: Path, verb: str | None) -> tuple[str, int]:
    """The verb (by default `edit` where there is a photo) and the number of rows, once every name in the table is found to be in order."""
    if not table.is_file() or table.suffix.lower() not in (".csv", ".jsonl"):
        raise ValueError(f"there is no table {str(table)!r}; expected a .csv or .jsonl file with a row for each picture")
    names: set[str] = set()
    count = 0
    for count, row in enumerate(rows_of(table), 1):
        verb = verb or ("edit" if "photo" in row else "generate")
        for name in row.keys() - {"output"}:
            verbs.parameter(verb, name)
        if (name := output_of(row, count)) in names:
            raise ValueError(f"row {count} of {table.name} has the output {name!r} of a row before; expected another name")
        names.add(name)
    if not count:
        raise ValueError(f"{table.name} holds no rows; expected one for each picture")
    return verb or "edit", count


def output_of(row: dict[str, Any], number: int) -> str:
    """The name of a row's picture in the folder: its column `output`, or its number."""
    name = PurePosixPath(str(row.get("output") or f"{number:06d}.png"))
    name = name if name.suffix.lower() in options.PICTURES else name.with_name(f"{name.name}.png")
    if name.is_absolute() or ".." in name.parts:
        raise ValueError(f"row {number} has the output {str(name)!r}; expected a name inside the folder")
    return str(name)


def placed(value: Any, beside: Path) -> Any:
    """Names of files, with or without a weight, as seen from the table's folder where they are there."""
    if isinstance(value, list):
        return [placed(each, beside) for each in value]
    name = str(beside / str(value))
    ((path, _),) = options.weighted([name])
    return name if Path(path).is_file() else value
