"""`evaluate`: one run over everything a model is judged by, with a table and contact sheets at the end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from sonicdiff.evaluation.ablations import BETAS, ablations, beta_sweep, found_variants
from sonicdiff.evaluation.autoencoder import autoencoder
from sonicdiff.evaluation.editing import METHODS, SCALES, editing, tradeoff
from sonicdiff.evaluation.features import Evaluators
from sonicdiff.evaluation.generation import combinations, generation, intensity
from sonicdiff.evaluation.judging import Options, Session
from sonicdiff.evaluation.material import LEVELS
from sonicdiff.evaluation.progress import Clock
from sonicdiff.evaluation.recording_ears import ears
from sonicdiff.evaluation.recordings import recordings
from sonicdiff.evaluation.report import Table, write
from sonicdiff.evaluation.rivals import images_each, rivals
from sonicdiff.evaluation.rivals_contenders import UNTRAINED, finished_rivals
from sonicdiff.evaluation.solvers import STEPS, solvers
from sonicdiff.pipelines.loading import load_pictures, resolve
from sonicdiff.pipelines.pulling import folders
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

PARTS: dict[str, Callable[[Session], list[Table]]] = {
    "vae": autoencoder,
    "generation": generation,
    "combinations": combinations,
    "editing": editing,
    "intensity": intensity,
    "tradeoff": tradeoff,
    "beta": beta_sweep,
    "recordings": recordings,
    "ears": ears,
    "solvers": solvers,
    "ablations": ablations,
    "rivals": rivals,
}
DEFAULT_PARTS = ("vae", "generation", "combinations", "editing", "intensity")


def evaluate(
    model: str | Path | SonicDiffusionPipeline = "mini",
    n: int = 54,
    seed: int = 0,
    output: Path | None = None,
    steps: int = 25,
    parts: Sequence[str] = DEFAULT_PARTS,
    quick: bool = False,
    evaluators: Path | None = None,
    variants: Path | None = None,
    recordings_folder: Path | None = None,
    log: Callable[[str], None] = print,
) -> list[Table]:
    """Judge a model on held-out sounds, scenes and combinations; writes scores.json, scores.md and sheets to `output`, logs the tables.

    n: generations; combinations and edits are half as many. parts: any of PARTS. quick: a third of everything at 15 steps.
    evaluators: their directory, by default `evaluators` beside the embedded models. variants: a training run's folder, whose
    `projector-NAME` and `adapter-NAME` the part "ablations" tries, and whose `rivals/NAME` the part "rivals". recordings_folder: of
    recordings (`sonicdiff data recordings`), whose held-out third the part "ears" hears. Raises ValueError for an unknown part,
    FileNotFoundError where there are no evaluators.
    """
    if unknown := [part for part in parts if part not in PARTS]:
        raise ValueError(f"unknown parts {unknown}; known are {', '.join(PARTS)}")
    options = Options.quick(seed=seed) if quick else Options(n=n, steps=steps, seed=seed)
    judges = Evaluators.load(evaluators or evaluators_folder())
    pipeline = model if isinstance(model, SonicDiffusionPipeline) else load_pictures(model)
    name = pipeline.config.get("_name_or_path") if isinstance(model, SonicDiffusionPipeline) else str(resolve(model))
    output = output or Path("outputs") / "evaluation" / Path(str(name)).name
    tried = 1 + len(found_variants(variants)) if variants else 0
    compared = len(finished_rivals(variants)) + UNTRAINED if variants else 0
    clock = Clock(sum(work(part, options, tried, compared) for part in parts), log)
    session = Session(pipeline, judges, options, output, clock, log, variants, recordings_folder)
    tables: list[Table] = []
    for part in parts:
        tables += PARTS[part](session)
        write(tables, about(session, str(name)), output)
    log(write(tables, about(session, str(name)), output))
    return tables


def about(session: Session, name: str) -> dict[str, object]:
    return {"model": name, **asdict(session.options), "minutes": round(session.clock.seconds / 60, 1)}


def work(part: str, options: Options, variants: int, rivals: int) -> float:
    """Denoising passes that a part takes, for the time left."""
    images = {
        "generation": options.n,
        "combinations": options.half,
        "editing": options.half * len(METHODS),
        "intensity": options.half * len(LEVELS),
        "tradeoff": options.half * 2 * len(SCALES),
        "beta": len(BETAS) * (options.third + max(options.third // 2, 9)),
        "recordings": 5 * 21,
        "ablations": variants * (options.n + options.half),
        "rivals": rivals * images_each(options),
    }
    return 3 * STEPS * options.half if part == "solvers" else images.get(part, 0) * options.steps


def evaluators_folder() -> Path:
    """The directory `evaluators` beside the embedded models. Raises FileNotFoundError with what to do."""
    candidates = [folder / "evaluators" for folder in folders()]
    for candidate in candidates:
        if (candidate / "config.json").is_file():
            return candidate
    looked = ", ".join(str(candidate) for candidate in candidates)
    raise FileNotFoundError(f"there are no evaluators in {looked}; make them with `sonicdiff evaluate train-evaluators`")
