"""AIS, IIS, AIC, KID and FID of pictures made from a data set's sounds: as the paper's released script counts, and repaired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sonicdiff.evaluation.choosing import LEAST, Judged
from sonicdiff.evaluation.extractors import Extractors, Looked
from sonicdiff.evaluation.frechet import frechet_distance, kernel_interval
from sonicdiff.evaluation.report import Cell
from sonicdiff.evaluation.scores import audio_image_similarity, bootstrap, image_image_similarity, strict_win_rate


@dataclass(frozen=True)
class Case:
    """What pictures are judged against: the sounds that were tried with their true pictures, and the pool."""

    extractors: Extractors
    tried: Judged
    pool: Judged

    @property
    def classes(self) -> list[str] | None:
        """The classes that are told apart: those of the tried that the pool has too; None where not every pair has a class."""
        if self.tried.labels is None or self.pool.labels is None:
            return None
        shared = sorted(set(self.tried.labels) & set(self.pool.labels))
        return shared if len(shared) > 1 else None

    @property
    def by_prototypes(self) -> bool:
        """Whether the extractors do not know the classes, so that each is what the pool's pictures of it have in common."""
        return self.classes is not None and self.extractors.named(self.pool.looked, self.classes, bare=True) is None

    def groups(self, of: np.ndarray) -> list[str]:
        """What the tried samples `of` were cut from."""
        return [self.tried.samples[i].group or self.tried.samples[i].key for i in of]


def named(case: Case, looked: Looked, bare: bool) -> np.ndarray | None:
    """How well each class of the case fits each picture: (n, classes)."""
    if case.classes is None or case.pool.labels is None:
        return None
    known = case.extractors.named(looked, case.classes, bare)
    if known is not None:
        return known
    labels = np.array(case.pool.labels)
    means = np.stack([case.pool.looked.pictures[labels == label].mean(0) for label in case.classes])
    return looked.pictures @ (means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)).T


def right(case: Case, looked: Looked, of: np.ndarray, bare: bool) -> tuple[np.ndarray, np.ndarray] | None:
    """Which pictures are taken for the class of their sound, and which rows that is about: those whose class is told apart."""
    fits = named(case, looked, bare)
    if fits is None or case.classes is None or case.tried.labels is None:
        return None
    wanted = np.array([case.classes.index(label) if label in case.classes else -1 for label in (case.tried.labels[i] for i in of)])
    return fits.argmax(1)[wanted >= 0] == wanted[wanted >= 0], np.flatnonzero(wanted >= 0)


def repaired(case: Case, looked: Looked, of: np.ndarray) -> dict[str, Cell]:
    """Scores of pictures made from the tried sounds `of` (n,), one a picture; intervals are over what the sounds were cut from."""
    groups, tried, pool = case.groups(of), case.tried, case.pool
    columns = {
        "AIS": audio_image_similarity(looked.shared, tried.heard[of], pool.heard),
        "AIS cosine": (looked.shared * tried.heard[of]).sum(1),
        "IIS": image_image_similarity(looked.pictures, tried.looked.pictures[of], pool.looked.pictures),
        "IIS cosine": (looked.pictures * tried.looked.pictures[of]).sum(1),
    }
    cells: dict[str, Cell] = {name: bootstrap(column, groups=groups) for name, column in columns.items()}
    if (found := right(case, looked, of, bare=False)) is not None:
        cells["AIC"] = bootstrap(found[0], groups=[groups[i] for i in found[1]])
    return cells | distances(case, looked, of)


def as_released(case: Case, looked: Looked, of: np.ndarray) -> dict[str, Cell]:
    """The same by the released script's rules: strict win rates, sounds as it hears them where they were heard so, bare class names."""
    groups, tried, pool = case.groups(of), case.tried, case.pool
    own, others = (tried.heard if tried.heard_as_released is None else tried.heard_as_released,
                   pool.heard if pool.heard_as_released is None else pool.heard_as_released)  # fmt: skip
    columns = {
        "AIS": strict_win_rate(looked.shared, own[of], others),
        "IIS": strict_win_rate(looked.pictures, tried.looked.pictures[of], pool.looked.pictures),
    }
    cells: dict[str, Cell] = {name: bootstrap(column, groups=groups) for name, column in columns.items()}
    if (found := right(case, looked, of, bare=True)) is not None:
        cells["AIC"] = bootstrap(found[0], groups=[groups[i] for i in found[1]])
    return cells


def distances(case: Case, looked: Looked, of: np.ndarray) -> dict[str, Cell]:
    """KID (None where there are too few) and FID to the pool's pictures, on features of mean square 1 over the pool."""
    truth = case.pool.looked.features
    scale = float(np.sqrt(np.square(truth).mean()))
    a, b, groups = looked.features / scale, truth / scale, case.groups(of)
    strata = strata_of(case, of)
    kid = kernel_interval(a, b, groups, strata) if enough(groups, strata, len(b)) else None
    return {"KID": kid, "FID": frechet_distance(a, b)}


def strata_of(case: Case, of: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The classes of pictures and pool, one class of all where not every pair has one: both sets are balanced over them."""
    if case.tried.labels is None or case.pool.labels is None:
        return np.zeros(len(of), int), np.zeros(len(case.pool.samples), int)
    return np.array([case.tried.labels[i] for i in of]), np.array(case.pool.labels)


def enough(groups: Sequence[str], strata: tuple[np.ndarray, np.ndarray], pool: int) -> bool:
    """Whether KID can do without any recording: two pictures of each class and LEAST of all are left, and so in the pool."""
    names, classes = np.array(groups), strata[0]
    left = [classes[names != name] for name in np.unique(names)]
    each = [np.unique(rest, return_counts=True)[1].min() for rest in left if len(rest) >= LEAST]
    same = all(len(np.unique(rest)) == len(np.unique(classes)) for rest in left)
    return len(each) == len(left) and same and min(each) > 1 and pool >= LEAST and np.unique(strata[1], return_counts=True)[1].min() > 1


def chance(case: Case) -> dict[str, Cell]:
    """What is scored by pictures that have nothing to do with their sounds; of the cosines, the mean over the pool."""
    shared = case.tried.looked.shared @ case.pool.heard.T
    pictures = case.tried.looked.pictures @ case.pool.looked.pictures.T
    cells: dict[str, Cell] = {"AIS": 0.5, "AIS cosine": float(shared.mean()), "IIS": 0.5, "IIS cosine": float(pictures.mean())}
    return cells if case.classes is None else {**cells, "AIC": 1 / len(case.classes)}


def by_class(case: Case, looked: Looked, of: np.ndarray) -> dict[str, dict[str, Cell]]:
    """For each class, how many pictures were taken for it, of how many, and what the others were taken for most often."""
    fits = named(case, looked, bare=False)
    if fits is None or case.classes is None or case.tried.labels is None:
        return {}
    labels, taken = np.array([case.tried.labels[i] for i in of]), fits.argmax(1)
    rows: dict[str, dict[str, Cell]] = {}
    for number, label in enumerate(case.classes):
        mine = taken[labels == label]
        wrong: Sequence[int] = mine[mine != number].tolist()
        instead = case.classes[np.bincount(wrong).argmax()] if wrong else None
        rows[label] = {"right": float((mine == number).mean()), "n": len(mine), "else mostly": instead}
    return rows
