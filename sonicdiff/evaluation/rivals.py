"""The paper's two tables on our data: SonicDiffusion beside its rivals and text, all trained alike, sampled alike and judged alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sonicdiff.evaluation.editing import INJECTED, edit_values
from sonicdiff.evaluation.judging import Options, Session, distances, estimates, values
from sonicdiff.evaluation.material import Edits, Trials, balanced_rows
from sonicdiff.evaluation.report import Cell, Table, sheet
from sonicdiff.evaluation.rivals_contenders import Contender, contenders
from sonicdiff.evaluation.scores import bootstrap

OURS = "sonicdiffusion"
SCALES = (3.5, 6.0, 10.0)  # of guidance
CHOSEN_BY = ("AIC", "AIS", "IIS")
COLUMNS = "Intensity off: how far the evaluator's reading of the image is from the sound's, from 0 to 1. Minutes: by the clock."
WAYS: dict[str, dict[str, Any]] = {"plug-and-play": INJECTED, "focused": {}}  # to edit: the paper's, the model's own

Scores = dict[str, np.ndarray]


def rivals(session: Session) -> list[Table]:
    """Generation, then editing both ways, of every contender in `session.variants`; the session gets its own pipeline back."""
    if session.variants is None:
        raise ValueError("the part 'rivals' needs the folder that `sonicdiff train mini-rivals` worked in; give it as --variants")
    own = session.pipeline
    try:
        known = contenders(own, session.variants)
        validation = Trials.make(session.evaluators, balanced_rows(session.options.third, split="validation"))
        scales = {contender.name: guidance(session, contender, validation) for contender in known}
        return [generations(session, known, scales), *(edits(session, known, scales, way) for way in WAYS)]
    finally:
        session.pipeline = own


def guidance(session: Session, contender: Contender, validation: Trials) -> float:
    """The scale whose images of the validation split's sounds have the highest mean of the scores in CHOSEN_BY."""
    means = {}
    for scale in SCALES:
        found = values(session.evaluators.see(generated(session, contender, validation, scale)), validation, session.pool)
        means[scale] = float(np.mean([found[name].mean() for name in CHOSEN_BY]))
    session.log(f"{contender.name}: " + ", ".join(f"{mean:.2f} at guidance {scale:g}" for scale, mean in means.items()))
    return max(means, key=lambda scale: means[scale])


def generations(session: Session, known: Sequence[Contender], scales: Mapping[str, float]) -> Table:
    """The first table: held-out sounds alone make images."""
    trials, scores = session.trials, {}
    wanted = np.array([r.scene.intensity for r in trials.rows])
    table = Table("Rivals: generation", f"n = {len(trials.rows)} held-out sounds. {note()} {COLUMNS}")
    images = {contender.name: generated(session, contender, trials, scales[contender.name]) for contender in known}
    for contender in known:
        seen = session.evaluators.see(images[contender.name])
        found = values(seen, trials, session.pool)
        scores[contender.name] = {name: found[name] for name in CHOSEN_BY}
        table.rows[contender.name] = estimates(scores[contender.name]) | distances(seen, trials, session.pool)
        table.rows[contender.name] |= {"intensity off": bootstrap(np.abs(seen.intensity - wanted)), "guidance": scales[contender.name]}
        table.rows[contender.name] |= costs(contender)
    add_differences(table, scores, CHOSEN_BY)
    show(session, images, [r.scene.cause for r in trials.rows], "rivals.png")
    return table


def edits(session: Session, known: Sequence[Contender], scales: Mapping[str, float], way: str) -> Table:
    """The second table: held-out scenes changed by the sound of another class, from the same inversion."""
    cases, scores = session.edits, {}
    table = Table(f"Rivals: editing, {way}", f"n = {len(cases.photos)} held-out scenes of another class than the sound. {note()}")
    images = {contender.name: edited(session, contender, cases, scales[contender.name], way) for contender in known}
    for name, made in images.items():
        found = edit_values(session, made, cases)
        scores[name] = {column: found[column] for column in (*CHOSEN_BY, "structure")}
        table.rows[name] = estimates(scores[name]) | {"guidance": scales[name]}
    add_differences(table, scores, ("AIC", "AIS", "structure"))
    show(session, {"photo": cases.photos, **images}, [target.cause for target in cases.targets], f"rivals-{way}.png")
    return table


def generated(session: Session, contender: Contender, trials: Trials, scale: float) -> list[np.ndarray]:
    """An image of each sound, from the noise that every contender begins with."""
    session.pipeline = contender.pipeline
    given = [{"audio_embeds": contender.embed(sound), "audio_guidance_scale": scale} for sound in trials.sounds]
    return [session.generate(None, seed=session.options.seed + i, **each) for i, each in enumerate(given)]


def edited(session: Session, contender: Contender, cases: Edits, scale: float, way: str) -> list[np.ndarray]:
    """Every photo changed by its sound."""
    session.pipeline = contender.pipeline
    given = [{"audio_embeds": contender.embed(sound), "audio_guidance_scale": scale, **WAYS[way]} for sound in cases.trials.sounds]
    return [session.edit(photo, None, **each) for photo, each in zip(cases.photos, given, strict=True)]


def add_differences(table: Table, scores: Mapping[str, Scores], columns: Sequence[str]) -> None:
    """How far ours is above each other, case by case: with intervals narrower than those of the two."""
    for name in scores:
        if OURS in scores and name != OURS:
            for column in columns:
                table.rows[name][f"ours above: {column}"] = bootstrap(scores[OURS][column].astype(float) - scores[name][column])


def costs(contender: Contender) -> dict[str, Cell]:
    if not (facts := contender.facts):
        return {}
    return {"trained": f"{facts['parameters'] / 1e6:.2f} M", "steps": facts["steps"], "minutes": facts["minutes"]}


def note() -> str:
    return (
        f"Guidance: of {', '.join(f'{scale:g}' for scale in SCALES)}, for each what has the highest mean of {', '.join(CHOSEN_BY)} on "
        "validation sounds. Text is told the class that the model's own audio tower hears. Ours above: differences case by case."
    )


def show(session: Session, images: Mapping[str, Sequence[np.ndarray]], causes: Sequence[str], name: str, across: int = 9) -> None:
    """A row a contender, a column a sound."""
    strips = [[(image, f"{cause}: {contender}") for image, cause in zip(made[:across], causes, strict=False)]
              for contender, made in images.items()]  # fmt: skip
    sheet(strips, session.output / name)


def images_each(options: Options) -> int:
    """What one contender is asked for, over all tables."""
    return len(SCALES) * options.third + options.n + len(WAYS) * options.half
