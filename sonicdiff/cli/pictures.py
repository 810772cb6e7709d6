"""A sheet of photos edited by sounds."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

GAP, CELL, LINE = 10, 256, 18  # pixels between cells, of a cell's width, of a line of text
PAPER, INK, FAINT = (255, 255, 255), (30, 30, 30), (120, 120, 120)


def sheet(columns: Sequence[tuple[str, str, Image.Image]], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Photos before and after: a row a photo (name; the photo, then its edits), a column a sound (name, what was heard, spectrogram)."""
    pictures = [
        [image.resize((CELL, round(CELL * image.height / image.width)), Image.Resampling.LANCZOS) for image in row] for _, row in rows
    ]
    heights = [max(image.height for image in row) for row in pictures]
    top = 2 * LINE + max((picture.height for _, _, picture in columns), default=0) + 2 * GAP
    size = GAP + (CELL + GAP) * (1 + len(columns)), top + sum(height + LINE + GAP for height in heights) + GAP
    page = Image.new("RGB", size, PAPER)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(14)
    for number, (name, heard, picture) in enumerate(columns, 1):
        x = GAP + number * (CELL + GAP)
        draw.text((x, GAP), name, INK, font)
        draw.text((x, GAP + LINE), heard, FAINT, font)
        page.paste(picture, (x, GAP + 2 * LINE))
    y = top
    for (name, _), row, height in zip(rows, pictures, heights, strict=True):
        for number, image in enumerate(row):
            page.paste(image, (GAP + number * (CELL + GAP), y))
        draw.text((GAP, y + height + 1), name, FAINT, font)
        y += height + LINE + GAP
    return page


def grid(columns: Sequence[str], rows: Sequence[tuple[str, Sequence[Image.Image]]]) -> Image.Image:
    """Pictures in rows, a label above each column and left of each row; a row's height is that of its tallest picture."""
    font = ImageFont.load_default(14)
    pictures = [[image.resize((CELL, round(CELL * image.height / image.width)), Image.Resampling.LANCZOS) for image in r] for _, r in rows]
    left = GAP + max((round(font.getlength(label)) + GAP for label, _ in rows if label), default=0)
    heights = [max(image.height for image in row) for row in pictures]
    size = left + len(columns) * (CELL + GAP), 2 * GAP + LINE + sum(height + GAP for height in heights)
    page = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(page)
    for number, label in enumerate(columns):
        draw.text((left + number * (CELL + GAP), GAP), shortened(label, font), INK, font)
    y = 2 * GAP + LINE
    for (label, _), row, height in zip(rows, pictures, heights, strict=True):
        draw.text((GAP, y + height // 2 - LINE // 2), label, INK, font)
        for number, image in enumerate(row):
            page.paste(image, (left + number * (CELL + GAP), y))
        y += height + GAP
    return page


def shortened(label: str, font: ImageFont.FreeTypeFont | ImageFont.ImageFont) -> str:
    """A label that is no wider than a cell."""
    if font.getlength(label) <= CELL:
        return label
    while label and font.getlength(f"{label} ...") > CELL:
        label = label[:-1]
    return f"{label} ..."
