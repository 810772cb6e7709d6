"""Carrying over to an edit the fine detail of the photo that the autoencoder loses, wherever the edit left the picture alone."""

from __future__ import annotations

import numpy as np
from PIL import Image
from scipy.ndimage import uniform_filter

WINDOW = 7  # pixels at the model's size
LUMINANCE, CONTRAST = (0.01 * 255) ** 2, (0.03 * 255) ** 2  # SSIM's constants for 8 bits
STRIP = 512  # rows at a time, so that a 50-megapixel photo needs no floats of its size


def similarity(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """SSIM of the grey values around each pixel (Wang et al. 2004), cut to 0..1. (height, width, 3) uint8 each -> (height, width) float."""
    a, b = a.mean(-1, dtype=np.float64), b.mean(-1, dtype=np.float64)
    mean_a, mean_b, aa, bb, ab = (uniform_filter(x, WINDOW) for x in (a, b, a * a, b * b, a * b))
    luminance = (2 * mean_a * mean_b + LUMINANCE) / (mean_a**2 + mean_b**2 + LUMINANCE)
    contrast = (2 * (ab - mean_a * mean_b) + CONTRAST) / (aa - mean_a**2 + bb - mean_b**2 + CONTRAST)
    return np.clip(luminance * contrast, 0, 1)


def carry_over(photo: Image.Image, edit: Image.Image, reconstruction: Image.Image, amount: float) -> Image.Image:
    """The edit in the photo's size, plus `amount` of the photo's residual weighted by how alike edit and reconstruction are.

    The residual is photo minus reconstruction; where the edit changed nothing and amount is 1, the result is the photo itself.
    edit, reconstruction: in the model's size, both decoded by the same autoencoder.
    """
    weight = amount * similarity(np.asarray(edit), np.asarray(reconstruction))
    large_edit, large_reconstruction = (image.resize(photo.size, Image.Resampling.BICUBIC) for image in (edit, reconstruction))
    if not amount:
        return large_edit
    large_weight = np.asarray(Image.fromarray(weight.astype(np.float32)).resize(photo.size, Image.Resampling.BILINEAR))
    images = [np.asarray(image) for image in (photo, large_reconstruction, large_edit)]
    result = np.empty_like(images[0])
    for top in range(0, photo.height, STRIP):
        rows = slice(top, top + STRIP)
        before, plain, after = (image[rows].astype(np.float32) for image in images)
        result[rows] = np.clip(np.round(after + large_weight[rows, :, None] * (before - plain)), 0, 255)
    return Image.fromarray(result)
