"""What a model hears before it draws anything: the share of a data set's sounds that its own labels name rightly."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sonicdiff.data.sample import Sample
from sonicdiff.evaluation.report import Cell, Table
from sonicdiff.evaluation.scores import bootstrap
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline


def hearing(pipeline: SonicDiffusionPipeline, samples: Sequence[Sample]) -> Table | None:
    """Class by class and over all, with an interval over recordings; None where the model has no name for some sample's class."""
    names = pipeline.labels.config["names"] if pipeline.labels is not None else ()
    if any(sample.label not in names for sample in samples):
        return None
    taken = [(sample.label or "", pipeline.heard(sample.sound(), top=1).nearest) for sample in samples]
    rows: dict[str, dict[str, Cell]] = {}
    for label in sorted({label for label, _ in taken}):
        mine = Counter(name for of, name in taken if of == label)
        count, right = mine.total(), mine.pop(label, 0)
        rows[label] = {"right": right / count, "n": count, "else mostly": max(mine, key=mine.__getitem__) if mine else None}
    groups = [sample.group or sample.key for sample in samples]
    rows["all"] = {"right": bootstrap([of == name for of, name in taken], groups=groups), "n": len(taken)}
    return Table("What is heard", "Share of the sounds, those of the pool too, that the model's own labels name rightly.", rows)
