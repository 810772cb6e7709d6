"""The folder in which a recipe keeps its intermediate results, and what the stages read from it."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false
from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from accelerate import PartialState
from diffusers import ModelMixin
from torch import Tensor
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer, PreTrainedModel

from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.training.cache import Chunks
from sonicdiff.training.config import AdapterConfig, ConfigError, ProjectorConfig, StageConfig, build
from sonicdiff.training.text import Labels

CAUSES = (CALM, *CLASSES)
PAPERS = {"projector": {"width": 192, "heads": 6}, "adapter": {"copy_text": False, "gate": 0.1}}
"""What is learnt on a small base where a recipe has no `layers.toml`: the paper's form."""


@dataclass(frozen=True)
class DataOptions:
    """How much is rendered."""

    family: str = "pictures"
    pictures: int = 5120
    textures: int = 2048
    sounds: int = 2048
    seconds: float = 6.0  # of each sound
    captions: int = 20_000  # for the tokenizer and the text encoder
    beside: tuple[str, ...] = ()  # sets of `synthetic.pairs` whose pictures the base learns as well
    pairs: int = 3072  # of each of those
    photographs: int = 0  # random crops of the photographs that `sonicdiff data photographs` lists
    recordings: str = ""  # the folder that `sonicdiff data recordings` gathered, for the stage of that name


@dataclass(frozen=True)
class Workspace:
    """The folder of a recipe's intermediate results, and this process's share of work that several may do at once."""

    folder: Path
    recipe: Path
    device: str = "cpu"
    worker: int = 0
    workers: int = 1

    def config(self, stage: str) -> StageConfig:
        config = StageConfig.read(self.recipe / f"{stage}.toml")
        if config.stage != stage:
            raise ConfigError(f"{self.recipe / stage}.toml says stage = {config.stage!r}; expected {stage!r}")
        return config

    @cached_property
    def data(self) -> DataOptions:
        return build(DataOptions, tomllib.loads((self.recipe / "data.toml").read_text()), "data.toml")

    @cached_property
    def layers(self) -> tuple[ProjectorConfig, AdapterConfig]:
        """The shape of a new projector, and how new audio layers begin: `layers.toml`, or the paper's."""
        file = self.recipe / "layers.toml"
        table = tomllib.loads(file.read_text()) if file.exists() else PAPERS
        if unknown := sorted(table.keys() - PAPERS.keys()):
            raise ConfigError(f"{file} has unknown tables {unknown}; known are {', '.join(PAPERS)}")
        projector, adapter = (table.get(name, {}) for name in PAPERS)
        return build(ProjectorConfig, projector, "layers.toml, [projector]"), build(AdapterConfig, adapter, "layers.toml, [adapter]")

    @property
    def language(self) -> Path:
        """Where the tokenizer and the text encoder are: with the words of the sets beside, once those are learnt."""
        return self.path("words") if self.path("words", "text_encoder").exists() else self.path("clap")

    @property
    def hearing(self) -> Path:
        """Where the audio encoder is: as the stage `recordings` or `clap` left it, or as it came with the model that is gone on from."""
        learnt = [self.path(stage, "audio_encoder") for stage in ("recordings", "clap")]
        return next((path for path in learnt if path.exists()), self.path("start", "audio_encoder"))

    def made(self, name: str, component: str) -> Path:
        """What a stage left under `name`, or, where it was not run, the component of the model that is gone on from."""
        return self.path(name) if self.path(name).exists() else self.path("start", component)

    def rows(self) -> list[Row]:
        return [row(index) for index in range(self.data.pictures)]

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def chunks(self, name: str) -> Chunks:
        return Chunks(self.path(name))

    def sound_rows(self) -> list[Row]:
        return [row(index) for index in range(self.data.sounds)]


def labels(rows: list[Row]) -> Labels:
    return Labels(
        np.array([CAUSES.index(r.scene.cause) for r in rows]),
        np.array([PLACES.index(r.scene.place) for r in rows]),
        np.array([LIGHTS.index(r.scene.light) for r in rows]),
        np.array([r.scene.intensity for r in rows]),
    )


def keep(model: ModelMixin | PreTrainedModel, folder: Path) -> None:
    """Save from one process; the others wait, since the next stage reads it."""
    processes = PartialState()
    if processes.is_main_process:
        model.save_pretrained(folder)
    processes.wait_for_everyone()


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """(N, 77)"""
    return tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


@torch.no_grad()
def text_states(space: Workspace, texts: list[str], pooled: bool = False) -> Tensor:
    """Hidden states of the frozen text encoder as Stable Diffusion takes them, float16 (N, 77, width); `pooled`: float32 (N, width)."""
    tokenizer = CLIPTokenizer.from_pretrained(space.language / "tokenizer")
    model = CLIPTextModel.from_pretrained(space.language / "text_encoder").to(space.device)
    ids = token_ids(tokenizer, texts).to(space.device)
    parts = []
    for part in ids.split(64):
        output = model(input_ids=part)
        parts.append(output.pooler_output.cpu() if pooled else output.last_hidden_state.half().cpu())
    return torch.cat(parts)


@torch.no_grad()
def audio_embeds(space: Workspace, name: str = "mels") -> Tensor:
    """Unit vectors (sounds, dim) of the training sounds whose features are the chunks `name`."""
    model = ClapAudioModelWithProjection.from_pretrained(space.hearing).to(space.device).eval()
    mels = space.chunks(name)
    parts = [model(input_features=torch.from_numpy(mels[i]).float()[:, None].to(space.device)).audio_embeds.cpu()
             for i in np.array_split(np.arange(len(mels)), -(-len(mels) // 64))]  # fmt: skip
    return F.normalize(torch.cat(parts), dim=-1)
