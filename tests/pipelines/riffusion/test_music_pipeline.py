"""Music from text on the tiny pipeline: lengths, tempi, loops, seeds, masks, stereo, levels, samplers, bad input."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tunes import tune

from sonicdiff.audio.spectrogram import mel_spectrogram
from sonicdiff.audio.waveform import AudioError, Waveform
from sonicdiff.diffusion.ddim import Stopped
from sonicdiff.pipelines.riffusion import spectrogram_vae
from sonicdiff.pipelines.riffusion.clip import Clip
from sonicdiff.pipelines.riffusion.init_audio import SEEDS
from sonicdiff.pipelines.riffusion.loudness import loudness_of, true_peaks
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline

FAST: dict[str, Any] = {"num_inference_steps": 2, "show_progress": False}
RATE = 8000


def one(pipeline: MusicPipeline, prompt: str = "jazz", **options: Any) -> Clip:
    return pipeline.music(prompt, **{"seed": 1, **FAST, **options})[0]


@pytest.fixture
def stereo_tune() -> Waveform:
    left = tune(4.0, RATE, beat=0.5).samples
    return Waveform(np.concatenate([left, 0.5 * np.roll(left, 999, 1)]), RATE)


def test_by_default_a_loop_of_whole_bars(tiny_music: MusicPipeline) -> None:
    clip = one(tiny_music)
    assert (clip.loop, clip.bpm, clip.seconds) == (True, 120.0, 2.0)
    assert clip.image.size == (128, 64)
    assert one(tiny_music, "jazz, 100 bpm").seconds == pytest.approx(2.4)
    assert one(tiny_music, "jazz, 100 bpm", bpm=125).bpm == 125


@pytest.mark.parametrize(("options", "seconds"), [({"seconds": 3.3}, 3.3), ({"bars": 3}, 6.0), ({"seconds": 3.3, "loop": True}, 4.0)])
def test_lengths(tiny_music: MusicPipeline, options: dict[str, Any], seconds: float) -> None:
    clip = one(tiny_music, **options)
    assert clip.samples.shape == (1, round(seconds * RATE))
    assert clip.loop == (options != {"seconds": 3.3})


def test_a_clip_that_is_cut_off_is_faded_out(tiny_music: MusicPipeline) -> None:
    assert abs(one(tiny_music, seconds=3.3).samples[0, -3:]).max() < 1e-3


def test_the_same_seed_is_the_same_music(tiny_music: MusicPipeline) -> None:
    a, b, c = one(tiny_music), one(tiny_music), one(tiny_music, seed=2)
    assert np.array_equal(a.samples, b.samples) and not np.array_equal(a.samples, c.samples)
    batch = tiny_music.music("jazz", seed=1, num_clips=2, **FAST)
    assert [clip.made["seed"] for clip in batch] == [1, 2]
    assert np.array_equal(batch[1].samples, c.samples)


@pytest.mark.parametrize(
    "change", [{"negative_prompt": "drums"}, {"guidance_scale": 1.0}, {"guidance_rescale": 0.7}, {"num_inference_steps": 3}]
)
def test_what_is_asked_for_matters(tiny_music: MusicPipeline, change: dict[str, Any]) -> None:
    assert not np.array_equal(one(tiny_music).samples, one(tiny_music, **change).samples)


def test_weights_and_long_prompts(tiny_music: MusicPipeline) -> None:
    plain = one(tiny_music, "jazz piano").samples
    assert np.array_equal(plain, one(tiny_music, "(jazz piano:1.0)").samples)
    assert not np.array_equal(plain, one(tiny_music, "(jazz:1.5) piano").samples)
    assert np.isfinite(one(tiny_music, "jazz " * 40, negative_prompt="x").samples).all()


@pytest.mark.parametrize("scheduler", ["dpm", "ddim", "pndm", "euler", "euler-a", "lms", "unipc"])
@pytest.mark.parametrize("seeded", [False, True])
def test_every_sampler(tiny_music: MusicPipeline, scheduler: str, seeded: bool) -> None:
    more = {"seed_image": tune(2.0, RATE, 0.5), "seed_bpm": 120, "strength": 0.5} if seeded else {}
    options = {"scheduler": scheduler, "num_inference_steps": 6, **more}
    a, b = one(tiny_music, **options), one(tiny_music, **options)
    assert np.array_equal(a.samples, b.samples) and np.isfinite(a.samples).all()


def test_levels(tiny_music: MusicPipeline) -> None:
    for target in (-16.0, -30.0, -10.0):
        clip = one(tiny_music, loudness=target)
        assert true_peaks(clip.samples).max() <= -1
        assert loudness_of(clip) == pytest.approx(target, abs=0.2)
    assert true_peaks(one(tiny_music, loudness=None).samples).max() <= -1


def test_little_strength_is_near_the_seed(tiny_music: MusicPipeline) -> None:
    """The latents stay those of the seed, and less so the stronger."""
    sound = tune(2.0, RATE, 0.5)
    grid = tiny_music.grid(120)
    from sonicdiff.pipelines.riffusion import init_audio

    start = tiny_music.begin(init_audio.read(sound, 120), grid, 1.0, None, True)

    def distance(strength: float) -> float:
        found: list[torch.Tensor] = []
        one(tiny_music, seed_image=sound, seed_bpm=120, strength=strength, num_inference_steps=10,
            callback_on_step_end=lambda p, i, t, more: found.append(more["latents"]))  # fmt: skip
        assert len(found) == round(10 * strength)
        return float((found[-1] - start.latents).detach().norm())

    distances = [distance(strength) for strength in (0.1, 0.5, 1.0)]
    assert distances == sorted(distances)


def test_strengths_by_name(tiny_music: MusicPipeline) -> None:
    a = one(tiny_music, seed_image="dusty beat", strength="remix", num_inference_steps=4)
    assert np.array_equal(a.samples, one(tiny_music, seed_image="dusty beat", strength=0.75, num_inference_steps=4).samples)
    assert a.bpm == pytest.approx(80, rel=5e-3)
    with pytest.raises(ValueError, match="remix"):
        one(tiny_music, seed_image="dusty beat", strength="much")


def test_a_mask_keeps_what_is_black(tiny_music: MusicPipeline) -> None:
    mask = np.zeros((64, 128), np.uint8)
    mask[:, 64:] = 255
    mask[:, 32:64] = 128
    found: list[torch.Tensor] = []
    one(tiny_music, seed_image=tune(2.0, RATE, 0.5), seed_bpm=120, strength=1.0, mask=Image.fromarray(mask), num_inference_steps=8,
        callback_on_step_end=lambda p, i, t, more: found.append(more["latents"]))  # fmt: skip
    from sonicdiff.pipelines.riffusion import init_audio

    start = tiny_music.begin(init_audio.read(tune(2.0, RATE, 0.5), 120), tiny_music.grid(120), 1.0, None, True).latents
    change = (found[-1] - start).detach().abs().mean((0, 1, 2))
    assert float(change[:4].max()) == 0
    assert float(change[8:].min()) > 0.05
    assert 0 < float(change[4:8].mean()) < float(change[8:].mean())


def test_stereo_seeds(tiny_music: MusicPipeline, stereo_tune: Waveform) -> None:
    options = {"seed_image": stereo_tune, "seed_bpm": 120}
    clip = one(tiny_music, **options)
    assert clip.samples.shape == (2, 16_000)
    assert not np.array_equal(*clip.samples)
    assert np.asarray(clip.image)[..., 0].max() == 0  # red is empty: Riffusion's stereo
    assert one(tiny_music, **options, stereo=False).samples.shape == (1, 16_000)
    same = Waveform(np.repeat(stereo_tune.samples[:1], 2, axis=0), RATE)
    left, right = one(tiny_music, **{**options, "seed_image": same}).samples
    assert np.allclose(left, right, atol=1e-3)  # alike channels stay alike: they share the noise and the phases


def test_a_spectrogram_is_a_seed(tiny_music: MusicPipeline, tmp_path: Path) -> None:
    path = one(tiny_music).save(tmp_path / "a.wav").with_suffix(".png")
    for source in (path, str(path), Image.open(path)):
        assert one(tiny_music, seed_image=source, seed_bpm=120).seconds == 2.0


def test_the_seam_of_a_loop(tiny_music: MusicPipeline) -> None:
    """Turned by half, the latents of a loop have no edge where the ends meet: they were seen across it."""
    grid = tiny_music.grid(120)
    noise = tiny_music.noise(grid, torch.Generator().manual_seed(0))
    null, text = tiny_music.read_prompts("", "jazz")
    from sonicdiff.pipelines.riffusion.components import Sampling

    loop = tiny_music.denoise(null, text, noise, Sampling(4), True)
    turned = tiny_music.denoise(null, text, noise.roll(8, -1), Sampling(4), True).roll(-8, -1)
    assert torch.allclose(loop, turned, atol=1e-3)
    straight = tiny_music.denoise(null, text, noise, Sampling(4), False)
    assert not torch.allclose(straight, loop, atol=1e-2)


def test_a_loop_is_decoded_without_ends(tiny_music: MusicPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tune that is a loop comes out as one: nothing jumps where its end meets its beginning."""
    grid = tiny_music.grid(120)
    sound = Waveform(np.roll(tune(2.0, RATE, 0.5).samples, 2000, 1), RATE)  # no beat falls on the seam
    mel = mel_spectrogram(sound, grid.params, circular=True)
    monkeypatch.setattr(tiny_music, "mel", lambda *_, **__: mel, raising=False)
    jumps = []
    for loop in (True, False):
        clip = tiny_music.play(torch.zeros(1, 4, 8, 16), grid, loop, 1.0, None, {})
        turned = np.roll(clip.samples[0], 4000)
        frames = np.lib.stride_tricks.sliding_window_view(turned, 256)[::32] * np.hanning(256)
        change = np.abs(np.diff(np.abs(np.fft.rfft(frames)), axis=0)).sum(1)
        jumps.append(change[4000 // 32 - 8 : 4000 // 32].max() / np.quantile(change, 0.99))
    assert jumps[0] < 0.6 * jumps[1]


def test_every_loop_of_ours_is_whole_bars() -> None:
    assert len(SEEDS) >= 5
    for name, loop in SEEDS.items():
        sound = loop.sound(name)
        assert sound.samples.shape[1] == loop.beats * round(60 / loop.bpm * sound.sample_rate)
        assert abs(sound.samples).max() <= 0.95
        assert loudness_of(sound) > -24


def test_pieces_of_a_long_picture_are_the_whole() -> None:
    assert [cut for _, cut in spectrogram_vae.pieces(300, False)] == [slice(0, 128), slice(4, 132), slice(4, 48)]
    columns, cut = spectrogram_vae.pieces(10, True)[0]
    assert columns == [6, 7, 8, 9, *range(10), 0, 1, 2, 3] and columns[cut] == list(range(10))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seconds": 3, "bars": 2}, "both seconds and bars"),
        ({"seconds": 0}, "0.4 to 600 s"),
        ({"seconds": 10_000}, "0.4 to 600 s"),
        ({"bars": 0}, "0.4 to 600 s"),
        ({"bpm": 500}, "40 to 240"),
        ({"bpm": float("nan")}, "40 to 240"),
        ({"scheduler": "fast"}, "dpm, ddim"),
        ({"num_inference_steps": 0}, "1 to 999"),
        ({"guidance_scale": float("inf")}, "finite"),
        ({"guidance_rescale": 2}, "0 to 1"),
        ({"seed_image": "nosuch"}, "dusty beat"),
        ({"seed_image": "nosuch.wav"}, "cannot be opened"),
        ({"seed_image": "nosuch.png"}, "nosuch.png"),
        ({"mask": Image.new("L", (8, 8))}, "seed_image"),
        ({"stereo": True}, "seed_image"),
        ({"seed_image": "dusty beat", "strength": 1.5}, "0 to 1"),
        ({"num_clips": 0}, "at least 1"),
        ({"seed": -1}, "seed -1"),
    ],
)
def test_bad_input_is_one_sentence(tiny_music: MusicPipeline, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, OSError), match=message) as caught:
        one(tiny_music, **options)
    assert "\n" not in str(caught.value)


def test_a_prompt_must_be_text(tiny_music: MusicPipeline) -> None:
    with pytest.raises(TypeError, match="one string"):
        tiny_music.music(["jazz"], **FAST)  # pyright: ignore[reportArgumentType]


def test_it_can_be_stopped_at_every_step(tiny_music: MusicPipeline) -> None:
    seen: list[int] = []

    def stop(pipeline: Any, step: int, t: int, more: dict[str, Any]) -> bool:
        seen.append(step)
        return step < 1

    with pytest.raises(Stopped):
        one(tiny_music, num_inference_steps=5, callback_on_step_end=stop)
    assert seen == [0, 1]


def test_interpolation_ends_at_either_prompt(tiny_music: MusicPipeline) -> None:
    clips = tiny_music.interpolate("jazz", "rock", 3, seed_a=1, seed_b=2, **FAST)
    assert len(clips) == 3 and all(clip.loop for clip in clips)
    assert np.array_equal(clips[0].samples, one(tiny_music, "jazz", seed=1).samples)
    assert np.array_equal(clips[2].samples, one(tiny_music, "rock", seed=2).samples)
    late = tiny_music.interpolate("jazz", "rock", 3, seed_a=1, seed_b=2, curve=60.0, **FAST)
    assert np.allclose(late[1].samples, clips[0].samples, atol=1e-3)
    for options in ({"clips": 1}, {"clips": 3, "curve": 0.0}):
        with pytest.raises(ValueError, match="at least 2"):
            tiny_music.interpolate("a", "b", **options, **FAST)


@pytest.mark.parametrize("samples", [np.zeros((1, 8000)), np.full((1, 8000), np.nan), np.ones((1, 10))])
def test_sounds_that_cannot_be_heard(tiny_music: MusicPipeline, samples: np.ndarray) -> None:
    with pytest.raises(AudioError):
        one(tiny_music, seed_image=Waveform(samples.astype(np.float32), RATE))
