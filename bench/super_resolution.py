"""What doubles a model's pixels, measured: `python -m bench.super_resolution [mini] [--second FOLDER] [--count 32] [--made 16]`.

Held-out renders (split test) from the latents of their true halves, by the upscaler and by the second stage at several noises and steps:
decibels to the render, energy above a quarter of the sampling rate over the render's, drift of the mean brightness, seconds an image.
Then the model's own pictures of the same captions and sounds. The evaluators see 128 pixels and cannot judge what is added here.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from PIL import Image
from torch import Tensor

from bench.decoder import fine_energy
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.pipelines.common import picture_vae
from sonicdiff.pipelines.common.image_loading import side_by_side
from sonicdiff.pipelines.loading import load_pictures
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.training.super_resolution import make_scheduler

SIZE = 256
SETTINGS = ((0.0, 10), (0.1, 10), (0.2, 10), (0.1, 5))  # noise and steps of the second stage
SHOWN = 6  # rows of the sheet
Way = Callable[[Tensor, Row], np.ndarray]  # small latents (1, C, 16, 16) to a picture (256, 256, 3), 0 to 1


def decibels(image: np.ndarray, true: np.ndarray) -> float:
    return float(-10 * np.log10(np.mean((image - true) ** 2)))


class Ways:
    """The upscaler and the second stage of one model, whichever it has and whichever is given."""

    def __init__(self, pipeline: SonicDiffusionPipeline, upscaler: Upscaler | None) -> None:
        self.pipeline, self.upscaler = pipeline, upscaler

    def all(self) -> dict[str, Way]:
        ways: dict[str, Way] = {"the render through the autoencoder": self.reconstructed}
        if self.upscaler is not None:
            ways["upscaler"] = self.upscaled
        if self.pipeline.super_resolution is not None:
            for noise, steps in SETTINGS:
                ways[f"second stage, noise {noise}, {steps} steps"] = self.second(noise, steps)
        return ways

    def reconstructed(self, small: Tensor, of: Row) -> np.ndarray:
        """The most that a second stage can reach."""
        return picture_vae.decode(self.pipeline.vae, self.pipeline._encode_large(Image.fromarray(render(of.scene)), (SIZE, SIZE)))

    def upscaled(self, small: Tensor, of: Row) -> np.ndarray:
        return picture_vae.decode(self.pipeline.vae, small, self.upscaler)

    def second(self, noise: float, steps: int) -> Way:
        stage = self.pipeline._second_stage(steps, noise, "pil")
        assert stage is not None

        def way(small: Tensor, of: Row) -> np.ndarray:
            text, embeds = self.pipeline.encode_prompt(of.caption), self.pipeline.embed_audio(heard(of))
            return picture_vae.decode(self.pipeline.vae, stage(small, text, embeds, torch.Generator().manual_seed(of.index)))

        return way


def heard(of: Row) -> tuple[np.ndarray, int]:
    return render_sound(of.scene.cause, of.scene.intensity, of.sound_seed, 3.0, 48_000), 48_000


def compare(name: str, pictures: Iterable[np.ndarray], trues: Sequence[np.ndarray], seconds: float, paired: bool) -> None:
    """One line of the table."""
    made = list(pictures)
    share = np.median([fine_energy(a) / fine_energy(b) for a, b in zip(made, trues, strict=True)])
    whole = sum(map(fine_energy, made)) / sum(map(fine_energy, trues))
    drift = np.array([a.mean() - b.mean() for a, b in zip(made, trues, strict=True)])
    spread = np.sqrt((drift**2).mean())
    fidelity = f"{np.mean([decibels(a, b) for a, b in zip(made, trues, strict=True)]):.2f} dB, " if paired else ""
    energy = f"energy of the median {share:.4f}, of all {whole:.4f}"
    print(f"{name:34} {fidelity}{energy}, brightness {drift.mean():+.4f} (rms {spread:.4f}), {seconds:.2f} s", flush=True)


@torch.no_grad()
def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", nargs="?", default="mini")
    parser.add_argument("--second", type=Path, help="a second stage's UNet in the place of the model's own")
    parser.add_argument("--count", type=int, default=32, help="held-out renders")
    parser.add_argument("--made", type=int, default=16, help="pictures of the model's own")
    parser.add_argument("--sheet", type=Path, help="where to put pictures side by side")
    given = parser.parse_args(arguments)
    pipeline = load_pictures(given.model, "cpu")
    upscaler = pipeline.upscaler
    if given.second is not None:
        unet = UNet2DConditionModel.from_pretrained(given.second, torch_dtype=torch.float32)
        pipeline.register_modules(upscaler=None, super_resolution=unet, super_resolution_scheduler=make_scheduler())
    ways = Ways(pipeline, upscaler).all()
    rows = [row(index, "test") for index in range(given.count)]
    trues = [render(of.scene).astype(np.float64) / 255 for of in rows]
    halves = [small_latents(pipeline, true) for true in trues]
    sheets = measure("true small pictures", ways, rows, halves, trues, True)
    made = rows[: given.made]
    options = {"num_inference_steps": 25, "show_progress": False, "output_type": "latent"}
    own = [pipeline.generate(heard(of), of.caption, seed=of.index, **options)[0] for of in made]
    sheets += measure("the model's own small pictures", ways, made, own, trues[: given.made], False)
    if given.sheet:
        save(sheets, given.sheet)


def small_latents(pipeline: SonicDiffusionPipeline, true: np.ndarray) -> Tensor:
    image = Image.fromarray(np.round(true * 255).astype(np.uint8))
    return picture_vae.encode(pipeline.vae, image.resize((SIZE // 2, SIZE // 2), Image.Resampling.BOX), (SIZE // 2, SIZE // 2))


def measure(title: str, ways: dict[str, Way], rows: Sequence[Row], small: Sequence[Tensor], trues: Sequence[np.ndarray],
            paired: bool) -> list[list[np.ndarray]]:  # fmt: skip
    """Prints the table; the first rows' pictures, the true one first."""
    print(f"{title} ({len(rows)})")
    shown = [[true] for true in trues[:SHOWN]]
    for name, way in ways.items():
        began = time.perf_counter()
        pictures = [way(latents, of) for latents, of in zip(small, rows, strict=True)]
        compare(name, pictures, trues, (time.perf_counter() - began) / max(1, len(rows)), paired)
        for line, picture in zip(shown, pictures, strict=False):
            line.append(picture)
    return shown


def save(lines: list[list[np.ndarray]], path: Path) -> None:
    """A line a picture: the true render, then each way."""
    strips = [side_by_side([picture_vae.to_image(picture) for picture in line]) for line in lines]
    sheet = Image.new("RGB", (max(strip.width for strip in strips), sum(strip.height for strip in strips)))
    top = 0
    for strip in strips:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(path)


if __name__ == "__main__":
    main()
