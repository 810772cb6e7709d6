"""What one's own training is told: one TOML file, of which `examples/training.toml` explains every key."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from sonicdiff.training.adapt import AdaptOptions
from sonicdiff.training.align import AlignOptions
from sonicdiff.training.config import AdapterConfig, ConfigError, LoopConfig, ProjectorConfig, build

Options = TypeVar("Options")


@dataclass(frozen=True)
class DataConfig:
    """Which pairs, and what is heard and seen of each."""

    where: str
    layout: str = "auto"
    validation: bool = True  # score on the data set's split of that name
    limit: int = 0  # at most so many pairs of each split, 0: all
    size: int = 0  # pixels of a side, 0: what the base was trained at; pictures are cut square around the middle
    flip: bool = True  # show each picture mirrored as well
    seconds: float = 0.0  # heard of each sound, from its beginning, 0: all
    window: float = 10.0  # seconds that videos are cut into
    frame_at: float = 0.5  # where in its window a video's frame is taken, 0 its beginning, 1 its end
    max_skipped: float = 0.01  # share of pairs that may be unreadable before the training is refused


@dataclass(frozen=True)
class OwnAdaptOptions(AdaptOptions):
    """Of stage 2, besides what the loss is."""

    checkpointing: bool = False  # compute the UNet's activations again for the gradient: less memory, a third more time
    zero_terminal_snr: bool = False  # rescale the noise schedule to end in pure noise (Lin et al. 2024); the model is then sampled so too


@dataclass(frozen=True)
class WatchConfig:
    """How often it is looked at, in steps; 0: never."""

    validate_every: int = 200
    validation_batches: int = 4
    sample_every: int = 0
    samples: int = 4  # sounds of the validation split, of as many classes as there are
    sample_steps: int = 20


@dataclass(frozen=True)
class Stage(Generic[Options]):
    """How one stage learns, and its task's options."""

    loop: LoopConfig
    options: Options

    @classmethod
    def read(cls, options: type[Options], table: dict[str, Any], where: str) -> Stage[Options]:
        """Of one table, the keys of both in it."""
        own = {entry.name for entry in fields(options)}  # pyright: ignore[reportArgumentType]
        unknown = set(table) - own - {entry.name for entry in fields(LoopConfig)}
        if unknown:
            known = sorted(own | {entry.name for entry in fields(LoopConfig)})
            raise ConfigError(f"{where} has unknown keys {sorted(unknown)}; known are {', '.join(known)}")
        loop = build(LoopConfig, {name: value for name, value in table.items() if name not in own}, where)
        if loop.steps < 1 or loop.batch_size < 1 or loop.accumulate < 1 or loop.mixed_precision not in ("no", "bf16"):
            raise ConfigError(f"{where}: steps, batch_size and accumulate are whole numbers from 1, mixed_precision is 'no' or 'bf16'")
        return cls(loop, build(options, {name: value for name, value in table.items() if name in own}, where))


@dataclass(frozen=True)
class OwnConfig:
    """One's own training. A stage without a table is left out."""

    base: str
    output: str
    data: DataConfig
    audio_encoder: str = ""  # a model, a directory or a repository of transformers' CLAP; "": the base's own
    folder: str = ""  # for the run; "": runs/ and the name of the file
    features: str = "runs/features"  # for what is computed once; several runs may share it
    licence: str = ""  # of the finished model, for its card
    share: bool = False  # write only what is new: the base, a directory beside the output, lends the rest
    projector: ProjectorConfig = field(default_factory=ProjectorConfig)
    adapter: AdapterConfig = field(default_factory=AdapterConfig)
    watch: WatchConfig = field(default_factory=WatchConfig)
    align: Stage[AlignOptions] | None = None
    adapt: Stage[OwnAdaptOptions] | None = None

    @classmethod
    def read(cls, path: Path) -> OwnConfig:
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ConfigError(f"{path} is not a readable TOML file: {error}") from None
        if missing := [name for name in ("base", "output", "data") if name not in table]:
            raise ConfigError(f"{path} says nothing of {', '.join(missing)}; examples/training.toml shows what goes there")
        for name in [name for name in (*TABLES, *STAGES) if name in table]:
            if not isinstance(table[name], dict):
                raise ConfigError(f"{path}: {name} is one value; expected a table, [{name}]")
            where = f"{path}, [{name}]"
            table[name] = build(TABLES[name], table[name], where) if name in TABLES else Stage.read(STAGES[name], table[name], where)
        if not table.keys() & STAGES.keys():
            raise ConfigError(f"{path} has neither [align] nor [adapt]; expected one of these stages, or both")
        config = build(cls, {"folder": f"runs/{path.stem}", **table}, path)
        if config.adapt is None and not config.adapter.from_base:
            raise ConfigError(f"{path}: new audio layers learn in [adapt], which is missing; add it, or set from_base in [adapter]")
        return config

    def made_of(self) -> dict[str, Any]:
        """What may not change while a run goes on; how long and how fast it learns may."""
        data = {name: value for name, value in asdict(self.data).items() if name not in ("validation", "max_skipped")}
        learning = {"projector": asdict(self.projector), "adapter": asdict(self.adapter)}
        return {"base": self.base, "audio_encoder": self.audio_encoder, **learning, "data": data}


TABLES: dict[str, Any] = {"data": DataConfig, "projector": ProjectorConfig, "adapter": AdapterConfig, "watch": WatchConfig}
STAGES: dict[str, Any] = {"align": AlignOptions, "adapt": OwnAdaptOptions}
