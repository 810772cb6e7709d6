"""One's own training from its TOML file to the finished model; a run that was stopped, or killed, goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from accelerate import PartialState

from sonicdiff.data.sample import Sample
from sonicdiff.pipelines.common.device import usable_device
from sonicdiff.training.config import ConfigError
from sonicdiff.training.loop import train
from sonicdiff.training.own.card import card
from sonicdiff.training.own.config import OwnConfig
from sonicdiff.training.own.examples import Examples, open_split, prepare
from sonicdiff.training.own.export import check_output, check_sharing, export
from sonicdiff.training.own.features import Encoders
from sonicdiff.training.own.parts import Parts
from sonicdiff.training.own.plan import plan
from sonicdiff.training.own.stages import Prepared, scheduler_of, stages_of
from sonicdiff.training.own.watch import Samples, Watch

MADE_OF = "made-of.json"  # in a run's folder: what it may not go on with anything else than


def train_own(
    file: Path, device: str | None = None, folder: Path | None = None, output: Path | None = None, dry_run: bool = False
) -> Path | None:
    """Trains as `file` says and returns the model's directory; with `dry_run` says what that would take, and writes nothing.

    Under `accelerate launch` every process calls this. Raises ValueError or OSError, one sentence, for what cannot be used or read.
    """
    config = OwnConfig.read(file)
    config = replace(config, folder=str(folder or config.folder), output=str(output or config.output))
    check_output(Path(config.output))
    processes, place = processes_on(device)
    samples, licence = open_split(config.data, "train")
    held: Sequence[Sample] = open_split(config.data, "validation")[0] if config.data.validation else []
    with processes.main_process_first():  # one fetches what is not here, the others find it
        parts = Parts.load(config, place)
    check_sharing(config, parts.place)
    if dry_run:
        processes.print("\n".join(plan(config, parts, samples, held, place)))
        return None
    encoders = Encoders(parts, config.data, Path(config.features))
    examples, valid = prepare(samples, encoders), prepare(held, encoders) if held else None
    if processes.is_main_process:
        hold(config, examples, valid)
    processes.wait_for_everyone()
    for stage in stages_of(config, parts):
        processes.print(f"== {stage.name}: {len(examples)} pairs", flush=True)
        run_stage(stage, config, parts, examples, valid, processes.is_main_process)
    if processes.is_main_process:
        export(parts, config, examples, file.read_text(encoding="utf-8"), card(config, file, examples, valid, licence))
        print(f"wrote {config.output}", flush=True)
    processes.wait_for_everyone()
    return Path(config.output)


def processes_on(device: str | None) -> tuple[PartialState, torch.device]:
    """This process among the others, and where it computes."""
    kind = usable_device(device)
    processes = PartialState(cpu=kind.type == "cpu")
    return processes, torch.device(processes.device or kind) if processes.num_processes > 1 else kind


def hold(config: OwnConfig, examples: Examples, valid: Examples | None) -> None:
    """Notes what the run is made of and what was left out. ConfigError if the folder's run is made of something else."""
    folder, made_of = Path(config.folder), {**config.made_of(), "pairs": len(examples), "digest": examples.digest}
    made_of = json.loads(json.dumps(made_of))
    file = folder / MADE_OF
    if file.exists() and (before := json.loads(file.read_text())) != made_of:
        other = sorted(name for name in made_of if before.get(name) != made_of[name])
        raise ConfigError(f"the run in {folder} was begun with another {', '.join(other)}; choose another folder, or remove that one")
    folder.mkdir(parents=True, exist_ok=True)
    write(file, json.dumps(made_of, indent=1))
    skipped = {**examples.skipped, **(valid.skipped if valid is not None else {})}
    write(folder / "skipped.txt", "".join(f"{why}\n" for why in skipped.values()))
    if skipped:
        print(f"{len(skipped)} pairs cannot be read and are left out: {folder / 'skipped.txt'} lists them", flush=True)


def write(file: Path, text: str) -> None:
    partial = file.with_name(f"{file.name}.partial-{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    partial.replace(file)


def run_stage(stage: Prepared, config: OwnConfig, parts: Parts, examples: Examples, valid: Examples | None, is_main: bool) -> None:
    stage.ready()
    run_dir, watch = Path(config.folder) / stage.name, None
    task = stage.task(examples)
    if is_main:
        half, scored = stage.loop.mixed_precision == "bf16", valid if valid is not None else examples
        samples = Samples(parts, scored, config.watch, scheduler_of(config, parts), half) if stage.name == "adapt" else None
        watch = Watch(run_dir, config.watch, stage.task(valid) if valid is not None else None, samples)
    train(task, stage.loop, run_dir, watcher=watch)
    if watch is not None:
        watch.close()
    stage.done()
