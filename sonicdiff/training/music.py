"""The stages of a recipe for music: composed loops as spectrograms, captions, the autoencoder and the text-to-spectrogram model."""

# diffusers and transformers type their models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from torch import Tensor
from transformers import CLIPTextModel, CLIPTokenizer

from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.synthetic.music.captions import octaves
from sonicdiff.synthetic.music.composer import BEATS
from sonicdiff.synthetic.music.dataset import FRAMES_A_BEAT, PARAMS, MusicRow, music_row, spectrogram
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS
from sonicdiff.training import base, text, vae
from sonicdiff.training.cache import Chunks, fill, fill_batches
from sonicdiff.training.config import build
from sonicdiff.training.export import write
from sonicdiff.training.images import to_tensor
from sonicdiff.training.loop import train
from sonicdiff.training.tokenizer import make_tokenizer
from sonicdiff.training.workspace import Workspace, keep, text_states, token_ids

BEATS_A_BAR = 4
LATENT_PIXELS = 8


@dataclass(frozen=True)
class MusicData:
    """How much is composed: pieces of four bars, captions of each."""

    family: str
    pieces: int
    captions: int = 4


@dataclass(frozen=True)
class TextOptions:
    width: int = 128
    layers: int = 3


@dataclass(frozen=True)
class MusicBaseOptions(base.BaseOptions, base.UnetOptions):
    """beats: how long the loops are that the model sees, in whole bars."""

    beats: int = 8


@dataclass(frozen=True)
class ModelOptions:
    """What suits the finished model, for its configuration: found on captions of the split `validation`."""

    guidance_scale: float = 7.0


def data_of(space: Workspace) -> MusicData:
    return build(MusicData, tomllib.loads((space.recipe / "data.toml").read_text()), "data.toml")


def rows_of(space: Workspace) -> list[MusicRow]:
    data = data_of(space)
    return [music_row(index, captions=data.captions) for index in range(data.pieces)]


def make_data(space: Workspace) -> None:
    """Compose the pieces and play them; their pictures are kept as (256, 512, 1) grey values."""
    fill(
        space.path("spectrograms"), data_of(space).pieces, lambda i: spectrogram(music_row(i).brief)[..., None], space.worker, space.workers
    )


def said_of(rows: list[MusicRow]) -> text.Attributes:
    """What the captions say, in the order of `captions_of`."""
    pairs = [(row.brief, said) for row in rows for said in row.said]

    def labels(name: str, options: int, of: object) -> tuple[np.ndarray, int]:
        return np.array([of(b) if getattr(s, name, True) else text.UNSAID for b, s in pairs]), options  # pyright: ignore

    leads, genres = list(INSTRUMENTS), list(GENRES)
    return text.Attributes(
        {
            "genre": labels("genre", len(genres), lambda b: genres.index(b.genre)),
            "lead": labels("lead", len(leads), lambda b: leads.index(b.lead)),
            "tonic": labels("key", 12, lambda b: b.tonic),
            "mode": labels("mode", 2, lambda b: int(b.mode == "minor")),
            "drums": labels("drums", 2, lambda b: int(b.drums)),
        },
        {
            "tempo": np.array([octaves(b.bpm) if s.speed else np.nan for b, s in pairs]),
            "energy": np.array([b.energy if s.energy else np.nan for b, s in pairs]),
        },
    )


def captions_of(rows: list[MusicRow]) -> list[str]:
    return [said.caption for row in rows for said in row.said]


def train_text(space: Workspace) -> None:
    config = space.config("text")
    options = build(TextOptions, config.options, "text.toml")
    rows, folder = rows_of(space), space.path("clap")
    if not (folder / "tokenizer").exists():
        make_tokenizer(captions_of(rows), vocab_size=1024).save_pretrained(folder / "tokenizer")
    tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer")
    torch.manual_seed(config.loop.seed)
    model = text.make_text_encoder(tokenizer, options.width, options.layers).to(space.device)
    task = text.TextTask(model, token_ids(tokenizer, captions_of(rows)), said_of(rows))
    train(task, config.loop, space.path("run-text"))
    keep(model, folder / "text_encoder")


def train_vae(space: Workspace) -> None:
    config = space.config("vae")
    options = build(vae.VaeOptions, config.options, "vae.toml")
    torch.manual_seed(config.loop.seed)
    model = vae.make_vae(options).to(space.device)
    train(vae.VaeTask(model, options, space.path("spectrograms"), mirrored=False), config.loop, space.path("run-vae"))
    some = space.chunks("spectrograms")[np.random.default_rng(0).integers(0, len(space.chunks("spectrograms")), 64)]
    vae.standardise(model, vae.encode(model, as_pixels(some, space.device)))
    keep(model, space.path("vae"))


def as_pixels(grey: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """(B, H, W, 1) grey values -> (B, 3, H, W) in [-1, 1]"""
    return to_tensor(grey, device).expand(-1, 3, -1, -1)


def make_latents(space: Workspace) -> None:
    """Latents of whole loops: a picture with its beginning after its end and its end before its beginning, encoded, the middle kept."""
    model, pictures = AutoencoderKL.from_pretrained(space.path("vae")).to(space.device), space.chunks("spectrograms")
    model, margin = model.to(memory_format=torch.channels_last), 4 * LATENT_PIXELS
    fast = space.config("vae").loop.mixed_precision == "bf16"  # off by 0.004 of the latents' deviation

    def encoded(indices: np.ndarray) -> np.ndarray:
        loops = np.concatenate([p := pictures[indices], p[:, :, :margin]], 2)
        loops = np.concatenate([p[:, :, -margin:], loops], 2)
        with torch.autocast(space.device, torch.bfloat16, enabled=fast):
            parts = [vae.encode(model, part).float() for part in as_pixels(loops, space.device).split(8)]
        kept = torch.cat(parts)[..., margin // LATENT_PIXELS : -margin // LATENT_PIXELS]
        return kept.cpu().numpy().astype(np.float16)

    fill_batches(space.path("latents"), len(pictures), encoded, space.worker, space.workers)


class MusicTask(base.BaseTask):
    """Bars of loops: latents (C, H, columns of 16 beats), each with several captions; text states (rows * captions, 77, width)."""

    def __init__(self, unet: UNet2DConditionModel, options: MusicBaseOptions, latents: Chunks, text: Tensor, null_text: Tensor):
        super().__init__(unet, options, [latents], text, null_text)
        self.beats = options.beats

    def batch(self, rng: np.random.Generator, size: int) -> tuple[Tensor, Tensor]:
        loops = self.versions[0]
        rows, captions = rng.integers(0, len(loops), size), len(self.text) // len(loops)
        bars = rng.integers(0, BEATS // BEATS_A_BAR, size)
        columns = FRAMES_A_BEAT // LATENT_PIXELS
        latents = np.stack([np.roll(loop, -bar * BEATS_A_BAR * columns, -1)[..., : self.beats * columns]
                            for loop, bar in zip(loops[rows], bars, strict=True)])  # fmt: skip
        states = self.text[torch.from_numpy(rows * captions + rng.integers(0, captions, size))]
        return torch.from_numpy(latents).float().contiguous(memory_format=torch.channels_last), states


def train_base(space: Workspace) -> None:
    """Where the recipe has `base-short.toml`, on shorter loops first."""
    states = text_states(space, ["", *captions_of(rows_of(space))])
    stages = [stage for stage in ("base-short", "base") if (space.recipe / f"{stage}.toml").exists()]
    torch.manual_seed(space.config(stages[0]).loop.seed)
    channels = AutoencoderKL.load_config(space.path("vae"))["latent_channels"]
    start = space.path("start", "unet")
    unet = UNet2DConditionModel.from_pretrained(start) if start.exists() else None
    for stage in stages:
        config = space.config(stage)
        options = build(MusicBaseOptions, config.options, f"{stage}.toml")
        if unet is None:
            shape = base.UnetOptions(**{field.name: getattr(options, field.name) for field in fields(base.UnetOptions)})
            unet = base.make_unet(channels, states.shape[-1], shape)
        task = MusicTask(unet.to(space.device), options, space.chunks("latents"), states[1:], states[:1])
        train(task, config.loop, space.path(f"run-{stage}"))
    assert unet is not None
    keep(unet, space.path("unet"))


def export(space: Workspace, output: Path) -> None:
    """Write the pipeline directory; the recipe's `model.toml` says what suits the model."""
    suits = space.recipe / "model.toml"
    own = asdict(build(ModelOptions, tomllib.loads(suits.read_text()), suits)) if suits.exists() else {}
    pipeline = MusicPipeline(
        vae=AutoencoderKL.from_pretrained(space.path("vae"), torch_dtype=torch.float16),
        text_encoder=CLIPTextModel.from_pretrained(space.path("clap", "text_encoder"), dtype=torch.float16),
        tokenizer=CLIPTokenizer.from_pretrained(space.path("clap", "tokenizer")),
        unet=UNet2DConditionModel.from_pretrained(space.path("unet"), torch_dtype=torch.float16),
        scheduler=base.make_scheduler(),
        spectrogram=asdict(PARAMS),
        frames_a_beat=FRAMES_A_BEAT,
        bpm=110.0,
        **own,
    )
    write(pipeline, output)
