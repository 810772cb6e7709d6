"""Photos in: any common picture file becomes upright 8-bit RGB, or one sentence says why not; and the size a model works at."""

from __future__ import annotations

import hashlib
import math
import os
import warnings
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from PIL import Image, ImageCms, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "AVIF", "GIF", "TIFF", "BMP")
MIN_SIDE = 8
MAX_ASPECT = 8.0
MAX_PIXELS = 50_000_000

Photo = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | np.ndarray | torch.Tensor
Colour = tuple[int, int, int]


class ImageError(ValueError):
    """A picture that cannot be used; the message says why in one sentence."""


def load(source: Photo, background: Colour = (255, 255, 255)) -> Image.Image:
    """Loads a photo as upright RGB; transparency is laid over `background`, animations give their first frame.

    source: path, bytes or open binary file of a PNG, JPEG, WEBP, AVIF, GIF, TIFF or BMP, a PIL image, an array (height, width[, channels])
    of uint8, uint16, or floats from 0 to 1, or a tensor of such numbers, (channels, height, width) or as an array. Raises ImageError.
    """
    try:
        image = opened(source)
        check_size(*image.size)
        return to_rgb(ImageOps.exif_transpose(image), background)
    except ImageError:
        raise
    except Exception as error:  # a decoder given a damaged file may raise anything
        raise ImageError(f"cannot read {describe(source)}: {error}") from error


def opened(source: Photo) -> Image.Image:
    if isinstance(source, Image.Image):
        return source
    if isinstance(source, torch.Tensor):
        return from_array(array_of(source))
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, (bytes, bytearray)):
        file: BinaryIO | Path = BytesIO(source)
    elif isinstance(source, (str, os.PathLike)):
        file = Path(source)
        if not file.is_file():
            raise ImageError(f"there is no file {str(file)!r}")
    elif hasattr(source, "read") and hasattr(source, "seek"):
        source.seek(0)
        file = source
    else:
        raise ImageError(f"got {type(source).__name__}; expected a path, bytes, an open binary file, a PIL image, an array or a tensor")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # check_size has the stricter limit
        try:
            return Image.open(file, formats=FORMATS)
        except Image.UnidentifiedImageError as error:
            raise ImageError(f"{describe(source)} is not a picture; expected {', '.join(FORMATS)}") from error


def array_of(tensor: torch.Tensor) -> np.ndarray:
    """A tensor (channels, height, width), as torchvision has pictures, with the channels last; others as they are."""
    tensor = tensor.detach().cpu()
    tensor = tensor[0] if tensor.ndim == 4 and len(tensor) == 1 else tensor
    if tensor.ndim == 3 and tensor.shape[0] in (1, 3, 4) and tensor.shape[2] not in (1, 3, 4):
        tensor = tensor.permute(1, 2, 0)
    return (tensor.float() if tensor.is_floating_point() else tensor).numpy()


def from_array(array: np.ndarray) -> Image.Image:
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if not (array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))):
        raise ImageError(f"got an array of shape {array.shape}; expected (height, width), (height, width, 3) or (height, width, 4)")
    check_size(array.shape[1], array.shape[0])
    if array.dtype == np.uint16:
        array = array / np.float32(65535)
    if np.issubdtype(array.dtype, np.floating):
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise ImageError("got an array of floats that are not all between 0 and 1")
        array = np.round(array * 255).astype(np.uint8)
    if array.dtype != np.uint8:
        raise ImageError(f"got an array of {array.dtype}; expected uint8, uint16 or floats from 0 to 1")
    return Image.fromarray(np.ascontiguousarray(array))


def check_size(width: int, height: int) -> None:
    if min(width, height) < MIN_SIDE:
        raise ImageError(f"the picture is {width} x {height} pixels; expected at least {MIN_SIDE} on the short side")
    if max(width, height) > MAX_ASPECT * min(width, height):
        raise ImageError(f"the picture is {width} x {height} pixels; expected a long side at most {MAX_ASPECT:g} times the short one")
    if width * height > MAX_PIXELS:
        raise ImageError(f"the picture has {width * height / 1e6:.0f} megapixels; expected at most {MAX_PIXELS / 1e6:.0f}")


def to_rgb(image: Image.Image, background: Colour = (255, 255, 255)) -> Image.Image:
    """Converts any mode. Pillow itself turns 16-bit grey white, floats black, and shows the colour hidden under alpha."""
    if image.mode == "F" or image.mode.startswith("I"):
        return deep_grey(image).convert("RGB")
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", rgba.size, (*background, 255)), rgba).convert("RGB")
    if "icc_profile" in image.info and image.mode in ("RGB", "CMYK", "LAB"):
        return in_srgb(image)
    return image.convert("RGB")


def deep_grey(image: Image.Image) -> Image.Image:
    """8-bit grey from a mode of more bits: white is the first usual white the values fit under, else they span their own range."""
    values = np.asarray(image).astype(np.float64)
    if not np.isfinite(values).all():
        raise ImageError("the picture holds values that are not finite")
    whites = {"I": (255, 65535), "F": (1, 255, 65535)}.get(image.mode, (65535,))
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= whites[-1]:
        low, high = 0.0, float(next(white for white in whites if high <= white))
    return Image.fromarray(np.round((values - low) / max(high - low, 1e-12) * 255).astype(np.uint8))


def in_srgb(image: Image.Image) -> Image.Image:
    """The picture in sRGB by its own colour profile; a profile that is broken counts as none, as in a browser."""
    try:
        profile = ImageCms.ImageCmsProfile(BytesIO(image.info["icc_profile"]))
        converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
    except (ImageCms.PyCMSError, OSError):
        return image.convert("RGB")
    assert converted is not None
    return converted


def sha256(photo: Image.Image) -> str:
    """Hash of the pixels of a loaded photo and its size."""
    return hashlib.sha256(repr(photo.size).encode() + photo.tobytes()).hexdigest()


def fit(width: int, height: int, area: float, multiple: int) -> tuple[int, int]:
    """The (width, height) in multiples of `multiple` that best keeps the shape and comes near `area`; shape counts three times as much."""
    sides = range(multiple, multiple * (2 + math.ceil(math.sqrt(area * MAX_ASPECT) / multiple)), multiple)

    def badness(size: tuple[int, int]) -> float:
        return 3 * abs(math.log(size[0] / size[1] * height / width)) + abs(math.log(size[0] * size[1] / area))

    return min(((w, h) for w in sides for h in sides), key=badness)


def with_short_side(width: int, height: int, side: int, multiple: int) -> tuple[int, int]:
    """The (width, height) in multiples of `multiple` whose shorter side is `side`; of a photo longer than 2:1, twice the area of that."""
    longer = side * max(width, height) / min(width, height)
    if longer > 2 * side:
        return fit(width, height, 2 * side**2, multiple)
    longer = round(longer / multiple) * multiple
    return (longer, side) if width >= height else (side, longer)


def side_by_side(images: Sequence[Image.Image]) -> Image.Image:
    """Images of one height in a row."""
    return Image.fromarray(np.concatenate([np.asarray(image) for image in images], axis=1))


def describe(source: Photo) -> str:
    return repr(str(source)) if isinstance(source, (str, os.PathLike)) else "the picture"
