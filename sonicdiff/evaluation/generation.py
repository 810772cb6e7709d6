"""Sound to image on held-out sounds, on held-out combinations of sound and place, and at rising intensity."""

from __future__ import annotations

import numpy as np

from sonicdiff.evaluation.features import Seen
from sonicdiff.evaluation.judging import Session, by_class, distances, estimates, values
from sonicdiff.evaluation.material import LEVELS, Trials, balanced_rows, picture_of, place_prompt, sound_of
from sonicdiff.evaluation.report import Table, sheet
from sonicdiff.evaluation.scores import bootstrap, rank_correlation
from sonicdiff.synthetic.classes import CLASSES, PLACES

CEILINGS = ("true renders", "their VAE reconstructions")


def generation(session: Session) -> list[Table]:
    """A sound alone makes an image."""
    trials = session.trials
    note = f"Held-out sounds alone, n = {len(trials.rows)}; pool of {session.options.pool}. Chance: AIC 0.11, AIS and IIS 0.50."
    table = Table("Generation from held-out sounds", note)
    images = [session.generate(sound, seed=session.options.seed + i) for i, sound in enumerate(trials.sounds)]
    seen = compared(session, table, images, trials)
    classes = Table("Generation by class", "Share that is right; in brackets what the others are mostly taken for.")
    classes.rows = {cause: {"right": cell} for cause, cell in by_class(seen, trials.rows).items()}
    show(session, "generation.png", images, trials)
    return [table, classes]


def combinations(session: Session) -> list[Table]:
    """A sound in a place that training never showed it in; a prompt names the place."""
    trials = Trials.make(session.evaluators, balanced_rows(session.options.half, held_out=True))
    note = (
        f"Sound and place never seen together; the prompt names place and light alone. n = {len(trials.rows)}. Chance of the place: 0.13."
    )
    table = Table("Generation of held-out combinations", note)
    images = [
        session.generate(sound, place_prompt(r), seed=session.options.seed + i)
        for i, (sound, r) in enumerate(zip(trials.sounds, trials.rows, strict=True))
    ]
    compared(session, table, images, trials, with_place=True)
    show(session, "combinations.png", images, trials)
    return [table]


def compared(session: Session, table: Table, images: list[np.ndarray], trials: Trials, with_place: bool = False) -> Seen:
    """Fill the table with the model's images, the true renders of the same rows, and what the VAE leaves of those."""
    places = np.array([PLACES.index(r.scene.place) for r in trials.rows])
    seen = {
        "model": session.evaluators.see(images),
        CEILINGS[0]: trials.seen,
        CEILINGS[1]: session.evaluators.see(session.reconstructed(truth) for truth in trials.truths),
    }
    for name, judgement in seen.items():
        table.rows[name] = estimates(values(judgement, trials, session.pool)) | distances(judgement, trials, session.pool)
        if with_place:
            table.rows[name]["place"] = bootstrap(judgement.place == places)
    return seen["model"]


def intensity(session: Session) -> list[Table]:
    """The same sound at rising intensity, from the same noise: does the effect rise?"""
    rows = balanced_rows(session.options.half)
    images = [[session.generate(sound_of(r, level), seed=session.options.seed + i) for level in LEVELS] for i, r in enumerate(rows)]
    truths = [[picture_of(r.scene, level) for level in LEVELS] for r in rows]
    sets = {"model": images, CEILINGS[0]: truths, CEILINGS[1]: [[session.reconstructed(truth) for truth in group] for group in truths]}
    note = (
        f"Rank correlation with the intensities {LEVELS}, the mean over {len(rows)} sounds. Read: the evaluator's reading of intensity. "
        "From calm: the distance of the embedding from calm scenes. Effect: the mean reading at each level."
    )
    table, classes = Table("Rising intensity", note), Table("Rising intensity by class", "Rank correlation of the reading.")
    for name, groups in sets.items():
        seen = [session.evaluators.see(group) for group in groups]
        read = np.stack([judgement.intensity for judgement in seen])
        from_calm = np.stack([1 - judgement.embeds @ session.pool.calm_embed for judgement in seen])
        correlation, of_distance = (rank_correlation(effect, np.broadcast_to(LEVELS, effect.shape)) for effect in (read, from_calm))
        effect = " ".join(f"{value:.2f}" for value in read.mean(0))
        table.rows[name] = {"read": bootstrap(correlation), "from calm": bootstrap(of_distance), "effect": effect}
        for cause in CLASSES:
            mine = [c for c, r in zip(correlation, rows, strict=True) if r.scene.cause == cause]
            if mine:
                classes.rows.setdefault(cause, {})[name] = f"{np.mean(mine):.2f}"
    labelled = [
        [(image, f"{r.scene.cause} {level}") for image, level in zip(group, LEVELS, strict=True)]
        for r, group in zip(rows, images, strict=True)
    ]
    sheet(labelled, session.output / "intensity.png")
    return [table, classes]


def show(session: Session, name: str, images: list[np.ndarray], trials: Trials, across: int = 9) -> None:
    """One column a class."""
    scenes = [r.scene for r in trials.rows]
    labelled = [(image, f"{s.cause} {s.intensity:.1f}, {s.place}") for image, s in zip(images, scenes, strict=True)]
    sheet([labelled[i : i + across] for i in range(0, len(labelled), across)], session.output / name)
