"""What the base reads beside its pictures: whole captions, halves, mirrored sides, photographs in their share."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sonicdiff.data.photographs import Photograph
from sonicdiff.synthetic.captions import CAUSE_WORDS, LIGHT_WORDS, PLACE_WORDS, mirrored
from sonicdiff.synthetic.dataset import row
from sonicdiff.training import photographs
from sonicdiff.training.base_texts import BOTH, CAUSE, PLACE, Said, Texts
from sonicdiff.training.config import ConfigError
from sonicdiff.training.picture_base import PictureOptions, PictureTask

COUNT, REAL = 40, 4


def task(**options: float) -> PictureTask:
    """Latents and texts that say their own version, row and kind."""
    versions = [np.full((COUNT, 4, 2, 2), 100.0 * version) + np.arange(COUNT)[:, None, None, None] for version in range(2)]
    index = np.arange(2 * COUNT * 3).reshape(2, COUNT, 3)
    states = torch.arange(2 * COUNT * 3).float()[:, None, None].expand(-1, 77, 2)
    unet = torch.nn.Conv2d(4, 4, 1)
    return PictureTask(unet, PictureOptions(**options), versions, Texts(states, index), states[:1], REAL)  # pyright: ignore[reportArgumentType]


def test_halves_and_photographs_have_their_shares_and_texts_belong_to_their_pictures() -> None:
    latents, states = task(photo_share=0.1).batch(np.random.default_rng(0), 20_000)
    number = states[:, 0, 0].numpy().astype(int)
    version, rows, kind = number // (3 * COUNT), number // 3 % COUNT, number % 3
    assert np.array_equal(latents[:, 0, 0, 0].numpy(), 100 * version + rows)
    for which, share in ((BOTH, 0.6), (PLACE, 0.14), (CAUSE, 0.14)):
        assert (kind == which).mean() * 0.88 == pytest.approx(share, abs=0.02)
    assert (rows >= COUNT - REAL).mean() == pytest.approx(0.1, abs=0.01)
    assert set(rows) == set(range(COUNT))
    assert version.mean() == pytest.approx(0.5, abs=0.02)


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ConfigError, match="more than 1"):
        PictureOptions(place_only=0.5, cause_only=0.5)
    good = task()
    with pytest.raises(ConfigError, match=r"photographs in data\.toml"):
        PictureTask(good.unet, PictureOptions(photo_share=0.1), good.versions, Texts(good.text, good.index), good.null_text)
    with pytest.raises(ValueError, match="40 pictures and texts for 39"):
        PictureTask(good.unet, PictureOptions(), good.versions, Texts(good.text, good.index[:, 1:]), good.null_text)


def test_halves_of_a_caption_leave_the_other_half_out() -> None:
    for index in range(60):
        scene, said = row(index).scene, Said.of_row(row(index))
        assert any(words in said.place for words in PLACE_WORDS[scene.place])
        assert any(words in said.cause for phrases in CAUSE_WORDS[scene.cause] for words in phrases)
        assert not any(words in said.cause for words in (*PLACE_WORDS[scene.place], *LIGHT_WORDS[scene.light]))
        assert not any(words in said.place for phrases in CAUSE_WORDS[scene.cause] for words in phrases)


def test_mirrored_captions_exchange_the_sides() -> None:
    assert mirrored("rain on the left and a fire on the right") == "rain on the right and a fire on the left"
    assert mirrored("a bright night, leftover snow") == "a bright night, leftover snow"


def test_crops_are_squares_of_their_photograph_and_places_come_oftener() -> None:
    turns = photographs.order()
    assert not any(photograph.validation for photograph in turns)
    assert all(turns.count(photograph) == (photographs.PLACES if photograph.place else 1) for photograph in set(turns))
    said = photographs.captions(len(turns) + 1)
    assert said[-1] == said[0] and said[:-1] == [photograph.caption for photograph in turns]
    one = Photograph(7, "package", "a/path.jpg", "somebody", "CC0", "a caption")
    image = np.zeros((300, 400, 3), np.uint8)
    image[..., 0] = np.linspace(0, 255, 400)
    crops = [photographs.crop({7: image}, [one], number) for number in range(8)]
    assert all(crop.shape == (256, 256, 3) for crop in crops)
    widths = [np.ptp(crop[..., 0]) / 255 * 400 for crop in crops]
    assert min(widths) > 200 and max(widths) < 301 and len({int(width) for width in widths}) > 4
    assert np.array_equal(crops[3], photographs.crop({7: image}, [one], 3))
