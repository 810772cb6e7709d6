"""The paper's ablations: the audio layers' weight from 0 to 2, and models whose projector or adapter was trained otherwise."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sonicdiff.evaluation.editing import BRIEF, edit_values, edited
from sonicdiff.evaluation.judging import Session, distances, estimates, values
from sonicdiff.evaluation.material import Edits, Trials
from sonicdiff.evaluation.report import Cell, Table, sheet
from sonicdiff.evaluation.scores import bootstrap
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector

FULL = "adapt"  # what training calls stage 2 of the full model
BETAS = (0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0)


@dataclass(frozen=True)
class Variant:
    """A model that differs from the one being judged by these parts; None keeps the model's own."""

    name: str
    projector: Path | None = None
    adapter: Path | None = None


def found_variants(folder: Path) -> list[Variant]:
    """Every `projector-NAME` with an `adapter-NAME` beside it, as a training run leaves them; but not the full model's own."""
    names = sorted({path.name.removeprefix("adapter-") for path in folder.glob("adapter-*") if path.is_dir()} - {FULL})
    pairs = [(name, folder / f"projector-{name}", folder / f"adapter-{name}") for name in names]
    return [Variant(name, projector, adapter) for name, projector, adapter in pairs if projector.is_dir()]


def beta_sweep(session: Session, betas: Sequence[float] = BETAS) -> list[Table]:
    """Generation and editing at each beta; the same sounds, photos and noise."""
    trials, edits = session.trials.first(session.options.third), session.edits.first(max(session.options.third // 2, 9))
    table = Table("Beta", f"The audio layers' weight; {len(trials.rows)} generations and {len(edits.photos)} edits each.")
    changed = {beta: [] for beta in betas}
    for photo, sound in zip(edits.photos, edits.trials.sounds, strict=True):  # photo by photo, so that the inversion is shared
        for beta in betas:
            changed[beta].append(session.edit(photo, sound, beta=beta))
    strips = []
    for beta in betas:
        images = [session.generate(sound, seed=session.options.seed + i, beta=beta) for i, sound in enumerate(trials.sounds)]
        table.rows[f"{beta:g}"] = tried(session, images, trials, changed[beta], edits)
        strips.append([(image, f"{beta:g} {r.scene.cause}") for image, r in zip(images[:9], trials.rows, strict=False)])
    sheet(strips, session.output / "beta.png")
    return [table]


def ablations(session: Session) -> list[Table]:
    """The same sounds and noise through each variant in `session.variants`; the model itself comes first and is put back in the end."""
    if session.variants is None or not (variants := found_variants(session.variants)):
        raise ValueError(
            f"got {session.variants} for ablations; expected the folder of a training run, with projector-NAME and adapter-NAME in it"
        )
    pipeline = session.pipeline
    own = {"projector": pipeline.projector, "adapter": pipeline.adapter}
    table = Table("Ablations", f"n = {session.options.n} generations and {session.options.half} edits each.")
    try:
        for variant in (Variant("model"), *variants):
            projector = AudioProjector.from_pretrained(variant.projector).eval() if variant.projector else own["projector"]
            adapter = AudioAdapter.from_pretrained(variant.adapter).eval() if variant.adapter else own["adapter"]
            pipeline.register_modules(projector=projector.to(pipeline.device), adapter=adapter.to(pipeline.device))
            images = [session.generate(sound, seed=session.options.seed + i) for i, sound in enumerate(session.trials.sounds)]
            table.rows[variant.name] = tried(session, images, session.trials, edited(session, session.edits), session.edits)
    finally:
        pipeline.register_modules(**own)
    return [table]


def tried(session: Session, images: Sequence[np.ndarray], trials: Trials, changed: Sequence[np.ndarray], edits: Edits) -> dict[str, Cell]:
    """One row of an ablation: generations of `trials` and edits of `edits`."""
    seen = session.evaluators.see(images)
    cells = estimates(values(seen, trials, session.pool))
    del cells["AIC, calm allowed"]
    cells["KID"] = distances(seen, trials, session.pool)["KID"]
    scores = edit_values(session, changed, edits)
    return cells | {f"edits: {name}": bootstrap(scores[name]) for name in BRIEF}
