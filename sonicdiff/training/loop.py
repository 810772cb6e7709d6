"""The training loop that every stage shares: AdamW, warm-up and linear decay, EMA, logs, checkpoints that resume exactly.

All randomness of step n comes from (seed, n) alone, so a resumed run needs no generator state and sees the same data. Under torchrun
(or `accelerate launch`) the batch is divided among the processes and their gradients are averaged: one process has the same curve.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Protocol

import torch
from accelerate import PartialState
from accelerate.utils import reduce
from torch import Tensor, nn

from sonicdiff.training.config import ConfigError, LoopConfig
from sonicdiff.training.draw import Draw
from sonicdiff.training.journal import Journal, take_back
from sonicdiff.training.kernels import PlainKernels
from sonicdiff.training.state import newest, save_state


class Task(Protocol):
    """What a stage must say: which parameters learn, and the loss of one step."""

    def modules(self) -> dict[str, nn.Module]:
        """The trainable modules by name; frozen ones stay out."""
        ...

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        """Scalars by name, means over `draw.rows`; `loss` is minimised, the others are logged."""
        ...

    def rates(self) -> dict[str, float]:
        """Learning-rate factors by module name, 1 where absent."""
        ...


def learning_rate(config: LoopConfig, step: int) -> float:
    """Linear warm-up, constant, linear decay to zero."""
    decay_from = config.steps * (1 - config.decay_fraction)
    decay = (config.steps - step) / max(config.steps - decay_from, 1) if step > decay_from else 1.0
    return config.learning_rate * min(1.0, (step + 1) / max(config.warmup_steps, 1)) * decay


class Watcher(Protocol):
    """What looks on: at every line of the log, and, in all processes, after every step."""

    def logged(self, step: int, means: dict[str, float]) -> None: ...

    def passed(self, run: Run) -> None: ...


def train(task: Task, config: LoopConfig, run_dir: Path, stop_after: int | None = None, watcher: Watcher | None = None) -> None:
    """Train to `config.steps` (or for `stop_after` more steps), then load the EMA weights into the task's modules.

    A run directory that holds a state is continued; its loss curve is the same as if it had never stopped.
    """
    run = Run.start(task, config, run_dir)
    last = config.steps if stop_after is None else min(config.steps, run.step + stop_after)
    journal, clock = Journal(run_dir, config, run.step), time.monotonic()
    if run.is_main:
        take_back(journal.file, run.step)
    while run.step < last:
        journal.add(run.advance())
        if run.is_main and (run.step % config.log_every == 0 or run.step == last):
            means = journal.write(run.step)
            if watcher is not None:
                watcher.logged(run.step, means)
        if watcher is not None:
            watcher.passed(run)
        if run.is_main and (run.step == last or time.monotonic() - clock > config.save_every_s):
            run.save()
            clock = time.monotonic()
    run.processes.wait_for_everyone()
    run.load_ema()


class Run:
    """A training in progress: modules, optimiser, EMA and the step they have reached."""

    def __init__(self, task: Task, config: LoopConfig, run_dir: Path):
        self.task, self.config, self.run_dir, self.step = task, config, run_dir, 0
        self.processes = PartialState()
        if config.batch_size % (self.processes.num_processes * config.accumulate):
            shares = f"{self.processes.num_processes} processes of {config.accumulate} parts each"
            raise ConfigError(f"a batch of {config.batch_size} cannot be divided among {shares}; change batch_size or accumulate")
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
        if found := newest(run_dir):
            run.restore(*found)
        return run

    @property
    def is_main(self) -> bool:
        return self.processes.is_main_process

    def advance(self) -> dict[str, float]:
        """One step; the means of the losses over the batch."""
        self.optimizer.zero_grad(set_to_none=True)
        losses = [self.backward(rows) for rows in self.parts]
        means = {name: torch.stack([part[name] for part in losses]).mean() for name in losses[0]}
        means = self.average(means)
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
        return {name: float(value) for name, value in means.items()} | {"grad_norm": float(norm), "learning_rate": rate}

    @property
    def parts(self) -> list[slice]:
        """The rows of the batch that this process has, in as many parts as are worked through one after another."""
        count = self.processes.num_processes * self.config.accumulate
        size, first = self.config.batch_size // count, self.processes.process_index * self.config.accumulate
        return [slice(number * size, (number + 1) * size) for number in range(first, first + self.config.accumulate)]

    def backward(self, rows: slice) -> dict[str, Tensor]:
        """Adds the gradient of these rows to the parameters'."""
        draw = Draw.of(self.config.seed, self.step, self.config.batch_size, rows)
        torch.manual_seed(draw.torch.initial_seed() + rows.start)  # what draws from the global generator: dropout
        device, half = next(iter(self.parameters.values())).device.type, self.config.mixed_precision == "bf16"
        with PlainKernels() if half else nullcontext():
            with torch.autocast(device, torch.bfloat16, enabled=half):
                losses = self.task.losses(draw)
            (losses["loss"] / self.config.accumulate).backward()
        return {name: value.detach().float() for name, value in losses.items()}

    def average(self, means: dict[str, Tensor]) -> dict[str, Tensor]:
        """Over the processes: the gradients in place, and the losses."""
        if self.processes.num_processes == 1:
            return means
        gradients = [p.grad for p in self.parameters.values() if p.grad is not None]
        logged = torch.stack([value.to(gradients[0].device) for value in means.values()])
        mean = reduce(torch.cat([*(g.flatten() for g in gradients), logged]), "mean")
        *parts, logged = mean.split([*(g.numel() for g in gradients), len(logged)])  # pyright: ignore
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view_as(gradient))
        return dict(zip(means, logged, strict=True))

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

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """The EMA weights inside the `with`, those that learn after it."""
        learning = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.load_ema()
        try:
            yield
        finally:
            with torch.no_grad():
                for name, p in self.parameters.items():
                    p.copy_(learning[name])


def named_parameters(task: Task) -> Iterator[tuple[str, nn.Parameter]]:
    for module_name, module in task.modules().items():
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                yield f"{module_name}.{name}", parameter
