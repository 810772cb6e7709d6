"""Pairs of materials and voices: named, balanced, the same every time, and never shared between splits."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sonicdiff.synthetic.contact_sheet import main
from sonicdiff.synthetic.materials.strike import MATERIALS
from sonicdiff.synthetic.pairs import SIZES, open_pairs
from sonicdiff.synthetic.voices.emotions import EMOTIONS

LABELS = {"materials": MATERIALS, "voices": EMOTIONS}


@pytest.mark.parametrize("name", LABELS)
def test_a_pair_is_whole_and_the_same_every_time(name: str) -> None:
    for i in (0, 5):
        pair, again = open_pairs(name, "test")[i], open_pairs(name, "test")[i]
        picture, (sound, rate) = pair.picture(), pair.sound()
        assert picture.shape == (256, 256, 3) and picture.dtype == np.uint8 and picture.std() > 10
        assert sound.ndim == 1 and sound.dtype == np.float32 and 1.2 * rate < sound.size <= 6.5 * rate
        assert np.isfinite(sound).all() and 0.01 < np.abs(sound).max() <= 1
        np.testing.assert_array_equal(picture, again.picture())
        np.testing.assert_array_equal(sound, again.sound()[0])
        assert (pair.key, pair.caption, pair.label) == (again.key, again.caption, again.label)


@pytest.mark.parametrize("name", LABELS)
def test_splits_have_their_sizes_and_share_no_seed(name: str) -> None:
    splits = [open_pairs(name, split) for split in SIZES]
    assert [len(pairs) for pairs in splits] == [6144, 256, 768]
    assert all(a.seed + len(a) <= b.seed for a, b in pairwise(sorted(splits, key=lambda pairs: pairs.seed)))
    first, other = splits[0][3], splits[2][3]
    assert first.label == other.label
    assert np.abs(first.picture().astype(float) - other.picture()).mean() > 5


@pytest.mark.parametrize("name", LABELS)
def test_labels_are_balanced_and_keys_unique(name: str) -> None:
    pairs = open_pairs(name, "validation")[:240]
    assert set(Counter(pair.label for pair in pairs).values()) == {240 // len(LABELS[name])}
    assert len({pair.key for pair in pairs}) == 240
    assert all(0.2 <= pair.intensity <= 1 for pair in pairs)


def test_a_person_is_there_with_every_emotion() -> None:
    pairs = open_pairs("voices")[:80]
    for start in range(0, 80, 8):
        assert len({pair.group for pair in pairs[start : start + 8]}) == 1
        assert {pair.label for pair in pairs[start : start + 8]} == set(EMOTIONS)
    assert len({pair.group for pair in pairs}) == 10
    assert {pair.intensity for pair in pairs if pair.label == "sad"} == {0.7, 1.0}


@pytest.mark.parametrize(("name", "split"), [("faces", "train"), ("voices", "evaluator"), ("materials", "")])
def test_unknown_names_are_refused_with_the_known_ones(name: str, split: str) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        open_pairs(name, split)


def test_pairs_are_a_sequence() -> None:
    pairs = open_pairs("materials", "validation")
    assert pairs[-1].key == pairs[255].key and [pair.key for pair in pairs[2:4]] == [pairs[2].key, pairs[3].key]
    with pytest.raises(IndexError, match="256 pairs"):
        pairs[256]


def test_the_contact_sheet_has_a_picture_and_a_sound_of_every_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sonicdiff.synthetic.contact_sheet.COLUMNS", 1)
    main(["voices", str(tmp_path / "sheet.png"), "--size", "32"])
    assert Image.open(tmp_path / "sheet.png").size == (32, 2 * len(EMOTIONS) * (32 + 16))
