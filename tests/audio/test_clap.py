"""CLAP's front end: equal to transformers' extractor, the same every time, the same alone and in a batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from transformers import ClapAudioConfig, ClapAudioModelWithProjection, ClapFeatureExtractor

from sonicdiff.audio.clap import PADDINGS, ClapFrontEnd, embed
from sonicdiff.audio.resampling import sinc_resample
from sonicdiff.audio.waveform import Waveform

SMALL = ClapFrontEnd(feature_size=32, sampling_rate=8000, hop_length=125, max_length_s=1, fft_window_size=256, frequency_max=3500)


def noise(seconds: float, rate: int = 48_000, seed: int = 0, channels: int = 1) -> Waveform:
    shape = (channels, round(seconds * rate))
    return Waveform(np.random.default_rng(seed).normal(0, 0.1, shape).astype(np.float32), rate)


@pytest.fixture(scope="module")
def encoder() -> ClapAudioModelWithProjection:
    torch.manual_seed(0)
    config = ClapAudioConfig(
        spec_size=64,
        num_mel_bins=32,
        patch_embeds_hidden_size=16,
        depths=[1, 1],
        num_attention_heads=[2, 2],
        window_size=4,
        num_hidden_layers=2,
        hidden_size=32,
        projection_dim=24,
        enable_fusion=False,
    )
    return ClapAudioModelWithProjection(config).eval()


@pytest.mark.parametrize("level", [1.0, 1e-3, 1e-5])
@pytest.mark.parametrize(
    "front_end",
    [ClapFrontEnd(), SMALL, ClapFrontEnd(feature_size=64, hop_length=600, max_length_s=5, sampling_rate=24_000, frequency_max=11_000)],
)
def test_features_equal_the_extractors(front_end: ClapFrontEnd, level: float) -> None:
    rate, t = front_end.sampling_rate, np.arange(front_end.window_samples) / front_end.sampling_rate
    window = (noise(front_end.max_length_s, rate).samples[0] * (t < 0.6 * t[-1]) + np.sin(2 * np.pi * 200 * t * t)) * level
    window = window.astype(np.float32)
    expected = front_end.extractor()(window, sampling_rate=rate, return_tensors="pt")["input_features"]
    features = front_end.features(window)
    assert features.dtype == torch.float32
    assert features.shape == (1, 1, front_end.window_samples // front_end.hop_length + 1, front_end.feature_size)
    torch.testing.assert_close(features, expected.reshape(features.shape).float(), atol=1e-4, rtol=0)


def test_parameters_come_from_the_extractors_file(tmp_path: Path) -> None:
    SMALL.save_pretrained(tmp_path)
    assert ClapFrontEnd.from_pretrained(tmp_path) == SMALL
    assert ClapFrontEnd.from_extractor(ClapFeatureExtractor.from_pretrained(tmp_path)) == SMALL
    ClapFeatureExtractor(truncation="fusion").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="rand_trunc"):
        ClapFrontEnd.from_pretrained(tmp_path)


def test_short_sounds_are_repeated_to_fill_a_window() -> None:
    samples = noise(3.3).samples
    (window,) = ClapFrontEnd().windows(Waveform(samples, 48_000))
    assert window.shape == (480_000,)
    np.testing.assert_array_equal(window, np.tile(samples[0], 4)[:480_000])


@pytest.mark.parametrize("seconds", [0.2, 3.3, 5.0, 7.1])
@pytest.mark.parametrize("padding", PADDINGS)
def test_short_sounds_fill_a_window_as_in_the_extractor(padding: str, seconds: float, tmp_path: Path) -> None:
    ClapFeatureExtractor(truncation="rand_trunc", padding=padding, frequency_min=50).save_pretrained(tmp_path)
    front_end, sound = ClapFrontEnd.from_pretrained(tmp_path), noise(seconds)
    assert front_end.padding == padding and front_end.resampler == "soxr"
    expected = ClapFeatureExtractor.from_pretrained(tmp_path)(sound.samples[0], sampling_rate=48_000, return_tensors="pt")
    features = front_end.features(front_end.windows(sound)[0])
    torch.testing.assert_close(features, expected["input_features"].reshape(features.shape).float(), atol=1e-4, rtol=0)


def test_a_front_end_keeps_its_resampler_and_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    front_end = ClapFrontEnd(sampling_rate=44_100, hop_length=320, resampler="sinc", padding="repeatpad")
    front_end.save_pretrained(tmp_path)
    assert (
        ClapFrontEnd.from_pretrained(tmp_path) == ClapFrontEnd.from_extractor(ClapFeatureExtractor.from_pretrained(tmp_path)) == front_end
    )
    sound = noise(1.0, 22_050)
    np.testing.assert_array_equal(front_end.windows(sound)[0][:44_100], sinc_resample(sound.samples[0], 22_050, 44_100))
    wrongs: list[dict[str, Any]] = [{"padding": "mirror"}, {"resampler": "linear"}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="expected one of"):
            ClapFrontEnd(**wrong)


def test_long_sounds_are_cut_end_to_end_and_the_last_window_ends_where_they_end() -> None:
    samples = noise(2.5, 8000).samples[0]
    windows = SMALL.windows(Waveform(samples[None], 8000))
    expected = [samples[:8000], samples[8000:16000], samples[-8000:]]
    assert len(windows) == 3
    for window, part in zip(windows, expected, strict=True):
        np.testing.assert_array_equal(window, part)
    assert len(SMALL.windows(noise(2.0, 8000))) == 2
    assert len(SMALL.windows(noise(1.0, 8000))) == 1


def test_very_long_sounds_are_sampled_from_first_to_last() -> None:
    sound = noise(100, 8000)
    windows = SMALL.windows(sound)
    assert len(windows) == SMALL.max_windows
    np.testing.assert_array_equal(windows[0], sound.samples[0, :8000])
    np.testing.assert_array_equal(windows[-1], sound.samples[0, -8000:])


def test_windows_are_mono_at_the_front_ends_rate() -> None:
    sound = noise(1.5, 44_100, channels=6)
    first, again = ClapFrontEnd().windows(sound), ClapFrontEnd().windows(sound)
    assert first[0].dtype == np.float32
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[0][:70_000], sound.mono().resampled(48_000).samples[0, :70_000])


def test_an_empty_sound_is_refused() -> None:
    with pytest.raises(ValueError, match="expected"):
        SMALL.windows(Waveform(np.zeros((1, 0), np.float32), 8000))


def test_embedding_is_a_unit_vector_and_the_same_bits_every_time(encoder: ClapAudioModelWithProjection) -> None:
    sounds = [noise(seconds, 8000, seed) for seed, seconds in enumerate((0.4, 1.0, 2.7))]
    alone = [embed(encoder, SMALL, sound) for sound in sounds]
    np.random.seed(3)  # noqa: NPY002 - transformers' own extractor would now crop elsewhere
    together = torch.cat([embed(encoder, SMALL, sound) for sound in reversed(sounds)]).flip(0)
    assert torch.equal(torch.cat(alone), together)
    assert together.shape == (3, 24)
    torch.testing.assert_close(together.norm(dim=-1), torch.ones(3))
    assert not torch.allclose(together[0], together[1])


def test_embedding_of_a_long_sound_is_the_mean_of_its_windows(encoder: ClapAudioModelWithProjection) -> None:
    sound = noise(2.0, 8000)
    parts = torch.cat([embed(encoder, SMALL, sound.clip(start, 1.0)) for start in (0.0, 1.0)])
    torch.testing.assert_close(embed(encoder, SMALL, sound)[0], torch.nn.functional.normalize(parts.mean(0), dim=0))


def test_embedding_refuses_an_encoder_in_training(encoder: ClapAudioModelWithProjection) -> None:
    encoder.train()
    with pytest.raises(ValueError, match="eval"):
        embed(encoder, SMALL, noise(1, 8000))
    encoder.eval()
