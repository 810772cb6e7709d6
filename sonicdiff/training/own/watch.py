"""Looking on while it learns: the loss on the validation split, grids of samples, and all of it in TensorBoard."""

# diffusers types its pipelines loosely.
# pyright: reportAttributeAccessIssue=false
from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torch
from diffusers import DDIMScheduler
from PIL import Image
from torch.utils.tensorboard import SummaryWriter

from sonicdiff.training.draw import Draw
from sonicdiff.training.journal import take_back
from sonicdiff.training.loop import Run, Task
from sonicdiff.training.own.config import WatchConfig
from sonicdiff.training.own.examples import Examples
from sonicdiff.training.own.parts import Parts

SEED = 0xE7A1  # of the noise, timesteps and pairs that every validation has


class Watch:
    """A `Watcher` of one stage. valid: the stage's task over the validation split, None where there is none."""

    def __init__(self, run_dir: Path, config: WatchConfig, valid: Task | None, samples: Samples | None = None) -> None:
        self.run_dir, self.config, self.valid, self.samples = run_dir, config, valid, samples
        self.writer: SummaryWriter | None = None

    def logged(self, step: int, means: dict[str, float]) -> None:
        self.scalars("train", step, means)

    def passed(self, run: Run) -> None:
        if not run.is_main:
            return
        last = run.step == run.config.steps
        if self.valid is not None and self.config.validate_every and (last or run.step % self.config.validate_every == 0):
            with run.averaged():
                self.note(run.step, validation(self.valid, run, self.config.validation_batches))
        if self.samples is not None and self.config.sample_every and (last or run.step % self.config.sample_every == 0):
            with run.averaged():
                self.draw(run.step, self.samples.grid())

    def note(self, step: int, scores: dict[str, float]) -> None:
        file = self.run_dir / "validation.jsonl"
        take_back(file, step - 1)
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a") as lines:
            lines.write(json.dumps({"step": step, **scores}) + "\n")
        print(f"step {step}  validation  " + "  ".join(f"{name} {value:.4g}" for name, value in scores.items()), flush=True)
        self.scalars("validation", step, scores)

    def draw(self, step: int, grid: Image.Image) -> None:
        folder = self.run_dir / "samples"
        folder.mkdir(parents=True, exist_ok=True)
        grid.save(folder / f"{step:08d}.png")
        self.board(step).add_image("samples", np.asarray(grid), step, dataformats="HWC")

    def scalars(self, group: str, step: int, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.board(step).add_scalar(f"{group}/{name}", value, step)
        self.board(step).flush()

    def board(self, step: int) -> SummaryWriter:
        """TensorBoard's file, begun at the first entry, which takes back what a killed run wrote beyond it."""
        if self.writer is None:
            self.writer = SummaryWriter(str(self.run_dir / "tensorboard"), purge_step=step)
        return self.writer

    def close(self) -> None:
        if self.writer is not None:
            self.writer.close()


@torch.no_grad()
def validation(task: Task, run: Run, batches: int) -> dict[str, float]:
    """The losses over the same pairs, noise and timesteps every time, in parts as large as those that the training has."""
    device, half = next(iter(run.parameters.values())).device.type, run.config.mixed_precision == "bf16"
    whole, size = run.config.batch_size, run.parts[0].stop - run.parts[0].start
    found = []
    for number in range(batches):
        for start in range(0, whole, size):
            with torch.autocast(device, torch.bfloat16, enabled=half):
                found.append(task.losses(Draw.of(SEED, number, whole, slice(start, start + size))))
    return {name: float(torch.stack([losses[name].float() for losses in found]).mean()) for name in found[0]}


class Samples:
    """Pictures of a few sounds of the validation split, one of each class as far as they go, always from the same noise."""

    def __init__(self, parts: Parts, examples: Examples, config: WatchConfig, scheduler: DDIMScheduler, half: bool) -> None:
        _, first = np.unique(examples.classes, return_index=True)
        self.rows, self.parts, self.config = sorted(first.tolist())[: config.samples], parts, config
        self.embeds, self.scheduler, self.half = examples.embeds[self.rows, 0], scheduler, half

    def grid(self) -> Image.Image:
        """Side by side, with the audio layers as they are now."""
        p = self.parts
        p.adapter.detach(p.unet)  # a pipeline attaches them itself
        try:
            pipeline = p.pipeline(self.scheduler)
            with torch.autocast(p.unet.device.type, torch.bfloat16, enabled=self.half):
                made = [pipeline.generate(audio_embeds=row[None], num_inference_steps=self.config.sample_steps, seed=number,
                                          show_progress=False)[0] for number, row in enumerate(self.embeds)]  # fmt: skip
        finally:
            p.adapter.attach(p.unet)
        page = Image.new("RGB", (sum(image.width for image in made), made[0].height))
        for number, image in enumerate(made):
            page.paste(image, (number * image.width, 0))
        return page
