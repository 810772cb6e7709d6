"""The log of a run: one line of JSON every few steps, and the same for whoever looks on."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np

from sonicdiff.training.config import LoopConfig


class Journal:
    """`run_dir/log.jsonl` of a run that goes on at `step`."""

    def __init__(self, run_dir: Path, config: LoopConfig, step: int) -> None:
        self.file, self.config, self.first, self.began = run_dir / "log.jsonl", config, step, time.monotonic()
        self.history: list[dict[str, float]] = []

    def add(self, losses: dict[str, float]) -> None:
        self.history.append(losses)

    def write(self, step: int) -> dict[str, float]:
        """Appends the means since the last line, prints and returns them, with the samples a second of all processes."""
        means = {name: float(np.mean([row[name] for row in self.history])) for name in self.history[0]}
        rate = (step - self.first) * self.config.batch_size / (time.monotonic() - self.began)
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a") as file:
            file.write(json.dumps({"step": step, "samples_per_second": round(rate, 2), **means}) + "\n")
        shown = "  ".join(f"{name} {value:.4g}" for name, value in means.items())
        minutes = (self.config.steps - step) * self.config.batch_size / rate / 60
        print(f"step {step}  {shown}  {rate:.1f} samples/s  {minutes:.0f} min left", flush=True)
        self.history.clear()
        return {"samples_per_second": rate, **means}


def take_back(file: Path, step: int) -> None:
    """Drops the lines of a log that come after the step that its run goes on from, and one that was not written to its end."""
    lines = file.read_text().splitlines(keepends=True) if file.exists() else []
    kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= step]
    if kept != lines:
        partial = file.with_suffix(".partial")
        partial.write_text("".join(kept))
        partial.replace(file)
