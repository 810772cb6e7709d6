"""The evaluators: a small network that looks at images and one that listens to sounds, with one embedding for what both are of.

They are trained on renders and sounds of their own (`train.py`) and share nothing with the models they judge.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Self

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.data import CAUSES, RATE, SIZE, reduced
from sonicdiff.synthetic.classes import LIGHTS, PLACES

DIM = 64  # of the embedding that images and sounds share
SECONDS = 10.0  # of a sound that are heard; a shorter one is repeated
MELS, FFT, HOP = 64, 1024, 400
FILES = {"image": "image.safetensors", "audio": "audio.safetensors"}


class Residual(nn.Module):
    """Two 3x3 convolutions around a shortcut; stride 2 halves the sides."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.shortcut = nn.Identity() if inputs == outputs and stride == 1 else nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class Heads(nn.Module):
    """Readings of the features (B, width): logits of the cause, the intensity, and the shared embedding."""

    def __init__(self, width: int):
        super().__init__()
        self.cause, self.intensity, self.embed = nn.Linear(width, len(CAUSES)), nn.Linear(width, 1), nn.Linear(width, DIM)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.cause(features), self.intensity(features)[:, 0], F.normalize(self.embed(features), dim=-1)


class ImageEvaluator(nn.Module):
    """Images (B, 3, SIZE, SIZE) in [-1, 1] to features (B, 256), which `heads`, `place` and `light` read."""

    width = 256

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.blocks = nn.Sequential(Residual(16, 32, 2), Residual(32, 64, 2), Residual(64, 64), Residual(64, 128, 2), Residual(128, 128))
        self.heads = Heads(self.width)
        self.place, self.light = nn.Linear(self.width, len(PLACES)), nn.Linear(self.width, len(LIGHTS))

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.stem(x)))
        return torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)


class AudioEvaluator(nn.Module):
    """Log-mel spectrograms (B, 1, MELS, frames) to features (B, 384), which `heads` reads."""

    width = 384

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(1, 16, 3, 2, 1)
        self.blocks = nn.Sequential(Residual(16, 32, 2), Residual(32, 64, 2), Residual(64, 128, 2))
        self.heads = Heads(self.width)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(F.relu(self.stem(x))).mean(2)  # (B, 128, frames / 16)
        return torch.cat([x.mean(2), x.amax(2), x.std(2)], 1)


def mel_filters() -> Tensor:
    """Triangles on the mel scale from 40 Hz to 7800 Hz: (MELS, FFT / 2 + 1)."""
    edges = 700 * (10 ** (np.linspace(np.log10(1 + 40 / 700), np.log10(1 + 7800 / 700), MELS + 2)) - 1)
    bins = np.linspace(0, RATE / 2, FFT // 2 + 1)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return torch.from_numpy(np.clip(np.minimum(rising, falling), 0, None)).float()


def log_mel(samples: np.ndarray, filters: Tensor) -> Tensor:
    """Samples (n,) at RATE, repeated or cut to SECONDS, to (1, MELS, frames) in units of 20 dB about -40 dB."""
    fitted = np.resize(samples.astype(np.float32), round(SECONDS * RATE))
    power = torch.stft(torch.from_numpy(fitted), FFT, HOP, window=torch.hann_window(FFT), return_complex=True).abs().square()
    return ((filters @ power).clamp(min=1e-8).log10() / 2)[None]


@dataclass(frozen=True)
class Heard:
    """What the audio evaluator makes of n sounds."""

    probabilities: np.ndarray  # (n, causes) over CAUSES
    intensity: np.ndarray  # (n,)
    embeds: np.ndarray  # (n, DIM), unit vectors

    def cause(self, with_calm: bool = False) -> np.ndarray:
        """The likeliest cause (n,), among the ten classes or with calm among them."""
        return self.probabilities[:, : None if with_calm else -1].argmax(1)

    def __getitem__(self, rows: slice) -> Self:
        return type(self)(*(getattr(self, field.name)[rows] for field in fields(self)))


@dataclass(frozen=True)
class Seen(Heard):
    """What the image evaluator makes of n images."""

    place: np.ndarray  # (n,) indices into PLACES
    features: np.ndarray  # (n, 256), for FID and KID


class Evaluators:
    """Both networks, ready to judge."""

    def __init__(self, image: ImageEvaluator, audio: AudioEvaluator):
        self.image, self.audio = image.eval(), audio.eval()
        self.filters = mel_filters()

    @classmethod
    def load(cls, folder: Path) -> Evaluators:
        """Read what `save` wrote. Raises FileNotFoundError with what to do, RuntimeError where keys or shapes differ."""
        image, audio = ImageEvaluator(), AudioEvaluator()
        for network, name in ((image, FILES["image"]), (audio, FILES["audio"])):
            if not (folder / name).is_file():
                raise FileNotFoundError(f"{folder / name} is missing; make the evaluators with `sonicdiff evaluate train-evaluators`")
            state = load_file(folder / name)
            network.load_state_dict({key: value.float() if value.is_floating_point() else value for key, value in state.items()})
        return cls(image, audio)

    def save(self, folder: Path) -> None:
        """float16 safetensors and a `config.json` that says what they read and tell."""
        folder.mkdir(parents=True, exist_ok=True)
        for network, name in ((self.image, FILES["image"]), (self.audio, FILES["audio"])):
            state = {key: value.half() if value.is_floating_point() else value for key, value in network.state_dict().items()}
            save_file({key: value.contiguous() for key, value in state.items()}, folder / name)
        config = {"causes": CAUSES, "places": PLACES, "lights": LIGHTS, "image_size": SIZE, "sample_rate": RATE, "dim": DIM}
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")

    @torch.no_grad()
    def see(self, images: Iterable[np.ndarray]) -> Seen:
        """Judge uint8 images (h, w, 3) of any size, one by one, so that the company an image is in changes nothing."""
        rows = []
        for image in images:
            features = self.image(to_tensor(reduced(image)[None]))
            cause, intensity, embed = self.image.heads(features)
            rows.append((cause.softmax(1)[0], intensity[0], embed[0], self.image.place(features).argmax(1)[0], features[0]))
        return Seen(*(torch.stack(column).numpy() for column in zip(*rows, strict=True)))

    @torch.no_grad()
    def hear(self, sounds: Iterable[Waveform]) -> Heard:
        """Judge sounds of any length and rate, one by one."""
        rows = []
        for sound in sounds:
            samples = sound.mono().resampled(RATE).samples[0]
            cause, intensity, embed = self.audio.heads(self.audio(log_mel(samples, self.filters)[None]))
            rows.append((cause.softmax(1)[0], intensity[0], embed[0]))
        return Heard(*(torch.stack(column).numpy() for column in zip(*rows, strict=True)))


def to_tensor(images: np.ndarray) -> Tensor:
    """uint8 (B, H, W, 3) to (B, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float().div(127.5).sub(1)
