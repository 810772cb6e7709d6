"""A session: the model being judged, the evaluators that judge it, the pool it is compared with; and the scores of a set of images."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.features import Evaluators, Seen
from sonicdiff.evaluation.frechet import frechet_distance, kernel_distance
from sonicdiff.evaluation.material import Edits, Pool, Trials, balanced_rows, causes
from sonicdiff.evaluation.progress import Clock
from sonicdiff.evaluation.report import Cell
from sonicdiff.evaluation.scores import audio_image_similarity, bootstrap, image_image_similarity
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.synthetic.classes import CLASSES
from sonicdiff.synthetic.dataset import Row


@dataclass(frozen=True)
class Options:
    """How much is tried. Guidance and injection are the pipeline's own defaults unless `settings` names them."""

    n: int = 54  # generations; combinations, edits and sounds of rising intensity are half as many
    pool: int = 180  # random others for the win rates, and the reference set of FID and KID
    steps: int = 25  # of DDIM
    seed: int = 0
    settings: tuple[tuple[str, Any], ...] = ()  # further arguments of `generate` and `edit`

    @property
    def half(self) -> int:
        return max(self.n // 2, 9)

    @property
    def third(self) -> int:
        return max(self.n // 3, 9)

    @classmethod
    def quick(cls, steps: int = 15, seed: int = 0) -> Options:
        return cls(n=18, pool=90, steps=steps, seed=seed)


@dataclass
class Session:
    pipeline: SonicDiffusionPipeline
    evaluators: Evaluators
    options: Options
    output: Path
    clock: Clock
    log: Callable[[str], None]
    variants: Path | None = None  # the folder of a training run, for ablations
    recordings: Path | None = None  # a folder of recordings, for the part `ears`

    @cached_property
    def pool(self) -> Pool:
        self.log(f"making the pool of {self.options.pool} scenes and sounds")
        return Pool.make(self.evaluators, self.options.pool)

    @cached_property
    def trials(self) -> Trials:
        return Trials.make(self.evaluators, balanced_rows(self.options.n))

    @cached_property
    def edits(self) -> Edits:
        return Edits.make(self.evaluators, self.options.half)

    def generate(self, audio: Waveform | None, prompt: str = "", seed: int = 0, **settings: Any) -> np.ndarray:
        """One image, uint8 (height, width, 3)."""
        given = {**dict(self.options.settings), **settings}
        made = self.pipeline.generate(audio, prompt, seed=seed, num_inference_steps=self.options.steps, show_progress=False, **given)[0]
        self.clock.advance(self.options.steps, "generating")
        return np.asarray(made)

    def edit(self, photo: np.ndarray, audio: Waveform | None, prompt: str = "", **settings: Any) -> np.ndarray:
        """One edited photo, uint8 of the photo's shape."""
        given = {"num_inference_steps": self.options.steps, **dict(self.options.settings), **settings}
        made = self.pipeline.edit(photo, audio, prompt, show_progress=False, **given)
        self.clock.advance(given["num_inference_steps"], "editing")
        return np.asarray(made)

    def reconstructed(self, image: np.ndarray) -> np.ndarray:
        return np.asarray(self.pipeline.autoencode(image))


def values(seen: Seen, trials: Trials, pool: Pool) -> dict[str, np.ndarray]:
    """The scores of n images made from the sounds of `trials`, each (n,)."""
    right = causes(trials.rows)
    return {
        "AIC": seen.cause() == right,
        "AIC, calm allowed": seen.cause(with_calm=True) == right,
        "AIS": audio_image_similarity(seen.embeds, trials.heard.embeds, pool.trials.heard.embeds),
        "IIS": image_image_similarity(seen.embeds, trials.seen.embeds, pool.trials.seen.embeds),
    }


def estimates(values: Mapping[str, np.ndarray]) -> dict[str, Cell]:
    """Means with their intervals over the sounds."""
    return {name: bootstrap(column) for name, column in values.items()}


def distances(seen: Seen, trials: Trials, pool: Pool) -> dict[str, Cell]:
    """KID and FID of n images, made from the sounds of `trials`, to the pool's renders; on features of mean square 1 over the pool."""
    truth, strata = pool.trials.seen.features, (causes(trials.rows), causes(pool.trials.rows))
    scale = float(np.sqrt(np.square(truth).mean()))
    a, b = seen.features / scale, truth / scale
    enough = min(np.unique(column, return_counts=True)[1].min() for column in strata) > 1
    return {"KID": kernel_distance(a, b, strata) if enough else None, "FID": frechet_distance(a, b)}


def by_class(seen: Seen, rows: Sequence[Row]) -> dict[str, Cell]:
    """The share of images of each class that are right, and what the others were taken for most often."""
    right, taken = causes(rows), seen.cause()
    cells: dict[str, Cell] = {}
    for number, cause in enumerate(CLASSES):
        mine = taken[right == number]
        if len(mine):
            wrong = mine[mine != number]
            instead = f" ({CLASSES[np.bincount(wrong).argmax()]})" if len(wrong) else ""
            cells[cause] = f"{(mine == number).mean():.2f}{instead}"
    return cells
