"""Who is compared in the tables of rivals: a pipeline each, and what that pipeline is given for a sound."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import Waveform
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.rivals.decoupled import AudioMlp, DecoupledAdapter
from sonicdiff.models.rivals.gluenet import GlueNet
from sonicdiff.models.rivals.hearing import Hearing, hear
from sonicdiff.models.rivals.joint import JointSpace
from sonicdiff.models.rivals.reading import Reader
from sonicdiff.models.rivals.tokens import PooledTokens
from sonicdiff.pipelines.sonic_diffusion.guided_unet import Conditions
from sonicdiff.pipelines.sonic_diffusion.pipeline import SonicDiffusionPipeline
from sonicdiff.synthetic.captions import CAUSE_WORDS

SPEAKING: dict[str, Any] = {"tokens": PooledTokens, "gluenet": GlueNet, "joint": JointSpace}  # by the folder of their weights
HEARING: dict[str, Any] = {"adapter": (AudioAdapter, AudioProjector), "decoupled": (DecoupledAdapter, AudioMlp)}

UNTRAINED = 4  # contenders that `rivals` holds nothing of
P = TypeVar("P", bound=SonicDiffusionPipeline)


class ReadingPipeline(SonicDiffusionPipeline):
    """`audio_embeds` are what the UNet reads (1, 77, dim) in the place of a prompt's states; nothing is heard."""

    def _conditions(
        self, embeds: Tensor | None, prompt: str, negative_prompt: str, guidance_scale: float, audio_guidance_scale: float, **acting: Any
    ) -> Conditions:
        if embeds is None or prompt:
            raise ValueError(f"got prompt {prompt!r}; a ReadingPipeline takes text states as audio_embeds, and no prompt beside them")
        return Conditions(self.encode_prompt(negative_prompt), embeds, None, None, audio_guidance_scale, 0.0, **acting)


@dataclass(frozen=True)
class Contender:
    """embed: what `pipeline` is given as `audio_embeds` for a sound. facts: parameters, minutes and steps of its training."""

    name: str
    pipeline: SonicDiffusionPipeline
    embed: Callable[[Waveform], Tensor]
    facts: dict[str, Any] = field(default_factory=dict)


def contenders(pipeline: SonicDiffusionPipeline, folder: Path) -> list[Contender]:
    """Every finished rival in `folder`/rivals on the model's base, then text, then the model as it is.

    Text is the class that the model hears, by name and in the words of a caption, and nothing. FileNotFoundError where there is no rival.
    """
    if not (finished := finished_rivals(folder)):
        raise FileNotFoundError(f"{folder}/rivals holds no trained rival; make them with `sonicdiff train mini-rivals --folder {folder}`")
    reading = like(pipeline, ReadingPipeline)

    def text(prompt: Callable[[str], str]) -> Callable[[Waveform], Tensor]:
        return lambda sound: reading.encode_prompt(prompt(pipeline.heard(sound, 1).nearest))

    return [
        *(loaded(pipeline, reading, rival) for rival in finished),
        Contender("text: class name", reading, text(lambda name: name)),
        Contender("text: caption of the class", reading, text(lambda name: CAUSE_WORDS[name][1][0])),
        Contender("no text", reading, text(lambda name: "")),
        Contender("the model, trained longer", pipeline, pipeline.embed_audio),
    ]


def finished_rivals(folder: Path) -> list[Path]:
    """Where the training of each is done."""
    return sorted(path.parent for path in folder.glob("rivals/*/facts.json"))


def loaded(pipeline: SonicDiffusionPipeline, reading: ReadingPipeline, folder: Path) -> Contender:
    facts = json.loads((folder / "facts.json").read_text())
    for part, (adapter, projector) in HEARING.items():
        if (folder / part).is_dir():
            parts = {"adapter": adapter.from_pretrained(folder / part), "projector": projector.from_pretrained(folder / "projector")}
            null = "zeros" if part == "decoupled" else "off"  # what it learnt to take for silence
            own = like(pipeline, SonicDiffusionPipeline, **{name: put(model, pipeline) for name, model in parts.items()}, null_audio=null)
            return Contender(folder.name, own, own.embed_audio, facts)
    part = next(name for name in SPEAKING if (folder / name).is_dir())
    model = put(SPEAKING[part].from_pretrained(folder / part), pipeline)
    reader = Reader(pipeline.tokenizer, pipeline.text_encoder)
    return Contender(folder.name, reading, torch.no_grad()(lambda sound: model.states(heard(pipeline, sound), reader)), facts)


def put(model: Any, pipeline: SonicDiffusionPipeline) -> Any:
    return model.eval().to(pipeline.device)


def like(pipeline: SonicDiffusionPipeline, kind: type[P], **changed: Any) -> P:
    """A pipeline of the same parts and settings but for `changed`, which finds the inversions of the first."""
    settings = {name: value for name, value in pipeline.config.items() if name not in pipeline.components and not name.startswith("_")}
    made = kind(**{**pipeline.components, **settings, **changed})
    made.sources = pipeline.sources
    return made


def heard(pipeline: SonicDiffusionPipeline, sound: Waveform) -> Hearing:
    """Of all windows of a sound: their frames one after another, the mean of their vectors."""
    front_end = ClapFrontEnd.from_extractor(pipeline.feature_extractor)
    encoder: Any = pipeline.audio_encoder
    parts = [hear(encoder, front_end.features(window).to(encoder.device, encoder.dtype)) for window in front_end.windows(sound)]
    return Hearing(torch.cat([part.frames for part in parts], 1), F.normalize(torch.stack([part.embeds for part in parts]).mean(0), dim=-1))
