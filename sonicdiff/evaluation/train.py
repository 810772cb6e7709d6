"""Training the evaluators: `train_evaluators` makes `checkpoints/evaluators` in about fifteen minutes of one processor core."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from diffusers import AutoencoderKL
from torch import Tensor, nn

from sonicdiff.evaluation.card import write_card
from sonicdiff.evaluation.data import Labels, evaluator_row, labels, made, small_picture, sound
from sonicdiff.evaluation.degrade import degraded, perturbed
from sonicdiff.evaluation.features import AudioEvaluator, Evaluators, ImageEvaluator, log_mel, mel_filters, to_tensor
from sonicdiff.evaluation.reconstruction import digest, reconstruct

Log = Callable[[str], None]
TEMPERATURE = 0.1
SAME_INTENSITY = 0.15  # how far apart two intensities may be to count as the same


@dataclass(frozen=True)
class Effort:
    """How much is rendered and how long is learnt; the default is about fifteen core-minutes."""

    pictures: int = 3600
    sounds: int = 1800
    tests: int = 200
    reconstructions: int = 900  # of the pictures, where a VAE is given
    image_steps: int = 1200
    audio_steps: int = 700
    batch_size: int = 32
    learning_rate: float = 2e-3
    seed: int = 0


def train_evaluators(
    output: Path, vae: Path | None = None, cache: Path = Path("runs/evaluators"), effort: Effort | None = None, log: Log = print
) -> Evaluators:
    """Render (into `cache`), train both networks, save them with their card in `output`.

    vae: the directory of an AutoencoderKL; its reconstructions are then learnt from and tested on as well.
    """
    effort = effort or Effort()
    torch.manual_seed(effort.seed)
    rows = [evaluator_row(index, "evaluator") for index in range(max(effort.pictures, effort.sounds))]
    pictures = made(cache / "pictures", rows[: effort.pictures], small_picture, log)
    seen = labels(rows[: effort.pictures])
    if vae is not None:
        again = rows[: effort.pictures : 3][: effort.reconstructions]
        model = AutoencoderKL.from_pretrained(vae).eval()
        copies = made(cache / f"reconstructions-{digest(vae)}", again, lambda r: reconstruct(model, small_picture(r)), log)
        repeats = np.resize(np.arange(len(copies)), len(pictures) // 4)  # a fifth of the pool
        pictures, seen = np.concatenate([pictures, copies[repeats]]), joined(seen, labels(again)[repeats])
    image = ImageEvaluator().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    fit(image, lambda rng, size: image_loss(image, pictures, seen, rng, size), effort.image_steps, effort, log)

    sounds = made(cache / "sounds", rows[: effort.sounds], sound, log)
    filters = mel_filters()
    mels, heard = torch.stack([log_mel(samples, filters) for samples in sounds]), labels(rows[: effort.sounds])
    image.eval()
    with torch.no_grad():
        anchors = torch.cat([image.heads(image(to_tensor(part)))[2] for part in np.array_split(pictures, math.ceil(len(pictures) / 64))])
    audio = AudioEvaluator().to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    fit(audio, lambda rng, size: audio_loss(audio, mels, heard, anchors, seen, rng, size), effort.audio_steps, effort, log)

    evaluators = Evaluators(image, audio)
    evaluators.save(output)
    write_card(output, Evaluators.load(output), cache, vae, effort.tests, log)
    return evaluators


def fit(network: nn.Module, loss: Callable[[np.random.Generator, int], dict[str, Tensor]], steps: int, effort: Effort, log: Log) -> None:
    """AdamW under a one-cycle learning rate."""
    optimizer = torch.optim.AdamW(network.parameters(), lr=effort.learning_rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, effort.learning_rate, total_steps=steps, pct_start=0.15)
    network.train()
    began, totals = time.monotonic(), []
    for step in range(steps):
        parts = loss(np.random.default_rng((effort.seed, step)), effort.batch_size)
        optimizer.zero_grad(set_to_none=True)
        total = torch.stack([value for name, value in parts.items() if name != "accuracy"]).sum()
        total.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        totals.append({name: float(value.detach()) for name, value in parts.items()})
        if (step + 1) % 100 == 0 or step + 1 == steps:
            means = "  ".join(f"{name} {np.mean([t[name] for t in totals]):.3f}" for name in parts)
            left = (time.monotonic() - began) / (step + 1) * (steps - step - 1)
            log(f"{type(network).__name__} step {step + 1} of {steps}  {means}  {left:.0f} s left")
            totals.clear()


def image_loss(image: ImageEvaluator, pictures: np.ndarray, seen: Labels, rng: np.random.Generator, size: int) -> dict[str, Tensor]:
    rows = rng.integers(0, len(pictures), size)
    features, truth = image(degraded(pictures[rows], rng)), seen[rows]
    cause, intensity, embed = image.heads(features)
    same = agreement(truth, truth).fill_diagonal_(0)
    return {
        **readings(cause, intensity, truth),
        "peers": contrast((embed @ embed.T / TEMPERATURE).fill_diagonal_(-1e4), same),
        "place": 0.3 * F.cross_entropy(image.place(features), torch.from_numpy(truth.place)),
        "light": 0.3 * F.cross_entropy(image.light(features), torch.from_numpy(truth.light)),
    }


def audio_loss(audio: AudioEvaluator, mels: Tensor, heard: Labels, anchors: Tensor, seen: Labels,
               rng: np.random.Generator, size: int) -> dict[str, Tensor]:  # fmt: skip
    """anchors: embeddings of the frozen image evaluator, whose rows are labelled `seen`."""
    rows, shown = rng.integers(0, len(mels), size), rng.integers(0, len(anchors), 4 * size)
    cause, intensity, embed = audio.heads(audio(perturbed(mels[torch.from_numpy(rows)], rng)))
    logits, pairs = embed @ anchors[torch.from_numpy(shown)].T / TEMPERATURE, agreement(heard[rows], seen[shown])
    return {**readings(cause, intensity, heard[rows]), "pairs": 0.5 * contrast(logits, pairs) + 0.5 * contrast(logits.T, pairs.T)}


def readings(cause: Tensor, intensity: Tensor, truth: Labels) -> dict[str, Tensor]:
    target = torch.from_numpy(truth.cause)
    return {
        "cause": F.cross_entropy(cause, target, label_smoothing=0.05),
        "intensity": 5 * F.smooth_l1_loss(intensity, torch.from_numpy(truth.intensity), beta=0.2),
        "accuracy": (cause.detach().argmax(1) == target).float().mean(),
    }


def agreement(a: Labels, b: Labels) -> Tensor:
    """(len(a), len(b)): 0 between classes, within one falling with the distance of the intensities."""
    apart = (a.intensity[:, None] - b.intensity[None]) / SAME_INTENSITY
    return torch.from_numpy((a.cause[:, None] == b.cause[None]) * np.exp(-0.5 * apart**2)).float()


def contrast(logits: Tensor, wanted: Tensor) -> Tensor:
    """InfoNCE with graded positives; rows without a partner do not count."""
    total = wanted.sum(1, keepdim=True)
    loss = -(wanted / total.clamp(min=1e-6) * F.log_softmax(logits, 1)).sum(1)
    counted = (total[:, 0] > 0.05).float()
    return (loss * counted).sum() / counted.sum().clamp(min=1)


def joined(a: Labels, b: Labels) -> Labels:
    return Labels(*(np.concatenate([getattr(a, name), getattr(b, name)]) for name in ("cause", "place", "light", "intensity")))
