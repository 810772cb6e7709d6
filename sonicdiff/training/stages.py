"""The stages of a recipe, each a function of its workspace; a stage that was stopped goes on where it was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import Waveform
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, LIGHTS, PLACES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.textures import texture
from sonicdiff.training import adapt, align, base, clap, text, vae
from sonicdiff.training.cache import fill, fill_batches
from sonicdiff.training.config import build
from sonicdiff.training.images import halved, to_tensor
from sonicdiff.training.loop import train
from sonicdiff.training.tokenizer import make_tokenizer
from sonicdiff.training.workspace import CAUSES, Workspace, audio_embeds, labels, text_states, token_ids

LATENTS = {"latents-128": (True, False), "latents-128-mirrored": (True, True), "latents-256": (False, False)}  # half size, mirrored
NATIVE = {16: ("latents-128", "latents-128-mirrored"), 32: ("latents-256",)}  # by the UNet's sample_size


def make_data(space: Workspace) -> None:
    """Render textures and pictures, synthesise and augment sounds, keep their mel features."""
    share = {"worker": space.worker, "workers": space.workers}
    fill(space.path("textures"), space.data.textures, texture, **share)
    fill(space.path("scenes"), space.data.pictures, lambda index: render(row(index).scene), **share)
    front_end = ClapFrontEnd.from_extractor(clap.make_feature_extractor())
    fill(space.path("mels"), space.data.sounds, lambda index: mel_features(front_end, row(index), space.data.seconds), **share)


def mel_features(front_end: ClapFrontEnd, of: Row, seconds: float) -> np.ndarray:
    """The augmented sound of a row as the audio tower's features: float16 (frames, mel bins)."""
    rate = front_end.sampling_rate
    samples = render_sound(of.scene.cause, of.scene.intensity, of.sound_seed, seconds, rate)
    samples = augment(samples, rate, np.random.default_rng((of.sound_seed, 0xA06)))
    window = front_end.windows(Waveform(samples[None], rate))[0]
    return front_end.features(window)[0, 0].numpy().astype(np.float16)


def train_text(space: Workspace) -> None:
    config = space.config("text")
    rows = [row(index) for index in range(space.data.captions)]
    folder = space.path("clap")
    if not (folder / "tokenizer").exists():
        make_tokenizer(r.caption for r in rows).save_pretrained(folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    torch.manual_seed(config.loop.seed)
    model = text.make_text_encoder(tokenizer).to(space.device)
    heads = text.TextHeads(model.config.hidden_size, len(CAUSES), len(PLACES), len(LIGHTS)).to(space.device)
    train(text.TextTask(model, heads, token_ids(tokenizer, [r.caption for r in rows]), labels(rows)), config.loop, space.path("run-text"))
    model.save_pretrained(folder / "text_encoder")


def train_clap(space: Workspace) -> None:
    config, rows = space.config("clap"), space.rows()
    options = build(clap.ClapOptions, config.options, "clap.toml")
    torch.manual_seed(config.loop.seed)
    audio = clap.make_audio_encoder().to(space.device)
    pooled = text_states(space, [r.caption for r in rows], pooled=True)
    heads = clap.ClapHeads(pooled.shape[1], audio.config.projection_dim, len(CAUSES)).to(space.device)
    heard = labels(space.sound_rows())
    train(clap.ClapTask(audio, heads, options, space.chunks("mels"), heard, pooled, labels(rows)), config.loop, space.path("run-clap"))
    audio.save_pretrained(space.path("clap", "audio_encoder"))
    save_file(heads.state_dict(), space.path("clap", "heads.safetensors"))


def train_vae(space: Workspace) -> None:
    config = space.config("vae")
    options = build(vae.VaeOptions, config.options, "vae.toml")
    torch.manual_seed(config.loop.seed)
    model = vae.make_vae(options).to(space.device)
    train(vae.VaeTask(model, options, space.path("scenes"), space.path("textures")), config.loop, space.path("run-vae"))
    scenes, rng = space.chunks("scenes"), np.random.default_rng(0)
    some = to_tensor(scenes[rng.integers(0, len(scenes), 64)], space.device)
    vae.whiten(model, torch.cat([vae.encode(model, halved(some)).flatten(2), vae.encode(model, some).flatten(2)], 2)[..., None])
    model.save_pretrained(space.path("vae"))


def train_decoder(space: Workspace) -> None:
    """Where the recipe has `decoder.toml`: go on with the decoder alone; latents, and what was trained on them, stay valid."""
    if not (space.recipe / "decoder.toml").exists():
        return
    config = space.config("decoder")
    options = build(vae.VaeOptions, {**config.options, "decoder_only": True}, "decoder.toml")
    model = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device)
    train(vae.VaeTask(model, options, space.path("scenes"), space.path("textures")), config.loop, space.path("run-decoder"))
    model.save_pretrained(space.path("vae-final"))


def make_latents(space: Workspace) -> None:
    """Latents of all pictures: at 128 pixels as they are and mirrored, at 256 (four times the work) as they are."""
    model, scenes = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device), space.chunks("scenes")

    def encoded(indices: np.ndarray, half: bool, mirrored: bool) -> np.ndarray:
        pixels = to_tensor(scenes[indices][:, :, ::-1] if mirrored else scenes[indices], space.device)
        parts = [vae.encode(model, halved(part) if half else part) for part in pixels.split(8)]
        return torch.cat(parts).cpu().numpy().astype(np.float16)

    for name, (half, mirrored) in LATENTS.items():
        fill_batches(space.path(name), len(scenes), lambda i, h=half, m=mirrored: encoded(i, h, m), space.worker, space.workers)


def train_base(space: Workspace) -> None:
    """Text to image at 128 pixels (`base.toml`) and then, where the recipe has `base-256.toml`, at 256."""
    states = text_states(space, ["", *(r.caption for r in space.rows())])
    torch.manual_seed(space.config("base").loop.seed)
    channels = AutoencoderKL.load_config(space.path("vae"))["latent_channels"]
    unet = base.make_unet(channels, states.shape[-1]).to(space.device)
    for stage, sample_size in (("base", 16), ("base-256", 32)):
        if (space.recipe / f"{stage}.toml").exists():
            config = space.config(stage)
            options = build(base.BaseOptions, config.options, f"{stage}.toml")
            task = base.BaseTask(unet, options, [space.chunks(name) for name in NATIVE[sample_size]], states[1:], states[:1])
            train(task, config.loop, space.path(f"run-{stage}"))
            unet.register_to_config(sample_size=sample_size)
    unet.save_pretrained(space.path("unet"))


def train_align(space: Workspace, name: str = "align", tokens: int = 77, **changed: Any) -> None:
    """Stage 1. An ablation gives its `name`, a number of `tokens` and `changed` options."""
    config, rows = space.config("align"), space.rows()
    torch.manual_seed(config.loop.seed)
    states, embeds = text_states(space, [r.caption for r in rows]), audio_embeds(space)
    model = AudioProjector(embeds.shape[1], states.shape[-1], tokens, width=192, heads=6).to(space.device)
    options = build(align.AlignOptions, {**config.options, **changed}, "align.toml")
    task = align.AlignTask(model, options, embeds, labels(space.sound_rows()), states, labels(rows))
    train(task, config.loop, space.path(f"run-{name}"))
    model.save_pretrained(space.path(f"projector-{name}"))


def train_adapt(
    space: Workspace, name: str = "adapt", start: str = "align", where: Sequence[str] = ("mid_block", "up_blocks"), **changed: Any
) -> None:
    """Stage 2, from the projector that stage 1 left as `start`. An ablation gives a `name`, `where` layers stand, `changed` options."""
    config, rows = space.config("adapt"), space.rows()
    options = build(adapt.AdaptOptions, {**config.options, **changed}, "adapt.toml")
    torch.manual_seed(config.loop.seed)
    unet = UNet2DConditionModel.from_pretrained(space.path("unet")).to(space.device)
    projector = AudioProjector.from_pretrained(space.path(f"projector-{start}")).to(space.device)
    adapter = AudioAdapter.from_unet(unet, where).to(space.device)
    states = text_states(space, ["", *(caption(replace(r.scene, cause=CALM, intensity=0.0), r.sound_seed) for r in rows)])
    with_cause = np.flatnonzero([r.scene.cause != CALM for r in rows])
    versions = [space.chunks(latents) for latents in NATIVE[unet.config.sample_size]]
    pictures, sounds = labels([rows[i] for i in with_cause]), labels(space.sound_rows())
    embeds = audio_embeds(space)
    task = adapt.AdaptTask(unet, adapter, projector, options, versions, pictures, with_cause, embeds, sounds, states[1:], states[:1])
    train(task, config.loop, space.path(f"run-{name}"))
    adapter.detach(unet)
    adapter.save_pretrained(space.path(f"adapter-{name}"))
    projector.save_pretrained(space.path(f"projector-{name}"))
