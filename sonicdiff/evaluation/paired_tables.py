"""The tables of an evaluation on a data set: both ways of counting, what they are to be read against, and what does not apply."""

from __future__ import annotations

import numpy as np

from sonicdiff.evaluation.choosing import Judged
from sonicdiff.evaluation.extractors import Looked
from sonicdiff.evaluation.paired import Case, as_released, by_class, chance, enough, repaired, strata_of
from sonicdiff.evaluation.report import Table

RELEASED = (
    "Strict win rates (a tie is a loss), classes as bare names; with CLIP, sounds as that script feeds them to Wav2CLIP: at 44.1 kHz, "
    "padded to 10.04 s, normalised over the whole batch. Not to be compared with figures whose pool is another. It has no FID."
)


def tables_of(case: Case, looked: Looked, of: np.ndarray, title: str) -> list[Table]:
    """The model beside the true pictures of its sounds and those of the other sounds, in both ways of counting, and class by class."""
    alone = np.arange(len(case.tried.samples))
    sets = {"model": (looked, of), "true pictures": (case.tried.looked, alone), "pictures of other sounds": (others(case.tried), alone)}
    tables = [Table(title, note(case, of)), Table("As the released script counts", RELEASED)]
    for name, (pictures, rows) in sets.items():
        tables[0].rows[name] = repaired(case, pictures, rows)
        tables[1].rows[name] = as_released(case, pictures, rows)
    tables[0].rows["chance"] = chance(case)
    tables[1].rows["chance"] = {name: value for name, value in chance(case).items() if name in ("AIS", "IIS", "AIC")}
    if classes := by_class(case, looked, of):
        tables.append(Table("By class", "Share of the model's pictures taken for the class of their sound.", classes))
    return tables


def others(tried: Judged) -> Looked:
    """The true picture of the next sound, of another class where the classes come in turn: what ignoring the sound would score."""
    return tried.looked[np.roll(np.arange(len(tried.samples)), -1)]


def note(case: Case, of: np.ndarray) -> str:
    """What the figures are of, and what does not apply."""
    sounds, pool = len(case.tried.samples), len(case.pool.samples)
    told = [
        f"n = {len(of)} pictures of {sounds} sounds from {len(set(case.groups(of)))} recordings, pool of {pool}; "
        "95 % intervals over recordings (KID: jackknife). AIS, IIS: share of the pool's sounds, pictures that fit less well. "
        f"Extractors: {case.extractors.about}. KID, FID: {case.extractors.distances}; FID falls as n grows, compare at equal n only."
    ]
    if not enough(case.groups(of), strata_of(case, of), pool):
        told.append("No KID: it needs three recordings of each class, and two pictures of each in the pool.")
    if case.classes is None:
        told.append("No AIC: not every pair has a class, or the two sides share fewer than two.")
    elif case.by_prototypes:
        told.append("AIC: these extractors do not know the names of the classes; a class is the mean of the pool's pictures of it.")
    if case.by_prototypes and case.extractors.about.startswith("this project's"):
        told.append("They were not made for such data: AIS between picture and sound says little here; use --extractors clip.")
    return " ".join(told)
