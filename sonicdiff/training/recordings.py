"""Real recordings for an ear that knows synthetic sounds: those stay where they lie in its space, recordings of a class come to lie
among them, classes mix, and what is none of the classes is told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import ClapAudioModelWithProjection

from sonicdiff.training.cache import Joined
from sonicdiff.training.clap import ClapOptions, perturbed
from sonicdiff.training.draw import Draw

UNSAID = -1.0  # a target of `none` that is not asked for


@dataclass(frozen=True)
class RecordingOptions:
    """How the batch is made up and what counts how much."""

    known_takes: int = 24  # takes of each recording of a class, the first as it is
    other_takes: int = 8  # and of each that is none of them
    noises: int = 400
    hold_out: bool = True  # False: the held-out third is learnt from as well, once a training without it has been judged
    known_share: float = 0.35  # of a batch: recordings of the classes
    other_share: float = 0.35  # recordings that are none of them, and noises
    mixed: float = 0.35  # of the sounds of a class, so many have another sound mixed in
    keep_weight: float = 4.0  # of the distance of synthetic sounds from where they lay
    bank_weight: float = 0.3  # of the likeness to synthetic sounds of the class
    none_weight: float = 1.5
    temperature: float = 0.07
    mel_offset_db: float = 3.0
    whisper_db: float = 40.0  # at most so much quieter
    validate_every: int = 200  # steps
    false_alarms: float = 0.1  # of the known recordings of the split `validation`, so many may be said to be none of the classes


@dataclass(frozen=True)
class Material:
    """What is learnt from, row by row of `mels`: `target` (N, dim) where synthetic sounds lie, `kept` (N,) which rows those are;
    `cause` (N,) indices of classes, -1 for none; `kind` (N,) what is drawn about equally often; `none` (N,) 1 for none of the classes, 0
    for one of them, UNSAID; `real` (N,) recordings and noises."""

    mels: Joined
    target: Tensor
    kept: np.ndarray
    cause: np.ndarray
    kind: np.ndarray
    none: np.ndarray
    real: np.ndarray


class Readings(nn.Module):
    """Linear readings of unit embeddings (N, dim): logits of the classes (N, classes), begun as cosines with their directions
    (classes, dim) over a temperature, and of none of them (N,)."""

    def __init__(self, directions: Tensor, temperature: float) -> None:
        super().__init__()
        self.cause, self.none = nn.Linear(directions.shape[1], len(directions)), nn.Linear(directions.shape[1], 1)
        with torch.no_grad():
            self.cause.weight.copy_(directions / temperature)
            self.cause.bias.zero_()

    def forward(self, embeds: Tensor) -> tuple[Tensor, Tensor]:
        return self.cause(embeds), self.none(embeds)[:, 0]


class RecordingsTask:
    """`bank` (classes, M, dim) are synthetic sounds of each class, as they lie."""

    def __init__(self, audio: ClapAudioModelWithProjection, readings: Readings, options: RecordingOptions, material: Material,
                 bank: Tensor):  # fmt: skip
        self.audio, self.readings, self.options, self.material, self.bank = audio, readings, options, material, bank
        self.perturbing = ClapOptions(mel_offset_db=options.mel_offset_db, time_masks=1)
        known = material.real & (material.cause >= 0)
        self.pools = [np.flatnonzero(known), np.flatnonzero(~known & ~material.kept), np.flatnonzero(material.kept)]
        self.odds = [*(balanced(material.kind[pool]) for pool in self.pools[:2]), None]

    def modules(self) -> dict[str, nn.Module]:
        return {"audio": self.audio, "readings": self.readings}

    def rates(self) -> dict[str, float]:
        return {"readings": 10.0}

    def losses(self, draw: Draw) -> dict[str, Tensor]:
        rows = self.rows(draw)
        mels = torch.from_numpy(self.material.mels[rows]).float()
        classes, none, mixed = self.labels(rows)
        for row in np.flatnonzero(draw.numpy.random(len(rows)) < np.where(self.material.cause[rows] >= 0, self.options.mixed, 0)):
            self.mix(int(row), int(draw.numpy.integers(len(rows))), mels, classes, none, mixed, rows, draw.numpy)
        mels = levelled(perturbed(mels, self.perturbing, draw.numpy), self.options.whisper_db, draw.numpy)
        mels, classes, none = mels[draw.rows], classes[draw.rows], none[draw.rows]
        rows, mixed = rows[draw.rows], mixed[draw.rows]

        embeds = F.normalize(self.audio(input_features=mels[:, None]).audio_embeds.float(), dim=-1)
        class_logits, none_logits = (logits.float() for logits in self.readings(embeds))
        kept = torch.from_numpy(self.material.kept[rows] & ~mixed).float()
        parts = {
            "keep": mean_of((embeds - self.material.target[rows]).square().sum(1), kept),
            "cause": soft_cross_entropy(class_logits, classes),
            "bank": soft_cross_entropy(self.likeness(embeds), classes),
            "none": none_error(none_logits, none),
        }
        weights = (self.options.keep_weight, 1.0, self.options.bank_weight, self.options.none_weight)
        return {"loss": sum(weight * part for weight, part in zip(weights, parts.values(), strict=True)), **parts}  # pyright: ignore

    def rows(self, draw: Draw) -> np.ndarray:
        """A batch: recordings of the classes and others, evenly by kind, and synthetic sounds."""
        known, other = (round(share * draw.batch_size) for share in (self.options.known_share, self.options.other_share))
        counts = (known, other, draw.batch_size - known - other)
        chosen = [draw.numpy.choice(pool, count, p=p) for pool, count, p in zip(self.pools, counts, self.odds, strict=True)]
        return draw.numpy.permutation(np.concatenate(chosen))

    def labels(self, rows: np.ndarray) -> tuple[Tensor, Tensor, np.ndarray]:
        """Class targets (N, classes), zero for none; targets of `none` (N,); which rows are mixed (N,): not one yet."""
        classes = torch.zeros(len(rows), len(self.bank))
        known = np.flatnonzero(self.material.cause[rows] >= 0)
        classes[known, self.material.cause[rows][known]] = 1.0
        return classes, torch.from_numpy(self.material.none[rows]).float(), np.zeros(len(rows), bool)

    def mix(self, row: int, other: int, mels: Tensor, classes: Tensor, none: Tensor, mixed: np.ndarray, rows: np.ndarray,
            rng: np.random.Generator) -> None:  # fmt: skip
        """Adds the sound `other` to `row`: another class as a soft target by its loudness, a sound of none of them well below it."""
        is_class = self.material.cause[rows[other]] >= 0
        below = rng.uniform(0, 15) if is_class else rng.uniform(8, 25)
        mels[row] = added(mels[row], mels[other], below)
        if is_class and not mixed[other]:
            share = 1 / (1 + 10 ** (below / 10))
            classes[row] = (1 - share) * classes[row] + share * classes[other]
        mixed[row] = True

    def likeness(self, embeds: Tensor) -> Tensor:
        """How like (N, classes) the synthetic sounds of each class an embedding is: the log of its mean kernel with them."""
        cosines = torch.einsum("nd,cmd->ncm", embeds, self.bank) / self.options.temperature
        return cosines.logsumexp(2) - np.log(self.bank.shape[1])


def balanced(kinds: np.ndarray) -> np.ndarray:
    """Odds (N,) of drawing each row, by which a kind is drawn as often as the root of its rows says."""
    _, numbers, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    odds = 1 / np.sqrt(counts[numbers])
    return odds / odds.sum()


def added(mel: Tensor, other: Tensor, below_db: float) -> Tensor:
    """The features in dB (frames, bins) of two sounds at once, the second `below_db` under the first: their powers add up."""
    power, rest = 10 ** (mel / 10), 10 ** (other / 10)
    gain = power.mean() / rest.mean().clamp(min=1e-12) * 10 ** (-below_db / 10)
    return 10 * (power + gain * rest).clamp(min=1e-10).log10()


def levelled(mels: Tensor, whisper_db: float, rng: np.random.Generator) -> Tensor:
    """A fifth of the rows quieter by up to `whisper_db`, never under the floor of the features, -100 dB."""
    quieter = rng.uniform(0, whisper_db, len(mels)) * (rng.random(len(mels)) < 0.2)
    return (mels - torch.from_numpy(quieter).float()[:, None, None]).clamp(min=-100.0)


def mean_of(values: Tensor, counted: Tensor) -> Tensor:
    return (values * counted).sum() / counted.sum().clamp(min=1)


def none_error(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy of the reading of none (N,), over the rows of which it is said."""
    errors = F.binary_cross_entropy_with_logits(logits, targets.clamp(min=0), reduction="none")
    return mean_of(errors, (targets >= 0).float())


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Over the rows whose targets (N, classes) add up to one; those of zeros do not count."""
    return mean_of(-(targets * F.log_softmax(logits, 1)).sum(1), targets.sum(1))


def direction_apart(mean: Tensor, others: Tensor, cosine: float) -> Tensor:
    """A unit vector near `mean` (dim,) whose cosine with none of `others` (N, dim), unit vectors, is above `cosine`."""
    vector = F.normalize(mean, dim=0)
    while (cosines := others @ vector).max() > cosine:
        vector = F.normalize(vector - 0.05 * others[cosines.argmax()], dim=0)
    return vector
