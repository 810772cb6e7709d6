"""The stage `recordings` of a recipe: its material, and the ear and its labels as they are left."""

# transformers types its models loosely.
# pyright: reportCallIssue=false, reportArgumentType=false, reportAttributeAccessIssue=false
from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import ClapAudioModelWithProjection

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import load
from sonicdiff.data import recordings as data
from sonicdiff.models.labels import SoundLabels
from sonicdiff.synthetic.pairs import LABELS
from sonicdiff.training import clap
from sonicdiff.training.cache import Joined, fill
from sonicdiff.training.config import ConfigError, build
from sonicdiff.training.loop import Run, train
from sonicdiff.training.recording_features import MOST_SECONDS, noise_take, take, takes_of
from sonicdiff.training.recordings import UNSAID, Material, Readings, RecordingOptions, RecordingsTask, direction_apart
from sonicdiff.training.stages import VERSIONS, labels_beside, make_sounds, suffixes
from sonicdiff.training.workspace import CAUSES, Workspace, keep, labels

BANK = 64  # synthetic sounds of each class that recordings are drawn to
APART = 0.7  # cosine of a new class with the others, at most
LIKE_A_CLASS = frozenset(("water", "grass", "gravel", "dirt"))  # materials that may sound like one: not said to be none of them


def train_recordings(space: Workspace) -> None:
    """Where the recipe has `recordings.toml`: the ear goes on with real recordings, and the labels learn what is none of the classes."""
    if not (space.recipe / "recordings.toml").exists():
        return
    config, folder = space.config("recordings"), Path(space.data.recordings)
    if not space.data.recordings or not folder.is_dir():
        raise ConfigError(f"there are no recordings in {str(folder)!r}; gather them first: sonicdiff data recordings --to {folder}")
    options = build(RecordingOptions, config.options, "recordings.toml")
    torch.manual_seed(config.loop.seed)
    begun = space.path("clap", "audio_encoder")
    audio = ClapAudioModelWithProjection.from_pretrained(begun if begun.exists() else space.path("start", "audio_encoder"))
    material, directions, bank = prepared(space, audio.eval(), folder, options)
    readings = Readings(directions, options.temperature)
    task = RecordingsTask(audio.train(), readings, options, material, bank)
    watch = Watch(task, validation_windows(folder))
    train(task, config.loop, space.path("run-recordings"), watcher=watch)
    of_class, of_none = (layer.requires_grad_(False) for layer in (readings.cause, readings.none))
    weights = (of_class.weight, of_class.bias, of_none.weight[0], of_none.bias)
    named = SoundLabels.from_readings(CAUSES, *weights, watch.threshold())
    keep(audio, space.path("recordings", "audio_encoder"))
    keep(named, space.path("recordings", "labels"))


def prepared(
    space: Workspace, audio: ClapAudioModelWithProjection, folder: Path, options: RecordingOptions
) -> tuple[Material, Tensor, Tensor]:
    """The material, made where it is not there yet; the classes' directions (classes, dim); synthetic sounds of each (classes, M, dim)."""
    make_sounds(space)
    found = data.read(folder)
    splits = data.splits(found)
    learnt = {data.TRAIN} if options.hold_out else {data.TRAIN, data.HELD_OUT}
    training = [recording for recording in found if splits[recording.source] in learnt]
    takes = takes_of(training, options.known_takes, options.other_takes)
    front_end, share = ClapFrontEnd.from_extractor(clap.make_feature_extractor()), {"worker": space.worker, "workers": space.workers}
    fill(space.path("mels-recordings"), len(takes), lambda i: take(front_end, folder, training[takes[i][0]], takes[i][1]), **share)
    fill(space.path("mels-noises"), options.noises, partial(noise_take, front_end), **share)

    sets = [name for name in space.data.beside if name in LABELS]  # those whose sounds are one thing each
    synthetic = Joined([space.chunks(f"mels{suffix}") for suffix in suffixes(space, sets)])
    heard = labels_beside(space, labels(space.sound_rows()), VERSIONS, sets)
    target = embedded(audio, synthetic)
    directions = directions_of(space, target, heard.cause)
    target = moved(target, heard.cause, directions)
    own = np.flatnonzero(heard.cause < len(CAUSES))
    members = [own[heard.cause[own] == cause] for cause in range(len(CAUSES))]
    bank = torch.stack([target[np.resize(rows, BANK)] for rows in members])

    named = [training[number].label for number, _ in takes]
    cause = np.concatenate([np.where(heard.cause < len(CAUSES), heard.cause, -1),
                            [CAUSES.index(label) if label in CAUSES else -1 for label in named], np.full(options.noises, -1)])  # fmt: skip
    kind = np.concatenate([np.full(len(target), "synthetic"), [training[number].kind for number, _ in takes],
                           np.full(options.noises, "noises")])  # fmt: skip
    unsure = [len(CAUSES) + i for i, label in enumerate(label for name in sets for label in LABELS[name]) if label in LIKE_A_CLASS]
    none = (cause < 0).astype(np.float32)
    none[: len(target)][np.isin(heard.cause, unsure)] = UNSAID
    kept = np.arange(len(cause)) < len(target)
    mels = Joined([*synthetic.parts, space.chunks("mels-recordings"), space.chunks("mels-noises")])
    padded = torch.cat([target, torch.zeros(len(cause) - len(target), target.shape[1])])
    return Material(mels, padded, kept, cause, kind, none, ~kept), directions, bank


@torch.no_grad()
def embedded(audio: ClapAudioModelWithProjection, mels: Joined) -> Tensor:
    """Unit vectors (N, dim) of features."""
    parts = [torch.from_numpy(mels[rows]).float()[:, None] for rows in np.array_split(np.arange(len(mels)), -(-len(mels) // 64))]
    return F.normalize(torch.cat([audio(input_features=part).audio_embeds for part in parts]), dim=-1)


def directions_of(space: Workspace, embeds: Tensor, cause: np.ndarray) -> Tensor:
    """Those of the model that is gone on from; a class that it has no name for gets one of its own, apart from all others."""
    start = space.path("start", "labels")
    known = (
        dict(zip((old := SoundLabels.from_pretrained(start)).config["names"], old.vectors.float(), strict=True)) if start.exists() else {}
    )
    means = {name: F.normalize(embeds[cause == number].mean(0), dim=0) for number, name in enumerate(CAUSES)}
    if not known:
        return torch.stack([means[name] for name in CAUSES])
    others = torch.stack(list(known.values()))
    return torch.stack([known[name] if name in known else direction_apart(means[name], others, APART) for name in CAUSES])


def moved(embeds: Tensor, cause: np.ndarray, directions: Tensor) -> Tensor:
    """Each class's embeddings shifted so that they lie around its direction, where they did not."""
    embeds = embeds.clone()
    for number, direction in enumerate(directions):
        mean = embeds[cause == number].mean(0)
        if F.cosine_similarity(mean, direction, dim=0) < 0.9:
            embeds[cause == number] = F.normalize(embeds[cause == number] + mean.norm() * direction - mean, dim=-1)
    return embeds


def validation_windows(folder: Path) -> list[tuple[Tensor, int]]:
    """Features (windows, 1, frames, bins) and the class (-1: none) of every recording of the split `validation`."""
    found, front_end = data.read(folder), ClapFrontEnd.from_extractor(clap.make_feature_extractor())
    splits = data.splits(found)
    chosen = [recording for recording in found if splits[recording.source] == data.VALIDATION]
    windows = [front_end.windows(load(folder / recording.file, length=MOST_SECONDS)) for recording in chosen]
    features = [torch.cat([front_end.features(window) for window in each]) for each in windows]
    return [(each, CAUSES.index(recording.label) if recording.label in CAUSES else -1)
            for each, recording in zip(features, chosen, strict=True)]  # fmt: skip


class Watch:
    """Says every so many steps what the averaged weights hear in the split `validation`."""

    def __init__(self, task: RecordingsTask, validation: list[tuple[Tensor, int]]) -> None:
        self.task, self.validation = task, validation

    def logged(self, step: int, means: dict[str, float]) -> None:
        """What the journal has is enough."""

    def passed(self, run: Run) -> None:
        if run.step % self.task.options.validate_every and run.step != run.config.steps:
            return
        with run.averaged():
            right, none = self.heard()
        known = np.array([cause >= 0 for _, cause in self.validation])
        told = (none[~known][:, None] > none[known][None]).mean()
        print(f"step {run.step}: of the split validation {right:.2f} right, known told from unknown {told:.2f}", flush=True)

    @torch.no_grad()
    def heard(self) -> tuple[float, np.ndarray]:
        """The share of the classes' recordings whose class is right, and the probability (N,) that each is none of the classes."""
        self.task.audio.eval()
        windows = [F.normalize(self.task.audio(input_features=each).audio_embeds.float(), dim=-1).mean(0) for each, _ in self.validation]
        self.task.audio.train()
        logits, none = self.task.readings(F.normalize(torch.stack(windows), dim=-1))  # a pipeline hears windows so
        cause = torch.tensor([cause for _, cause in self.validation])
        return float((logits.argmax(1) == cause)[cause >= 0].float().mean()), none.sigmoid().numpy()

    def threshold(self) -> float:
        """From which probability a sound is said to be none of the classes: known recordings seldom are (`false_alarms`)."""
        none = self.heard()[1][[cause >= 0 for _, cause in self.validation]]
        return float(np.quantile(none, 1 - self.task.options.false_alarms).clip(0.05, 0.95))
