"""`evaluate_data`: any model on any data set: pictures made from its test sounds, or its pictures edited by them, and their scores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from sonicdiff.data.data_set import DataSet
from sonicdiff.data.sample import Sample
from sonicdiff.evaluation.choosing import divided, fingerprint, judged
from sonicdiff.evaluation.extractors import Extractors, Looked
from sonicdiff.evaluation.hearing import hearing
from sonicdiff.evaluation.kept import is_kept
from sonicdiff.evaluation.paired import Case, repaired
from sonicdiff.evaluation.paired_tables import tables_of
from sonicdiff.evaluation.progress import Clock
from sonicdiff.evaluation.report import Cell, Table, sheet, write
from sonicdiff.evaluation.scores import bootstrap, psnr, structure
from sonicdiff.pipelines import replay
from sonicdiff.pipelines.common import record
from sonicdiff.pipelines.common.image_loading import load as load_photo
from sonicdiff.pipelines.common.image_loading import sha256 as photo_digest
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

SHOWN = 36  # cases on the sheet


@dataclass(frozen=True)
class Trial:
    """How much is tried and how. per_sound: pictures from each sound, of seeds that follow each other."""

    n: int = 54
    pool: int = 180
    per_sound: int = 1
    steps: int = 25
    seed: int = 0
    edit: bool = False


def evaluate_data(
    pipeline: SonicDiffusionPipeline, data: DataSet, extractors: Extractors, trial: Trial, output: Path, log: Callable[[str], None] = print
) -> list[Table]:
    """Judge a model on `trial.n` sounds of a data set; writes scores.json, scores.md, a sheet and the pictures to `output`.

    The sounds are balanced over the classes and never share a recording with the pool. Raises ValueError where the data are too few.
    """
    first, second = divided(data, trial.seed)
    log(f"reading {min(trial.n, len(first))} pairs to try and a pool of {min(trial.pool, len(second))}")
    case = Case(extractors, judged(extractors, first, trial.n, log), judged(extractors, second, trial.pool, log))
    of = np.repeat(np.arange(len(case.tried.samples)), trial.per_sound)
    photos = photos_for(case.tried.samples) if trial.edit else None
    files = make(pipeline, case.tried.samples, photos, trial, output / "pictures", Clock(len(of) * trial.steps, log))
    looked = Looked.together([extractors.look(np.asarray(Image.open(file).convert("RGB"))) for file in files])
    tables = tables_of(case, looked, of, "Photos edited by sounds" if trial.edit else "Pictures of sounds")
    if (heard := hearing(pipeline, [*case.tried.samples, *case.pool.samples])) is not None:
        tables.append(heard)
    if photos is not None:
        add_edits(tables[0], case, files, photos, of)
    show(case, files, photos, trial, output / "sheet.png")
    log(write(tables, about(pipeline, data, case, trial, extractors), output))
    return tables


def make(
    pipeline: SonicDiffusionPipeline, samples: Sequence[Sample], photos: Sequence[Sample] | None, trial: Trial, folder: Path, clock: Clock
) -> list[Path]:
    """A picture of each sound (or the photo changed by it) from each of its seeds, with its record, in the order of the sounds.

    One that an earlier run of the same left in `folder` is taken as it is.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = {"num_inference_steps": trial.steps}
    same = {"settings": options, "task": "edit" if photos else "generate", "revision": record.origin(pipeline)["revision"]}
    files = []
    for number, sample in enumerate(samples):
        sound, photo = sample.sound(), photos[number].picture() if photos else None
        same |= {"sounds": [{"name": None, "sha256": sound.sha256(), "weight": 1.0}]}
        if photo is not None:
            same |= {"photo": {"sha256": photo_digest(load_photo(photo))}}
        for turn in range(trial.per_sound):
            seed, file = trial.seed + number * trial.per_sound + turn, folder / f"{number:05d}-{turn}.png"
            if not is_kept(file, same if photos else {**same, "seed": seed}):  # an edit of the whole schedule draws nothing
                if photo is None:
                    image = pipeline.generate(sound, seed=seed, show_progress=False, **options)[0]
                else:
                    image = pipeline.edit(photo, sound, seed=seed, show_progress=False, **options)
                replay.save(image, file)
            files.append(file)
            clock.advance(trial.steps, "editing" if photos else "generating")
    return files


def photos_for(samples: Sequence[Sample]) -> list[Sample]:
    """For each sample the next one, of another class where there are classes; not one of the pool's, which the edit would resemble."""
    chosen = []
    for number, sample in enumerate(samples):
        turned = [samples[(number + step) % len(samples)] for step in range(1, len(samples))]
        other = next((each for each in turned if each.label is None or each.label != sample.label), None)
        if other is None:
            raise ValueError(f"all pairs are of the class {sample.label}; expected several, to edit a photo of one by the sound of another")
        chosen.append(other)
    return chosen


def add_edits(table: Table, case: Case, files: Sequence[Path], photos: Sequence[Sample], of: np.ndarray) -> None:
    """What an edit kept of its photo, and the row of photos left as they were."""
    groups, pictures = case.groups(of), [np.asarray(photos[i].picture()) for i in of]
    pairs = [(np.asarray(Image.open(file).convert("RGB")), photo) for file, photo in zip(files, pictures, strict=True)]
    kept: dict[str, Cell] = {
        "structure": bootstrap([structure(image, photo) for image, photo in pairs], groups=groups),
        "PSNR to photo": bootstrap([min(psnr(image, photo), 60.0) for image, photo in pairs], groups=groups),
    }
    table.rows["model"] |= kept
    untouched = Looked.together([case.extractors.look(photo) for photo in pictures])
    table.rows["the photo itself"] = {**repaired(case, untouched, of), "structure": 1.0}


def show(case: Case, files: Sequence[Path], photos: Sequence[Sample] | None, trial: Trial, path: Path) -> None:
    """A sheet of the first cases: what was made, and the true picture of the sound under it; edits have their photo on top."""
    count = min(SHOWN, len(case.tried.samples))
    columns = []
    for number, sample in enumerate(case.tried.samples[:count]):
        made = np.asarray(Image.open(files[number * trial.per_sound]).convert("RGB"))
        column = [(made, sample.label or sample.key), (np.asarray(sample.picture()), "true picture")]
        columns.append([*([(np.asarray(photos[number].picture()), "photo")] if photos else []), *column])
    across = 9
    rows = [list(row) for start in range(0, count, across) for row in zip(*columns[start : start + across], strict=True)]
    sheet(rows, path)


def about(pipeline: SonicDiffusionPipeline, data: DataSet, case: Case, trial: Trial, extractors: Extractors) -> dict[str, Any]:
    """Everything that the figures depend on."""
    return {
        **record.origin(pipeline),
        "data": data.where,
        "layout": data.layout,
        "split": data.split,
        "task": "edit" if trial.edit else "generate",
        **{name: value for name, value in asdict(trial).items() if name != "edit"},
        "n": len(case.tried.samples),
        "pool": f"{len(case.pool.samples)} of {data.where}, {data.split}, {fingerprint(case.pool.samples)}",
        "tried": f"{len(case.tried.samples)} of the same, {fingerprint(case.tried.samples)}",
        "extractors": extractors.about,
        "left out": [*case.tried.left_out, *case.pool.left_out],
    }
