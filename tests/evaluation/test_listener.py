"""The listener and what music is scored by."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tunes import tune

from sonicdiff.audio.waveform import Waveform
from sonicdiff.evaluation.music import train
from sonicdiff.evaluation.music.evaluate import evaluate_music
from sonicdiff.evaluation.music.judge import FRAMES, PARAMS, MusicJudge, heard, words
from sonicdiff.evaluation.music.scores import named, seam, tempo_of, tempo_right, wins
from sonicdiff.pipelines.riffusion.pipeline import MusicPipeline
from sonicdiff.synthetic.music.dataset import music_row

CEILINGS = {"as composed": {"genre": 1.0, "caption": 1.0, "frechet distance": 0.0}}


@pytest.fixture(scope="module")
def judge() -> MusicJudge:
    torch.manual_seed(0)
    return MusicJudge().eval()


def clicks(bpm: float) -> Waveform:
    rate = 44_100
    samples = np.zeros(round(8 * 60 / bpm * rate), np.float32)
    burst = np.random.default_rng(0).standard_normal(3000) * np.exp(-np.arange(3000) / 400)
    for beat in range(8):
        samples[round(beat * 60 / bpm * rate) :][:3000] += 0.1 * burst
    return Waveform(samples[None], rate)


def test_what_is_heard_has_one_size_and_no_level() -> None:
    short, loud = heard(tune(1.0)), heard(Waveform(0.1 * tune(1.0).samples, 44_100))
    assert short.shape == (PARAMS.mel_bins, FRAMES) and short.min() >= 0 and short.max() == 1
    assert np.abs(short - loud).max() < 0.01
    assert np.abs(heard(tune(1.0).resampled(48_000)) - short)[:80].mean() < 0.02


def test_captions_are_words() -> None:
    assert words("Jazz, piano!") == words("jazz piano") and len(words("110 bpm")) == 2
    assert words("") == [0]


def test_naming_counts_what_is_right(judge: MusicJudge) -> None:
    rows = [music_row(index, "test") for index in range(40)]
    features = torch.randn(40, judge.width, generator=torch.Generator().manual_seed(0))
    right = named(judge, features, [row.brief for row in rows])
    assert set(right) >= {"genre", "instrument", "family", "drums"} and all(values.shape == (40,) for values in right.values())
    assert bool((right["family"] >= right["instrument"]).all())
    assert right["genre"].mean() < 0.4


def test_the_right_caption_wins(judge: MusicJudge) -> None:
    """A judge whose captions are the clips': every caption fits its own clip best; turned by one, worst."""
    captions = [f"clip {number}" for number in range(6)]
    vectors = judge.caption(captions).detach()
    perfect: Any = type("Perfect", (), {"listen": lambda self, x: x, "caption": lambda self, texts: judge.caption(texts)})()
    assert wins(perfect, vectors, captions).mean() == 1.0
    assert wins(perfect, -vectors, captions).mean() == 0.0


@pytest.mark.parametrize("bpm", [86, 104, 128])
def test_tempo(bpm: float) -> None:
    assert tempo_right(clicks(bpm), bpm)
    assert not tempo_right(clicks(bpm), 2 * bpm) and not tempo_right(clicks(bpm), bpm / 2) and not tempo_right(clicks(bpm), 1.08 * bpm)
    assert tempo_of(clicks(bpm)) > 0


def test_a_cut_is_a_seam() -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(88_200) / 44_100).astype(np.float32)[None]
    noise = 1e-3 * np.random.default_rng(0).standard_normal(tone.shape).astype(np.float32)
    whole, cut = Waveform(tone + noise, 44_100), Waveform((tone + noise)[:, :88_150], 44_100)
    assert seam(whole) < 1.5 and seam(cut) > 5


def test_the_listener_learns() -> None:
    """Clips that differ by a band are told apart after a few steps."""
    rows = [music_row(index, "evaluators", captions=2) for index in range(24)]
    genres = sorted({row.brief.genre for row in rows})
    clips = np.zeros((24, PARAMS.mel_bins, FRAMES), np.float16)
    for clip, row in zip(clips, rows, strict=True):
        band = 8 * genres.index(row.brief.genre)
        clip[band : band + 8] = 1
    torch.manual_seed(0)
    judge = MusicJudge()
    said: list[str] = []
    train.fit(judge, rows, clips, train.Effort(steps=51, batch_size=16), said.append)
    before, after = (float(line.split("genre ")[1].split()[0]) for line in said)
    assert after < 0.7 * before


def test_evaluation_writes_tables_clips_and_spectrograms(tiny_music: MusicPipeline, judge: MusicJudge, tmp_path: Path) -> None:
    judge.save(tmp_path / "judge", {"ceilings": CEILINGS, "n": 5}, torch.randn(40, judge.width))
    again, about, held_out = MusicJudge.load(tmp_path / "judge")
    x = torch.rand(1, PARAMS.mel_bins, FRAMES)
    assert torch.allclose(again(x), judge(x), atol=0.02) and about["n"] == 5 and held_out.shape == (40, judge.width)
    tables = evaluate_music(tiny_music, tmp_path / "judge", n=9, steps=1, output=tmp_path / "out", log=lambda text: None)
    cells = tables[0].rows["this model"]
    assert {"genre", "instrument", "family", "tempo", "caption wins", "frechet distance"} <= set(cells)
    assert tables[0].rows["as composed"]["caption wins"] == 1.0
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert scores["about"]["n"] == 9 and (tmp_path / "out" / "spectrograms.png").is_file()
    assert len(list((tmp_path / "out").glob("*.ogg"))) == 8
