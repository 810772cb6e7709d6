"""Photos of every mode and shape, and files that are none."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from sonicdiff.pipelines.common import image_loading
from sonicdiff.pipelines.common.image_loading import ImageError


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def colours() -> Image.Image:
    """24 x 16: red, green, blue and grey quarters."""
    pixels = np.zeros((16, 24, 3), np.uint8)
    pixels[:8, :12], pixels[:8, 12:], pixels[8:, :12], pixels[8:, 12:] = (200, 30, 20), (20, 180, 40), (10, 60, 210), (120, 120, 120)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("kind", image_loading.FORMATS)
def test_every_format_from_bytes_and_path(kind: str, tmp_path: Path) -> None:
    data = saved(colours(), kind)
    path = tmp_path / "photo.dat"  # the contents count, not the name
    path.write_bytes(data)
    loaded = image_loading.load(data)
    assert loaded.mode == "RGB" and loaded.size == (24, 16)
    assert np.array_equal(np.asarray(image_loading.load(path)), np.asarray(loaded))
    assert np.abs(np.asarray(loaded)[4, 6].astype(int) - (200, 30, 20)).max() < 40


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = image_loading.load(saved(colours(), "PNG", exif=exif))
    assert shown.size == ((24, 16) if orientation < 5 else (16, 24))
    corner = {1: (0, 0), 2: (-1, 0), 3: (-1, -1), 4: (0, -1), 5: (0, 0), 6: (-1, 0), 7: (-1, -1), 8: (0, -1)}[orientation]
    assert shown.getpixel((corner[0] % shown.width, corner[1] % shown.height)) == (200, 30, 20)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "PA", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV", "RGBa"])
def test_modes_keep_the_picture(mode: str) -> None:
    grey = colours().convert("L")
    image = (grey.convert("P").convert("PA") if mode == "PA" else colours().convert("RGBA" if mode == "RGBa" else mode)).convert(mode)
    found = image_loading.load(image).convert("L").resize((2, 2), Image.Resampling.BOX)  # the mean of each quarter: dithering vanishes
    assert np.abs(np.asarray(found).astype(int) - np.asarray(grey.resize((2, 2), Image.Resampling.BOX))).max() < 12


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (np.linspace(0, 65535, 256).reshape(16, 16).astype(np.uint16), 255),  # I;16
        (np.linspace(0, 255, 256).reshape(16, 16).astype(np.int32), 255),  # I
        (np.linspace(0, 65535, 256).reshape(16, 16).astype(np.int32), 255),
        (np.linspace(-900, 1e6, 256).reshape(16, 16).astype(np.int32), 255),
        (np.linspace(0, 1, 256).reshape(16, 16).astype(np.float32), 255),  # F
        (np.linspace(0, 255, 256).reshape(16, 16).astype(np.float32), 255),
        (np.linspace(-3, 7, 256).reshape(16, 16).astype(np.float32), 255),
    ],
)
def test_deep_grey_is_neither_white_nor_black(values: np.ndarray, expected: int) -> None:
    found = np.asarray(image_loading.load(Image.fromarray(values)))[..., 0]
    assert found.min() == 0 and found.max() == expected
    assert np.abs(found.ravel().astype(int) - np.arange(256)).max() <= 1


def test_16_bit_png_and_tiff() -> None:
    image = Image.fromarray(np.full((16, 16), 32768, np.uint16))
    for kind in ("PNG", "TIFF"):
        assert image_loading.load(saved(image, kind)).getpixel((3, 3)) == (128, 128, 128)


def test_transparency_shows_the_background_not_what_it_hides() -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    assert image_loading.load(image).getpixel((0, 0)) == (255, 255, 255)
    assert image_loading.load(image, background=(10, 20, 30)).getpixel((0, 0)) == (10, 20, 30)
    palette = Image.new("P", (16, 16), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    palette.info["transparency"] = 1
    assert image_loading.load(palette).getpixel((0, 0)) == (255, 255, 255)


def test_animation_gives_its_first_frame() -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    for kind in ("GIF", "WEBP", "PNG"):
        shown = image_loading.load(saved(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert np.abs(np.array(shown.getpixel((2, 2))) - (255, 0, 0)).max() < 12


def test_colour_profile() -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    same = image_loading.load(saved(colours(), "PNG", icc_profile=profile))
    assert np.abs(np.asarray(same).astype(int) - np.asarray(colours())).max() <= 2
    broken = image_loading.load(saved(colours(), "PNG", icc_profile=b"no profile"))
    assert np.array_equal(np.asarray(broken), np.asarray(colours()))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
@pytest.mark.parametrize("shape", [(16, 16), (16, 16, 1), (16, 16, 3), (16, 16, 4)])
def test_arrays(dtype: type, shape: tuple[int, ...]) -> None:
    white = 1 if np.issubdtype(dtype, np.floating) else np.iinfo(dtype).max
    assert image_loading.load(np.full(shape, white, dtype)).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0", "not a picture"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not a picture"),
        ("nowhere.png", "there is no file 'nowhere.png'"),
        (3, "got int"),
        (Image.new("RGB", (7, 20)), "7 x 20 pixels; expected at least 8"),
        (Image.new("RGB", (8, 65)), "8 x 65 pixels; expected a long side at most 8 times"),
        (Image.new("L", (7200, 7000)), "50 megapixels; expected at most 50"),
        (np.zeros((16, 16, 2)), "shape"),
        (np.zeros((0, 0, 3)), "at least 8"),
        (np.full((16, 16), np.nan), "between 0 and 1"),
        (np.full((16, 16), 3.0), "between 0 and 1"),
        (np.zeros((16, 16), np.int64), "int64"),
        (Image.fromarray(np.full((16, 16), np.inf, np.float32)), "not finite"),
    ],
)
def test_what_cannot_be_used_is_one_sentence(source: object, message: str) -> None:
    with pytest.raises(ImageError, match=message) as caught:
        image_loading.load(source)  # pyright: ignore
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_damaged_files(tmp_path: Path) -> None:
    for kind in image_loading.FORMATS:
        data = saved(Image.effect_noise((64, 64), 90).convert("RGB"), kind)
        for cut in (len(data) // 2, 20):
            with pytest.raises(ImageError):
                image_loading.load(data[:cut])
    with pytest.raises(ImageError, match="there is no file"):
        image_loading.load(tmp_path)


def test_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = bytearray(saved(Image.new("1", (64, 64)), "PNG"))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    with pytest.raises(ImageError):
        image_loading.load(bytes(bomb))


@given(st.binary(max_size=300), st.integers(0, 400), st.sampled_from(image_loading.FORMATS))
@settings(max_examples=60)
def test_any_bytes_are_a_picture_or_an_error(noise: bytes, place: int, kind: str) -> None:
    data = bytearray(saved(colours(), kind))
    data[place : place + len(noise)] = noise
    try:
        assert image_loading.load(bytes(data)).mode == "RGB"
    except ImageError as error:
        assert "\n" not in str(error)


@given(st.integers(8, 4000), st.floats(1, 8), st.booleans(), st.sampled_from([64, 256, 512]))
@settings(max_examples=60)
def test_fit_keeps_shape_and_area(short: int, aspect: float, upright: bool, native: int) -> None:
    size = (short, int(short * aspect)) if upright else (int(short * aspect), short)
    width, height = image_loading.fit(*size, native**2, 64)
    assert width % 64 == height % 64 == 0
    if native > 64:
        assert 0.45 < width * height / native**2 < 2.2
        assert 0.66 < (width / height) / (size[0] / size[1]) < 1.5


def test_fit_of_usual_shapes() -> None:
    assert image_loading.fit(1000, 1000, 256**2, 64) == (256, 256)
    assert image_loading.fit(4000, 3000, 512**2, 64) == (576, 448) or image_loading.fit(4000, 3000, 512**2, 64) == (512, 384)
    assert image_loading.fit(*image_loading.fit(640, 480, 256**2, 64), 256**2, 64) == image_loading.fit(640, 480, 256**2, 64)


def test_hash_is_of_the_pixels() -> None:
    a = image_loading.load(saved(colours(), "PNG"))
    assert image_loading.sha256(a) == image_loading.sha256(image_loading.load(saved(colours(), "BMP")))
    assert image_loading.sha256(a) != image_loading.sha256(a.resize((16, 24)))


def test_open_files_and_tensors_are_photos_too(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    wanted = Image.fromarray(pixels)
    wanted.save(tmp_path / "photo.png")
    held = io.BytesIO((tmp_path / "photo.png").read_bytes())
    held.read()
    tensor = torch.from_numpy(pixels)
    with (tmp_path / "photo.png").open("rb") as file:
        sources = [file, held, tensor, tensor.permute(2, 0, 1), tensor.permute(2, 0, 1)[None] / 255, tensor.double() / 255]
        assert all(image_loading.load(source).tobytes() == wanted.tobytes() for source in sources)
    with pytest.raises(image_loading.ImageError, match="an open binary file"):
        image_loading.load(object())  # pyright: ignore[reportArgumentType]
