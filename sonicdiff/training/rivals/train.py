"""Each rival, and ours beside them, from the same base by as many steps of the same loop; what they learn goes to `rivals/NAME`."""

# diffusers types its models loosely.
# pyright: reportArgumentType=false, reportOptionalMemberAccess=false, reportOptionalSubscript=false
from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial

import torch
from accelerate import PartialState
from diffusers import ModelMixin
from torch import nn

from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.rivals.decoupled import AudioMlp, DecoupledAdapter
from sonicdiff.models.rivals.gluenet import Discriminator, GlueNet
from sonicdiff.models.rivals.joint import JointSpace
from sonicdiff.models.rivals.tokens import PooledTokens
from sonicdiff.training.adapt import AdaptOptions, AdaptTask
from sonicdiff.training.align import AlignOptions, AlignTask
from sonicdiff.training.config import build
from sonicdiff.training.loop import Task, train
from sonicdiff.training.pool import nearest
from sonicdiff.training.rivals.beside import BesideTask
from sonicdiff.training.rivals.found import BindTask, FoundTask, fill_bank
from sonicdiff.training.rivals.glued import GluedTask
from sonicdiff.training.rivals.material import Material, material_of
from sonicdiff.training.rivals.spoken import SpokenTask
from sonicdiff.training.workspace import Workspace, keep, labels

GATE = 0.55  # of audio layers that begin as copies of the text's: half as loud
WINDOWS = (2, 4, 8)  # frames of 0.6 s


class Training:
    """One rival's: its stages one after another, then its weights and what they cost."""

    def __init__(self, material: Material, name: str):
        self.material, self.name, self.space = material, name, material.space
        self.learnt: dict[int, int] = {}  # parameters by tensor, over all stages
        self.seconds, self.steps = 0.0, 0
        assert len(material.pairs.rows)  # made here and not under a step's autocast
        torch.manual_seed(self.space.config("rival").loop.seed)

    def learn(self, task: Task, stage: str) -> None:
        """By the recipe's `stage`: "rival" has as many steps as "align" and "adapt" together."""
        loop, run = self.space.config(stage).loop, self.space.path("rivals", self.name, f"run-{stage}")
        train(task, loop, run)
        self.learnt |= {id(p): p.numel() for module in task.modules().values() for p in module.parameters() if p.requires_grad}
        last = json.loads((run / "log.jsonl").read_text().splitlines()[-1])
        self.steps += loop.steps
        self.seconds += loop.steps * loop.batch_size / last["samples_per_second"]

    def finish(self, **parts: nn.Module) -> None:
        """Write the parts, and last of all `facts.json`: a rival without it is not finished."""
        for part, model in parts.items():
            assert isinstance(model, ModelMixin)
            keep(model, self.space.path("rivals", self.name, part))
        facts = {"parameters": sum(self.learnt.values()), "minutes": round(self.seconds / 60, 1), "steps": self.steps}
        if PartialState().is_main_process:
            self.space.path("rivals", self.name, "facts.json").write_text(json.dumps(facts) + "\n")


def train_ours(material: Material, name: str, copied: bool = False) -> None:
    """Stages 1 and 2. copied: the audio layers begin as copies of the text's cross-attention, which stage 1 has taught to be heard."""
    training, space, embeds = Training(material, name), material.space, material.hearing.embeds
    projector = AudioProjector(embeds.shape[1], material.context_dim, width=192, heads=6).to(space.device)
    options = build(AlignOptions, space.config("align").options, "align.toml")
    caption_of = nearest(material.sounds, labels(material.rows), options.neighbours)
    training.learn(AlignTask(projector, options, embeds, material.sounds.cause, material.captions, caption_of), "align")
    unet = material.unet()
    adapter = AudioAdapter.from_unet(unet, gate=GATE if copied else 0.1).to(space.device)
    if copied:
        adapter.copy_text(unet)
    adapter.attach(unet)
    training.learn(AdaptTask(unet, adapter, projector, material.options, material.pairs), "adapt")
    adapter.detach(unet)
    training.finish(projector=projector, adapter=adapter)


def train_spoken(material: Material, name: str, windows: tuple[int, ...] = (), labelled: bool = False) -> None:
    training = Training(material, name)
    model = PooledTokens(material.hearing.frames.shape[-1], material.context_dim, windows).to(material.space.device)
    training.learn(SpokenTask(model, material.unet(), material, labelled), "rival")
    training.finish(tokens=model)


def train_glued(material: Material, name: str) -> None:
    training, device = Training(material, name), material.space.device
    model = GlueNet(material.hearing.embeds.shape[1], material.context_dim).to(device)
    training.learn(GluedTask(model, Discriminator(material.context_dim).to(device), material), "rival")
    training.finish(gluenet=model)


def train_beside(material: Material, name: str) -> None:
    training, device, unet = Training(material, name), material.space.device, material.unet()
    adapter = DecoupledAdapter.beside(unet).to(device)
    projector = AudioMlp(material.hearing.embeds.shape[1], material.context_dim).to(device)
    training.learn(BesideTask(unet, adapter, projector, material), "rival")
    adapter.detach(unet)
    training.finish(projector=projector, decoupled=adapter)


def train_found(material: Material, name: str) -> None:
    training, unet = Training(material, name), material.unet()
    sizes = unet.config["in_channels"], material.hearing.embeds.shape[1], material.context_dim
    model = JointSpace(*sizes, pictures=len(material.pairs.rows)).to(material.space.device)
    training.learn(BindTask(model, material), "align")
    fill_bank(model, material)
    training.learn(FoundTask(model, unet, material), "adapt")
    training.finish(joint=model)


TRAININGS: dict[str, Callable[[Material, str], None]] = {
    "sonicdiffusion": train_ours,
    "sonicdiffusion-copied": partial(train_ours, copied=True),
    "gluegen": train_glued,
    "audio-token": partial(train_spoken, labelled=True),
    "decoupled": train_beside,
    "tempo-tokens": partial(train_spoken, windows=WINDOWS),
    "image-bind": train_found,
}


def train_rival(space: Workspace, name: str) -> None:
    """Train one of TRAININGS from the base in `space`; one that was stopped goes on where it was, one that is finished stays."""
    if space.path("rivals", name, "facts.json").exists():
        return
    options = build(AdaptOptions, space.config("adapt").options, "adapt.toml")
    TRAININGS[name](material_of(space, options), name)


RIVALS: dict[str, Callable[[Workspace], None]] = {name: partial(train_rival, name=name) for name in TRAININGS}
