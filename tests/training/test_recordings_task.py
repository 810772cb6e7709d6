"""Ears that learn from recordings: synthetic sounds stay, recordings come to their class, mixtures are both, the rest is told apart."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from sonicdiff.audio.clap import ClapFrontEnd
from sonicdiff.audio.waveform import load
from sonicdiff.data.recordings import Recording
from sonicdiff.training.cache import Chunks, Joined, fill
from sonicdiff.training.config import LoopConfig
from sonicdiff.training.draw import Draw
from sonicdiff.training.loop import train
from sonicdiff.training.recording_features import noise_take, take, takes_of
from sonicdiff.training.recordings import (
    UNSAID,
    Material,
    Readings,
    RecordingOptions,
    RecordingsTask,
    added,
    balanced,
    direction_apart,
    levelled,
)  # fmt: skip
from sonicdiff.training.recordings_stage import Watch
from tests.data.test_recordings import folder_of_clips
from tests.tiny import make_audio_encoder

FRAMES, BINS = 101, 16


def made_task(folder: Path) -> RecordingsTask:
    """Two classes by where they are loud, kept and real, and sounds loud elsewhere that are none of them."""
    rng = np.random.default_rng(0)
    cause = np.array([0, 1] * 8 + [0, 1] * 8 + [-1] * 16)

    def mel(index: int) -> np.ndarray:
        mels = rng.normal(-60, 3, (FRAMES, BINS)).astype(np.float16)
        band = {0: slice(0, 4), 1: slice(6, 10), -1: slice(12, 16)}[int(cause[index])]
        mels[:, band] += 40
        return mels

    fill(folder, len(cause), mel)
    torch.manual_seed(0)
    audio, mels = make_audio_encoder(), Joined([Chunks(folder)])
    with torch.no_grad():
        target = F.normalize(audio(input_features=torch.from_numpy(mels[np.arange(48)]).float()[:, None]).audio_embeds, dim=-1)
    kept = np.arange(48) < 16
    directions = F.normalize(torch.stack([target[:16][cause[:16] == number].mean(0) for number in (0, 1)]), dim=-1)
    bank = torch.stack([target[:16][cause[:16] == number] for number in (0, 1)])
    material = Material(mels, target, kept, cause, cause.astype(str), (cause < 0).astype(np.float32), ~kept)
    return RecordingsTask(audio, Readings(directions, 0.07), RecordingOptions(mixed=0.3), material, bank)


def test_it_learns_classes_and_none_and_keeps_what_was_there(tmp_path: Path) -> None:
    task = made_task(tmp_path / "mels")
    with torch.no_grad():
        before = {name: float(value) for name, value in task.losses(Draw.of(1, 0, 48)).items()}
    train(task, LoopConfig(steps=120, batch_size=24, learning_rate=3e-3, warmup_steps=5, ema_decay=0.9), tmp_path / "run")
    with torch.no_grad():
        after = {name: float(value) for name, value in task.losses(Draw.of(1, 0, 48)).items()}
        mels = torch.from_numpy(task.material.mels[np.arange(48)]).float()[:, None]
        embeds = F.normalize(task.audio.eval()(input_features=mels).audio_embeds, dim=-1)
    assert after["loss"] < before["loss"] and after["none"] < 0.7 * before["none"]
    classes, none = task.readings(embeds)
    assert (classes[16:32].argmax(1).numpy() == task.material.cause[16:32]).mean() > 0.9
    assert (embeds[:16] * task.material.target[:16]).sum(1).mean() > 0.9
    assert none[32:].mean() > none[:32].mean() + 1


def test_a_mixture_is_both_classes_by_loudness_and_others_stay_well_below(tmp_path: Path) -> None:
    task = made_task(tmp_path / "mels")
    rows = np.array([16, 17, 40])
    mels = torch.from_numpy(task.material.mels[rows]).float()
    classes, none, mixed = task.labels(rows)
    assert none.tolist() == [0, 0, 1] and classes[2].sum() == 0
    task.mix(0, 1, mels, classes, none, mixed, rows, np.random.default_rng(0))
    assert mixed.tolist() == [True, False, False]
    assert classes[0].sum() == pytest.approx(1) and 0.5 <= classes[0, 0] < 1 and classes[0, 1] > 0.02
    task.mix(1, 2, mels, classes, none, mixed, rows, np.random.default_rng(0))
    assert classes[1].tolist() == [0, 1] and none[1] == 0


def test_powers_add_up_and_whispers_stay_above_the_floor() -> None:
    flat = torch.full((10, 4), -30.0)
    assert added(flat, flat - 20, 0.0) == pytest.approx(torch.full((10, 4), -30 + 10 * np.log10(2)).numpy(), abs=1e-3)
    assert added(flat, flat, 20.0) == pytest.approx(torch.full((10, 4), -30 + 10 * np.log10(1.01)).numpy(), abs=1e-3)
    quiet = levelled(torch.full((200, 3, 4), -80.0), 45.0, np.random.default_rng(0))
    assert float(quiet.min()) == -100 and 0.1 < float((quiet[:, 0, 0] < -80).float().mean()) < 0.3


def test_what_is_not_said_to_be_none_does_not_count(tmp_path: Path) -> None:
    task = made_task(tmp_path / "mels")
    task.material.none[:] = UNSAID
    with torch.no_grad():
        assert float(task.losses(Draw.of(0, 0, 24))["none"]) == 0


def test_a_new_direction_stands_apart() -> None:
    others = F.normalize(torch.randn(6, 32, generator=torch.Generator().manual_seed(0)) + 1, dim=1)
    new = direction_apart(others[:2].sum(0), others, 0.4)
    assert float((others @ new).max()) <= 0.4 and float((others @ new).max()) > 0.2
    assert float(new.norm()) == pytest.approx(1)


def test_kinds_are_drawn_more_evenly_than_they_are() -> None:
    odds = balanced(np.array(["dog"] * 16 + ["siren"]))
    assert odds.sum() == pytest.approx(1) and odds[16] == pytest.approx(0.2)


def test_few_known_recordings_are_said_to_be_none(tmp_path: Path) -> None:
    task = made_task(tmp_path / "mels")
    mels = torch.from_numpy(task.material.mels[np.arange(16, 36)]).float()[:, None, None]
    watch = Watch(task, list(zip(mels, task.material.cause[16:36], strict=True)))
    none = watch.heard()[1][:16]
    assert (none > watch.threshold()).sum() <= 2 and (none > watch.threshold() - 0.1).sum() > 2


def test_takes_are_the_same_every_time_and_differ(tmp_path: Path) -> None:
    clips, front_end = folder_of_clips(tmp_path / "clips"), ClapFrontEnd(feature_size=32, hop_length=938)
    known = Recording("rain/1-17-A.ogg", "raining", "freesound 17", "me", "CC0", "rain/1-17-A.ogg")
    other = Recording("other/dog/1-30-A.ogg", "other", "freesound 30", "me", "CC0", "other/dog/1-30-A.ogg")
    assert takes_of([known, other], 2, 1) == [(0, 0), (0, 1), (1, 0)]
    as_it_is, first, again, second = (take(front_end, clips, known, version) for version in (0, 1, 1, 2))
    assert np.array_equal(first, again) and not np.array_equal(first, second) and first.dtype == np.float16
    heard = front_end.features(next(iter(front_end.windows(load(clips / known.file)))))[0, 0]
    assert np.allclose(as_it_is, heard, atol=0.2)
    noises = [noise_take(front_end, index) for index in range(5)]
    assert all(noise.shape == first.shape and np.isfinite(noise).all() for noise in noises)
