"""The pairs of a split as a stage takes them: everything that is computed once, in order, and what had to be left out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import Tensor

from sonicdiff.data.captions import of_class
from sonicdiff.data.opening import open_data
from sonicdiff.data.sample import Sample, SampleError
from sonicdiff.data.videos import Cutting
from sonicdiff.training.adapt import Pairs
from sonicdiff.training.config import ConfigError
from sonicdiff.training.own.config import DataConfig
from sonicdiff.training.own.features import VIEWS, Encoders, Rows, text_key
from sonicdiff.training.own.store import fill

WHOLE_TWICE = (0, 0, 1, 2)  # stage 2 hears all of a sound half of the time, and a half of it the other half


@dataclass(frozen=True)
class Examples:
    """N pairs. embeds: (N, VIEWS, dim). text: (P, 77, width), row 0 of nothing said. text_of: (N,), 0 for a pair without a caption."""

    fingerprints: list[str]
    labels: list[str | None]
    embeds: Tensor
    latents: list[Rows]
    text: Tensor
    text_of: np.ndarray
    skipped: dict[str, str]  # why, by key

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def names(self) -> list[str]:
        """The classes there are."""
        return sorted({label for label in self.labels if label is not None})

    @property
    def classes(self) -> np.ndarray:
        """(N,) the number of each pair's class in `names`; a pair without one is a class of its own."""
        number = {name: i for i, name in enumerate(self.names)}
        return np.array([len(number) + i if label is None else number[label] for i, label in enumerate(self.labels)])

    @property
    def digest(self) -> str:
        return hashlib.sha256(" ".join(self.fingerprints).encode()).hexdigest()

    def sounds(self) -> tuple[Tensor, np.ndarray, np.ndarray]:
        """For stage 1: the views of all sounds (N * VIEWS, dim), their classes, and the row of `text` that fits each, -1 for none."""
        said = np.where(self.text_of > 0, self.text_of, -1)
        return self.embeds.flatten(0, 1), self.classes.repeat(VIEWS), said.repeat(VIEWS)[:, None]

    def pairs(self) -> Pairs:
        """For stage 2."""
        rows = np.arange(len(self))
        sound_of = VIEWS * rows[:, None] + np.array(WHOLE_TWICE)
        return Pairs(self.latents, rows, self.embeds.flatten(0, 1), sound_of, self.text, self.text_of, self.text[:1])


def open_split(data: DataConfig, split: str) -> tuple[Sequence[Sample], str]:
    """The samples of a split, no more than the limit, and the licence of the data."""
    samples = open_data(data.where, data.layout, split, Cutting(data.window, data.frame_at))
    return samples[: data.limit] if data.limit else samples, samples.licence


def prepare(samples: Sequence[Sample], encoders: Encoders) -> Examples:
    """Computes what the stores lack, each process its share, and puts the pairs together. ConfigError where too many cannot be read."""
    processes = PartialState()
    worker, workers = processes.process_index, processes.num_processes
    prints = shared(fingerprints(samples, worker, workers))
    by_print = {value: samples[number] for number, (value, why) in sorted(prints.items()) if why is None}
    failed = fill(encoders.sounds, by_print, encoders.read_sound, encoders.hear, worker, workers)
    failed |= fill(encoders.latents, by_print, encoders.read_picture, encoders.see, worker, workers)
    captions = {text_key(text): text for text in {"", *(of_class(sample) or "" for sample in samples)}}
    fill(encoders.texts, dict(sorted(captions.items())), str, encoders.say, worker, workers)
    failed = shared(failed)
    reasons = {samples[number].key: why or failed.get(value) for number, (value, why) in sorted(prints.items())}
    skipped = {key: why for key, why in reasons.items() if why is not None}
    processes.wait_for_everyone()
    for store in (encoders.sounds, encoders.latents, encoders.texts):
        store.look()
    whole = [(value, samples[number]) for number, (value, _) in sorted(prints.items()) if samples[number].key not in skipped]
    check(len(samples), skipped, encoders.data)
    return together(whole, encoders, skipped)


def fingerprints(samples: Sequence[Sample], worker: int, workers: int) -> dict[int, tuple[str, str | None]]:
    """Of this process's share, by number: the fingerprint, or why there is none."""
    found: dict[int, tuple[str, str | None]] = {}
    for number in range(worker, len(samples), workers):
        try:
            found[number] = samples[number].fingerprint(), None
        except SampleError as error:
            found[number] = "", str(error)
    return found


def shared(mine: dict) -> dict:
    """What every process found, together."""
    return {key: value for part in gather_object([mine]) for key, value in part.items()}


def check(count: int, skipped: dict[str, str], data: DataConfig) -> None:
    if len(skipped) > data.max_skipped * count or len(skipped) == count:
        found = f"{len(skipped)} of {count} pairs in {data.where} cannot be read ({'; '.join(list(skipped.values())[:3])})"
        raise ConfigError(f"{found}; mend or remove them, or raise max_skipped, now {data.max_skipped}")


def together(whole: Sequence[tuple[str, Sample]], encoders: Encoders, skipped: dict[str, str]) -> Examples:
    """The examples of samples whose features are all there."""
    keys = [value for value, _ in whole]
    said = [of_class(sample) or "" for _, sample in whole]
    texts = sorted({*said, ""})  # "" is the first
    number = {text: i for i, text in enumerate(texts)}
    versions = 2 if encoders.data.flip else 1
    return Examples(
        keys,
        [sample.label for _, sample in whole],
        torch.stack([encoders.sounds[key] for key in keys]),
        [Rows(encoders.latents, keys, version) for version in range(versions)],
        torch.stack([encoders.texts[text_key(text)] for text in texts]),
        np.array([number[text] for text in said]),
        skipped,
    )
