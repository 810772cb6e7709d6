"""Wav2CLIP (Wu et al. 2022, MIT): a ResNet-18 on log-power spectrograms and a small MLP, into the space of CLIP ViT-B/32.

The released file's keys and numbers; the network is torchvision's ResNet-18 with one input channel, written again here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sonicdiff.audio.waveform import Waveform
from sonicdiff.hub.weights.strict_load import load as load_pickle

RATE = 16_000  # Hz it was trained at
FFT, HOP = 512, 353
RELEASED_RATE, RELEASED_SAMPLES = 44_100, 442_763  # what SonicDiffusion's released script feeds it
NOT_USED = ("fc.", "spectrogram.")  # a head that nothing reads, and the window


class Block(nn.Module):
    """ResNet's basic block, under torchvision's names."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs)
        self.conv2, self.bn2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs)
        changes = stride > 1 or inputs != outputs
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class Encoder(nn.Module):
    """Spectrograms (B, 1, bins, frames) to (B, 512)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(1, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64)
        widths = (64, 64, 128, 256, 512)
        for number in range(1, 5):
            inputs, outputs = widths[number - 1], widths[number]
            self.add_module(f"layer{number}", nn.Sequential(Block(inputs, outputs, 1 if number == 1 else 2), Block(outputs, outputs, 1)))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, 2, 1)
        for number in range(1, 5):
            x = self.get_submodule(f"layer{number}")(x)
        return x.mean((2, 3))


class Transform(nn.Module):
    """(B, 512) into CLIP's space; positions 1 and 2 of the released stack hold no weights."""

    def __init__(self) -> None:
        super().__init__()
        self.sequential = nn.Sequential(nn.Linear(512, 512), nn.ReLU(), nn.Identity(), nn.Linear(512, 512))

    def forward(self, x: Tensor) -> Tensor:
        return self.sequential(x)


class Wav2Clip(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.audio_encoder, self.audio_transform = Encoder(), Transform()

    @classmethod
    def load(cls, file: Path) -> Wav2Clip:
        """The released checkpoint, a pickle of which only tensors are read. ValueError where its keys are not Wav2CLIP's."""
        content = load_pickle(file)
        state = content.get("state_dict", content) if isinstance(content, Mapping) else {}
        wanted = ("audio_encoder.", "audio_transform.")
        kept = {name: value for name, value in state.items() if name.startswith(wanted) and not name.split(".", 1)[1].startswith(NOT_USED)}
        model = cls()
        if kept.keys() != (own := model.state_dict()).keys() or any(kept[name].shape != own[name].shape for name in own):
            raise ValueError(f"{file} does not hold Wav2CLIP's tensors; expected the released checkpoint, Wav2CLIP.pt or ResNet_CX.ckpt")
        model.load_state_dict(kept)
        return model.eval()

    def embed(self, spectrogram: Tensor) -> np.ndarray:
        """A normalised spectrogram (bins, frames) to a unit vector (1, 512)."""
        return F.normalize(self.audio_transform(self.audio_encoder(spectrogram[None, None])), dim=-1).cpu().numpy()

    @torch.no_grad()
    def listen(self, sound: Waveform) -> np.ndarray:
        """One sound at the rate it was trained at, normalised by itself: a unit vector (1, 512)."""
        spectrogram = log_power(sound.mono().resampled(RATE).samples[0])
        return self.embed((spectrogram - spectrogram.mean()) / (spectrogram.std() + 1e-9))

    @torch.no_grad()
    def listen_as_released(self, sounds: Iterable[Waveform]) -> np.ndarray:
        """As the script of SonicDiffusion: at 44.1 kHz, zero-padded or cut to 10.04 s, normalised by mean and deviation of all sounds.

        (n, 512). `sounds` is gone through twice, so that the batch need not be held: once for the two numbers, once to embed.
        """
        count, total, squares = 0, 0.0, 0.0
        for sound in sounds:
            values = log_power(as_fed(sound)).double()
            count, total, squares = count + values.numel(), total + float(values.sum()), squares + float(values.square().sum())
        mean = total / count
        deviation = ((squares - count * mean * mean) / (count - 1)) ** 0.5
        return np.concatenate([self.embed((log_power(as_fed(sound)) - mean) / (deviation + 1e-9)) for sound in sounds])


def as_fed(sound: Waveform) -> np.ndarray:
    samples = sound.mono().resampled(RELEASED_RATE).samples[0][:RELEASED_SAMPLES]
    return np.pad(samples, (0, RELEASED_SAMPLES - len(samples)))


def log_power(samples: np.ndarray) -> Tensor:
    """Samples (n,) to the logarithm of the power spectrogram (FFT / 2 + 1, frames), centred, with a Hann window."""
    least = np.pad(samples, (0, max(0, FFT - len(samples))))  # what reflects must be longer than the reflection
    options: dict[str, Any] = {"window": torch.hann_window(FFT), "center": True, "pad_mode": "reflect", "return_complex": True}
    return torch.stft(torch.from_numpy(np.ascontiguousarray(least)), FFT, HOP, **options).abs().square().add(1e-7).log()
