"""Soft surfaces seen from close by: water, grass, gravel, cloth and soil."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from sonicdiff.synthetic.materials.closeup import Closeup, cells
from sonicdiff.synthetic.painting import Array, blend, blur, colour, hsv, noise, smooth, to_bytes


def water(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Rings running out from the stick, over waves that mirror a bright sky, and what splashes up."""
    deep = hsv(rng.uniform(0.47, 0.62), rng.uniform(0.6, 0.9), rng.uniform(0.28, 0.5))
    sky = hsv(rng.uniform(0.5, 0.6), rng.uniform(0.08, 0.3), rng.uniform(0.88, 1.0))
    x, y = stage.x - stage.tip[0], (stage.y - stage.tip[1]) * rng.uniform(1.3, 1.9)
    far = np.hypot(x, y)
    rings = np.sin(far * rng.uniform(38, 58) - rng.uniform(0, 6)) * np.exp(-far / (0.2 + 0.25 * strength)) * smooth(0.0, 0.04, far)
    waves = noise(rng, stage.size, 1.9, 2.6)
    slope = np.gradient(waves * 4.5, axis=0) + (0.5 + 0.5 * strength) * rings + 0.15 * waves
    stage.image = blend(deep, sky, smooth(-0.9, 1.2, slope + 0.5 - stage.y)[..., None])
    stage.over(smooth(0.75, 1.1, slope) * 0.8, colour(255, 255, 252))
    _splash(stage, rng, strength)


def _splash(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    cx, cy = stage.tip
    count = int(30 + 90 * strength)
    angles, reach = rng.uniform(-2.9, -0.25, count), rng.gamma(2.0, 0.04 + 0.055 * strength, count)
    xs, ys = cx + np.cos(angles) * reach, cy + 0.02 + np.sin(angles) * reach
    radii = rng.uniform(0.006, 0.018, count) * (1 - 0.5 * np.minimum(reach / 0.4, 1))

    def draw(d: ImageDraw.ImageDraw, s: float) -> None:
        for x, y, r in zip(xs, ys, radii, strict=True):
            d.ellipse(((x - r) * s, (y - r * 1.3) * s, (x + r) * s, (y + r * 1.3) * s), fill=255)

    foam = np.exp(-(((stage.x - cx) / (0.05 + 0.05 * strength)) ** 2) - ((stage.y - cy) / 0.03) ** 2)
    stage.over(np.clip(foam, 0, 1) * 0.9, colour(240, 250, 255))
    stage.over(stage.drawn(draw) * 0.92, colour(246, 252, 255))


def grass(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """A lawn of single blades, the nearer ones taller and brighter; sometimes in flower."""
    hue, side = float(rng.uniform(0.22, 0.34)), stage.size * 2
    image = Image.fromarray(to_bytes(np.broadcast_to(hsv(hue, 0.8, 0.16), (side, side, 3))))
    draw = ImageDraw.Draw(image)
    n, lean = 420, rng.uniform(-0.5, 0.5)
    feet = np.sort(rng.uniform(-0.02, 1.35, n))
    for foot, x, tall, bend, shade, tint in zip(feet, *rng.uniform(-0.05, 1.05, (1, n)), *rng.normal(0, 1, (4, n)), strict=True):
        high = (0.17 + 0.12 * foot) * (1 + 0.25 * tall)
        width = 0.009 + 0.011 * foot
        to = x + high * (lean + 0.45 * bend)
        tone = hsv(hue + 0.025 * tint, 0.75, float(np.clip(0.3 + 0.35 * foot + 0.13 * shade, 0.15, 0.95)))
        middle = (x + 0.3 * (to - x), foot - 0.6 * high)
        points = (x - width, foot, middle[0] - width, middle[1], to, foot - high, middle[0] + width, middle[1], x + width, foot)
        draw.polygon([p * side for p in points], fill=tuple(to_bytes(tone).tolist()))
    if rng.random() < 0.35:
        _flowers(draw, rng, side)
    stage.image = np.asarray(image.reduce(2), np.float32) / 255


def _flowers(draw: ImageDraw.ImageDraw, rng: np.random.Generator, side: int) -> None:
    petal = [(250, 250, 245), (250, 225, 60), (190, 150, 240)][rng.integers(3)]
    for x, y in rng.uniform(0.05, 0.95, (int(rng.integers(3, 9)), 2)):
        r = rng.uniform(0.018, 0.03)
        for angle in np.arange(0, 6.2, 0.7):
            px, py = x + np.cos(angle) * r, y + np.sin(angle) * r * 0.7
            draw.ellipse([(px - r / 2) * side, (py - r / 2) * side, (px + r / 2) * side, (py + r / 2) * side], fill=petal)
        draw.ellipse([(x - r / 2) * side, (y - r / 2) * side, (x + r / 2) * side, (y + r / 2) * side], fill=(235, 180, 30))


def gravel(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Pebbles packed side by side, each with its own grey."""
    count = int(rng.integers(55, 150))
    edge, index = cells(rng, stage.size, count, rng.uniform(1.0, 1.5))
    scale = 1 / np.sqrt(count)
    dome = np.sqrt(np.clip(edge / scale, 0, 0.8)) * scale * 0.75
    bright, shine = stage.lit(blur(dome, 1.2) + 0.0012 * noise(rng, stage.size, 1.0), 40)
    n = int(index.max()) + 1
    base, warm = rng.uniform(0.62, 0.85), rng.uniform(0.0, 0.1)
    tones = rng.uniform(0.6, 1.25, (n, 1)) * base * (1 + np.array((warm, 0, -warm)) * rng.uniform(-0.6, 1.8, (n, 1)))
    stage.image = tones.astype(np.float32)[index] * (bright * (0.12 + 0.88 * smooth(0.0, 0.15 * scale, edge)))[..., None]
    stage.image += 0.12 * shine[..., None]


def cloth(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Folded cloth: soft ridges through which stripes, checks or dots run bent."""
    u, v = stage.along(rng.uniform(0, np.pi))
    warp = 0.16 * noise(rng, stage.size, 2.4, 1.5)
    phase = (u + warp) * rng.uniform(2.2, 3.6) + 0.35 * np.sin(3 * v + rng.uniform(0, 6))
    height = (
        0.035 * (np.abs(np.sin(np.pi * phase)) ** 0.8) + 0.016 * np.sin(2 * np.pi * (phase * 0.6 + v)) + 0.01 * noise(rng, stage.size, 2.4)
    )
    height = blur(height, 2.5)
    bright, _ = stage.lit(height * 1.5)
    gy, gx = np.gradient(height * stage.size)
    a, b = stage.x + 0.03 * gx, stage.y + 0.03 * gy
    hue = float(rng.random())
    ground, second = (
        hsv(hue, rng.uniform(0.25, 0.75), rng.uniform(0.45, 0.95)),
        hsv(hue + rng.choice((0.08, 0.5)), 0.5, rng.uniform(0.2, 0.95)),
    )
    fine, period = stage.size / 2.6, rng.uniform(6, 11)
    weave = 1 + 0.05 * np.sin(2 * np.pi * a * fine) * np.sin(2 * np.pi * b * fine) + 0.03 * noise(rng, stage.size, 0.3)
    stage.image = blend(ground, second, _pattern(int(rng.integers(4)), a * period, b * period)[..., None]) * (bright * weave)[..., None]


def _pattern(kind: int, a: Array, b: Array) -> Array:
    """Plain, stripes, checks or dots, 0..1."""
    if kind == 0:
        return np.zeros_like(a)
    if kind == 1:
        return smooth(-0.15, 0.15, np.sin(2 * np.pi * a))
    if kind == 2:
        bars = [0.5 * smooth(-0.15, 0.15, np.sin(2 * np.pi * c)) + 0.3 * smooth(0.9, 0.97, np.cos(2 * np.pi * c)) for c in (a, b)]
        return np.clip(bars[0] + bars[1], 0, 1)
    return smooth(0.3, 0.24, np.hypot(a % 1 - 0.5, (b % 1) - 0.5))


def dirt(stage: Closeup, rng: np.random.Generator, strength: float) -> None:
    """Dark crumbly soil: clods, a few pebbles and roots, a sprout."""
    field = noise(rng, stage.size, 1.25)
    edge, _ = cells(rng, stage.size, int(rng.integers(22, 50)))
    clods = 0.07 * np.sqrt(np.clip(edge * 5, 0, 1)) * smooth(-0.5, 0.5, noise(rng, stage.size, 1.8))
    bright, _ = stage.lit(0.006 * field + blur(clods, 1.5) + 0.0012 * noise(rng, stage.size, 0.6))
    earth = blend(colour(112, 74, 46), colour(74, 48, 32), float(rng.uniform()))
    stage.image = earth * (np.clip(bright, 0.1, 2) ** 1.6 * (1 + 0.12 * field))[..., None]
    marks = rng.uniform(0.03, 0.97, (9, 2))

    def roots(d: ImageDraw.ImageDraw, s: float) -> None:
        for x, y in marks[:4]:
            bends = np.array((x, y)) + np.cumsum(rng.normal(0, 0.03, (6, 2)) + rng.normal(0, 0.025, 2), 0)
            d.line((bends * s).ravel().tolist(), fill=255, width=max(1, int(s * 0.006)))

    stage.over(stage.drawn(roots) * 0.7, colour(176, 140, 100))
    for x, y in marks[4 : 4 + int(rng.integers(5))]:
        _sprout(stage, rng, float(x), float(y))


def _sprout(stage: Closeup, rng: np.random.Generator, x: float, y: float) -> None:
    r, turn = rng.uniform(0.025, 0.04), rng.uniform(0, 6)

    def leaves(d: ImageDraw.ImageDraw, s: float) -> None:
        for angle in (turn, turn + 2.6):
            px, py = x + np.cos(angle) * r, y + np.sin(angle) * r
            d.ellipse([(px - r) * s, (py - 0.55 * r) * s, (px + r) * s, (py + 0.55 * r) * s], fill=255)

    mask = stage.drawn(leaves)
    stage.shadow(mask, 0.02, 0.006)
    stage.over(mask, colour(110, 170, 60))
