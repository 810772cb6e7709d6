"""The range of brightness from night to a bright desert, of true renders and of what bases paint for the same captions.

`python -m bench.brightness [--model mini] [--unet NAME=FOLDER ...] [-n 12] [--steps 20]`. A base is the model's own or, with `--unet`, one
in its place, such as the folder `unet` of a training's run. Offset noise in training (Guttenberg 2023) is said to widen this range.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, islice
from pathlib import Path

import numpy as np
from diffusers import UNet2DConditionModel

from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, PLACES
from sonicdiff.synthetic.dataset import row
from sonicdiff.synthetic.scenes import Scene, render

# From dark to bright: what the captions say of light and place.
GROUPS: dict[str, tuple[str, tuple[str, ...]]] = {
    "night": ("night", PLACES),
    "night, forest": ("night", ("forest",)),
    "dusk": ("dusk", PLACES),
    "overcast": ("overcast", PLACES),
    "day": ("day", PLACES),
    "day, desert": ("day", ("desert",)),
}


def scenes(group: str, n: int) -> list[tuple[Scene, str]]:
    """`n` calm scenes of the split `validation` with a caption that says place and light."""
    light, places = GROUPS[group]
    drawn = (row(index, "validation") for index in count())
    suitable = (r for r in drawn if r.scene.light == light and r.scene.place in places)
    calm = [(replace(r.scene, cause=CALM, intensity=0.0), r.sound_seed) for r in islice(suitable, n)]
    return [(scene, caption(scene, seed)) for scene, seed in calm]


def brightness(image: np.ndarray) -> float:
    """Mean luma (0 to 1) of uint8 (h, w, 3)."""
    return float((image @ np.array((0.299, 0.587, 0.114))).mean() / 255)


def painter(pipeline: SonicDiffusionPipeline, unet: UNet2DConditionModel, steps: int) -> Callable[[Scene, str], np.ndarray]:
    """Paints a scene by its caption alone, from the scene's own seed."""

    def paint(scene: Scene, prompt: str) -> np.ndarray:
        pipeline.unet = unet
        options = {"num_inference_steps": steps, "seed": scene.seed, "show_progress": False}
        return np.asarray(pipeline.generate(None, prompt, **options)[0])

    return paint


def table(painters: dict[str, Callable[[Scene, str], np.ndarray]], n: int) -> str:
    """A line a group: mean brightness (5th to 95th percentile) by each; and a last one with the whole range."""
    lines, every = [f"{'':16}" + "".join(f"{name:>24}" for name in painters)], {name: [] for name in painters}
    for group in GROUPS:
        asked, cells = scenes(group, n), []
        for name, paint in painters.items():
            values = [brightness(paint(scene, prompt)) for scene, prompt in asked]
            every[name] += values
            cells.append(cell(values))
        lines.append(f"{group:16}" + "".join(f"{text:>24}" for text in cells))
    return "\n".join([*lines, f"{'all':16}" + "".join(f"{cell(values):>24}" for values in every.values())])


def cell(values: Sequence[float]) -> str:
    low, high = np.percentile(values, (5, 95))
    return f"{np.mean(values):.3f} ({low:.3f} to {high:.3f})"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--unet", action="append", default=[], metavar="NAME=FOLDER")
    parser.add_argument("-n", type=int, default=12)
    parser.add_argument("--steps", type=int, default=20)
    given = parser.parse_args(arguments)
    pipeline = load_pictures(given.model)
    unets = {given.model: pipeline.unet}
    for name, folder in (each.split("=", 1) for each in given.unet):
        unets[name] = UNet2DConditionModel.from_pretrained(Path(folder)).to(pipeline.unet.device, pipeline.unet.dtype)
    painters: dict[str, Callable[[Scene, str], np.ndarray]] = {"true renders": lambda scene, _: render(scene)}
    print(table(painters | {name: painter(pipeline, unet, given.steps) for name, unet in unets.items()}, given.n))


if __name__ == "__main__":
    main()
