"""What all rivals learn from: the pictures, sounds, captions and frozen networks of one workspace, loaded once."""

# diffusers and transformers type their models loosely.
# pyright: reportArgumentType=false, reportCallIssue=false
from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, lru_cache

import numpy as np
import torch
from diffusers import UNet2DConditionModel
from torch import Tensor
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer

from sonicdiff.models.rivals.hearing import Hearing, hear
from sonicdiff.models.rivals.reading import Reader
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM
from sonicdiff.synthetic.dataset import Row
from sonicdiff.training.adapt import AdaptOptions, Pairs
from sonicdiff.training.base import any_version
from sonicdiff.training.cache import Chunks, fill_batches
from sonicdiff.training.draw import Draw
from sonicdiff.training.pool import nearest
from sonicdiff.training.stages import NATIVE
from sonicdiff.training.text import Labels
from sonicdiff.training.workspace import Workspace, labels, text_states


@dataclass(frozen=True)
class Batch:
    """rows: of the pictures. sounds: of what is heard with them. text (B, 77, dim): a caption of place and light, or nothing."""

    rows: np.ndarray
    sounds: np.ndarray
    heard: Hearing
    text: Tensor
    latents: Tensor


@dataclass(frozen=True)
class Material:
    """Made when they are first asked for: `pairs` before a training, whose autocast would compute them in 16 bits."""

    space: Workspace
    options: AdaptOptions

    @cached_property
    def rows(self) -> list[Row]:
        return self.space.rows()

    @cached_property
    def sounds(self) -> Labels:
        return labels(self.space.sound_rows())

    @cached_property
    def hearing(self) -> Hearing:
        """Of all training sounds; computed once and kept in `rivals/hearing`."""
        model = ClapAudioModelWithProjection.from_pretrained(self.space.hearing).to(self.space.device).eval()
        mels = self.space.chunks("mels")

        def flat(indices: np.ndarray) -> np.ndarray:
            heard = hear(model, torch.from_numpy(mels[indices]).float()[:, None].to(self.space.device))
            return torch.cat([heard.frames.flatten(1), heard.embeds], 1).half().cpu().numpy()

        folder, split = self.space.path("rivals", "hearing"), model.config.projection_dim
        fill_batches(folder, len(mels), flat)
        both = torch.from_numpy(Chunks(folder)[np.arange(len(mels))])
        return Hearing(both[:, :-split].unflatten(1, (-1, model.config.hidden_size)), both[:, -split:].float())

    @cached_property
    def captions(self) -> Tensor:
        """States float16 (pictures, 77, dim) of what text says of each picture."""
        return text_states(self.space, [row.caption for row in self.rows])

    @cached_property
    def prompts(self) -> Tensor:
        """States float16 (1 + pictures, 77, dim): of nothing, then of each picture's place and light."""
        calm = (caption(replace(row.scene, cause=CALM, intensity=0.0), row.sound_seed) for row in self.rows)
        return text_states(self.space, ["", *calm])

    @cached_property
    def reader(self) -> Reader:
        tokenizer = CLIPTokenizer.from_pretrained(self.space.language / "tokenizer")
        text_encoder = CLIPTextModel.from_pretrained(self.space.language / "text_encoder").to(self.space.device)
        return Reader(tokenizer, text_encoder.requires_grad_(False))

    @cached_property
    def pairs(self) -> Pairs:
        """The pictures with a cause, each with the sounds of its class nearest in intensity, as stage 2 learns from them."""
        with_cause = np.flatnonzero([row.scene.cause != CALM for row in self.rows])
        versions = [self.space.chunks(name) for name in NATIVE[self.unet().config["sample_size"]]]
        sound_of = nearest(labels([self.rows[i] for i in with_cause]), self.sounds, self.options.neighbours)
        return Pairs(versions, with_cause, self.hearing.embeds, sound_of, self.prompts[1:], with_cause, self.prompts[:1])

    @property
    def context_dim(self) -> int:
        return self.reader.text_encoder.config.hidden_size

    def unet(self) -> UNet2DConditionModel:
        """The frozen base, afresh."""
        unet = UNet2DConditionModel.from_pretrained(self.space.path("unet")).to(self.space.device)
        return unet.requires_grad_(False).to(memory_format=torch.channels_last)

    def draw(self, draw: Draw) -> Batch:
        """Random numbers are drawn in the order of `AdaptTask`: step n of every rival and of ours shows the same pictures and sounds."""
        o, p, rng, size, device = self.options, self.pairs, draw.numpy, draw.batch_size, self.space.device
        picked = rng.integers(0, len(p.rows), size)
        sounds = p.sound_of[picked, rng.integers(0, o.neighbours, size)][draw.rows]
        frames, embeds = (part[torch.from_numpy(sounds)].float() for part in (self.hearing.frames, p.embeds))
        embeds = embeds + o.embed_noise * draw.normal(embeds.shape[1])
        heard = Hearing(frames.to(device), (embeds / embeds.norm(dim=-1, keepdim=True)).to(device))
        prompted = torch.from_numpy(rng.random(size) < o.prompt_share)[draw.rows]
        version = rng.integers(0, len(p.versions), size)[draw.rows]
        rows = p.rows[picked[draw.rows]]
        text = torch.where(prompted[:, None, None], p.prompts[torch.from_numpy(rows)], p.null_text).float()
        return Batch(rows, sounds, heard, text.to(device), any_version(p.versions, rows, version).to(device))


@lru_cache(maxsize=1)
def material_of(space: Workspace, options: AdaptOptions) -> Material:
    """One workspace's, shared by the rivals that a process trains one after another."""
    return Material(space, options)
