"""Editing held-out scenes of another class by a sound, beside the paper's two baselines (its second table) and the true counterfactual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from sonicdiff.evaluation.judging import Session, by_class, estimates, values
from sonicdiff.evaluation.material import Edits
from sonicdiff.evaluation.report import Cell, Table, sheet
from sonicdiff.evaluation.scores import bootstrap, psnr, structure

PLAIN: dict[str, Any] = {"feature_injection": 0.0, "attention_injection": 0.0, "focus": 0.0, "guidance_rescale": 0.0}
INJECTED: dict[str, Any] = {**PLAIN, "feature_injection": 0.8, "attention_injection": 0.5}  # the paper's
BY_TEXT = "plug-and-play by text"
METHODS: dict[str, dict[str, Any]] = {
    "model": {},  # with what its configuration says
    "plug-and-play": INJECTED,
    BY_TEXT: INJECTED,
    "plain inversion": PLAIN,
    "plain inversion, unrefined": {**PLAIN, "inversion": "current", "inversion_refinements": 0, "detail": 0.0},
}
SCALES = (3.5, 5.0, 7.5, 11.0)  # of guidance by the sound, for the trade-off
BRIEF = ("AIC", "AIS", "structure")


def editing(session: Session) -> list[Table]:
    """All methods on the same cases, photo by photo, so that the inversion is shared."""
    edits, sets = session.edits, {name: [] for name in METHODS}
    for photo, sound, prompt in zip(edits.photos, edits.trials.sounds, edits.prompts(), strict=True):
        for name, settings in METHODS.items():
            given = (None, prompt) if name == BY_TEXT else (sound, "")
            sets[name].append(session.edit(photo, *given, **settings))
    sets["true counterfactuals"] = edits.trials.truths
    sets["their VAE reconstructions"] = [session.reconstructed(truth) for truth in edits.trials.truths]
    sets["the photo itself"] = edits.photos
    note = (
        f"n = {len(edits.photos)} held-out scenes, every second one calm, the others of another class than the sound. "
        "Structure: correlation of coarse gradients with the photo. Plug-and-play by text reads the caption of the true "
        "counterfactual; the model only hears. Unrefined: DDIM inversion as published, and no detail carried over."
    )
    table, parts = Table("Editing", note), Table("Editing, by what the photo showed")
    columns = {name: edit_values(session, images, edits) for name, images in sets.items()}
    for name, scores in columns.items():
        table.rows[name] = estimates(scores)
        for shows, chosen in (("calm", slice(1, None, 2)), ("another class", slice(0, None, 2))):
            parts.rows[f"{name}, {shows}"] = estimates({column: scores[column][chosen] for column in BRIEF})
    for name in list(METHODS)[1:]:
        table.rows[f"model less {name}"] = differences(columns["model"], columns[name])
    classes = Table("Editing by class", "Share that is right; in brackets what the others are mostly taken for.")
    for name in METHODS:
        for cause, cell in by_class(session.evaluators.see(sets[name]), edits.trials.rows).items():
            classes.rows.setdefault(cause, {})[name] = cell
    show(session, sets, edits)
    return [table, parts, classes]


def differences(a: Mapping[str, np.ndarray], b: Mapping[str, np.ndarray]) -> dict[str, Cell]:
    """What scores `a` are above scores `b` of the same n cases, with intervals over the cases: narrower than those of each."""
    return {column: bootstrap(a[column].astype(float) - b[column]) for column in BRIEF}


def edit_values(session: Session, images: Sequence[np.ndarray], edits: Edits) -> dict[str, np.ndarray]:
    """The scores of n edits, each (n,)."""
    scores = values(session.evaluators.see(images), edits.trials, session.pool)
    pairs = list(zip(images, edits.photos, strict=True))
    scores["structure"] = np.array([structure(image, photo) for image, photo in pairs])
    scores["PSNR to photo"] = np.array([min(psnr(image, photo), 60.0) for image, photo in pairs])
    return scores


def edited(session: Session, edits: Edits, **settings: Any) -> list[np.ndarray]:
    """Every photo edited by its sound alone."""
    return [session.edit(photo, sound, **settings) for photo, sound in zip(edits.photos, edits.trials.sounds, strict=True)]


def tradeoff(session: Session) -> list[Table]:
    """AIC and AIS against structure by guidance scale, for the model's edits and for plain inversion; and the structure at equal scores."""
    table = Table("Class against structure", f"n = {len(session.edits.photos)}; by the guidance scale of the sound.")
    methods: dict[str, Mapping[str, float]] = {"model": {}, "plain inversion": PLAIN}
    means: dict[str, list[dict[str, float]]] = {name: [] for name in methods}
    for name, settings in methods.items():
        for scale in SCALES:
            scores = edit_values(session, edited(session, session.edits, audio_guidance_scale=scale, **settings), session.edits)
            table.rows[f"{name}, {scale:g}"] = estimates({column: scores[column] for column in BRIEF})
            means[name].append({column: float(scores[column].mean()) for column in BRIEF})
    for column in ("AIC", "AIS"):
        curves = [[(point[column], point["structure"]) for point in points] for points in means.values()]
        for level in shared_levels(curves):
            kept = " against ".join(f"{kept_at(curve, level):.2f}" for curve in curves)
            table.rows[f"{' against '.join(methods)}, at equal {column} {level:.2f}"] = {"structure": kept}
    return [table]


def shared_levels(curves: Sequence[Sequence[tuple[float, float]]], count: int = 3) -> list[float]:
    """Scores that all curves of (score, structure) points reach, from the lowest on which all begin to the highest."""
    high = min(max(score for score, _ in curve) for curve in curves)
    low = min(max(min(score for score, _ in curve) for curve in curves), high)
    return np.linspace(low, high, count).tolist()


def kept_at(curve: Sequence[tuple[float, float]], level: float) -> float:
    """The structure a curve of (score, structure) points keeps where it reaches `level`: the best of its points and the lines between."""
    points = sorted(curve)
    reached = [kept for score, kept in points if score >= level]
    for (low, kept_low), (high, kept_high) in pairwise(points):
        if low <= level <= high and high > low:
            reached.append(kept_low + (kept_high - kept_low) * (level - low) / (high - low))
    return max(reached)


def show(session: Session, sets: Mapping[str, Sequence[np.ndarray]], edits: Edits, most: int = 18) -> None:
    """A row a case: photo, what each method made of it, the truth."""
    rows = []
    for i, (source, target) in enumerate(zip(edits.sources[:most], edits.targets, strict=False)):
        made = [(sets[name][i], name) for name in METHODS]
        truth = (sets["true counterfactuals"][i], f"truth: {target.cause} {target.intensity:.1f}")
        rows.append([(edits.photos[i], f"photo: {source.cause}"), *made, truth])
    sheet(rows, session.output / "editing.png", size=160)
