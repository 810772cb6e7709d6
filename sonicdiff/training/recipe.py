"""How `mini` is made, from nothing to `checkpoints/mini`: one function a stage, each resuming where it was stopped.

Order: data, text, clap, vae, decoder, latents, base, align (stage 1), adapt (stage 2), export.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from safetensors.torch import save_file
from torch import Tensor
from transformers import ClapAudioModelWithProjection, CLIPTextModel, CLIPTokenizer

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import Waveform
from sonicdiff.models.adapter import AudioAdapter
from sonicdiff.models.labels import SoundLabels
from sonicdiff.models.projector import AudioProjector
from sonicdiff.synthetic.augment import augment
from sonicdiff.synthetic.captions import caption
from sonicdiff.synthetic.classes import CALM, CLASSES, LIGHTS, PLACES
from sonicdiff.synthetic.dataset import Row, row
from sonicdiff.synthetic.scenes import render
from sonicdiff.synthetic.sounds import render_sound
from sonicdiff.synthetic.textures import texture
from sonicdiff.training import adapt, align, base, clap, text, vae
from sonicdiff.training.cache import Chunks, fill, fill_batches
from sonicdiff.training.config import ConfigError, StageConfig, build
from sonicdiff.training.text import Labels
from sonicdiff.training.images import halved, to_tensor
from sonicdiff.training.loop import train
from sonicdiff.training.tokenizer import make_tokenizer

CAUSES = (CALM, *CLASSES)
LATENTS = {"latents-128": (True, False), "latents-128-mirrored": (True, True), "latents-256": (False, False)}  # half size, mirrored
STAGES = ("data", "text", "clap", "vae", "decoder", "latents", "base", "align", "adapt", "export")


@dataclass(frozen=True)
class DataOptions:
    """How much is rendered."""

    pictures: int = 5120
    textures: int = 2048
    sounds: int = 2048
    seconds: float = 6.0  # of each sound
    captions: int = 20_000  # for the tokenizer and the text encoder


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
        import tomllib

        return build(DataOptions, tomllib.loads((self.recipe / "data.toml").read_text()), "data.toml")

    def rows(self) -> list[Row]:
        return [row(index) for index in range(self.data.pictures)]

    def path(self, *parts: str) -> Path:
        return self.folder.joinpath(*parts)

    def chunks(self, name: str) -> Chunks:
        return Chunks(self.path(name))


def find(name_or_path: str | Path) -> Path:
    """The folder of a recipe: a path that holds a `data.toml`, or the name of one that ships with the package."""
    shipped = Path(__file__).parent / "recipes"
    for folder in (Path(name_or_path), shipped / name_or_path):
        if (folder / "data.toml").is_file():
            return folder
    known = sorted(path.parent.name for path in shipped.glob("*/data.toml"))
    raise ConfigError(f"there is no recipe {str(name_or_path)!r}; known are {', '.join(known)}, or a folder with a data.toml")


def run(recipe: str | Path = "mini", stages: Sequence[str] = STAGES, folder: Path | None = None, output: Path | None = None,
        device: str | None = None, worker: int = 0, workers: int = 1) -> None:  # fmt: skip
    """Run stages of a recipe (a folder with one TOML file a stage) and write the model to `output` (default: checkpoints/NAME).

    Intermediate results stay in `folder` (default: runs/NAME); a stage that was stopped goes on where it was. The stages
    data and latents may be done by several processes at once, each with its `worker` number of `workers`.
    """
    recipe = find(recipe)
    folder, output = folder or Path("runs") / recipe.name, output or Path("checkpoints") / recipe.name
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    if unknown := set(stages) - set(STAGES):
        raise ConfigError(f"unknown stages {sorted(unknown)}; known are {', '.join(STAGES)}")
    space = Workspace(folder, recipe, device, worker, workers)
    steps: dict[str, Callable[[Workspace], None]] = {
        "data": make_data, "text": train_text, "clap": train_clap, "vae": train_vae, "decoder": train_decoder, "latents": make_latents,
        "base": train_base, "align": train_align, "adapt": train_adapt, "export": lambda space: export(space, output),
    }  # fmt: skip
    for stage in STAGES:
        if stage in stages:
            print(f"== {stage}", flush=True)
            steps[stage](space)


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


def labels(rows: list[Row]) -> Labels:
    return Labels(
        np.array([CAUSES.index(r.scene.cause) for r in rows]),
        np.array([PLACES.index(r.scene.place) for r in rows]),
        np.array([LIGHTS.index(r.scene.light) for r in rows]),
        np.array([r.scene.intensity for r in rows]),
    )


def token_ids(tokenizer: CLIPTokenizer, texts: list[str]) -> Tensor:
    """(N, 77)"""
    return tokenizer(texts, padding="max_length", max_length=77, truncation=True, return_tensors="pt").input_ids


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
    heard = labels([row(index) for index in range(space.data.sounds)])
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
    """Go on with the decoder alone; latents, and what was trained on them, stay valid."""
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


@torch.no_grad()
def text_states(space: Workspace, texts: list[str], pooled: bool = False) -> Tensor:
    """Hidden states of the frozen text encoder as Stable Diffusion takes them, float16 (N, 77, width); `pooled`: float32 (N, width)."""
    tokenizer = CLIPTokenizer.from_pretrained(space.path("clap", "tokenizer"))
    model = CLIPTextModel.from_pretrained(space.path("clap", "text_encoder")).to(space.device)
    ids = token_ids(tokenizer, texts).to(space.device)
    outputs = [model(input_ids=part) for part in ids.split(64)]
    return torch.cat([o.pooler_output.cpu() if pooled else o.last_hidden_state.half().cpu() for o in outputs])


def train_base(space: Workspace) -> None:
    """Text to image: first on latents of 128 pixels, then on 256 (`base.toml` and `base-256.toml`)."""
    config = space.config("base")
    states = text_states(space, ["", *(r.caption for r in space.rows())])
    torch.manual_seed(config.loop.seed)
    model = AutoencoderKL.from_pretrained(space.path("vae"))
    unet = base.make_unet(model.config.latent_channels, states.shape[-1]).to(space.device)
    for stage, names in (("base", ("latents-128", "latents-128-mirrored")), ("base-256", ("latents-256",))):
        config = space.config(stage)
        options = build(base.BaseOptions, config.options, f"{stage}.toml")
        task = base.BaseTask(unet, options, [space.chunks(name) for name in names], states[1:], states[:1])
        train(task, config.loop, space.path(f"run-{stage}"))
    unet.save_pretrained(space.path("unet"))


@torch.no_grad()
def audio_embeds(space: Workspace) -> Tensor:
    """Unit vectors (sounds, dim) of the training sounds."""
    model = ClapAudioModelWithProjection.from_pretrained(space.path("clap", "audio_encoder")).to(space.device).eval()
    mels = space.chunks("mels")
    parts = [model(input_features=torch.from_numpy(mels[i]).float()[:, None].to(space.device)).audio_embeds.cpu()
             for i in np.array_split(np.arange(len(mels)), -(-len(mels) // 64))]  # fmt: skip
    return torch.nn.functional.normalize(torch.cat(parts), dim=-1)


def train_align(space: Workspace, name: str = "align", **projector: Any) -> None:
    config, rows = space.config("align"), space.rows()
    torch.manual_seed(config.loop.seed)
    states = text_states(space, [r.caption for r in rows])
    embeds, heard = audio_embeds(space), labels([row(index) for index in range(space.data.sounds)])
    model = AudioProjector(embed_dim=embeds.shape[1], context_dim=states.shape[-1], **{"width": 192, "heads": 6, **projector}).to(space.device)
    options = build(align.AlignOptions, config.options, "align.toml")
    train(align.AlignTask(model, options, embeds, heard, states, labels(rows)), config.loop, space.path(f"run-{name}"))
    model.save_pretrained(space.path(f"projector-{name}"))


def train_adapt(space: Workspace, name: str = "adapt", projector: Path | None = None, where: tuple[str, ...] = ("mid_block", "up_blocks")) -> None:
    config, rows = space.config("adapt"), space.rows()
    options = build(adapt.AdaptOptions, config.options, "adapt.toml")
    torch.manual_seed(config.loop.seed)
    unet = UNet2DConditionModel.from_pretrained(space.path("unet")).to(space.device)
    mapper = AudioProjector.from_pretrained(projector or space.path("projector-align")).to(space.device)
    adapter = AudioAdapter.from_unet(unet, where).to(space.device)
    states = text_states(space, ["", *(caption(replace(r.scene, cause=CALM, intensity=0.0), r.sound_seed) for r in rows)])
    with_cause = np.flatnonzero([r.scene.cause != CALM for r in rows])
    heard = labels([row(index) for index in range(space.data.sounds)])
    task = adapt.AdaptTask(unet, adapter, mapper, options, [space.chunks("latents-256")],
                           labels([rows[i] for i in with_cause]), with_cause, audio_embeds(space), heard, states[1:], states[:1])  # fmt: skip
    train(task, config.loop, space.path(f"run-{name}"))
    adapter.detach(unet)
    adapter.save_pretrained(space.path(f"adapter-{name}"))
    mapper.save_pretrained(space.path(f"projector-{name}"))


def export(space: Workspace, output: Path) -> None:
    """Write the pipeline directory; its labels are the mean directions of the training sounds' classes."""
    from sonicdiff.training.export import export_pipeline

    decoder = space.path("vae-final")
    parts = {
        "vae": decoder if decoder.exists() else space.path("vae"),
        "text_encoder": space.path("clap", "text_encoder"), "tokenizer": space.path("clap", "tokenizer"),
        "audio_encoder": space.path("clap", "audio_encoder"), "unet": space.path("unet"),
        "projector": space.path("projector-adapt"), "adapter": space.path("adapter-adapt"),
    }  # fmt: skip
    heard = labels([row(index) for index in range(space.data.sounds)])
    export_pipeline(parts, SoundLabels.from_embeds(CAUSES, audio_embeds(space), torch.from_numpy(heard.cause)), output)
