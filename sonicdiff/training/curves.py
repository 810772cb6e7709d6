"""The loss curves of a recipe's stages as one picture, from their logs: for a model's card."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

WIDTH, HEIGHT, MARGIN = 300, 200, 34  # pixels of one stage's plot


def plot(run_dir: Path, column: str) -> Image.Image:
    """`column` of `run_dir/log.jsonl` over samples seen, on a logarithmic axis."""
    rows = [json.loads(line) for line in (run_dir / "log.jsonl").read_text().splitlines()]
    steps, values = np.array([row["step"] for row in rows]), np.array([row[column] for row in rows])
    picture = Image.new("RGB", (WIDTH, HEIGHT), "white")
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(12)
    level = np.log(np.maximum(values, 1e-9))
    span = max(float(np.ptp(level)), 1e-6)
    x = MARGIN + steps / steps.max() * (WIDTH - MARGIN - 8)
    y = HEIGHT - MARGIN - (level - level.min()) / span * (HEIGHT - 2 * MARGIN)
    draw.line([(MARGIN, MARGIN), (MARGIN, HEIGHT - MARGIN), (WIDTH - 8, HEIGHT - MARGIN)], fill="#999999")
    draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill="#26467a", width=2)
    draw.text((MARGIN, 8), f"{run_dir.name.removeprefix('run-')}: {column}", "black", font)
    draw.text((2, MARGIN - 6), f"{values.max():.2g}", "#666666", font)
    draw.text((2, HEIGHT - MARGIN - 12), f"{values.min():.2g}", "#666666", font)
    draw.text((WIDTH - 90, HEIGHT - MARGIN + 6), f"{steps.max()} steps", "#666666", font)
    return picture


def curves(folder: Path, target: Path, column: str = "loss") -> None:
    """Plot every `run-*` of a recipe's folder side by side, three a row."""
    plots = [plot(run_dir, column) for run_dir in sorted(folder.glob("run-*")) if (run_dir / "log.jsonl").exists()]
    page = Image.new("RGB", (3 * WIDTH, -(-len(plots) // 3) * HEIGHT), "white")
    for number, picture in enumerate(plots):
        page.paste(picture, (number % 3 * WIDTH, number // 3 * HEIGHT))
    page.save(target)
