"""Pairs of a picture and a sound made by code beside the landscapes: struck materials, voices with emotions, scenes with two causes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import overload

import numpy as np

from sonicdiff.synthetic.captions import place_caption
from sonicdiff.synthetic.classes import SPLIT_SIZE, SPLITS, known
from sonicdiff.synthetic.materials import captions as material_captions
from sonicdiff.synthetic.materials.pictures import picture_strike
from sonicdiff.synthetic.materials.sounds import render_strike
from sonicdiff.synthetic.materials.strike import ACTIONS, MATERIALS, Strike
from sonicdiff.synthetic.two_causes import COMBINATIONS, TwoCauses, causes_caption, render_two_causes, sound_two_causes, two_causes
from sonicdiff.synthetic.two_causes import caption as two_captions
from sonicdiff.synthetic.voices import captions as voice_captions
from sonicdiff.synthetic.voices.emotions import EMOTIONS, Speaking
from sonicdiff.synthetic.voices.glottis import RATE
from sonicdiff.synthetic.voices.pictures import picture_speaking
from sonicdiff.synthetic.voices.sounds import render_voice

LABELS: dict[str, tuple[str, ...]] = {"materials": MATERIALS, "voices": EMOTIONS}
MIXED: dict[str, tuple[str, ...]] = {"two-causes": COMBINATIONS}  # sets whose pairs show two things at once
SIZES = {"train": 6144, "validation": 256, "test": 768}
NORMAL, STRONG = 0.7, 1.0  # the two intensities of RAVDESS
LEAST_INTENSITY = 0.2


@dataclass(frozen=True)
class Pair:
    """`picture()` paints uint8 (256, 256, 3); `sound()` makes float32 mono samples (n,) and their rate in Hz: the same ones every time."""

    key: str  # unique within its split
    picture: Callable[[], np.ndarray]
    sound: Callable[[], tuple[np.ndarray, int]]
    caption: str
    caption_without: str  # names nothing that can be heard: what is left for the sound to say
    caption_heard: str  # names nothing but what can be heard
    label: str
    intensity: float
    group: str  # the person, for voices: the same one is there with every emotion


@dataclass(frozen=True)
class Pairs(Sequence[Pair]):
    """The pairs of one split, each described when it is asked for."""

    pair: Callable[[int], Pair]
    seed: int  # that of the first pair
    length: int

    def __len__(self) -> int:
        return self.length

    @overload
    def __getitem__(self, index: int) -> Pair: ...
    @overload
    def __getitem__(self, index: slice) -> list[Pair]: ...
    def __getitem__(self, index: int | slice) -> Pair | list[Pair]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self.length))]
        if not -self.length <= index < self.length:
            raise IndexError(f"index {index} is out of range: there are {self.length} pairs")
        return self.pair(self.seed + index % self.length)


def open_pairs(name: str, split: str = "train") -> Pairs:
    """The pairs of `name`, materials, voices or two-causes: 6144 for train, 256 for validation, 768 for test, whose seeds never meet.

    Raises ValueError for another name or split.
    """
    makers = {"materials": material_pair, "voices": voice_pair, "two-causes": two_causes_pair}
    known(name, tuple(makers), "set of pairs")
    known(split, tuple(SIZES), "split")
    return Pairs(makers[name], SPLITS[split] * SPLIT_SIZE, SIZES[split])


def material_pair(seed: int) -> Pair:
    """Something struck or scraped; the materials take turns, and for each of them the actions."""
    material, action = MATERIALS[seed % len(MATERIALS)], ACTIONS[seed // len(MATERIALS) % len(ACTIONS)]
    rng = np.random.default_rng((seed, 0xDA7A))
    strike = Strike(seed, material, action, float(rng.uniform(LEAST_INTENSITY, 1.0)))
    seconds, key = float(rng.uniform(4.0, 6.0)), f"{material}-{action}-{seed % SPLIT_SIZE:06d}"
    said, bare = material_captions.caption(strike, seed), material_captions.caption_without(strike, seed)
    return Pair(key, partial(picture_strike, strike), partial(_struck, strike, seconds), said, bare, said, material, strike.intensity, key)


def voice_pair(seed: int) -> Pair:
    """A person with a feeling: eight seeds that follow one another are one person with each of the eight emotions."""
    person, turn = divmod(seed, len(EMOTIONS))
    emotion = EMOTIONS[turn]
    strong = emotion != "neutral" and (person + turn) % 2 == 1
    speaking = Speaking(person, emotion, STRONG if strong else NORMAL)
    group = f"person-{seed % SPLIT_SIZE // len(EMOTIONS):06d}"
    said, bare = voice_captions.caption(speaking, seed), voice_captions.caption_without(speaking, seed)
    key = f"{group}-{emotion}"
    return Pair(key, partial(picture_speaking, speaking), partial(_voiced, speaking), said, bare, said, emotion, speaking.intensity, group)


def two_causes_pair(seed: int) -> Pair:
    """A scene with two causes, each in its own part of it."""
    of = two_causes(seed)
    key = f"{of.parts[0].cause}-{of.parts[1].cause}-{seed % SPLIT_SIZE:06d}".replace(" ", "-")
    said, bare, heard = two_captions(of, seed), place_caption(of.scene, seed), causes_caption(of, seed)
    strongest = max(part.intensity for part in of.parts)
    return Pair(key, partial(render_two_causes, of), partial(_mixed, of), said, bare, heard, of.label, strongest, key)


def _mixed(of: TwoCauses) -> tuple[np.ndarray, int]:
    return sound_two_causes(of), 48_000


def _struck(strike: Strike, seconds: float) -> tuple[np.ndarray, int]:
    return render_strike(strike, seconds, 48_000), 48_000


def _voiced(speaking: Speaking) -> tuple[np.ndarray, int]:
    return render_voice(speaking), RATE
