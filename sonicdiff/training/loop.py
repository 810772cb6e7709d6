"""The training loop that every stage shares: AdamW, warm-up and linear decay, EMA, logs, checkpoints that resume exactly.

All randomness of step n comes from (seed, n, process) alone, so a resumed run needs no generator state and sees the same data.
Under torchrun (or `accelerate launch`) the batch is divided among the processes and their gradients are averaged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor, nn

from sonicdiff.training.config import ConfigError, LoopConfig
from sonicdiff.training.state import load_state, save_state, states


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step."""

    step: int
    numpy: np.random.Generator
    torch: torch.Generator  # on the CPU, so that a seed means the same on every device

    @classmethod
    def of(cls, seed: int, step: int, process: int = 0) -> Draw:
        numpy_seed, torch_seed = np.random.SeedSequence([seed, step, process]).spawn(2)
        generator = torch.Generator().manual_seed(int(torch_seed.generate_state(1, np.uint64)[0] >> 1))
        return cls(step, np.random.default_rng(numpy_seed), generator)


class Task(Protocol):
    """What a stage must say: which parameters learn, and the loss of one step."""

    def modules(self) -> dict[str, nn.Module]:
        """The trainable modules by name; frozen ones stay out."""
        ...

    def losses(self, draw: Draw, batch_size: int) -> dict[str, Tensor]:
        """Scalars by name; `loss` is minimised, the others are logged."""
        ...

    def rates(self) -> dict[str, float]:
        """Learning-rate factors by module name, 1 where absent."""
        ...


def learning_rate(config: LoopConfig, step: int) -> float:
    """Linear warm-up, constant, linear decay to zero."""
    decay_from = config.steps * (1 - config.decay_fraction)
    decay = (config.steps - step) / max(config.steps - decay_from, 1) if step > decay_from else 1.0
    return config.learning_rate * min(1.0, (step + 1) / max(config.warmup_steps, 1)) * decay


def train(task: Task, config: LoopConfig, run_dir: Path, stop_after: int | None = None) -> None:
    """Train to `config.steps` (or for `stop_after` more steps), then load the EMA weights into the task's modules.

    A run directory that holds a state is continued; its loss curve is the same as if it had never stopped.
    """
    run = Run.start(task, config, run_dir)
    last = config.steps if stop_after is None else min(config.steps, run.step + stop_after)
    clock, history = time.monotonic(), []
    began, first = clock, run.step
    while run.step < last:
        history.append(run.advance())
        if run.is_main and (run.step % config.log_every == 0 or run.step == last):
            rate = (run.step - first) * config.batch_size / (time.monotonic() - began)
            log(run_dir, run.step, history, rate, (config.steps - run.step) * config.batch_size / rate)
            history.clear()
        if run.is_main and time.monotonic() - clock > config.save_every_s:
            run.save()
            clock = time.monotonic()
    if run.is_main:
        run.save()
    run.processes.wait_for_everyone()
    run.load_ema()


class Run:
    """A training in progress: modules, optimiser, EMA and the step they have reached."""

    def __init__(self, task: Task, config: LoopConfig, run_dir: Path):
        self.task, self.config, self.run_dir, self.step = task, config, run_dir, 0
        self.processes = PartialState()
        if config.batch_size % self.processes.num_processes:
            raise ConfigError(f"a batch of {config.batch_size} cannot be divided among {self.processes.num_processes} processes")
        self.parameters = dict(named_parameters(task))
        self.buffers = {f"{name}.{key}": b for name, module in task.modules().items() for key, b in module.named_buffers()}
        self.ema = {name: parameter.detach().clone() for name, parameter in self.parameters.items()}
        self.factors = [task.rates().get(module, 1.0) for module in task.modules()]
        groups = [{"params": [p for p in module.parameters() if p.requires_grad]} for module in task.modules().values()]
        decay = config.weight_decay
        self.optimizer = torch.optim.AdamW(groups, config.learning_rate, betas=(0.9, 0.99), weight_decay=decay, foreach=True)

    @classmethod
    def start(cls, task: Task, config: LoopConfig, run_dir: Path) -> Run:
        run = cls(task, config, run_dir)
        if found := states(run_dir):
            run.restore(*load_state(found[-1]))
        return run

    @property
    def is_main(self) -> bool:
        return self.processes.is_main_process

    def advance(self) -> dict[str, float]:
        draw = Draw.of(self.config.seed, self.step, self.processes.process_index)
        torch.manual_seed(draw.torch.initial_seed())  # what draws from the global generator: dropout
        device = next(iter(self.parameters.values())).device.type
        with torch.autocast(device, torch.bfloat16, enabled=self.config.mixed_precision == "bf16"):
            losses = self.task.losses(draw, self.config.batch_size // self.processes.num_processes)
        self.optimizer.zero_grad(set_to_none=True)
        losses["loss"].backward()
        self.average_gradients()
        norm = nn.utils.clip_grad_norm_(self.parameters.values(), self.config.max_grad_norm)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient of step {self.step} is not finite; lower the learning rate in the stage's TOML file")
        rate = learning_rate(self.config, self.step)
        for group, factor in zip(self.optimizer.param_groups, self.factors, strict=True):
            group["lr"] = rate * factor
        self.optimizer.step()
        self.step += 1
        decay = min(self.config.ema_decay, (1 + self.step) / (10 + self.step))
        torch._foreach_lerp_(list(self.ema.values()), [p.detach() for p in self.parameters.values()], 1 - decay)
        return {name: float(value.detach()) for name, value in losses.items()} | {"grad_norm": float(norm), "learning_rate": rate}

    def average_gradients(self) -> None:
        if self.processes.num_processes > 1:
            gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
            mean = reduce(torch.cat([g.flatten() for g in gradients]), "mean")
            for gradient, part in zip(gradients, mean.split([g.numel() for g in gradients]), strict=True):  # pyright: ignore
                gradient.copy_(part.view_as(gradient))

    def save(self) -> None:
        tensors = {f"model/{name}": p.detach() for name, p in self.parameters.items()}
        tensors |= {f"ema/{name}": tensor for name, tensor in self.ema.items()}
        tensors |= {f"buffer/{name}": tensor for name, tensor in self.buffers.items()}
        for name, p in self.parameters.items():
            for key, value in self.optimizer.state[p].items():
                tensors[f"optimizer/{key}/{name}"] = value
        save_state(self.run_dir, self.step, tensors, {"names": sorted(self.parameters)})

    def restore(self, tensors: dict[str, Tensor], meta: dict[str, Any]) -> None:
        if meta["names"] != sorted(self.parameters):
            raise ConfigError(f"{self.run_dir} holds the training of other parameters; give this stage another run directory")
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(tensors[f"model/{name}"])
                self.ema[name].copy_(tensors[f"ema/{name}"])
                state = {key: tensors[f"optimizer/{key}/{name}"] for key in ("step", "exp_avg", "exp_avg_sq")}
                self.optimizer.state[p] = {key: value if key == "step" else value.to(p.device) for key, value in state.items()}
            for name, buffer in self.buffers.items():
                buffer.copy_(tensors[f"buffer/{name}"])
        self.step = meta["step"]

    def load_ema(self) -> None:
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(self.ema[name])


def named_parameters(task: Task) -> Iterator[tuple[str, nn.Parameter]]:
    for module_name, module in task.modules().items():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                yield f"{module_name}.{name}", parameter


def log(run_dir: Path, step: int, history: list[dict[str, float]], per_second: float, seconds_left: float) -> None:
    """Append the mean of `history` to `run_dir/log.jsonl` and print it."""
    means = {name: float(np.mean([row[name] for row in history])) for name in history[0]}
    with (run_dir / "log.jsonl").open("a") if run_dir.exists() else _create(run_dir) as file:
        file.write(json.dumps({"step": step, "samples_per_second": round(per_second, 2), **means}) + "\n")
    shown = "  ".join(f"{name} {value:.4g}" for name, value in means.items())
    print(f"step {step}  {shown}  {per_second:.1f} samples/s  {seconds_left / 60:.0f} min left", flush=True)


def _create(run_dir: Path) -> Any:
    run_dir.mkdir(parents=True)
    return (run_dir / "log.jsonl").open("a")
