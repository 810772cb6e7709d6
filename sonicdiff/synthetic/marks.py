"""Pictures made of many thin marks: strokes and letters."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sonicdiff.synthetic.painting import Array, noise, to_bytes
from sonicdiff.synthetic.photography import palette


def strokes(rng: np.random.Generator, size: int) -> Array:
    """Hair, fur, grass or twigs: hundreds of curved lines along a common flow."""
    colours = palette(rng, 6)
    ground = colours[0] * rng.uniform(0.3, 1.1)
    image = Image.fromarray(to_bytes(np.broadcast_to(ground, (size * 2, size * 2, 3))))
    draw = ImageDraw.Draw(image)
    flow, spread = rng.random() * 6.28, rng.uniform(0.05, 1.2)
    length, width = rng.uniform(0.05, 0.5), rng.uniform(1, 7)
    n = int(rng.integers(150, 700))
    starts, angles, bends = rng.uniform(-0.2, 1.1, (n, 2)), flow + rng.normal(0, spread, n), rng.normal(0, 0.8, n)
    tones = np.clip(colours[rng.integers(1, 6, n)] * rng.uniform(0.6, 1.4, (n, 1)), 0, 1) * 255
    for start, angle, bend, tone in zip(starts, angles, bends, tones, strict=True):
        turns = angle + bend * np.arange(6) / 5
        points = start + np.concatenate((np.zeros((1, 2)), np.cumsum(np.stack((np.cos(turns), np.sin(turns)), -1), 0))) * length / 6
        draw.line(
            (points * size * 2).ravel().tolist(), fill=tuple(tone.astype(int).tolist()), width=max(1, int(width * rng.uniform(0.5, 1.5)))
        )
    return np.asarray(image.reduce(2), np.float32) / 255 * (1 + 0.2 * noise(rng, size, 1.6))[..., None]


def lettering(rng: np.random.Generator, size: int) -> Array:
    """Lines of letters on paper, a wall or a sign, at several sizes."""
    colours = palette(rng, 4)
    paper = colours[0] if rng.random() < 0.5 else np.float32(rng.uniform(0.75, 1)) * np.array((1, 0.98, 0.94), np.float32)
    image = Image.fromarray(to_bytes(np.broadcast_to(paper, (size, size, 3))))
    draw = ImageDraw.Draw(image)
    letters = np.array(list("abcdefghijklmnoprstuvwyzABCDEHKLMNOPRSTW0123456789   ,.-&"))
    y = float(rng.uniform(-10, 20))
    height = float(rng.uniform(9, 60))
    while y < size:
        line = "".join(rng.choice(letters, int(size / height * 2.2)))
        ink = tuple((np.clip(colours[rng.integers(1, 4)] * rng.choice((0.2, 1.0)), 0, 1) * 255).astype(int).tolist())
        draw.text((float(rng.uniform(-10, 30)), y), line, fill=ink, font=ImageFont.load_default(height))
        y += height * float(rng.uniform(1.05, 1.6))
        height = float(rng.uniform(9, 60)) if rng.random() < 0.2 else height
    image = image.rotate(float(rng.normal(0, 6)), Image.Resampling.BICUBIC, fillcolor=tuple(to_bytes(paper).tolist()))
    return np.asarray(image, np.float32) / 255 * (1 + 0.05 * noise(rng, size, 1.0))[..., None]
