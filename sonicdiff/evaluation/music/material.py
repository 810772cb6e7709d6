"""Compositions for the listener: as they are, through the codec alone, and through the codec and an autoencoder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from diffusers import AutoencoderKL

from sonicdiff.audio import phase
from sonicdiff.audio.spectrogram import mel_spectrogram
from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.music.judge import heard
from sonicdiff.pipelines.riffusion import spectrogram_vae
from sonicdiff.synthetic.music.composer import compose
from sonicdiff.synthetic.music.dataset import FRAMES_A_BEAT, MusicRow, music_row, params_at

BEATS = 8  # of a clip, as the model makes them
WAYS = ("as composed", "through the codec", "through the autoencoder")


def clip_of(row: MusicRow, way: str, vae: AutoencoderKL | None, seed: int, preview: bool = False) -> Waveform:
    """Two bars of the row's loop, chosen by `seed`, in one of WAYS. Needs FluidSynth. preview: decoded faster, a little less well."""
    from sonicdiff.synthetic.music.soundfont import play

    params = params_at(row.brief.bpm)
    loop = play(compose(row.brief), params.hop_length * FRAMES_A_BEAT).mono()
    first = 4 * int(np.random.default_rng((seed, 0xBA4)).integers(0, 4)) * FRAMES_A_BEAT
    frames = BEATS * FRAMES_A_BEAT
    if way == WAYS[0]:
        samples = np.roll(loop.samples, -first * params.hop_length, 1)[:, : frames * params.hop_length]
        return Waveform(np.ascontiguousarray(samples), loop.sample_rate)
    mel = mel_spectrogram(loop, params, circular=True).roll(-first, -1)[..., :frames]
    heights, loudest = spectrogram_vae.heights_of(mel, params)
    heights = (heights * 255).round() / 255
    if way == WAYS[2]:
        assert vae is not None
        with torch.no_grad():
            heights = spectrogram_vae.decode(vae, spectrogram_vae.encode(vae, heights, circular=True), circular=True)
    mel = spectrogram_vae.mel_of(heights, params, loudest)
    samples = phase.preview(mel, params, circular=True) if preview else phase.decode(mel, params, circular=True)
    return Waveform(samples.numpy(), params.sample_rate)


def material(
    cache: Path, split: str, count: int, ways: tuple[str, ...], vae: AutoencoderKL | None, log: Callable[[str], None]
) -> tuple[list[MusicRow], np.ndarray]:
    """`count` rows of a split and what is heard of them, each in one of `ways` in turn; kept in `cache` as they are made."""
    rows = [music_row(index, split, captions=2) for index in range(count)]
    cache.mkdir(parents=True, exist_ok=True)
    found = []
    for index, row in enumerate(rows):
        way = ways[index % len(ways)]
        file = cache / f"{split}-{WAYS.index(way)}-{index:05d}.npy"
        if not file.exists():
            sound = heard(clip_of(row, way, vae, index, preview=split == "evaluators"))
            partial = file.with_suffix(".partial.npy")
            np.save(partial, sound)
            partial.replace(file)
        found.append(np.load(file))
        if index and index % 500 == 0:
            log(f"{index} of {count} compositions heard")
    return rows, np.stack(found)
