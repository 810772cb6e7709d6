"""Scenes with two causes: each where its box is, both heard, captions that say where, nothing held out."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sonicdiff.synthetic.captions import CAUSE_WORDS, mirrored
from sonicdiff.synthetic.classes import CLASSES, HELD_OUT
from sonicdiff.synthetic.pairs import MIXED, open_pairs
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.two_causes import (
    COMBINATIONS,
    caption,
    causes_caption,
    mask,
    render_two_causes,
    sound_two_causes,
    two_causes,
)

MANY = [two_causes(seed) for seed in range(200)]


def test_two_different_causes_that_share_the_picture() -> None:
    assert len(COMBINATIONS) == len(CLASSES) * (len(CLASSES) - 1) // 2 and MIXED["two-causes"] == COMBINATIONS
    assert {of.label for of in MANY} <= set(COMBINATIONS) and len({of.label for of in MANY}) > 30
    assert {of.beside for of in MANY} == {True, False}
    for of in MANY:
        (left, top, right, bottom), other = of.parts[0].box, of.parts[1].box
        assert (left, top) == (0, 0) and other[2:] == (1, 1)
        assert (right, 0.0) == other[:2] if of.beside else (0.0, bottom) == other[:2]
        assert all((part.cause, of.scene.place) not in HELD_OUT for part in of.parts)


def test_each_cause_is_where_its_box_is() -> None:
    for of in (next(of for of in MANY if of.beside), next(of for of in MANY if not of.beside)):
        image, share = render_two_causes(of, 64), mask(of, 64)
        assert np.array_equal(image, render_two_causes(of, 64))
        one, other = (render(replace(of.scene, cause=part.cause, intensity=part.intensity), 64, part.stream) for part in of.parts)
        assert np.array_equal(image[share == 0], one[share == 0]) and np.array_equal(image[share == 1], other[share == 1])
        assert 0.25 < share.mean() < 0.75
        corner = share[0, 0], share[-1, -1]
        assert corner == (0, 1)


def test_a_stream_is_another_form_of_the_same_cause() -> None:
    scene = replace(MANY[0].scene, cause="explosion", intensity=0.8)
    assert not np.array_equal(render(scene, 48, 1), render(scene, 48, 2))
    assert np.array_equal(render(replace(scene, intensity=0.0), 48, 1), render(replace(scene, intensity=0.0), 48))


def test_both_are_heard() -> None:
    of = MANY[3]
    both = sound_two_causes(of, 1.0, 16_000)
    assert both.shape == (16_000,) and np.abs(both).max() <= 1
    for part in of.parts:
        alone = render_sound(part.cause, part.intensity, of.scene.seed, 1.0, 16_000)
        assert not np.allclose(both, alone)
    rest = both - sum(render_sound(p.cause, p.intensity, of.scene.seed, 1.0, 16_000) for p in of.parts)
    assert np.abs(rest).max() < 1e-6


def test_captions_say_where_and_their_halves_leave_the_rest_out() -> None:
    for seed, of in enumerate(MANY[:60]):
        said, heard, bare = caption(of, seed), causes_caption(of, seed), open_pairs("two-causes")[seed].caption_without
        sides = ("on the left", "on the right") if of.beside else ("behind", "in front")
        for part, side in zip(of.parts, sides, strict=True):
            words = [phrase for phrases in CAUSE_WORDS[part.cause] for phrase in phrases]
            assert any(f"{phrase} {side}" in said for phrase in words) and any(f"{phrase} {side}" in heard for phrase in words)
            assert not any(side in text for text in (bare,))
        if of.beside:
            assert mirrored(said) != said and mirrored(mirrored(said)) == said
