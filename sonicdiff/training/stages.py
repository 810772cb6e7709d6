"""The stages of a recipe, each a function of its workspace; a stage that was stopped goes on where it was."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, replace
from functools import partial
from itertools import product
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import Waveform, load
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.projector import AudioProjector
from sonicdiff.models.upscaler import Upscaler
from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, LIGHTS, PLACES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.pairs import LABELS, MIXED, Pair, open_pairs
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.textures import texture
from sonicdiff.training import adapt, align, clap, photographs, text, upscale, vae, words
from sonicdiff.training.base_texts import said_of
from sonicdiff.training.cache import Chunks, Joined, fill, fill_batches
from sonicdiff.training.config import build
from sonicdiff.training.images import halved, to_tensor
from sonicdiff.training.loop import train
from sonicdiff.training.pool import nearest
from sonicdiff.training.tokenizer import make_tokenizer
from sonicdiff.training.workspace import CAUSES, Workspace, audio_embeds, keep, labels, text_states, token_ids

VERSIONS = 2  # of each sound beside the landscapes: as it is made, and augmented
NATIVE = {size: (f"latents-{8 * size}", f"latents-{8 * size}-mirrored") for size in (16, 32)}  # by the UNet's sample_size


def make_data(space: Workspace) -> None:
    """Render textures and pictures, and make the sounds."""
    share = {"worker": space.worker, "workers": space.workers}
    fill(space.path("textures"), space.data.textures, texture, **share)
    fill(space.path("scenes"), space.data.pictures, lambda index: render(row(index).scene), **share)
    for name in space.data.beside:
        pairs, count = open_pairs(name), space.data.pairs
        fill(space.path(f"scenes-{name}"), count, lambda index, pairs=pairs: pairs[index].picture(), **share)
    if space.data.photographs:
        photographs.make_crops(space.path("photographs"), space.path(f"scenes-{photographs.NAME}"), space.data.photographs, **share)
    make_sounds(space)


def make_sounds(space: Workspace) -> None:
    """Synthesise and augment sounds, keep their mel features."""
    share = {"worker": space.worker, "workers": space.workers}
    front_end = ClapFrontEnd.from_extractor(clap.make_feature_extractor())
    fill(space.path("mels"), space.data.sounds, lambda index: row_features(front_end, row(index), space.data.seconds), **share)
    for name in space.data.beside:
        pairs, count = open_pairs(name), space.data.pairs
        fill(space.path(f"mels-{name}"), VERSIONS * count, partial(pair_features, front_end, pairs[:count]), **share)


def row_features(front_end: ClapFrontEnd, of: Row, seconds: float) -> np.ndarray:
    """The augmented sound of a row as the audio tower's features."""
    rate = front_end.sampling_rate
    samples = render_sound(of.scene.cause, of.scene.intensity, of.sound_seed, seconds, rate)
    return mel_features(front_end, augment(samples, rate, np.random.default_rng((of.sound_seed, 0xA06))))


def pair_features(front_end: ClapFrontEnd, pairs: Sequence[Pair], index: int) -> np.ndarray:
    """The sounds of all pairs as they are, then all of them augmented."""
    version, number = divmod(index, len(pairs))
    samples = front_end.resampled(load(pairs[number].sound()))
    return mel_features(front_end, augment(samples, front_end.sampling_rate, np.random.default_rng((index, 0xA06))) if version else samples)


def mel_features(front_end: ClapFrontEnd, samples: np.ndarray) -> np.ndarray:
    """Mono samples (n,) at the audio tower's rate as its features: float16 (frames, mel bins)."""
    window = front_end.windows(Waveform(samples[None], front_end.sampling_rate))[0]
    return front_end.features(window)[0, 0].numpy().astype(np.float16)


def train_text(space: Workspace) -> None:
    config = space.config("text")
    rows = [row(index) for index in range(space.data.captions)]
    folder = space.path("clap")
    with PartialState().main_process_first():  # one process looks and makes, the others find it made
        if not (folder / "tokenizer").exists():
            make_tokenizer(r.caption for r in rows).save_pretrained(folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    torch.manual_seed(config.loop.seed)
    model = text.make_text_encoder(tokenizer).to(space.device)
    of = labels(rows)
    said = text.Attributes(
        {"cause": (of.cause, len(CAUSES)), "place": (of.place, len(PLACES)), "light": (of.light, len(LIGHTS))}, {"intensity": of.intensity}
    )
    train(text.TextTask(model, token_ids(tokenizer, [r.caption for r in rows]), said), config.loop, space.path("run-text"))
    keep(model, folder / "text_encoder")


def train_clap(space: Workspace) -> None:
    """All sets of sounds at once: what an ear was not taught, it cannot tell apart (of ten materials, mini's own named 35 %)."""
    start = space.path("start", "audio_encoder")
    sets = [name for name in space.data.beside if name in LABELS]  # those whose sounds are one thing each
    if start.exists() and not sets:
        return  # it has heard all there is
    config, rows = space.config("clap"), space.rows()
    options = build(clap.ClapOptions, config.options, "clap.toml")
    torch.manual_seed(config.loop.seed)
    audio = (ClapAudioModelWithProjection.from_pretrained(start) if start.exists() else clap.make_audio_encoder()).to(space.device)
    pooled = text_states(space, [*(r.caption for r in rows), *captions_beside(space, sets)], pooled=True)
    heard, said = labels_beside(space, labels(space.sound_rows()), VERSIONS, sets), labels_beside(space, labels(rows), 1, sets)
    heads = clap.ClapHeads(pooled.shape[1], audio.config.projection_dim, int(heard.cause.max()) + 1).to(space.device)
    mels = Joined([space.chunks(f"mels{suffix}") for suffix in suffixes(space, sets)])
    train(clap.ClapTask(audio, heads, options, mels, heard, pooled, said), config.loop, space.path("run-clap"))
    keep(audio, space.path("clap", "audio_encoder"))


def train_vae(space: Workspace) -> None:
    config = space.config("vae")
    options = build(vae.VaeOptions, config.options, "vae.toml")
    torch.manual_seed(config.loop.seed)
    model = vae.make_vae(options).to(space.device)
    train(vae.VaeTask(model, options, space.path("scenes"), space.path("textures")), config.loop, space.path("run-vae"))
    scenes, rng = space.chunks("scenes"), np.random.default_rng(0)
    some = to_tensor(scenes[rng.integers(0, len(scenes), 64)], space.device)
    vae.standardise(model, torch.cat([vae.encode(model, halved(some)).flatten(2), vae.encode(model, some).flatten(2)], 2)[..., None])
    keep(model, space.path("vae"))


def train_upscaler(space: Workspace) -> None:
    """Where the recipe has `upscale.toml`: the stage after the VAE that doubles the pixels."""
    if not (space.recipe / "upscale.toml").exists():
        return
    config = space.config("upscale")
    options = build(upscale.UpscaleOptions, config.options, "upscale.toml")
    torch.manual_seed(config.loop.seed)
    model = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device)
    upscaler = Upscaler(options.width, options.blocks).to(space.device)
    train(
        upscale.UpscaleTask(upscaler, model, options, space.path("scenes"), space.path("textures")), config.loop, space.path("run-upscale")
    )
    keep(upscaler, space.path("upscaler"))


def make_latents(space: Workspace) -> None:
    """Latents of all pictures, as they are and mirrored: at 128 pixels and, where the recipe learns anything at 256, at that."""
    model = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device, memory_format=torch.channels_last)
    fast = space.config("base").loop.mixed_precision == "bf16"  # its error is a hundredth of the detail at 256 pixels

    def encoded(scenes: Chunks, half: bool, mirrored: bool, indices: np.ndarray) -> np.ndarray:
        pixels = to_tensor(scenes[indices][:, :, ::-1] if mirrored else scenes[indices], space.device)
        with torch.autocast(torch.device(space.device).type, torch.bfloat16, enabled=fast):
            parts = [vae.encode(model, halved(part) if half else part).float() for part in pixels.split(8)]
        return torch.cat(parts).cpu().numpy().astype(np.float16)

    at_256 = any((space.recipe / f"{stage}.toml").exists() for stage in ("base-256", "super-resolution"))
    sizes = [16, 32] if at_256 else [16]
    real = [f"-{photographs.NAME}"] if space.data.photographs else []
    for suffix, size in product([*suffixes(space), *real], sizes):
        scenes = space.chunks(f"scenes{suffix}")
        for name in NATIVE[size]:
            make = partial(encoded, scenes, size == 16, name.endswith("mirrored"))
            fill_batches(space.path(name + suffix), len(scenes), make, space.worker, space.workers)


def train_words(space: Workspace) -> None:
    """Makes tokens of the words that the tokenizer cuts up; the captions without any of them keep their states."""
    if space.path("words").exists():
        return
    tokenizer = CLIPTokenizer.from_pretrained(space.path("clap", "tokenizer"))
    captions = sorted({text for said in said_of(space) for text in said.texts})
    added = words.new_words(tokenizer, captions)
    if not added:
        return  # all are known already
    config = space.config("words")
    model = CLIPTextModel.from_pretrained(space.path("clap", "text_encoder")).to(space.device)
    new = [text for text in captions if words.words_of(text) & set(added)]
    known = [text for text in captions if not words.words_of(text) & set(added)]
    words.extend(tokenizer, model, added, config.loop.seed)
    said = words.said(known + new)
    task = words.WordsTask(model, token_ids(tokenizer, known), token_ids(tokenizer, new), said)
    train(task, config.loop, space.path("run-words"))
    tokenizer.save_pretrained(space.path("words", "tokenizer"))
    keep(model, space.path("words", "text_encoder"))


def captions_beside(space: Workspace, sets: Sequence[str] | None = None) -> list[str]:
    """Of the `sets`, by default all that the recipe names."""
    return [pair.caption for name in _given(space, sets) for pair in open_pairs(name)[: space.data.pairs]]


def labels_beside(space: Workspace, landscapes: text.Labels, versions: int = 1, sets: Sequence[str] | None = None) -> text.Labels:
    """Those of the landscapes and then of each set beside them, `versions` times over, whose classes are counted on."""
    every, count = [landscapes], len(CAUSES)
    for name in _given(space, sets):
        pairs, names = open_pairs(name)[: space.data.pairs] * versions, {**LABELS, **MIXED}[name]
        unsaid = np.full(len(pairs), text.UNSAID)
        classes = count + np.array([names.index(pair.label) for pair in pairs])
        every.append(text.Labels(classes, unsaid, unsaid, np.array([pair.intensity for pair in pairs])))
        count += len(names)
    return text.Labels(*(np.concatenate(column) for column in zip(*map(astuple, every), strict=True)))


def suffixes(space: Workspace, sets: Sequence[str] | None = None) -> list[str]:
    """What the folders of the landscapes end in, and those of each set beside them."""
    return ["", *(f"-{name}" for name in _given(space, sets))]


def _given(space: Workspace, sets: Sequence[str] | None) -> Sequence[str]:
    return space.data.beside if sets is None else sets


def train_align(space: Workspace, name: str = "align", tokens: int | None = None, **changed: Any) -> None:
    """Stage 1. An ablation gives its `name`, a number of `tokens` and `changed` options."""
    config, rows = space.config("align"), space.rows()
    torch.manual_seed(config.loop.seed)
    states, embeds = text_states(space, [r.caption for r in rows]), audio_embeds(space)
    shape, start = space.layers[0], space.path("start", "projector")
    if name == "align" and start.exists():
        model = AudioProjector.from_pretrained(start)
    else:
        model = AudioProjector(embeds.shape[1], states.shape[-1], tokens or shape.tokens, shape.width, shape.heads, shape.blocks)
    model = model.to(space.device)
    options = build(align.AlignOptions, {**config.options, **changed}, "align.toml")
    heard = labels(space.sound_rows())
    task = align.AlignTask(model, options, embeds, heard.cause, states, nearest(heard, labels(rows), options.neighbours))
    if options.contrast_weight or options.squared_weight:  # an ablation takes both away
        train(task, config.loop, space.path(f"run-{name}"))
    keep(model, space.path(f"projector-{name}"))


def train_adapt(space: Workspace, name: str = "adapt", start: str = "align", where: Sequence[str] = (), **changed: Any) -> None:
    """Stage 2, from the projector that stage 1 left as `start`. An ablation gives a `name`, `where` layers stand, `changed` options."""
    config, rows = space.config("adapt"), space.rows()
    options = build(adapt.AdaptOptions, {**config.options, **changed}, "adapt.toml")
    torch.manual_seed(config.loop.seed)
    unet = UNet2DConditionModel.from_pretrained(space.path("unet")).to(space.device)
    projector = AudioProjector.from_pretrained(space.path(f"projector-{start}")).to(space.device)
    begun, new = space.path("start", "adapter"), space.layers[1]
    if name == "adapt" and begun.exists():
        adapter = AudioAdapter.from_pretrained(begun)
    else:
        adapter = AudioAdapter.from_unet(unet, where or new.where, new.gate)
        if new.copy_text:
            adapter.copy_text(unet)
    adapter = adapter.to(space.device)
    states = text_states(space, ["", *(caption(replace(r.scene, cause=CALM, intensity=0.0), r.sound_seed) for r in rows)])
    with_cause = np.flatnonzero([r.scene.cause != CALM for r in rows])
    versions = [space.chunks(latents) for latents in NATIVE[unet.config.sample_size]]
    pictures, sounds = labels([rows[i] for i in with_cause]), labels(space.sound_rows())
    sound_of = nearest(pictures, sounds, options.neighbours)
    pairs = adapt.Pairs(versions, with_cause, audio_embeds(space), sound_of, states[1:], with_cause, states[:1])
    adapter.attach(unet.requires_grad_(False))
    task = adapt.AdaptTask(unet, adapter, projector, options, pairs)
    train(task, config.loop, space.path(f"run-{name}"))
    adapter.detach(unet)
    keep(adapter, space.path(f"adapter-{name}"))
    keep(projector, space.path(f"projector-{name}"))
