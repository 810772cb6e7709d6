"""The part `ears`: how often recordings that no one trained on are heard rightly, and known sounds told from unknown ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from sonicdiff.audio.waveform import load
from sonicdiff.data import recordings as data
from sonicdiff.evaluation.judging import Session
from sonicdiff.evaluation.material import balanced_rows, sound_of
from sonicdiff.evaluation.recordings import said_classes
from sonicdiff.evaluation.report import Cell, Table
from sonicdiff.evaluation.scores import bootstrap
from sonicdiff.models.labels import SoundNames
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.synthetic.classes import CLASSES

CHOSEN = ("raining", "sea waves", "fire crackling")  # the classes of which there are enough recordings to say something of each
SYNTHETIC_EACH = 18  # sounds of the split `test` of each class


def ears(session: Session, examples: Path = Path("examples")) -> list[Table]:
    """What is heard in the held-out recordings of a folder (`--recordings`), in `examples`, and in synthetic sounds of the split `test`."""
    tables = [of_synthetic(session.pipeline), of_examples(session.pipeline, examples)]
    return tables if session.recordings is None else [*of_folder(session.pipeline, session.recordings), *tables]


def of_folder(pipeline: SonicDiffusionPipeline, folder: Path) -> list[Table]:
    """Class by class, and known against unknown, over the sources of the folder that are held out."""
    found = data.read(folder)
    splits = data.splits(found)
    held_out = [recording for recording in found if splits[recording.source] == data.HELD_OUT]
    heard = [pipeline.heard(load(folder / recording.file), top=1) for recording in held_out]
    of_class = [number for number, recording in enumerate(held_out) if recording.label != data.OTHER]
    rows = {label: counted([(held_out[i], heard[i]) for i in of_class if held_out[i].label == label]) for label in CLASSES}
    rows["rain, waves and fire"] = counted([(held_out[i], heard[i]) for i in of_class if held_out[i].label in CHOSEN])
    rows["all classes"] = counted([(held_out[i], heard[i]) for i in of_class])
    note = f"Every third source of each class of {len(found)} recordings; intervals over sources."
    return [Table("Held-out recordings", note, {name: row for name, row in rows.items() if row}), unknown(held_out, heard)]


def counted(pairs: Sequence[tuple[data.Recording, SoundNames]]) -> dict[str, Cell]:
    """Of recordings and what was heard in them; nothing where there are none."""
    if not pairs:
        return {}
    right = [names.nearest == recording.label for recording, names in pairs]
    wrong = [names.nearest for recording, names in pairs if names.nearest != recording.label]
    groups = [recording.source for recording, _ in pairs]
    return {
        "right": bootstrap(right, groups=groups), "n": len(pairs), "sources": len(set(groups)),
        "said to be none": float(np.mean([not names.is_known for _, names in pairs])),
        "else mostly": max(wrong, key=wrong.count) if wrong else None,
    }  # fmt: skip


def unknown(held_out: Sequence[data.Recording], heard: Sequence[SoundNames]) -> Table:
    """How well classes are told from what is none of them, kind by kind: the area under the curve, and the share said to be none."""
    score = np.array([1 - names[0][1] if names.none_of_these is None else names.none_of_these for names in heard])
    said = np.array([not names.is_known for names in heard])
    kinds = np.array([recording.taken_from.split("/")[1] if recording.taken_from.startswith("other/") else "others"
                      if recording.label == data.OTHER else "" for recording in held_out])  # fmt: skip
    chosen = np.array([recording.label in CHOSEN for recording in held_out])
    rows: dict[str, dict[str, Cell]] = {}
    for kind in ("all", *sorted(set(kinds) - {""})):
        mine = kinds != "" if kind == "all" else kinds == kind
        rows[kind] = {
            "AUROC against all classes": area(score[kinds == ""], score[mine]),
            "against rain, waves and fire": area(score[chosen], score[mine]),
            "said to be none": float(said[mine].mean()), "n": int(mine.sum()),
        }  # fmt: skip
    return Table("Known against unknown", "By the score for none of the classes; without one, by one minus the first probability.", rows)


def area(known: np.ndarray, unknown: np.ndarray) -> float:
    """The probability that an unknown sound scores higher than a known one, ties counting half."""
    above = (unknown[:, None] > known[None]).mean() + 0.5 * (unknown[:, None] == known[None]).mean()
    return float(above)


def of_examples(pipeline: SonicDiffusionPipeline, examples: Path) -> Table:
    """The recordings of `examples`, one by one."""
    said = said_classes(examples / "SOURCES.md")
    files = [file for file in sorted(examples.rglob("*")) if file.name in said]
    table, right = Table("Recordings of examples/"), []
    for file in files:
        names = pipeline.heard(load(file), top=1)
        right.append(names.nearest == said[file.name])
        table.rows[file.name] = {"said": said[file.name], "heard": names.nearest, "none of these": names.none_of_these}
    table.rows["right"] = {"heard": f"{sum(right)} of {len(right)}"}
    return table


def of_synthetic(pipeline: SonicDiffusionPipeline) -> Table:
    """Sounds of the split `test` of each class that the model has a name for."""
    assert pipeline.labels is not None
    rows = [row for row in balanced_rows(SYNTHETIC_EACH * len(CLASSES)) if row.scene.cause in pipeline.labels.config["names"]]
    heard = [pipeline.heard(sound_of(row), top=1) for row in rows]
    right = [names.nearest == row.scene.cause for row, names in zip(rows, heard, strict=True)]
    table = Table("Synthetic sounds", "Of the split `test`, as they are made.")
    for label in dict.fromkeys(row.scene.cause for row in rows):
        mine = [number for number, row in enumerate(rows) if row.scene.cause == label]
        table.rows[label] = {"right": float(np.mean([right[i] for i in mine])), "n": len(mine),
                             "said to be none": float(np.mean([not heard[i].is_known for i in mine]))}  # fmt: skip
    none = float(np.mean([not names.is_known for names in heard]))
    table.rows["all"] = {"right": bootstrap(right), "n": len(rows), "said to be none": none}
    return table
