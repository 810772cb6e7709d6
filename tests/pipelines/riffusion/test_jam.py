"""The jam: clips without a seam, steered, cancelled."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from tunes import tune

from sonicdiff.audio.spectrogram import mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.riffusion.components import Sampling
from sonicdiff.pipelines.riffusion.jam import OVERLAP, Asked, Jam, Stretch, crossfaded, made_for
from sonicdiff.pipelines.riffusion.loudness import loudness_of, true_peaks
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline


def make_jam(pipeline: MusicPipeline, prompt: str = "jazz", **options: Any) -> Jam:
    return Jam(pipeline, Asked(prompt, seed=3), **{"bars": 1, "how": Sampling(2), **options})


def flux(sound: Waveform) -> np.ndarray:
    """How much the spectrum changes from frame to frame of 64 samples."""
    frames = np.lib.stride_tricks.sliding_window_view(sound.samples[0], 256)[::64] * np.hanning(256)
    return np.abs(np.diff(np.abs(np.fft.rfft(frames)), axis=0)).sum(1)


def test_clips_are_exact_and_join_without_a_jump(tiny_music: MusicPipeline) -> None:
    jam = make_jam(tiny_music)
    parts = [jam.next_clip() for _ in range(4)]
    held = round(OVERLAP * 8000)
    assert [part.samples.shape[1] for part in parts] == [16_000 - held, 16_000, 16_000, 16_000]
    whole = Waveform(np.concatenate([part.samples for part in parts], axis=1), 8000)
    change, steps = flux(whole), np.abs(np.diff(whole.samples[0]))
    for joint in np.cumsum([part.samples.shape[1] for part in parts])[:-1]:
        near = slice(joint // 64 - 6, joint // 64 + 2)
        assert change[near].max() <= 1.2 * np.quantile(change, 0.99)
        assert steps[joint - 2 : joint + 2].max() <= 1.2 * np.quantile(steps, 0.99)


def test_known_music_comes_out_of_a_jam_without_a_seam(tiny_music: MusicPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips that are successive bars of one tune: the tune comes back, in one piece."""
    sound = Waveform(np.roll(tune(6.0, 8000, 0.5).samples, 2000, 1), 8000)  # whose beats are not at the joints
    jam = make_jam(tiny_music)
    mel = mel_spectrogram(sound, jam.grid.params)
    columns = jam.grid.frames // 8

    def bar(*_: object) -> torch.Tensor:
        return torch.arange(jam.number * columns, (jam.number + 1) * columns).float().expand(1, 4, 8, columns)

    def frames(latents: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        return mel[..., (8 * latents[0, 0, 0].long()[:, None] + torch.arange(8)).flatten()]

    monkeypatch.setattr(jam, "_paint", bar)
    monkeypatch.setattr(tiny_music, "mel", frames, raising=False)
    parts = [jam.next_clip() for _ in range(3)]
    whole = Waveform(np.concatenate([part.samples for part in parts], axis=1), 8000)
    change = flux(whole)
    for joint in np.cumsum([part.samples.shape[1] for part in parts])[:-1]:
        # No beat falls there, so that what changes is the seam: decoded apart it is 0.34.
        assert change[joint // 64 - 3 : (joint + 380) // 64].max() < 0.27 * np.quantile(change, 0.99)


def test_no_peak_passes_the_ceiling_where_clips_differ_in_level(tiny_music: MusicPipeline) -> None:
    """A loud clip after a soft one, whose first beat is its loudest."""
    jam, rng = make_jam(tiny_music, loudness=-6.0), np.random.default_rng(0)
    soft, loud = 0.02 * rng.standard_normal((2, 1, 16_000)).astype(np.float32)
    loud[:, 600:3000] *= 60
    loud[:, :400] = soft[:, -400:]  # what was held back of the soft one
    parts = [jam._levelled(soft), jam._levelled(loud), jam._levelled(soft)]
    whole = np.concatenate([part.samples for part in parts], axis=1)
    assert true_peaks(whole).max() <= -1
    gains = np.concatenate([part.gains for part in parts])
    assert np.ptp(gains) > 1 and np.abs(np.diff(gains)).max() * 8000 <= 1  # dB a second
    joint = parts[0].samples.shape[1]
    assert np.allclose(whole[0, joint : joint + 5], parts[0].after[0, :5], rtol=0.05)


def test_a_clip_goes_on_from_the_one_before(tiny_music: MusicPipeline) -> None:
    """The same noise after another clip is another clip."""
    a, b = make_jam(tiny_music), make_jam(tiny_music)
    b.asked = Asked("rock", seed=3)
    a.next_clip()
    b.next_clip()
    b.asked = a.asked
    assert not np.array_equal(a.next_clip().samples, b.next_clip().samples)


def test_the_same_seed_is_the_same_jam(tiny_music: MusicPipeline) -> None:
    a, b = (made_for(make_jam(tiny_music), 5.0, ["jazz", "rock"], 1) for _ in range(2))
    assert np.array_equal(a.samples, b.samples) and a.samples.shape[1] == 40_000


def test_steering_walks_to_the_new_prompt(tiny_music: MusicPipeline) -> None:
    jam = make_jam(tiny_music, walk=3)
    jam.next_clip()
    (start,) = tiny_music.read_prompts("jazz")
    (end,) = tiny_music.read_prompts("rock")
    jam.steer(prompt="rock", strength=0.5)
    ways = []
    for _ in range(4):
        jam.next_clip()
        assert jam._text is not None
        ways.append(float((jam._text - start).norm() / (end - start).norm()))
    assert ways == pytest.approx([1 / 3, 2 / 3, 1, 1], abs=1e-4)
    assert jam.asked == Asked("rock", "", 0.5, 3)
    with pytest.raises(ValueError, match="strength"):
        jam.steer(strength=3.0)


def test_a_prompt_of_another_length_is_taken_at_once(tiny_music: MusicPipeline) -> None:
    jam = make_jam(tiny_music)
    jam.next_clip()
    jam.steer(prompt="rock " * 40)
    jam.next_clip()
    (long,) = tiny_music.read_prompts("rock " * 40)
    assert jam._text is not None and torch.equal(jam._text, long)


def test_it_can_be_cancelled_at_every_step(tiny_music: MusicPipeline) -> None:
    jam = make_jam(tiny_music, how=Sampling(5))
    jam.next_clip()
    before, steps = jam.number, []

    def cancel(step: int, t: int, x: torch.Tensor) -> None:
        steps.append(step)
        if step == 1:
            jam.cancel()

    with pytest.raises(Stopped):
        jam.next_clip(cancel)
    assert steps == [0, 1] and jam.number == before


def test_rehearsing_uses_nothing_up(tiny_music: MusicPipeline) -> None:
    ticks = iter([0.0, 4.0])
    jam = make_jam(tiny_music)
    assert jam.rehearse(lambda: next(ticks)) == 0.5  # two seconds of music in four
    assert np.array_equal(jam.next_clip().samples, make_jam(tiny_music).next_clip().samples)


def test_a_jam_is_as_loud_as_it_should_be(tiny_music: MusicPipeline) -> None:
    """Each clip by itself is up to 6 dB louder than the one before."""
    jam, rng = make_jam(tiny_music, bars=4), np.random.default_rng(1)
    parts = []
    for number, level in enumerate((0.0, 3.0, -3.0, 2.0, 8.0, 4.0, 4.0)):
        noise = 0.01 * rng.standard_normal((1, 64_000 + (0 if number == 0 else jam._held))).astype(np.float32)
        parts.append(jam._levelled(noise * np.float32(10 ** (level / 20))))
    whole = Waveform(np.concatenate([part.samples for part in parts], axis=1), 8000)
    assert loudness_of(whole) == pytest.approx(-16, abs=1)
    assert np.abs(np.diff(np.concatenate([part.gains for part in parts]))).max() * 8000 <= 1


def test_a_long_jam_keeps_time(tiny_music: MusicPipeline) -> None:
    """Ten minutes at a tempo whose hop is no whole number of samples: every click within 5 ms of the metronome's."""
    jam = make_jam(tiny_music, bpm=97.3, bars=16)
    period, parts, heard = jam.grid.decoded // 64, [], 0
    while heard < 600 * 8000:
        clicks = np.zeros((1, jam.grid.decoded + (jam._held if parts else 0)), np.float32)
        clicks[0, (jam._held if parts else 0) :: period] = 0.5
        if parts:
            clicks[0, : jam._held] = 0
        parts.append(jam._levelled(clicks))
        heard += parts[-1].samples.shape[1]
    whole = np.concatenate([[0.0], *(part.samples[0] for part in parts)])
    at = np.flatnonzero((whole[1:-1] > whole[:-2]) & (whole[1:-1] >= whole[2:]) & (whole[1:-1] > 0.1))
    assert len(at) > 900
    assert np.abs(at / 8000 - np.arange(len(at)) * 60 / 97.3).max() < 0.005


RISE = np.linspace(-1, 0, 7600)


def test_a_clip_comes_again_without_a_jump() -> None:
    time = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 220.3 * time).astype(np.float32)[None]
    stretch = Stretch((tone[:, :7600] * 10 ** (RISE / 20)).astype(np.float32), 8000, tone[:, 7600:], RISE)
    again = stretch.again()
    assert again.samples.shape == stretch.samples.shape and np.ptp(again.gains) == 0
    joint = np.concatenate([stretch.samples[0, -50:], again.samples[0, :50]])
    assert np.abs(np.diff(joint)).max() <= 1.05 * np.abs(np.diff(tone)).max()
    assert np.allclose(crossfaded(tone, tone), tone, atol=1e-6)


def test_bad_jams(tiny_music: MusicPipeline) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        make_jam(tiny_music, bars=0)
    with pytest.raises(ValueError, match="at least 1"):
        make_jam(tiny_music, walk=0)
    with pytest.raises(ValueError, match="40 to 240"):
        make_jam(tiny_music, "jazz 999 bpm")
