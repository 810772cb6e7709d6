"""The README's pictures, made by the shipped model: `python bench/pictures.py [--model mini] [--steps 50] [--output docs/images]`.

The photos and recordings are named below (mostly recordings that the model hears rightly), the seed is 0; no image is picked by hand.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from sonicdiff.audio import waveform
from sonicdiff.audio.drawing import spectrogram
from sonicdiff.cli.pictures import CELL, FAINT, PAPER, sheet
from sonicdiff.pipelines.common import image_loading
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline

EXAMPLES = Path(__file__).parents[1] / "examples"
PHOTOS = ("valley", "mountains", "palace")
EDIT_SOUNDS = ("copyleft/campfire-close", "sounds/splash", "copyleft/rain-forest", "sounds/thunder-near")
GENERATE_SOUNDS = (*EDIT_SOUNDS, "sounds/wind", "copyleft/mud")
PROMPTS = ("", "a forest path")
MADE_SOUNDS = {"mini-hits": ("made/glass", "made/metal", "made/water"), "mini-faces": ("made/angry", "made/happy", "made/surprised")}
SEEDS = (0, 1)


def column(pipeline: SonicDiffusionPipeline, name: str) -> tuple[str, str, Image.Image]:
    clip = waveform.load(EXAMPLES / f"{name}.ogg")
    ((heard, probability),) = pipeline.heard(clip, top=1)
    return f"{Path(name).name}.ogg", f"heard: {heard} ({probability:.0%})", spectrogram(clip.mono().samples[0], clip.sample_rate)


def card(text: str, size: tuple[int, int]) -> Image.Image:
    picture = Image.new("RGB", size, PAPER)
    ImageDraw.Draw(picture).text((8, 8), text or "no prompt", FAINT, ImageFont.load_default(18))
    return picture


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="mini")
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--output", type=Path, default=Path("docs/images"))
    given = parser.parse_args(arguments)
    pipeline = load_pictures(given.model)
    options = {"num_inference_steps": given.steps, "show_progress": False}
    given.output.mkdir(parents=True, exist_ok=True)

    edits(pipeline, options).save(given.output / "edits.webp", quality=70)
    generated(pipeline, options).save(given.output / "generated.webp", quality=70)
    made(options).save(given.output / "made.webp", quality=70)


def edits(pipeline: SonicDiffusionPipeline, options: dict[str, Any]) -> Image.Image:
    rows = []
    for name in PHOTOS:
        photo = EXAMPLES / "photos" / f"{name}.jpg"
        images = [pipeline.edit(photo, EXAMPLES / f"{sound}.ogg", **options) for sound in EDIT_SOUNDS]
        rows.append((f"{name}.jpg", [image_loading.load(photo), *images]))
    return sheet([column(pipeline, sound) for sound in EDIT_SOUNDS], rows)


def generated(pipeline: SonicDiffusionPipeline, options: dict[str, Any]) -> Image.Image:
    rows = []
    for prompt in PROMPTS:
        images = [pipeline.generate(EXAMPLES / f"{sound}.ogg", prompt, seed=0, **options)[0] for sound in GENERATE_SOUNDS]
        rows.append(("", [card(prompt, (CELL, CELL)), *images]))
    return sheet([column(pipeline, sound) for sound in GENERATE_SOUNDS], rows)


def made(options: dict[str, Any]) -> Image.Image:
    """What the models beside `mini` make of sounds that this project made: no prompt, a row a seed."""
    columns, images = [], []
    for name, sounds in MADE_SOUNDS.items():
        pipeline = load_pictures(name)
        columns += [column(pipeline, sound) for sound in sounds]
        images += [[pipeline.generate(EXAMPLES / f"{sound}.ogg", seed=seed, **options)[0] for seed in SEEDS] for sound in sounds]
    rows = [("", [card(f"seed {seed}", (CELL, CELL)), *(each[number] for each in images)]) for number, seed in enumerate(SEEDS)]
    return sheet(columns, rows)


if __name__ == "__main__":
    main()
