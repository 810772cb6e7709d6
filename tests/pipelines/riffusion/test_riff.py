"""Sounds played anew, and clips whose sound is changed while their rhythm stays."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import pytest
import torch
from tunes import tune

from sonicdiff.audio.waveform import Waveform
from sonicdiff.pipelines.riffusion.loudness import loudness_of
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

FAST: dict[str, Any] = {"num_inference_steps": 3, "show_progress": False}
RATE = 8000


@pytest.mark.parametrize(("seconds", "rate"), [(0.7, 8000), (3.37, 8000), (7.91, 11_025)])
def test_nothing_is_dropped(tiny_music: MusicPipeline, seconds: float, rate: int) -> None:
    sound = tune(seconds, rate, 0.5, loop=False)
    clip = tiny_music.riff(sound, "rock", audio_bpm=117.3, seed=0, **FAST)
    assert clip.samples.shape[1] == pytest.approx(seconds * RATE, abs=1)
    tail = clip.samples[0, -RATE // 4 :]
    assert np.sqrt(np.mean(tail**2)) > 1e-3


def test_another_tempo_is_another_length(tiny_music: MusicPipeline) -> None:
    sound = tune(4.0, RATE, 0.5, loop=False)
    assert tiny_music.riff(sound, "x", audio_bpm=120, bpm=60, seed=0, **FAST).seconds == pytest.approx(8.0, rel=2e-3)
    assert tiny_music.riff(sound, "x, 240 bpm", audio_bpm=120, seed=0, **FAST).seconds == pytest.approx(2.0, rel=1e-2)


def test_it_is_as_loud_as_it_was(tiny_music: MusicPipeline) -> None:
    sound = tune(4.0, RATE, 0.5)
    quiet = Waveform(0.05 * sound.samples, RATE)
    assert loudness_of(tiny_music.riff(quiet, "x", audio_bpm=120, seed=0, **FAST)) == pytest.approx(loudness_of(quiet), abs=0.3)


def test_what_is_too_soft_to_measure_is_not_lost(tiny_music: MusicPipeline) -> None:
    """Below the meter's gate of -70 LUFS there is no loudness to bring the result to; it is kept at its own level."""
    faint = Waveform(2e-4 * tune(4.0, RATE, 0.5).samples, RATE)
    assert not np.isfinite(loudness_of(faint))
    assert np.abs(tiny_music.riff(faint, "x", audio_bpm=120, seed=0, **FAST).samples).max() > 0


def test_the_first_beat_begins_a_bar(tiny_music: MusicPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence is put before a sound whose first beat is late, and is gone again afterwards."""
    from sonicdiff.pipelines.riffusion import init_audio

    monkeypatch.setattr(init_audio, "estimate", lambda sound: (120.0, 0.3))
    source, grid, kept = tiny_music._whole(tune(2.0, RATE, 0.5), None, None, 0.0, None)
    assert kept == slice(1600, 1600 + 16_000)
    assert np.count_nonzero(source.sound.samples[0, :1600]) == 0
    assert grid.frames * grid.params.hop_length >= kept.stop


def test_stereo(tiny_music: MusicPipeline) -> None:
    left = tune(2.0, RATE, 0.5).samples
    sound = Waveform(np.concatenate([left, 0.3 * left[:, ::-1]]), RATE)
    assert tiny_music.riff(sound, "x", audio_bpm=120, seed=0, **FAST).samples.shape == (2, 16_000)
    assert tiny_music.edit(sound, "x", audio_bpm=120, **FAST).samples.shape == (2, 16_000)
    assert tiny_music.riff(sound, "x", audio_bpm=120, seed=0, stereo=False, **FAST).samples.shape == (1, 16_000)


def test_an_edit_without_a_change_gives_the_clip_back(tiny_music: MusicPipeline) -> None:
    """Guidance 1 towards the prompt that the inversion read leads back to the latents it came from."""
    pipeline, sound = copy.deepcopy(tiny_music), tune(2.0, RATE, 0.5)
    with torch.no_grad():
        pipeline.unet.conv_out.weight.mul_(0.05)  # a random UNet cannot be inverted, a gentle one can
    last: list[torch.Tensor] = []

    def keep(pipeline: Any, step: int, t: int, more: dict[str, Any]) -> None:
        last.append(more["latents"])

    options: dict[str, Any] = {"audio_bpm": 120, "num_inference_steps": 20, "show_progress": False, "callback_on_step_end": keep}
    from sonicdiff.pipelines.riffusion import init_audio

    start = pipeline.begin(init_audio.read(sound, 120), pipeline.grid(120), 1.0, None, False).latents
    pipeline.edit(sound, "jazz", source_prompt="jazz", guidance_scale=1.0, inversion_refinements=2, **options)
    same = float((last[-1] - start).norm() / start.norm())
    pipeline.edit(sound, "rock", source_prompt="jazz", guidance_scale=9.0, feature_injection=0.0, attention_injection=0.0, **options)
    other = float((last[-1] - start).norm() / start.norm())
    assert same < 0.02 < other


def test_injection_holds_the_clip(tiny_music: MusicPipeline) -> None:
    sound, found = tune(2.0, RATE, 0.5), []
    for held in (1.0, 0.0):
        options = {"feature_injection": held, "attention_injection": held, "audio_bpm": 120, "guidance_scale": 5.0, **FAST}
        found.append(tiny_music.edit(sound, "rock", **options).samples)
    assert not np.array_equal(*found)
    with pytest.raises(ValueError, match="feature_injection"):
        tiny_music.edit(sound, "rock", feature_injection=2.0, **FAST)
