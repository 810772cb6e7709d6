"""The loop learns, logs, and continues exactly after being stopped or killed at any moment."""

# pyright: reportOperatorIssue=false, reportArgumentType=false
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from sonicdiff.training.config import ConfigError, LoopConfig, StageConfig, build
from sonicdiff.training.draw import Draw
from sonicdiff.training.loop import learning_rate, train
from sonicdiff.training.state import states


class Line:
    """Fits y = 3x by one weight; a frozen bias must stay out of what is saved."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.layer = nn.Linear(1, 1)
        self.layer.bias.requires_grad_(False)
        self.layer.register_buffer("steps", torch.zeros(()))

    def modules(self) -> dict[str, nn.Module]:
        return {"layer": self.layer}

    def rates(self) -> dict[str, float]:
        return {}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        x = draw.normal(1)
        self.layer.steps += torch.rand(())  # a running statistic, and the global generator as dropout uses it
        return {"loss": (x @ self.layer.weight.T - 3 * x).square().mean()}


CONFIG = LoopConfig(
    steps=40, batch_size=8, learning_rate=0.2, warmup_steps=2, save_every_s=0.0, log_every=5, ema_decay=0.9, weight_decay=0.0
)


def test_it_learns_and_logs(tmp_path: Path) -> None:
    task = Line()
    train(task, LoopConfig(**{**CONFIG.__dict__, "steps": 150}), tmp_path)
    assert task.layer.weight.item() == pytest.approx(3, abs=0.05)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == list(range(5, 151, 5))
    assert rows[-1]["loss"] < 0.05 * rows[0]["loss"]


@pytest.mark.parametrize("stop", [1, 7, 39])
def test_a_stopped_run_continues_bit_for_bit(tmp_path: Path, stop: int) -> None:
    straight, stopped, resumed = Line(), Line(), Line()
    train(straight, CONFIG, tmp_path / "straight")
    train(stopped, CONFIG, tmp_path / "stopped", stop_after=stop)
    train(resumed, CONFIG, tmp_path / "stopped")
    assert torch.equal(straight.layer.weight, resumed.layer.weight)
    assert torch.equal(straight.layer.steps, resumed.layer.steps)
    assert not torch.equal(straight.layer.weight, stopped.layer.weight)


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [{tests!r}, {root!r}]
import sonicdiff.training.state as state
from test_loop import CONFIG, Line
from sonicdiff.training.loop import train
real, count = os.replace, 0
def replace(a, b):
    global count
    count += 1
    if count == {at} and {before}:
        os.kill(os.getpid(), signal.SIGKILL)
    real(a, b)
    if count == {at}:
        os.kill(os.getpid(), signal.SIGKILL)
os.replace = replace
train(Line(), CONFIG, Path({run!r}))
"""


@pytest.mark.parametrize("before", [True, False])
def test_a_killed_run_continues_bit_for_bit(tmp_path: Path, before: bool) -> None:
    """SIGKILL in the middle of the ninth save: just before or just after the state gets its name."""
    here = Path(__file__).resolve()
    code = KILLED.format(tests=str(here.parent), root=str(here.parents[2]), at=9, before=before, run=str(tmp_path / "killed"))
    died = subprocess.run([sys.executable, "-c", code], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert states(tmp_path / "killed")[-1].name == ("state-00000008" if before else "state-00000009")
    straight, resumed = Line(), Line()
    train(straight, CONFIG, tmp_path / "straight")
    train(resumed, CONFIG, tmp_path / "killed")
    assert torch.equal(straight.layer.weight, resumed.layer.weight)


def test_only_whole_states_count_and_old_ones_go(tmp_path: Path) -> None:
    train(Line(), CONFIG, tmp_path, stop_after=5)
    assert [folder.name for folder in states(tmp_path)] == ["state-00000004", "state-00000005"]
    (tmp_path / "state-00000005" / "state.json").unlink()
    assert [folder.name for folder in states(tmp_path)] == ["state-00000004"]


def test_frozen_parameters_are_not_saved(tmp_path: Path) -> None:
    train(Line(), CONFIG, tmp_path, stop_after=1)
    meta = json.loads((states(tmp_path)[-1] / "state.json").read_text())
    assert meta["names"] == ["layer.weight"]


def test_a_run_directory_of_other_parameters_is_refused(tmp_path: Path) -> None:
    train(Line(), CONFIG, tmp_path, stop_after=1)
    other = Line()
    other.layer.bias.requires_grad_(True)
    with pytest.raises(ConfigError, match="other parameters"):
        train(other, CONFIG, tmp_path)


def test_a_gradient_that_is_not_finite_stops_the_run(tmp_path: Path) -> None:
    task = Line()
    task.layer.weight.data.fill_(torch.nan)
    with pytest.raises(FloatingPointError, match="step 0"):
        train(task, CONFIG, tmp_path)


def test_the_rate_warms_up_and_falls_to_zero() -> None:
    config = LoopConfig(steps=100, batch_size=1, learning_rate=1.0, warmup_steps=10, decay_fraction=0.5)
    assert [learning_rate(config, step) for step in (0, 9, 50, 75, 100)] == pytest.approx([0.1, 1.0, 1.0, 0.5, 0.0])


def test_unknown_keys_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="stepz"):
        build(LoopConfig, {"stepz": 3})
    file = tmp_path / "x.toml"
    file.write_text('stage = "x"\n[lop]\nsteps = 1\n')
    with pytest.raises(ConfigError, match="lop"):
        StageConfig.read(file)
