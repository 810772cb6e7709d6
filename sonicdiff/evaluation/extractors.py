"""What turns pictures, sounds and class names into vectors that can be compared: our own evaluators, or CLIP and Wav2CLIP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Protocol, Self

import numpy as np
import torch

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.features import Evaluators
from sonicdiff.synthetic.classes import CLASSES

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
    """The evaluators that this project trains on its synthetic landscapes; they know those classes and no other."""

    about = "this project's own evaluators, which know its synthetic landscapes only"
    distances = "256 features of the own image evaluator, at mean square 1 over the pool's"

    def __init__(self, evaluators: Evaluators) -> None:
        self.evaluators = evaluators

    def look(self, picture: np.ndarray) -> Looked:
        seen = self.evaluators.see([picture])
        return Looked(seen.embeds, seen.embeds, seen.features)

    def listen(self, sound: Waveform) -> np.ndarray:
        return self.evaluators.hear([sound]).embeds

    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray | None:
        return None

    @torch.no_grad()
    def named(self, looked: Looked, labels: Sequence[str], bare: bool) -> np.ndarray | None:
        if not set(labels) <= set(CLASSES):
            return None
        logits = self.evaluators.image.heads(torch.from_numpy(looked.features))[0].numpy()
        return logits[:, [CLASSES.index(label) for label in labels]]


def load(kind: str, evaluators: Path | None = None) -> Extractors:
    """The extractors `own` (from the folder `evaluators`), `clip` (from the Hub's cache) or `clip:FOLDER`.

    Raises ValueError for another kind, FileNotFoundError, with what to fetch, where their weights are not here: nothing is downloaded.
    """
    name, _, folder = kind.partition(":")
    if name not in KINDS or (folder and name == "own"):
        raise ValueError(f"unknown extractors {kind!r}; expected own, clip or clip:FOLDER")
    if name == "clip":
        from sonicdiff.evaluation.clip import Clip

        return Clip.load(Path(folder) if folder else None)
    from sonicdiff.evaluation.evaluate import evaluators_folder

    return Own(Evaluators.load(evaluators or evaluators_folder()))
