"""The composer: what is asked for is what is written, in key, on the beat and within bounds; captions say what is true."""

from __future__ import annotations

import shutil
from itertools import pairwise

import numpy as np
import pytest

from sonicdiff.synthetic.music import rhythm_section
from sonicdiff.synthetic.music.captions import ENERGIES, GENRE_WORDS, LEAD_WORDS, NO_DRUMS, SPEEDS, describe, octaves, speed_of
from sonicdiff.synthetic.music.composer import BEATS, Brief, compose, draw_brief
from sonicdiff.synthetic.music.dataset import FRAMES_A_BEAT, SPLITS, music_row, params_at
from sonicdiff.synthetic.music.genres import FAMILIES, GENRES, INSTRUMENTS
from sonicdiff.synthetic.music.theory import NOTE_NAMES, SCALES, chord, lead_voices, nearest

BRIEFS = [draw_brief(seed) for seed in range(150)]


def test_the_same_brief_is_the_same_music() -> None:
    assert compose(BRIEFS[0]) == compose(BRIEFS[0])
    assert compose(BRIEFS[0]) != compose(BRIEFS[1])


def test_briefs_are_of_every_kind() -> None:
    assert {b.genre for b in BRIEFS} == set(GENRES) and {b.lead for b in BRIEFS} == set(INSTRUMENTS)
    assert {b.tonic for b in BRIEFS} == set(range(12)) and {b.mode for b in BRIEFS} == {"major", "minor"}
    assert all(GENRES[b.genre].bpm[0] <= b.bpm <= GENRES[b.genre].bpm[1] for b in BRIEFS)
    assert len(FAMILIES) >= 6


@pytest.mark.parametrize("brief", BRIEFS[:60], ids=lambda b: f"{b.genre}-{b.lead}")
def test_a_piece_keeps_to_its_brief(brief: Brief) -> None:
    parts = {part.name: part for part in compose(brief).parts}
    lead, instrument = parts["lead"], INSTRUMENTS[brief.lead]
    assert lead.program == instrument.program and len(lead.notes) >= 3
    assert all(instrument.low - 6 <= note.pitch <= instrument.high + 6 for note in lead.notes)
    assert ("drums" in parts) == (brief.drums and GENRES[brief.genre].drums is not None)
    assert {"lead", "chords", "bass"} <= set(parts)
    for part in parts.values():
        assert all(
            0 <= note.start < BEATS and note.duration > 0 and 1 <= note.velocity <= 127 and 0 <= note.pitch <= 127 for note in part.notes
        )


def test_melodies_are_in_key_and_move_mostly_by_step() -> None:
    steps, outside, notes = [], 0, 0
    for brief in BRIEFS:
        if GENRES[brief.genre].melody[brief.mode] not in ("major", "minor"):
            continue
        pitches = [note.pitch for note in compose(brief).parts[0].notes]
        outside += sum((pitch - brief.tonic) % 12 not in SCALES[brief.mode] for pitch in pitches)
        notes += len(pitches)
        steps += list(np.abs(np.diff(pitches)))
    assert outside / notes < 0.12  # tones of chords that are borrowed
    assert np.mean(np.array(steps) <= 5) > 0.75 and max(steps) <= 24


def test_energy_is_louder_and_denser() -> None:
    from dataclasses import replace

    def mean(energy: float, of: str) -> float:
        leads = [compose(replace(b, energy=energy)).parts[0].notes for b in BRIEFS[:60]]
        return float(np.mean([len(notes) if of == "notes" else float(np.mean([n.velocity for n in notes])) for notes in leads]))

    assert mean(1.0, "notes") > 1.2 * mean(0.0, "notes") and mean(1.0, "velocity") > mean(0.0, "velocity") + 10


def test_swing_moves_the_off_beats_alone() -> None:
    assert [rhythm_section.swung(x, 2 / 3) for x in (0, 0.5, 1, 3.5)] == pytest.approx([0, 2 / 3, 1, 3 + 2 / 3])
    assert [rhythm_section.swung(x, 0.5) for x in (0.25, 0.5, 0.75)] == [0.25, 0.5, 0.75]


def test_chords_by_name() -> None:
    assert chord("Ebmaj7").root == 3 and chord("F#m7b5").root == 6 and chord("G7").classes == {7, 11, 2, 5}
    assert nearest(60, {1}, 0) == 61 and nearest(60, {1}, 3) == 64
    for genre in GENRES.values():
        for progression in (*genre.major, *genre.minor):
            bars = progression.split()
            assert len(bars) == 4
            for name in progression.replace("/", " ").split():
                chord(name)


def test_voices_move_little() -> None:
    voicings = lead_voices([chord(name) for name in ("C", "Am", "F", "G")], 0, 60)
    for a, b in pairwise(voicings):
        assert sum(min(abs(p - q) for q in a) for p in b) <= 8


@pytest.mark.parametrize("index", range(40))
def test_captions_say_what_is_true(index: int) -> None:
    row = music_row(index, captions=4)
    for said in row.said:
        text, brief = said.caption, row.brief
        assert any(word in text for word in GENRE_WORDS[brief.genre])
        assert any(word in text for word in LEAD_WORDS.get(brief.lead, (brief.lead,)))
        assert said.key == (f"in {NOTE_NAMES[brief.tonic]} {brief.mode}" in text)
        if "bpm" in text:
            assert f"{brief.bpm:.0f} bpm" in text
        for speed, words in enumerate(SPEEDS):
            if any(text.startswith(word + " ") or f" {word} " in text for word in words):
                assert speed == speed_of(brief.bpm)
        if any(f"{word} " in text for word in ENERGIES[1]) and said.energy:
            assert brief.energy > 0.5
        assert any(word in text for word in NO_DRUMS) == (said.drums and not brief.drums)
        assert "  " not in text and text == text.strip()


def test_splits_share_nothing() -> None:
    briefs = {split: {music_row(index, split).brief.seed for index in range(50)} for split in SPLITS}
    assert len(set.union(*briefs.values())) == 200


def test_a_tempo_is_a_hop() -> None:
    for bpm in (70, 97.3, 152):
        params = params_at(bpm)
        assert 60 * params.sample_rate / (params.hop_length * FRAMES_A_BEAT) == pytest.approx(bpm, rel=1.5e-3)
    assert octaves(210) == pytest.approx(1)
    assert describe(BRIEFS[0], 1) == describe(BRIEFS[0], 1)


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="FluidSynth, which plays the training data, is not here")
def test_a_piece_is_played_as_a_loop() -> None:
    pytest.importorskip("fluidsynth", exc_type=ImportError)
    from sonicdiff.synthetic.music.dataset import spectrogram
    from sonicdiff.synthetic.music.soundfont import play

    brief = BRIEFS[3]
    loop = play(compose(brief), 20_000)
    assert loop.samples.shape == (2, BEATS * 20_000) and 0.05 < abs(loop.samples).max() <= 1.5
    assert spectrogram(brief).shape == (256, BEATS * FRAMES_A_BEAT)
