"""The colours of things and the way a camera sees them: palettes, uneven light, focus, exposure, grain."""

from __future__ import annotations

import math

import numpy as np

from sonicdiff.synthetic.painting import Array, blend, blur, child, hsv, noise, smooth

TONES = ((0.06, 0.45), (0.045, 0.6), (0.08, 0.35))


def palette(rng: np.random.Generator, n: int) -> Array:
    """`n` colours (n, 3) that go together: near-greys, skin and fur, one hue, a few hues or all of them."""
    style = rng.random()
    if style < 0.2:
        hues, saturations = rng.random() + rng.normal(0, 0.1, n), rng.beta(1, 8, n)
    elif style < 0.4:
        hue, saturation = TONES[rng.integers(len(TONES))]
        hues, saturations = rng.normal(hue, 0.015, n), np.clip(rng.normal(saturation, 0.15, n), 0.05, 1)
    elif style < 0.7:
        hues = rng.random() + rng.choice((0, 0.08, 0.5, 0.33), n) * rng.choice((-1, 1)) + rng.normal(0, 0.03, n)
        saturations = rng.beta(2, 2, n)
    else:
        hues, saturations = rng.random(n), rng.beta(1.2, 1.2, n)
    values = np.clip(rng.beta(1.2, 1.0, n) * rng.uniform(0.75, 1.15), 0.02, 1)
    return np.stack([hsv(h, s, v) for h, s, v in zip(hues, saturations, values, strict=True)])


def photographed(rng: np.random.Generator, image: Array, size: int) -> Array:
    """Light falling unevenly, shadows, depth of field, vignette, exposure, colour cast and sensor grain."""
    y, x = np.mgrid[:size, :size].astype(np.float32) / size - 0.5
    angle = rng.random() * 6.28
    image = image * (1 + rng.uniform(0, 0.6) * (math.cos(angle) * x + math.sin(angle) * y))[..., None]
    if rng.random() < 0.3:
        image = image * (1 - rng.uniform(0.2, 0.65) * smooth(0, rng.uniform(0.05, 0.6), noise(rng, size, 2.0)))[..., None]
    focus = rng.random()
    if focus < 0.15:
        image = blur(image, rng.uniform(0.7, 5))
    elif focus < 0.4:
        soft = blur(image, rng.uniform(2, 6))
        place = np.hypot(x - rng.uniform(-0.3, 0.3), y - rng.uniform(-0.3, 0.3))
        image = blend(image, soft, smooth(0.15, rng.uniform(0.3, 0.6), place)[..., None])
    if rng.random() < 0.4:
        image = image * (1 - rng.uniform(0.3, 1.3) * (x * x + y * y))[..., None]
    grey = image.mean(-1, keepdims=True)
    image = grey + (image - grey) * float(rng.choice((1.0, 1.0, rng.uniform(0, 1), rng.uniform(1, 1.6))))
    image = np.clip(image * min(max(rng.beta(2.2, 2.2) / (float(grey.mean()) + 0.02), 0.5), 2.5), 0, 1)
    image = image ** math.exp(rng.normal(0, 0.25)) * rng.uniform(0.8, 1.05) + rng.uniform(0, 0.08)
    image = image * rng.uniform(0.88, 1.12, 3).astype(np.float32)
    grain = child(rng).standard_normal(image.shape, dtype=np.float32) * (rng.random() ** 4 * 0.06)
    return image + grain.astype(np.float32)
