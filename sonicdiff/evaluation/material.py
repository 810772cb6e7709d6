"""What the models are tried on: held-out rows, balanced over the classes, with their sounds, true pictures and counterfactuals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

import numpy as np

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.features import Evaluators, Heard, Seen
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, CLASSES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.scenes import Scene, render
from sonicdiff.synthetic.sounds import render_sound

RATE = 48_000
SPLIT = "test"
POOL_FROM, EDITS_FROM, CALM_FROM = 100_000, 200_000, 300_000  # rows for different uses never meet
LEVELS = (0.2, 0.4, 0.6, 0.8, 1.0)


def balanced_rows(n: int, start: int = 0, held_out: bool = False, split: str = SPLIT) -> list[Row]:
    """n rows of a split from index `start` on, the classes in turn; with held_out only combinations never trained on."""
    wanted = {cause: n // len(CLASSES) + (position < n % len(CLASSES)) for position, cause in enumerate(CLASSES)}
    found: dict[str, list[Row]] = {cause: [] for cause in CLASSES}
    for index in count(start):
        drawn = row(index, split, held_out)
        if len(found[drawn.scene.cause]) < wanted[drawn.scene.cause]:
            found[drawn.scene.cause].append(drawn)
        if all(len(found[cause]) == wanted[cause] for cause in CLASSES):
            break
    return [found[cause][turn] for turn in range(max(wanted.values())) for cause in CLASSES if turn < wanted[cause]]


def sound_of(of: Row, intensity: float | None = None) -> Waveform:
    """The row's sound, or the same sound at another intensity."""
    level = of.scene.intensity if intensity is None else intensity
    return Waveform(render_sound(of.scene.cause, level, of.sound_seed, sample_rate=RATE)[None], RATE)


def picture_of(scene: Scene, intensity: float | None = None) -> np.ndarray:
    """uint8 (256, 256, 3): the scene, or the same scene at another intensity."""
    return render(scene if intensity is None else replace(scene, intensity=intensity))


def calm(scene: Scene) -> Scene:
    return replace(scene, cause=CALM, intensity=0.0)


def place_prompt(of: Row) -> str:
    """A caption of the row's place and light that does not name the cause."""
    return caption(calm(of.scene), of.sound_seed)


def causes(rows: Sequence[Row]) -> np.ndarray:
    """Indices into CLASSES."""
    return np.array([CLASSES.index(r.scene.cause) for r in rows])


@dataclass(frozen=True)
class Trials:
    """n sounds to be tried, the true pictures of what they sound like, and what the evaluators make of both."""

    rows: list[Row]
    sounds: list[Waveform]
    truths: list[np.ndarray]
    heard: Heard
    seen: Seen

    @classmethod
    def make(cls, evaluators: Evaluators, rows: list[Row], scenes: Sequence[Scene] | None = None) -> Trials:
        """scenes: what the true pictures show, by default the rows' own."""
        sounds = [sound_of(r) for r in rows]
        truths = [picture_of(scene) for scene in scenes or [r.scene for r in rows]]
        return cls(rows, sounds, truths, evaluators.hear(sounds), evaluators.see(truths))

    def first(self, n: int) -> Trials:
        return Trials(self.rows[:n], self.sounds[:n], self.truths[:n], self.heard[:n], self.seen[:n])


@dataclass(frozen=True)
class Edits:
    """n held-out scenes, each to be edited by a sound of another class; the trials' truths show the same scenes with the sounds' causes."""

    sources: list[Scene]
    targets: list[Scene]
    photos: list[np.ndarray]
    trials: Trials

    @classmethod
    def make(cls, evaluators: Evaluators, n: int) -> Edits:
        rows = balanced_rows(n)
        sources = edit_sources(rows)
        targets = [replace(source, cause=r.scene.cause, intensity=r.scene.intensity) for source, r in zip(sources, rows, strict=True)]
        return cls(sources, targets, [picture_of(source) for source in sources], Trials.make(evaluators, rows, targets))

    def prompts(self) -> list[str]:
        """What text alone would be told: the captions of the truths."""
        return [caption(target, r.sound_seed) for target, r in zip(self.targets, self.trials.rows, strict=True)]

    def first(self, n: int) -> Edits:
        return Edits(self.sources[:n], self.targets[:n], self.photos[:n], self.trials.first(n))


def edit_sources(rows: Sequence[Row]) -> list[Scene]:
    """A scene for each row to be edited by its sound: every second one calm, the others of the class four further in turn."""
    scenes = [r.scene for r in balanced_rows(len(rows) + 4, EDITS_FROM)[4:]]
    if any(scene.cause == r.scene.cause for scene, r in zip(scenes, rows, strict=True)):
        raise ValueError("a source has its target's class; the rows are not balanced in turn")
    return [calm(scene) if number % 2 else scene for number, scene in enumerate(scenes)]


@dataclass(frozen=True)
class Pool:
    """The random others that an image or a sound is compared with, and what calm looks like."""

    trials: Trials
    calm_embed: np.ndarray  # (d,), the mean direction of calm renders

    @classmethod
    def make(cls, evaluators: Evaluators, n: int) -> Pool:
        quiet = evaluators.see(picture_of(calm(r.scene)) for r in balanced_rows(max(n // 6, 4), CALM_FROM)).embeds.mean(0)
        return cls(Trials.make(evaluators, balanced_rows(n, POOL_FROM)), quiet / np.linalg.norm(quiet))
