"""What fewer steps, another solver and another inversion cost an edit, and what they save."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from sonicdiff.evaluation.editing import BRIEF, edit_values
from sonicdiff.evaluation.judging import Session, estimates
from sonicdiff.evaluation.report import Table
from sonicdiff.evaluation.scores import bootstrap, psnr

PLAIN: dict[str, Any] = {"inversion": "target", "inversion_refinements": 0}
ALIGNED: dict[str, Any] = {"inversion": "current", "inversion_refinements": 0}
WALKS: dict[str, dict[str, Any]] = {
    "ddim, 50 steps": {"num_inference_steps": 50},
    "ddim, 50, unrefined": {"num_inference_steps": 50, **PLAIN},
    "ddim, 50, aligned": {"num_inference_steps": 50, **ALIGNED},
    "ddim, 25": {"num_inference_steps": 25},
    "ddim, 25, aligned": {"num_inference_steps": 25, **ALIGNED},
    "dpm, 25": {"num_inference_steps": 25, "solver": "dpm"},
    "dpm, 20": {"num_inference_steps": 20, "solver": "dpm"},
    "ddim, 10": {"num_inference_steps": 10},
    "dpm, 10": {"num_inference_steps": 10, "solver": "dpm"},
}
STEPS = sum(settings["num_inference_steps"] for settings in WALKS.values())


def solvers(session: Session) -> list[Table]:
    """The same edits by every walk; what inversion and sampling alone, without a sound, leave of the photo; seconds of both edits."""
    note = (
        f"n = {len(session.edits.photos)}. Reconstruction: PSNR (dB) of inversion and back, without sound or detail carried over, against "
        "the autoencoder alone. First, next: seconds of the first edit of a photo and of another sound on it."
    )
    table = Table("Solvers and steps", note)
    for name, settings in WALKS.items():
        made, kept, seconds = [], [], []
        for photo, sound in zip(session.edits.photos, session.edits.trials.sounds, strict=True):
            session.pipeline.sources.sources.clear()
            kept.append(psnr(session.edit(photo, None, detail=0.0, **settings), session.reconstructed(photo)))
            session.pipeline.sources.sources.clear()
            times = [time.perf_counter()]
            for _ in range(2):
                image = session.edit(photo, sound, **settings)
                times.append(time.perf_counter())
            made.append(image)
            seconds.append(np.diff(times))
        scores = edit_values(session, made, session.edits)
        first, following = np.median(seconds, axis=0)
        row = estimates({column: scores[column] for column in BRIEF}) | {"reconstruction": bootstrap(np.array(kept))}
        table.rows[name] = {**row, "first": f"{first:.2f}", "next": f"{following:.2f}"}
    return [table]
