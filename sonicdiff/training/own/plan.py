"""What a training would do, told before it is done: counts, disk, and memory and time measured on a few pairs and steps."""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import nn

from sonicdiff.data.captions import of_class
from sonicdiff.data.sample import Sample
from sonicdiff.hub.download.fetch import free_bytes
from sonicdiff.training.loop import Run
from sonicdiff.training.own.config import OwnConfig
from sonicdiff.training.own.examples import Examples, prepare
from sonicdiff.training.own.features import Encoders
from sonicdiff.training.own.parts import Parts
from sonicdiff.training.own.stages import Prepared, stages_of

TRIED = 8  # pairs


@dataclass(frozen=True)
class Tried:
    """One stage, measured: seconds a step, bytes at most in use, parameters that learn."""

    name: str
    steps: int
    seconds: float
    memory: int
    parameters: int


def plan(config: OwnConfig, parts: Parts, samples: Sequence[Sample], valid: Sequence[Sample], device: torch.device) -> list[str]:
    """The lines to print. Nothing that stays is written; the first pairs are read, and two steps of each stage are computed."""
    labels, captions = {sample.label for sample in samples} - {None}, {of_class(sample) for sample in samples} - {None}
    data = replace(config.data, max_skipped=0.99)
    with tempfile.TemporaryDirectory(prefix="sonicdiff-") as room:
        encoders, began = Encoders(parts, data, Path(room)), time.monotonic()
        examples = prepare(samples[:TRIED], encoders)
        each = (time.monotonic() - began) / min(TRIED, len(samples))
        disk = sum(file.stat().st_size for file in Path(room).rglob("*.safetensors")) / len(examples) * (len(samples) + len(valid))
        size = encoders.size
        tried = [measured(stage, examples, device) for stage in stages_of(config, parts)]
    lines = [
        f"{len(samples)} pairs to train on, {len(valid)} to validate with, {len(labels)} classes, {len(captions)} different captions",
        f"base {config.base}, pictures of {size} x {size}; the first {len(examples)} of {min(TRIED, len(samples))} pairs tried can be read",
        f"features: about {disk / 1e6:.0f} MB in {config.features}, {duration(each * (len(samples) + len(valid)))} if none are there",
    ]
    lines += [f"{one.name}: {one.parameters / 1e6:.2f} M parameters learn, {one.steps} steps of {one.seconds:.2f} s: "
              f"{duration(one.steps * one.seconds)}; {one.memory / 1e9:.1f} GB of memory at most" for one in tried]  # fmt: skip
    states = 2 * 16 * max(one.parameters for one in tried)
    lines.append(disk_room({config.features: disk, config.folder: states}))
    return [*lines, f"run in {config.folder} (states of {states / 1e6:.0f} MB), model to {config.output}; nothing was written"]


def disk_room(needed: Mapping[str, float]) -> str:
    """The bytes that folders will take beside what is free for them. OSError where a disk has not so many."""
    disks: dict[int, list[str]] = {}
    for folder in needed:
        here = next(each for each in (Path(folder).absolute(), *Path(folder).absolute().parents) if each.exists())
        disks.setdefault(here.stat().st_dev, []).append(folder)
    told = []
    for folders in disks.values():
        wanted, free, where = sum(needed[folder] for folder in folders), free_bytes(Path(folders[0]).absolute()), " and ".join(folders)
        if wanted > free:
            raise OSError(f"{where} will take {wanted / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free; make room, or choose another folder")
        told.append(f"{wanted / 1e6:.0f} MB in {where}, {free / 1e6:.0f} MB are free")
    return f"disk: {'; '.join(told)}"


def measured(stage: Prepared, examples: Examples, device: torch.device) -> Tried:
    """The second of two steps."""
    stage.ready()
    task = stage.task(examples)
    run = Run(task, stage.loop, Path())
    run.advance()
    began = time.monotonic()
    run.advance()
    seconds = time.monotonic() - began
    stage.done()
    used = torch.cuda.max_memory_allocated() if device.type == "cuda" else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Tried(stage.name, stage.loop.steps, seconds, used, count(*task.modules().values()))


def count(*modules: nn.Module) -> int:
    return sum(p.numel() for module in modules for p in module.parameters() if p.requires_grad)


def duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
