"""What the base reads beside each picture: its caption, what is said of the place alone, and of the cause alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from sonicdiff.synthetic.captions import cause_caption, mirrored, place_caption
from sonicdiff.synthetic.dataset import Row
from sonicdiff.synthetic.pairs import open_pairs
from sonicdiff.training import photographs
from sonicdiff.training.workspace import Workspace, text_states

BOTH, PLACE, CAUSE = range(3)


@dataclass(frozen=True)
class Said:
    """Three sentences about a picture; those of one that shows no place with a cause in it may be the same."""

    both: str
    place: str
    cause: str

    @property
    def texts(self) -> tuple[str, str, str]:
        return self.both, self.place, self.cause

    @classmethod
    def of_row(cls, row: Row) -> Said:
        return cls(row.caption, place_caption(row.scene, row.sound_seed), cause_caption(row.scene, row.sound_seed))


def said_of(space: Workspace) -> list[Said]:
    """Of the landscapes, the sets beside them and the photographs, in the order in which their latents are joined."""
    pairs = [pair for name in space.data.beside for pair in open_pairs(name)[: space.data.pairs]]
    return [
        *map(Said.of_row, space.rows()),
        *(Said(pair.caption, pair.caption_without, pair.caption_heard) for pair in pairs),
        *(Said(caption, caption, caption) for caption in photographs.captions(space.data.photographs)),
    ]


@dataclass(frozen=True)
class Texts:
    """Each different sentence once: its states (sentences, 77, width), and which of them a picture reads (versions, pictures, 3).

    The versions are the picture as it is and mirrored, where left is right.
    """

    states: Tensor
    index: np.ndarray

    def __len__(self) -> int:
        return self.index.shape[1]


def read_texts(space: Workspace, said: Sequence[Said]) -> tuple[Texts, Tensor]:
    """The texts of the pictures, and the states (1, 77, width) of the empty one."""
    sentences = {"": 0}
    index = np.array([
        [[sentences.setdefault(turn(text), len(sentences)) for text in of.texts] for of in said] for turn in (str, mirrored)
    ])  # fmt: skip
    states = text_states(space, list(sentences))
    return Texts(states, index), states[:1]
