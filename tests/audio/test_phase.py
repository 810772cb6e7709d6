"""Mel magnitudes back to sound: how far it is from what went in, its length, level, seam, and that it is the same each time."""

from __future__ import annotations

import heapq
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from tunes import tune

from sonicdiff.audio.heap import TOLERANCE, integrate
from sonicdiff.audio.phase import context, decode, decode_in_blocks, decoding_grid, go_on, initial_phase, istft, preview, undo_filters
from sonicdiff.audio.spectrogram import SpectrogramParams, mel_filters, mel_spectrogram, stft, to_mel
from sonicdiff.audio.waveform import Waveform

PARAMS = SpectrogramParams()


def spectral_error(truth: Tensor, found: Tensor) -> float:
    """The mean over four resolutions of |difference of magnitudes| / |magnitudes|."""
    errors = []
    for size in (512, 1024, 2048, 4096):
        a, b = (stft(x, size, size // 4, size).abs() for x in (truth, found))
        errors.append(float((a - b).norm() / a.norm()))
    return float(np.mean(errors))


def test_a_loop_comes_back() -> None:
    sound = tune()
    truth, mel = torch.from_numpy(sound.samples), mel_spectrogram(sound, circular=True)
    found = decode(mel, PARAMS, circular=True)
    assert found.shape == truth.shape == (1, 256 * 441)
    assert spectral_error(truth, found) < 0.24  # clicks in a window of 100 ms; real music comes to less
    assert spectral_error(truth, preview(mel, PARAMS, circular=True)) < 0.26
    assert float(found.square().mean() / truth.square().mean()) == pytest.approx(1, abs=0.1)
    assert torch.equal(found, decode(mel, PARAMS, circular=True))
    assert not torch.equal(found, decode(mel, PARAMS, circular=True, seed=1))


def test_the_seam_of_a_loop_is_like_any_other_place() -> None:
    found = decode(mel_spectrogram(tune(), circular=True), PARAMS, iterations=8, circular=True)
    turned = found.roll(128 * 441, -1)
    frames = stft(turned, 2048, 441, 2048).abs()
    change = frames.diff(dim=-1).norm(dim=1)[0]
    assert float(change[124:132].max() / change.quantile(0.99)) < 1.2


def test_the_phases_of_a_loop_have_no_beginning() -> None:
    magnitudes = stft(torch.from_numpy(tune().samples), 4410, 441, 4410, circular=True).abs()
    first = initial_phase(magnitudes, PARAMS, circular=True, seed=0)
    second = initial_phase(magnitudes.roll(100, -1), PARAMS, circular=True, seed=0).roll(-100, -1)
    turned = (first - second).diff(dim=-1)
    apart = torch.polar(torch.ones_like(turned), turned) - 1
    assert float(apart[magnitudes[..., 1:] > 0.01 * magnitudes.max()].abs().max()) < 1e-2


def test_what_stands_in_the_middle_of_a_stereo_sound_stays_there() -> None:
    mono = mel_spectrogram(tune(0.64))
    found = decode(torch.cat([mono, 0.5 * mono]), SpectrogramParams(stereo=True), iterations=2)
    assert found.shape == (2, 65 * 441)
    torch.testing.assert_close(found[:1], decode(mono, PARAMS, iterations=2))
    torch.testing.assert_close(found[1:], 0.5 * found[:1], atol=1e-4, rtol=1e-3)


def test_stereo_is_as_wide_as_it_was() -> None:
    """Two sounds, one of them to the right: the difference of the channels is as loud as it was, and the sum like it was."""
    params = SpectrogramParams(stereo=True)
    middle, right = tune(1.28).samples, tune(1.28, beat=0.16).samples[:, ::-1]
    sound = Waveform(np.concatenate([middle, middle + 0.5 * right]), 44_100)
    found = decode(mel_spectrogram(sound, params)[..., :128], params, circular=True)
    truth = torch.from_numpy(sound.samples)
    width, wanted = ((x[:1] - x[1:]).norm() / (x[:1] + x[1:]).norm() for x in (found, truth))
    assert 0.7 < float(width / wanted) < 1.4
    assert spectral_error(truth[:1] + truth[1:], found[:1] + found[1:]) < 0.3


def test_silence_stays_silent() -> None:
    assert float(decode(torch.zeros(1, 512, 20), PARAMS, iterations=2).abs().max()) == 0


def test_the_filters_are_undone() -> None:
    truth = stft(torch.from_numpy(tune(0.64).samples), PARAMS.n_fft, PARAMS.hop_length, PARAMS.win_length).abs()
    mel = to_mel(truth, PARAMS)
    found = undo_filters(mel, PARAMS)
    assert float(found.min()) >= 0
    assert float((to_mel(found, PARAMS) - mel).norm() / mel.norm()) < 0.01
    assert float((found - truth)[:, :4000].norm() / truth[:, :4000].norm()) < 0.1
    assert mel_filters(PARAMS).shape[1] == truth.shape[1]


def test_the_grid_divides_that_of_the_filters() -> None:
    assert [decoding_grid(PARAMS, times) for times in (1, 2, 3, 4)] == [4410, 8820, 17_640, 17_640]
    assert decoding_grid(SpectrogramParams(n_fft=4096, win_length=2048, hop_length=512), 3) == 4096


@pytest.mark.parametrize("circular", [False, True])
def test_istft_undoes_stft(circular: bool) -> None:
    samples = torch.randn(2, 64 * 30, generator=torch.Generator().manual_seed(0))
    spectrum = stft(samples, 256, 64, 256, circular)[..., :30]
    torch.testing.assert_close(istft(spectrum, 256, 64, 256, circular), samples, atol=1e-5, rtol=1e-4)


def slow_integration(values: np.ndarray, advance: np.ndarray, rise: np.ndarray, start: np.ndarray, circular: bool) -> np.ndarray:
    """Prusa et al. 2017, algorithm 1, with sets and dictionaries."""
    bins, frames = values.shape
    todo = {(k, n) for k in range(bins) for n in range(frames) if values[k, n] > values.max() * TOLERANCE}
    phase = {(k, n): start[k, n] for k in range(bins) for n in range(frames)}
    while todo:
        loudest = max(todo, key=lambda place: (values[place], -place[0] * frames - place[1]))
        todo.remove(loudest)
        heap = [(-values[loudest], *loudest)]
        while heap:
            _, k, n = heapq.heappop(heap)
            for dk, dn in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                place = (k + dk, (n + dn) % frames if circular else n + dn)
                if place in todo:
                    along = advance if dn else rise
                    phase[place] = phase[k, n] + (dk + dn) * (along[k, n] + along[place]) / 2
                    todo.remove(place)
                    heapq.heappush(heap, (-values[place], *place))
    return np.array([[phase[k, n] for n in range(frames)] for k in range(bins)])


@pytest.mark.parametrize("circular", [False, True])
def test_integration_equals_the_slow_version(circular: bool) -> None:
    rng = np.random.default_rng(0)
    values = np.exp(rng.normal(size=(9, 12)) * 6)
    advance, rise = rng.normal(size=(2, 9, 12))
    start = rng.uniform(0, 2 * math.pi, (9, 12))
    expected = slow_integration(values, advance, rise, start, circular)
    np.testing.assert_allclose(integrate(values, advance, rise, start, circular), expected)


def test_a_clip_goes_on_from_its_beginning_in_phase() -> None:
    """Decoded again after what came before, the overlap is the same sound, not only a like one."""
    mel = mel_spectrogram(tune(2.56), PARAMS)[..., :256]
    first, count = decode(mel[..., :128], PARAMS), context(PARAMS)
    before = first[..., -count * 441 :]
    whole = go_on(mel[..., 128 - count :], PARAMS, before, overlap=4 * 441)
    assert whole.shape[-1] == (128 + count) * 441
    torch.testing.assert_close(whole[..., : (count - 4) * 441], before[..., : -4 * 441])
    alone, again = (decode(mel[..., 128 - count :], PARAMS, before=b)[..., : count * 441] for b in (None, before))
    alike = torch.nn.functional.cosine_similarity
    assert float(alike(again, before)) > 0.9 > float(alike(alone, before)) + 0.2


def test_blocks_are_the_whole() -> None:
    sound = tune(2.56)
    mel = mel_spectrogram(sound, PARAMS)[..., :256]
    truth, found = torch.from_numpy(sound.samples), decode_in_blocks(mel, PARAMS, block=64)
    assert found.shape == truth.shape
    assert spectral_error(truth, found) < 1.1 * spectral_error(truth, decode(mel, PARAMS))
    frames = stft(found, 1024, 256, 1024).abs()
    change = frames.diff(dim=-1).norm(dim=1)[0]
    for joint in (64, 128, 192):
        at = joint * 441 // 256
        assert float(change[at - 6 : at + 3].max() / change.quantile(0.99)) < 1.2
