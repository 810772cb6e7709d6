"""Mel magnitudes as pictures: grey values, tags, and pictures that other programs made."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from tunes import tune

from sonicdiff.audio import image as pictures
from sonicdiff.audio.image import GREY, KEY, from_image, to_image
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_spectrogram
from sonicdiff.audio.waveform import AudioError

PARAMS = SpectrogramParams()


@pytest.mark.parametrize("stereo", [False, True])
def test_there_and_back(tmp_path: Path, stereo: bool) -> None:
    params = SpectrogramParams(hop_length=440, stereo=stereo)  # 9.98 ms: EXIF alone would lose it
    mel = mel_spectrogram(tune(0.64), params)
    if stereo:
        mel[1] *= 0.5
    with Image.open(pictures.save(to_image(mel, params), tmp_path / "mel.png")) as image:
        found, read = from_image(image)
    assert read == params and found.shape == mel.shape
    step = (mel / mel.max()).pow(0.25) - (found / mel.max()).pow(0.25)
    assert float(step.abs().max()) <= 0.5001 / 255  # rounded to the nearest grey value
    assert abs(float(step.mean())) < 0.1 / 255


def test_loud_is_dark_and_high_is_up() -> None:
    mel = torch.zeros(1, 512, 3)
    mel[0, 10, 1] = 1.0
    planes = np.asarray(to_image(mel, PARAMS))
    assert planes.shape == (512, 3, 3) and planes[501, 1].tolist() == [0, 0, 0] and planes[0, 0].tolist() == [255, 255, 255]
    assert int((planes < 255).sum()) == 3
    both = np.asarray(to_image(torch.cat([mel, mel / 16]), SpectrogramParams(stereo=True)))
    assert both[501, 1].tolist() == [0, 0, 128] and both[..., 0].max() == 0
    assert np.asarray(to_image(torch.cat([mel, mel / 16]), SpectrogramParams(stereo=True), truncate=True))[501, 1, 2] == 127
    assert np.asarray(to_image(torch.zeros(1, 512, 2), PARAMS)).min() == 255


def test_riffusions_tags_are_read_without_our_text(tmp_path: Path) -> None:
    mel = mel_spectrogram(tune(0.32), SpectrogramParams(stereo=True))
    image = to_image(mel, SpectrogramParams(stereo=True))
    image.save(tmp_path / "theirs.png", exif=image.info["exif"])
    with Image.open(tmp_path / "theirs.png") as theirs:
        assert KEY not in theirs.info
        tags = theirs.getexif()
        assert (tags[11000], tags[11005], tags[11010], tags[11020], tags[11030]) == (44_100, 1, 10, 100, 400)
        assert (tags[11040], tags[11050], tags[11060], tags[11070]) == (512, 0, 10_000, 0.25)
        assert tags[11080] == pytest.approx(float(mel.max()) * 32_768)
        found, params = from_image(theirs)
    assert params == SpectrogramParams(stereo=True)
    torch.testing.assert_close(found.max(), mel.max())


def test_pictures_without_tags() -> None:
    planes = np.full((512, 4, 3), 200, np.uint8)
    found, params = from_image(Image.fromarray(planes))
    assert params == PARAMS
    torch.testing.assert_close(found, torch.full((1, 512, 4), (55 / 255) ** 4 * 30e6 / 32_768))
    planes[..., 0] = 0
    assert from_image(Image.fromarray(planes))[1].stereo
    assert from_image(Image.fromarray(planes[..., 1]))[1] == PARAMS  # a grey picture
    given = SpectrogramParams(sample_rate=22_050)
    assert from_image(Image.fromarray(planes), given)[1] == given


def kinds(grey: np.ndarray) -> dict[str, Image.Image]:
    """One grey picture (height, width) as others save it."""
    see_through = np.stack([np.full_like(grey, 7), GREY - grey], axis=-1)  # black where it is seen
    see_through[..., 0] = 0
    palette = Image.fromarray(grey).quantize(256)
    return {
        "grey": Image.fromarray(grey),
        "16 bits": Image.fromarray((grey.astype(np.uint16) * 257).astype(np.uint16)),
        "32 bits": Image.fromarray(grey.astype(np.int32) * 257),
        "floats": Image.fromarray((grey / GREY).astype(np.float32)),
        "palette": palette,
        "alpha": Image.fromarray(see_through),
        "colours and alpha": Image.fromarray(see_through).convert("RGBA"),
        "inks": Image.fromarray(grey).convert("RGB").convert("CMYK"),
    }


def test_pictures_of_every_kind_give_what_they_show() -> None:
    grey = np.clip(np.arange(512)[:, None] // 2 + np.arange(64)[None], 0, GREY).astype(np.uint8)
    wanted = from_image(Image.fromarray(grey))[0]
    for kind, image in kinds(grey).items():
        found, params = from_image(image)
        assert params == PARAMS, kind
        assert float((found - wanted).abs().max()) <= 0.02 * float(wanted.max()), kind
    clear = Image.new("RGBA", (16, 512), (0, 0, 0, 0))
    assert float(from_image(clear)[0].max()) == 0  # transparent is silent


def test_a_jpeg_of_a_stereo_picture_is_stereo() -> None:
    mel = mel_spectrogram(tune(0.64), SpectrogramParams(stereo=True))
    for stereo in (True, False):
        params = SpectrogramParams(stereo=stereo)
        file = BytesIO()
        to_image(mel[: 2 if stereo else 1], params).save(file, "JPEG", quality=85)
        assert from_image(Image.open(file))[1] == params


ABSURD = {"n_fft": 400_000_000, "hop_length": 0, "sample_rate": "fast", "mel_bins": 512.5, "power": None, "loudest": "inf",
          "win_length": -1, "max_frequency": 1e9, "unknown": 1}  # fmt: skip


@pytest.mark.parametrize("name", ABSURD)
def test_settings_that_cannot_be_right_are_a_sentence(name: str) -> None:
    image = to_image(torch.ones(1, 512, 8), PARAMS)
    image.info[KEY] = json.dumps({**json.loads(image.info[KEY]), name: ABSURD[name]})
    with pytest.raises(AudioError, match="expected") as caught:
        from_image(image)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "null", "{}", '{"loudest": 1}', "{"])
def test_text_that_is_no_settings(text: str) -> None:
    image = to_image(torch.ones(1, 512, 8), PARAMS)
    image.info[KEY] = text
    with pytest.raises(AudioError, match="settings cannot be read"):
        from_image(image)


@pytest.mark.parametrize("change", [{11020: None}, {11000: 0}, {11030: 10**9}, {11010: "x"}, {11080: float("nan")}])
def test_tags_that_cannot_be_right(tmp_path: Path, change: dict[int, object]) -> None:
    image = to_image(torch.ones(1, 512, 8), PARAMS)
    tags = image.getexif()
    for tag, value in change.items():
        if value is None:
            del tags[tag]
        else:
            tags[tag] = value
    image.save(tmp_path / "a.png", exif=tags)
    with Image.open(tmp_path / "a.png") as saved, pytest.raises(AudioError, match="expected"):
        from_image(saved)


def test_a_photo_is_not_worked_on_for_long() -> None:
    with pytest.raises(AudioError, match="3000 mel bins; expected at most"):
        from_image(Image.new("L", (100, 3000)))
    with pytest.raises(AudioError, match="at most 600 s"):
        from_image(Image.new("L", (70_000, 64)))


def test_a_scaled_picture_is_refused() -> None:
    image = to_image(torch.ones(1, 512, 8), PARAMS)
    small = image.resize((4, 256))
    small.info[KEY] = image.info[KEY]
    assert json.loads(small.info[KEY])["mel_bins"] == 512
    with pytest.raises(AudioError, match="256 pixels high whose settings say 512 mel bins; was it scaled"):
        from_image(small)
    with pytest.raises(AudioError, match="expected \\(1, 512, frames\\)"):
        to_image(torch.ones(2, 512, 8), PARAMS)
