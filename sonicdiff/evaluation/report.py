"""What an evaluation leaves behind: tables for people (Markdown), the same as JSON, and labelled contact sheets."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sonicdiff.evaluation.scores import Estimate

Cell = Estimate | float | int | str | None
LABEL = 14  # pixels above a picture
GAP = 2


@dataclass
class Table:
    """Named rows of named cells; what a row lacks is left empty."""

    title: str
    note: str = ""
    rows: dict[str, dict[str, Cell]] = field(default_factory=dict)

    def markdown(self) -> str:
        columns = list(dict.fromkeys(name for cells in self.rows.values() for name in cells))
        lines = [f"## {self.title}", "", *([self.note, ""] if self.note else [])]
        lines += [f"| | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
        lines += [f"| {name} | {' | '.join(shown(cells.get(column)) for column in columns)} |" for name, cells in self.rows.items()]
        return "\n".join(lines)


def shown(cell: Cell) -> str:
    if isinstance(cell, Estimate):
        digits = 4 if 0 < max(abs(cell.low), abs(cell.high)) < 0.1 else 2
        return f"{cell.mean:.{digits}f} [{cell.low:.{digits}f}, {cell.high:.{digits}f}]"
    return "" if cell is None else f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def write(tables: Sequence[Table], about: dict[str, Any], folder: Path) -> str:
    """Write `scores.json` and `scores.md` to `folder`; gives back the Markdown."""
    folder.mkdir(parents=True, exist_ok=True)
    plain = {table.title: {"note": table.note, "rows": {row: plained(cells) for row, cells in table.rows.items()}} for table in tables}
    (folder / "scores.json").write_text(json.dumps({"about": about, "tables": plain}, indent=2) + "\n")
    facts = "  \n".join(f"{name}: {value}" for name, value in about.items())
    text = "\n\n".join([f"# Evaluation\n\n{facts}", *(table.markdown() for table in tables)]) + "\n"
    (folder / "scores.md").write_text(text)
    return text


def plained(cells: dict[str, Cell]) -> dict[str, Any]:
    return {name: asdict(cell) if isinstance(cell, Estimate) else cell for name, cell in cells.items()}


def sheet(rows: Sequence[Sequence[tuple[np.ndarray, str]]], path: Path, size: int = 128) -> None:
    """Rows of (uint8 picture, label) as one PNG; rows may differ in length."""
    width = GAP + max(len(row) for row in rows) * (size + GAP)
    board = Image.new("RGB", (width, GAP + len(rows) * (size + LABEL + GAP)), "white")
    draw, font = ImageDraw.Draw(board), ImageFont.load_default(10)
    for y, row in enumerate(rows):
        for x, (picture, label) in enumerate(row):
            left, top = GAP + x * (size + GAP), GAP + y * (size + LABEL + GAP)
            draw.text((left, top), fitting(label, draw, font, size), fill="black", font=font)
            thumbnail = Image.fromarray(picture)
            thumbnail.thumbnail((size, size), Image.Resampling.LANCZOS)
            board.paste(thumbnail, (left, top + LABEL))
    path.parent.mkdir(parents=True, exist_ok=True)
    board.save(path)


def fitting(label: str, draw: ImageDraw.ImageDraw, font: Any, width: int) -> str:
    while label and draw.textlength(label, font=font) > width:
        label = label[:-1]
    return label
