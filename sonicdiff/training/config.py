"""The configuration of a training stage: one TOML file, read into frozen dataclasses; an unknown key is an error."""

from __future__ import annotations

import tomllib
from dataclasses import MISSING, asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar, get_type_hints

T = TypeVar("T")
PLAIN: dict[Any, Any] = {bool: bool, int: int, float: (int, float), str: str}  # what TOML may give for a field of each type


class ConfigError(ValueError):
    """A training configuration that cannot be used; the message says what to change."""


@dataclass(frozen=True)
class LoopConfig:
    """How long and how fast to learn; shared by all stages."""

    steps: int
    batch_size: int
    learning_rate: float
    warmup_steps: int = 100
    decay_fraction: float = 0.3  # the last part of the run, in which the rate falls linearly to zero
    weight_decay: float = 0.01
    max_grad_norm: float = 1.0
    ema_decay: float = 0.999
    seed: int = 0
    save_every_s: float = 180.0  # seconds between checkpoints
    log_every: int = 50  # steps between log lines
    mixed_precision: str = "no"  # "bf16": autocast where the processor is faster in it
    accumulate: int = 1  # parts that a process works its rows through in, for want of memory; the gradient is that of all


@dataclass(frozen=True)
class ProjectorConfig:
    """A new projector's shape, or the base's own."""

    from_base: bool = False
    tokens: int = 77
    width: int = 256
    heads: int = 8
    blocks: int = 4


@dataclass(frozen=True)
class AdapterConfig:
    """Where new audio layers stand and how they begin, or the base's own layers. The paper's begin at random, with a gate of 0.1."""

    from_base: bool = False
    where: tuple[str, ...] = ("mid_block", "up_blocks")
    copy_text: bool = True  # as copies of the text's cross-attention, at equal steps of mini, AIC 0.89 against 0.48
    gate: float = 0.55  # tanh of it is how loud they are


@dataclass(frozen=True)
class StageConfig:
    """One stage of a recipe: which task, with which options, learning how."""

    stage: str
    loop: LoopConfig
    options: dict[str, Any]  # the task's own dataclass reads and checks these

    @classmethod
    def read(cls, path: Path) -> StageConfig:
        """Read a stage from a TOML file with the keys `stage`, `[loop]` and `[options]`."""
        try:
            table = tomllib.loads(path.read_text())
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path} is not a readable TOML file: {error}") from None
        if unknown := set(table) - {"stage", "loop", "options"}:
            raise ConfigError(f"{path} has unknown keys {sorted(unknown)}; known are stage, [loop] and [options]")
        return cls(table["stage"], build(LoopConfig, table.get("loop", {}), path), table.get("options", {}))

    def asdict(self) -> dict[str, Any]:
        return asdict(self)


def build(kind: type[T], table: dict[str, Any], where: object = "configuration") -> T:
    """Build the dataclass `kind` from `table`, refusing keys that it does not have and values of another type."""
    known = [field.name for field in fields(kind)]  # pyright: ignore[reportArgumentType]
    if unknown := sorted(set(table) - set(known)):
        raise ConfigError(f"{where}: unknown keys {unknown}; {kind.__name__} knows {known}")
    needed = [field.name for field in fields(kind) if field.default is MISSING and field.default_factory is MISSING]  # pyright: ignore
    if missing := [name for name in needed if name not in table]:
        raise ConfigError(f"{where}: {', '.join(missing)} must be said")
    hints = get_type_hints(kind)
    for name, value in table.items():
        if (wanted := PLAIN.get(hints[name])) and (not isinstance(value, wanted) or (isinstance(value, bool) and hints[name] is not bool)):
            raise ConfigError(f"{where}: {name} is {value!r}; expected a value of type {hints[name].__name__}")
    return kind(**{name: tuple(value) if isinstance(value, list) else value for name, value in table.items()})
