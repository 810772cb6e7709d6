"""What every picture is painted with: noise fields, soft masks, blurs and a canvas of light that layers are laid upon."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw
from scipy import fft, ndimage

Array = np.ndarray
OVERSAMPLING = 2


def colour(red: float, green: float, blue: float) -> Array:
    """A colour given in 0..255, as float32 in 0..1."""
    return np.array((red, green, blue), np.float32) / 255


def blend(a: Array | float, b: Array | float, t: Array | float) -> Array:
    """`a` where t is 0, `b` where t is 1."""
    mixed = np.subtract(b, a, dtype=np.float32) * t
    return np.asarray(np.add(mixed, a, dtype=np.float32), np.float32)


def smooth(low: float, high: float, x: Array | float) -> Array:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def child(rng: np.random.Generator) -> np.random.Generator:
    """A generator of its own for a thing that draws an unknown number of values; costs `rng` exactly one."""
    return np.random.default_rng(int(rng.integers(2**63)))


def noise(rng: np.random.Generator, size: int, beta: float = 1.6, stretch_x: float = 1.0, stretch_y: float = 1.0) -> Array:
    """A 1/f**beta Gaussian field (size, size), mean 0, deviation 1; a stretch above 1 draws it out along that axis."""
    rng = child(rng)
    fy = fft.fftfreq(size).astype(np.float32)[:, None] * stretch_y
    fx = fft.rfftfreq(size).astype(np.float32)[None] * stretch_x
    f = np.sqrt(fy * fy + fx * fx)
    f[0, 0] = 1
    spectrum = rng.standard_normal((2, size, size // 2 + 1), dtype=np.float32)
    spectrum *= f**-beta
    spectrum[:, 0, 0] = 0
    field = np.asarray(fft.irfft2(spectrum[0] + 1j * spectrum[1], s=(size, size)))
    return field / (field.std() + 1e-6)


def ridge(rng: np.random.Generator, size: int, beta: float = 1.8, period: int = 2) -> Array:
    """A 1/f**beta line (size,), mean about 0, deviation about 1: a skyline, a shore, a crest."""
    rng = child(rng)
    n = 1024
    f = fft.rfftfreq(n)
    f[0] = np.inf
    line = np.asarray(fft.irfft((rng.standard_normal(f.size) + 1j * rng.standard_normal(f.size)) * f**-beta, n))
    line = line / line.std()
    at = np.linspace(0, n / period, size)
    return np.interp(at, np.arange(n), line).astype(np.float32)


def blur(image: Array, sigma: float) -> Array:
    """Gaussian blur of (h, w) or (h, w, 3), `sigma` in pixels; wide ones are worked out on a reduced copy."""
    step = max(1, int(sigma / 2))
    step = 1 << (step.bit_length() - 1)
    step = min(step, 16)
    if image.ndim == 3:
        return np.stack([blur(image[..., i], sigma) for i in range(image.shape[2])], -1)
    if step == 1:
        return ndimage.gaussian_filter(image, sigma, mode="nearest", truncate=3)
    h, w = image.shape
    small = image[: h // step * step, : w // step * step].reshape(h // step, step, w // step, step).mean((1, 3))
    small = ndimage.gaussian_filter(small, sigma / step, mode="nearest", truncate=3)
    return np.asarray(Image.fromarray(small.astype(np.float32)).resize((w, h), Image.Resampling.BICUBIC))


def drawn(size: int, draw: Callable[[ImageDraw.ImageDraw, float], object]) -> Array:
    """An antialiased mask (size, size) in 0..1; `draw` gets a Pillow drawing and the factor from unit coordinates to its pixels."""
    side = size * OVERSAMPLING
    image = Image.new("L", (side, side), 0)
    draw(ImageDraw.Draw(image), float(side))
    return np.asarray(image.reduce(OVERSAMPLING), np.float32) / 255


def hsv(hue: float, saturation: float, value: float) -> Array:
    """Hue in turns, saturation and value in 0..1, to RGB float32."""
    k = (np.array((5.0, 3.0, 1.0)) + hue * 6) % 6
    return (value - value * saturation * np.clip(np.minimum(k, 4 - k), 0, 1)).astype(np.float32)


def to_bytes(image: Array) -> Array:
    """Light in 0..1 (clipped) to uint8."""
    return (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
