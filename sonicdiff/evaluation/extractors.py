"""What turns pictures, sounds and class names into vectors that can be compared: our own evaluators, or CLIP and Wav2CLIP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.data import RATE
from sonicdiff.evaluation.features import Evaluators
from sonicdiff.evaluation.readers import Reader, statistics
from sonicdiff.synthetic.classes import CLASSES
from sonicdiff.synthetic.pairs import LABELS

KINDS = ("own", "clip")


@dataclass(frozen=True)
class Looked:
    """What n pictures are to the extractors; the first two are unit vectors."""

    shared: np.ndarray  # (n, d) in one space with the sounds', for AIS
    pictures: np.ndarray  # (n, e), for IIS and AIC
    features: np.ndarray  # (n, f), for FID and KID

    def __getitem__(self, rows: np.ndarray) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))

    @classmethod
    def together(cls, parts: Sequence[Self]) -> Self:
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


class Extractors(Protocol):
    """`about` says in a phrase what they are, `distances` what FID and KID are measured on."""

    @property
    def about(self) -> str: ...
    @property
    def distances(self) -> str: ...

    def look(self, picture: np.ndarray) -> Looked:
        """One uint8 picture (h, w, 3) of any size."""
        ...

    def listen(self, sound: Waveform) -> np.ndarray:
        """One sound of any length and rate: a unit vector (1, d)."""
        ...

    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray | None:
        """All sounds as the paper's released script hears them, (n, d); None where these extractors are not that script's.

        `sounds` is gone through twice.
        """
        ...

    def named(self, looked: Looked, labels: Sequence[str], bare: bool) -> np.ndarray | None:
        """How well each label fits each picture, (n, labels), the label alone or in a sentence; None for labels that are not known."""
        ...


class Own:
    """The evaluators that this project trains on its synthetic landscapes; with a reader they know its set's classes and no other."""

    distances = "256 features of the own image evaluator, at mean square 1 over the pool's"

    def __init__(self, evaluators: Evaluators, reader: Reader | None = None) -> None:
        self.evaluators, self.reader = evaluators, reader
        known = f"read what they see as {reader.name}" if reader else "know its synthetic landscapes only"
        self.about = f"this project's own evaluators, which {known}"

    def look(self, picture: np.ndarray) -> Looked:
        seen = self.evaluators.see([picture])
        embeds = self.reader.see(seen.features) if self.reader else seen.embeds
        return Looked(embeds, embeds, seen.features)

    def listen(self, sound: Waveform) -> np.ndarray:
        if self.reader is None:
            return self.evaluators.hear([sound]).embeds
        return self.reader.hear(statistics(sound.mono().resampled(RATE).samples[0], self.evaluators.filters)[None])

    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray | None:
        return None

    @torch.no_grad()
    def named(self, looked: Looked, labels: Sequence[str], bare: bool) -> np.ndarray | None:
        classes = self.reader.labels if self.reader else CLASSES
        if not set(labels) <= set(classes):
            return None
        if self.reader:
            logits = self.reader.name_pictures(looked.features)
        else:
            logits = self.evaluators.image.heads(torch.from_numpy(looked.features))[0].numpy()
        return logits[:, [classes.index(label) for label in labels]]


def load(kind: str, evaluators: Path | None = None, where: str = "") -> Extractors:
    """The extractors `own` (from the folder `evaluators`), `clip` (from the Hub's cache) or `clip:FOLDER`.

    where: the data's name; the own extractors have a reader for synthetic:materials and synthetic:voices. Raises ValueError for another
    kind, FileNotFoundError, with what to fetch, where their weights are not here: nothing is downloaded.
    """
    name, _, given = kind.partition(":")
    if name not in KINDS or (given and name == "own"):
        raise ValueError(f"unknown extractors {kind!r}; expected own, clip or clip:FOLDER")
    if name == "clip":
        from sonicdiff.evaluation.clip import Clip

        return Clip.load(Path(given) if given else None)
    from sonicdiff.evaluation.evaluate import evaluators_folder

    folder = evaluators or evaluators_folder()
    made = where.removeprefix("synthetic:")
    return Own(Evaluators.load(folder), Reader.load(folder / "pairs", made) if made in LABELS else None)
