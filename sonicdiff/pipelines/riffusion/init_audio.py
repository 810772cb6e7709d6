"""What music may start from: a loop of ours by name, any sound, or a spectrogram picture; as mel magnitudes on a grid."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from sonicdiff.audio import image as spectrogram_image
from sonicdiff.audio import phase, waveform
from sonicdiff.audio.formats import no_sound
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.common import image_loading
from sonicdiff.pipelines.common.audio_conditioning import Heard, Sound
from sonicdiff.pipelines.riffusion.tempo import BEATS_A_BAR, Grid, estimate, read_at

NOTHING = Heard()
LOOPS = Path(__file__).parent / "loops"
SeedImage = Sound | Image.Image
"""A name in SEEDS, a sound (path, bytes, Waveform, (array, rate)), or a spectrogram: a PIL image, or a picture's path or bytes."""
UNTAGGED = ("riffusion", "model")
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")


@dataclass(frozen=True)
class SeedLoop:
    """One of our loops: four bars of 4/4 without a seam."""

    bpm: float
    description: str
    beats: int = 16

    def sound(self, name: str) -> Waveform:
        return waveform.load(LOOPS / f"{name}.ogg")


SEEDS = {
    "dusty beat": SeedLoop(80, "lo-fi electric piano in a minor"),
    "four on the floor": SeedLoop(124, "house synth in g minor"),
    "late club": SeedLoop(126, "jazz saxophone in f major"),
    "open road": SeedLoop(128, "rock electric guitar in e minor"),
    "beach at dusk": SeedLoop(118, "bossa nova flute in c major"),
    "slow tide": SeedLoop(76, "ambient cello in d minor, without drums"),
    "back porch": SeedLoop(104, "folk acoustic guitar in g major"),
}


@dataclass(frozen=True)
class Seed:
    """A sound with its tempo, and when its first beat falls (s); `heard` is for the record."""

    sound: Waveform
    bpm: float
    first_beat: float
    heard: Heard = NOTHING

    def mel(self, grid: Grid, stereo: bool, circular: bool) -> Tensor:
        """Mel magnitudes (1 or 2 channels, mel_bins, grid.frames): its beats from the first on, again from there if they are too few.

        Its beats fill the grid's frames exactly: the hop follows its tempo, and what is left of a sample is resampled.
        """
        exact = grid.beats * 60 / self.bpm * grid.params.sample_rate / grid.frames
        hop = max(1, round(exact))
        params = replace(grid.params, hop_length=hop, stereo=stereo)
        samples = (self.sound.stereo() if stereo else self.sound).resampled(params.sample_rate).samples
        samples = samples[:, round(self.first_beat * params.sample_rate) :]
        samples = repeated(samples, 60 / self.bpm * params.sample_rate, math.ceil(grid.frames * exact) + 1)
        filled = read_at(samples, np.arange(grid.frames * hop) * (exact / hop))
        cut = Waveform(np.ascontiguousarray(filled[:, : grid.frames * hop]), params.sample_rate)
        return mel_spectrogram(cut, params, circular)[..., : grid.frames]


def repeated(samples: np.ndarray, beat: float, wanted: int) -> np.ndarray:
    """`wanted` samples (channels, n) of a sound: where it is shorter, its whole beats again; silence fills up a single one."""
    have = samples.shape[1]
    if have >= wanted:
        return samples[:, :wanted]
    whole = round(max(1.0, (have + 0.02 * beat) // beat) * beat)  # a beat that lacks a fiftieth is one
    filled = np.pad(samples[:, :whole], ((0, 0), (0, max(0, whole - have))))
    return np.tile(filled, (1, -(-wanted // whole)))[:, :wanted]


def is_name(source: Any) -> bool:
    return isinstance(source, str) and source in SEEDS


def read(source: SeedImage, bpm: float | None = None, start: float = 0.0, length: float | None = None,
         untagged: SpectrogramParams | None = None) -> Seed:  # fmt: skip
    """What to start from. bpm: its tempo, by default the loop's own, or estimated. Raises AudioError, ImageError or ValueError.

    untagged: the settings of a picture that carries none, by default Riffusion's: its own seeds are eight beats of 64 columns at 93.75.
    """
    if is_name(source):
        assert isinstance(source, str)
        loop = SEEDS[source]
        return Seed(loop.sound(source), loop.bpm, 0.0)
    if isinstance(source, str) and not Path(source).suffix and not Path(source).exists():
        raise ValueError(f"there is no seed {source!r}; known are {', '.join(SEEDS)}, and the path of a sound or a spectrogram")
    length = waveform.MOST_SECONDS if length is None else length
    if is_picture(source):
        drawn = from_picture(source, untagged)
        sound = waveform.load(drawn, start, length)
        estimated, first_beat = (of_a_loop(drawn) if sound.seconds == drawn.seconds else estimate(sound)) if bpm is None else (bpm, 0.0)
    else:
        assert not isinstance(source, Image.Image)
        sound = waveform.load(source, start, length)
        estimated, first_beat = estimate(sound) if bpm is None else (bpm, 0.0)
    path = os.fspath(source) if isinstance(source, (str, os.PathLike)) else None
    heard = Heard(records=({"name": path and Path(path).name, "sha256": sound.sha256(), "weight": 1.0},), files=(path,))
    return Seed(sound, estimated, first_beat, heard)


def settings_of_untagged(name: str, params: SpectrogramParams) -> SpectrogramParams | None:
    """What `read` takes for pictures without settings: "riffusion" (None), or "model", those of `params`."""
    if name not in UNTAGGED:
        raise ValueError(f"got seed_picture {name!r}; expected one of {', '.join(UNTAGGED)}")
    return params if name == "model" else None


def is_picture(source: Any) -> bool:
    """Whether it is a PIL image, or the path, bytes or open file of a picture, told from its first bytes."""
    if isinstance(source, Image.Image):
        return True
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if not path.is_file():
            return path.suffix.lower() in PICTURES
        with path.open("rb") as file:
            head = file.read(16)
    elif isinstance(source, (bytes, bytearray)):
        head = bytes(source[:16])
    elif hasattr(source, "read") and hasattr(source, "seek"):
        source.seek(0)
        head = source.read(16)
        source.seek(0)
    else:
        return False
    return isinstance(head, bytes) and (no_sound(head) or "").endswith(" image")


def from_picture(source: Any, untagged: SpectrogramParams | None = None) -> Waveform:
    """The sound of a spectrogram picture, with the settings it carries, else with `untagged` at its height, else with Riffusion's."""
    picture = image_loading.opened(source.read() if hasattr(source, "read") and not isinstance(source, Image.Image) else source)
    if picture.width * picture.height > image_loading.MAX_PIXELS:
        raise ValueError(
            f"got a picture of {picture.width} x {picture.height} pixels; expected at most {image_loading.MAX_PIXELS / 1e6:.0f} million"
        )
    try:
        picture.load()
    except (OSError, SyntaxError, ValueError) as error:
        raise image_loading.ImageError(f"cannot read {image_loading.describe(source)}: {error}") from None
    mel, found = spectrogram_image.from_image(picture, untagged and replace(untagged, mel_bins=picture.height))
    samples = phase.decode_in_blocks(mel, found).numpy()
    return waveform.load((samples / max(1.0, float(np.abs(samples).max())), found.sample_rate), length=waveform.MOST_SECONDS)


def of_a_loop(sound: Waveform) -> tuple[float, float]:
    """The tempo of a sound and its first beat (s): where it is nearly whole bars from its beginning on, these exactly."""
    bpm, first_beat = estimate(sound)
    beats = max(1, round(sound.seconds * bpm / 60 / BEATS_A_BAR)) * BEATS_A_BAR
    exact = beats * 60 / sound.seconds
    return (exact, 0.0) if abs(exact / bpm - 1) < 0.02 else (bpm, first_beat)


def read_mask(source: image_loading.Photo, size: Sequence[int]) -> Tensor:
    """A mask (1, 1, height, width) from 0, keep, to 1, repaint (white), of latents of that size."""
    picture = image_loading.load(source).convert("L").resize((size[1], size[0]), Image.Resampling.BOX)
    return torch.from_numpy(np.asarray(picture, dtype=np.float32) / 255)[None, None]
