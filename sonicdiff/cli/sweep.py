"""A sweep: one verb over the values of one or two of its arguments, each cell kept as it is made, laid out on one labelled sheet."""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from PIL import Image

from sonicdiff.cli import verbs
from sonicdiff.cli.pictures import grid

UNITS = {"seconds": "s", "sound_start": "s", "sound_length": "s", "loudness": "LUFS"}
MOST = 400  # cells, which a sheet still shows


@dataclass(frozen=True)
class Axis:
    """An argument of the verb and the values it takes, as text."""

    name: str
    values: tuple[str, ...]

    def label(self, value: str) -> str:
        unit = f" {UNITS[self.name]}" if self.name in UNITS else ""
        shown = Path(value).name if "/" in value else value
        return f"{self.name} {shown}{unit}"


@dataclass(frozen=True)
class Cell:
    """One run of the verb. request: see `verbs.request`."""

    values: tuple[str, ...]  # across, down
    arguments: list[str]
    request: str
    file: Path


def axes_of(arguments: Sequence[str]) -> tuple[list[Axis], list[str]]:
    """The axes that `--over NAME VALUES` names, and all other arguments. ValueError unless they are one or two."""
    axes, rest, waiting = [], [], list(arguments)
    while waiting:
        if (each := waiting.pop(0)) != "--over":
            rest.append(each)
        elif len(waiting) < 2:
            raise ValueError("--over takes a name and values: --over beta 0,0.5,1")
        else:
            name, values = waiting.pop(0), next(csv.reader([waiting.pop(0)]), [])
            axes.append(Axis(name, tuple(dict.fromkeys(value.strip() for value in values))))
    if not 1 <= len(axes) <= 2 or len({axis.name for axis in axes}) < len(axes) or not all(axis.values for axis in axes):
        raise ValueError("a sweep goes over one argument or two different ones: --over beta 0,0.5,1 --over guidance_scale 3,5,8")
    return axes, rest


def cells_of(verb: str, axes: Sequence[Axis], rest: Sequence[str], folder: Path, ending: str) -> list[Cell]:
    """Every cell, row by row, with its command line checked before any is run. Without a seed, all start from the noise of seed 0."""
    down = axes[1].values if len(axes) > 1 else ("",)
    if len(axes[0].values) * len(down) > MOST:
        raise ValueError(f"got {len(axes[0].values)} x {len(down)} cells; expected at most {MOST}: leave out some values")
    cells = []
    for lower, upper in product(down, axes[0].values):
        values = (upper, lower)[: len(axes)]
        given = {axis.name: value for axis, value in zip(axes, values, strict=True)}
        arguments = verbs.line(verb, given, rest)
        params = verbs.parsed(verb, arguments)
        if params["seed"] is None:
            arguments.append("--seed=0")
            params["seed"] = 0
        asked = verbs.request(verb, params)
        name = "-".join(re.sub(r"[^\w.]+", "-", f"{axis} {Path(value).name}").strip("-")[:40] for axis, value in given.items())
        cells.append(Cell(values, arguments, asked, folder / f"{name}-{asked[:8]}{ending}"))
    return cells


def sweep(verb: str, arguments: Sequence[str], output: Path, log: Callable[[str], None]) -> list[Cell]:
    """Makes what is not there yet in `<output>-cells`, then the sheet `output` and, beside it, a JSON of what each cell is."""
    axes, rest = axes_of(arguments)
    folder = output.with_name(f"{output.stem}-cells")
    cells = cells_of(verb, axes, rest, folder, ".wav" if verb == "music" else ".png")
    folder.mkdir(parents=True, exist_ok=True)
    for number, cell in enumerate(cells, 1):
        kept = verbs.finished(cell.file, cell.request)
        if not kept:
            verbs.run(verb, cell.arguments, cell.file, cell.request)
        said = ", ".join(axis.label(value) for axis, value in zip(axes, cell.values, strict=True))
        log(f"{number} of {len(cells)}  {said}{'  (kept)' if kept else ''}")
    lay_out(verb, axes, cells, output)
    return cells


def lay_out(verb: str, axes: Sequence[Axis], cells: Sequence[Cell], output: Path) -> None:
    """The sheet, the first axis across and the second down, and the JSON."""
    across, down = axes[0], axes[1] if len(axes) > 1 else None
    pictures = [Image.open(cell.file.with_suffix(".png")).convert("RGB") for cell in cells]
    rows = [pictures[first : first + len(across.values)] for first in range(0, len(pictures), len(across.values))]
    labels = [down.label(value) for value in down.values] if down else [""]
    partial = output.with_name(f".{output.stem}.partial.png")
    grid([across.label(value) for value in across.values], list(zip(labels, rows, strict=True))).save(partial)
    partial.replace(output)
    told = {
        "verb": verb,
        "across": {"name": across.name, "values": across.values},
        "down": down and {"name": down.name, "values": down.values},
        "cells": [
            {"values": cell.values, "file": f"{cell.file.parent.name}/{cell.file.name}", "request": cell.request,
             "command": shlex.join(["sonicdiff", verb, *cell.arguments])}
            for cell in cells
        ],
    }  # fmt: skip
    partial = output.with_name(f".{output.stem}.partial.json")
    partial.write_text(json.dumps(told, indent=2) + "\n")
    partial.replace(output.with_suffix(".json"))
