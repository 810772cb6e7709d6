"""Pictures of nothing in particular with the statistics of photographs, on which an autoencoder learns edges, colours and grain."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image, ImageDraw

from sonicdiff.synthetic.marks import lettering, strokes
from sonicdiff.synthetic.painting import Array, blend, noise, ridge, smooth, to_bytes
from sonicdiff.synthetic.photography import palette, photographed


def texture(seed: int, size: int = 256) -> Array:
    """A picture uint8 (size, size, 3): one of eight kinds of subject, photographed (light, focus, exposure) at random."""
    rng = np.random.default_rng((seed, 0x7E87))
    kinds = (dead_leaves, clouds, solids, tiles, strokes, lettering, hills, dead_leaves)
    shares = (0.26, 0.12, 0.14, 0.12, 0.12, 0.1, 0.06, 0.08)
    image = kinds[rng.choice(len(kinds), p=shares)](rng, size)
    if rng.random() < 0.2:
        other = kinds[rng.integers(len(kinds))](rng, size)
        image = blend(image, other, smooth(-0.15, 0.15, noise(rng, size, 1.9) * 0.5 + rng.uniform(-0.4, 0.4))[..., None])
    return to_bytes(photographed(rng, image, size))


def dead_leaves(rng: np.random.Generator, size: int) -> Array:
    """Shapes hiding one another, areas by a power law, each with its own colour, shading and grain (Lee, Mumford and Huang 2001)."""
    side = size * 3 // 2
    n = int(rng.integers(80, 600))
    index = Image.new("I", (side, side), 0)
    draw = ImageDraw.Draw(index)
    centres = rng.uniform(-0.1, 1.1, (n, 2)) * side
    radii = np.clip(0.012 * rng.random(n) ** (-1 / rng.uniform(1.2, 2.2)), 0, 0.6) * side
    sides = rng.choice((3, 4, 4, 5, 7, 24, 24), n)
    for i in range(n):
        angles = np.arange(sides[i]) * 2 * np.pi / sides[i] + rng.random() * 6.28
        ring = np.stack((np.cos(angles), np.sin(angles) * rng.uniform(0.25, 1)), -1) * radii[i]
        if sides[i] < 8:
            ring *= rng.uniform(0.6, 1.3, (sides[i], 1))
        turn = rng.random() * 6.28
        ring = ring @ np.array(((np.cos(turn), np.sin(turn)), (-np.sin(turn), np.cos(turn)))) + centres[i]
        draw.polygon(ring.ravel().tolist(), fill=i)
    at = np.asarray(index)
    colours = palette(rng, 12)[rng.integers(12, size=n)] * rng.uniform(0.75, 1.2, (n, 1)).astype(np.float32)
    y, x = np.mgrid[:side, :side].astype(np.float32)
    slope = rng.normal(0, rng.uniform(0.05, 0.5), (n, 2)).astype(np.float32) / np.maximum(radii, 8)[:, None].astype(np.float32)
    light = 1 + (x - centres[at, 0].astype(np.float32)) * slope[at, 0] + (y - centres[at, 1].astype(np.float32)) * slope[at, 1]
    grain = noise(rng, side, rng.uniform(0.3, 1.4), rng.uniform(0.4, 2.5)) * (rng.random(n) ** 3 * 0.35).astype(np.float32)[at]
    image = colours[at] * (np.clip(light, 0.3, 1.7) + grain)[..., None]
    small = Image.fromarray(to_bytes(image)).resize((size, size), Image.Resampling.BOX)
    return np.asarray(small, np.float32) / 255


def clouds(rng: np.random.Generator, size: int) -> Array:
    """A noise field through a palette: sky, water, stone, bark."""
    beta = rng.uniform(0.7, 2.0)
    field = noise(rng, size, beta, float(rng.choice((0.3, 1, 1, 3))))
    n = int(rng.integers(3, 6))
    stops = palette(rng, n)
    at = np.clip(field * rng.uniform(0.12, 0.3) + rng.uniform(0.3, 0.7), 0, 1)
    image = np.stack([np.interp(at, np.linspace(0, 1, n), stops[:, i]) for i in range(3)], -1).astype(np.float32)
    return image * (1 + rng.uniform(0, 0.3) * noise(rng, size, beta))[..., None]


def solids(rng: np.random.Generator, size: int) -> Array:
    """Shaded balls and boxes that stand on a plain and throw soft shadows."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    colours = palette(rng, 12)
    horizon = rng.uniform(0.2, 0.7)
    image = blend(colours[0], colours[1], y[..., None])
    image = blend(image, blend(colours[2], colours[3], y[..., None]), smooth(0, rng.uniform(0.005, 0.1), y - horizon)[..., None])
    image = image * (1 + rng.uniform(0, 0.12) * noise(rng, size, 0.9))[..., None]
    angle = rng.uniform(-2.6, -0.5)
    light = np.array((np.cos(angle), np.sin(angle)), np.float32)
    for i in range(int(rng.integers(2, 9))):
        cx, cy, r = rng.uniform(0, 1), rng.uniform(0.1, 1), rng.uniform(0.05, 0.28)
        tint = colours[4 + i % 8]
        shadow = np.exp(-(((x - cx + light[0] * r) / r) ** 2) - ((y - cy - r * 0.9) / (0.3 * r)) ** 2)
        image = image * (1 - 0.6 * shadow)[..., None]
        dx, dy = (x - cx) / r, (y - cy) / r
        if rng.random() < 0.6:
            depth = np.sqrt(np.clip(1 - dx * dx - dy * dy, 0, 1))
            facing = np.clip(dx * light[0] + dy * light[1] + depth * 0.6, -1, 1.2)
            shade = 0.25 + 0.75 * np.clip(facing, 0, 1)
            body = tint * shade[..., None] + (np.clip(facing, 0, 1) ** 24 * rng.uniform(0, 0.8))[..., None]
            mask = np.clip((1 - np.sqrt(dx * dx + dy * dy)) * r * size, 0, 1)
        else:
            edge = rng.uniform(-0.5, 0.5)
            shade = np.where(dx < edge, 1.0, 0.55) * (1 + 0.2 * dy)
            body = tint * shade[..., None].astype(np.float32)
            mask = np.clip((1 - np.maximum(np.abs(dx), np.abs(dy + 0.25 * np.abs(dx - edge)))) * r * size, 0, 1)
        image = blend(image, body, mask[..., None])
    return image


def tiles(rng: np.random.Generator, size: int) -> Array:
    """Stripes, bricks, checks and weave, seen at an angle and not quite regular."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size
    turn = rng.uniform(-np.pi, np.pi) if rng.random() < 0.5 else 0.0
    bow = noise(rng, size, 2.2) * rng.uniform(0, 0.03)
    depth = 1 / (1 + rng.uniform(0, 1.2) * y)
    u = ((x - 0.5) * math.cos(turn) - y * math.sin(turn) + bow) * depth * rng.uniform(3, 30)
    v = ((x - 0.5) * math.sin(turn) + y * math.cos(turn) + bow) * depth * rng.uniform(3, 30)
    colours = palette(rng, 8)
    style = rng.integers(4)
    if style == 0:
        mask, tone = smooth(-0.2, 0.2, np.sin(u * 6.28) + rng.uniform(-0.7, 0.7)), np.floor(u)
    elif style == 1:
        shifted = u + 0.5 * (np.floor(v) % 2)
        mask = smooth(0.03, 0.1, 0.5 - np.maximum(np.abs(shifted % 1 - 0.5), np.abs(v % 1 - 0.5)))
        tone = np.floor(shifted) * 7 + np.floor(v) * 13
    elif style == 2:
        mask, tone = ((np.floor(u) + np.floor(v)) % 2).astype(np.float32), np.floor(u)
    else:
        mask, tone = 0.5 + 0.5 * np.sin(u * 6.28) * np.sin(v * 6.28 + np.pi * (np.floor(u) % 2)), np.floor(v)
    varied = 1 + rng.uniform(0, 0.3) * np.sin(tone * 12.9898 + 4.1)
    image = blend(colours[0], colours[1] * varied[..., None], mask[..., None])
    return image * (1 + rng.uniform(0, 0.2) * noise(rng, size, 0.8))[..., None]


def hills(rng: np.random.Generator, size: int) -> Array:
    """Overlapping ridges fading into a sky of any colour."""
    y = np.linspace(0, 1, size, dtype=np.float32)[:, None]
    colours = palette(rng, 4)
    image = np.broadcast_to(blend(colours[0], colours[1], y[..., None]), (size, size, 3))
    n = int(rng.integers(2, 7))
    for i in range(n):
        line = 0.3 + 0.6 * i / n + rng.uniform(0.02, 0.12) * ridge(rng, size, rng.uniform(1, 2))
        tone = blend(colours[1], colours[2 + i % 2], (i + 1) / n) * (1 + rng.uniform(0, 0.25) * noise(rng, size, 1.0))[..., None]
        image = blend(image, tone, np.clip((y - line[None]) * size, 0, 1)[..., None])
    return image
