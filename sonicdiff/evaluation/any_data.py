"""`evaluate_any`: a model of pictures or of music, on a data set named as `open_data` names them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sonicdiff.data.opening import open_data
from sonicdiff.evaluation import extractors as judges
from sonicdiff.evaluation.music import ears
from sonicdiff.evaluation.music.own_data import MusicTrial, evaluate_music_data
from sonicdiff.evaluation.own_data import Trial, evaluate_data
from sonicdiff.evaluation.report import Table
from sonicdiff.pipelines.loading import load
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline


def evaluate_any(
    model: str, where: str, layout: str, split: str, extractors: str, given: Mapping[str, Any], output: Path,
    log: Callable[[str], None] = print,
) -> list[Table]:  # fmt: skip
    """Score a model, by name or path, on the data at `where`; given: the fields of the trial, None for its default. See `evaluate_data`."""
    data = open_data(where, layout, split)
    options = {name: value for name, value in given.items() if value is not None}
    pipeline = load(model)
    if isinstance(pipeline, MusicPipeline):
        if options.pop("edit", False) or options.pop("per_sound", 1) != 1:
            raise ValueError("--edit and --per-sound are for models of pictures; leave them out")
        return evaluate_music_data(pipeline, data, ears.load(extractors), MusicTrial(**options), output, log)
    return evaluate_data(pipeline, data, judges.load(extractors, where=where), Trial(**options), output, log)
