"""The composer: four bars in 4/4 from a brief, an endless loop. The same brief is the same music."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeVar

import numpy as np

from sonicdiff.synthetic.music import rhythm_section
from sonicdiff.synthetic.music.genres import GENRES, INSTRUMENTS, Genre
from sonicdiff.synthetic.music.melody import melody
from sonicdiff.synthetic.music.theory import Chord, chord

BEATS = 16  # of a piece
T = TypeVar("T")
Mode = Literal["major", "minor"]


@dataclass(frozen=True)
class Brief:
    """What is asked for. tonic: pitch class, 0 is C. energy: 0 gentle to 1 driving. seed: of everything a brief leaves open."""

    genre: str
    lead: str
    tonic: int
    mode: Mode
    bpm: float
    energy: float
    drums: bool
    seed: int


class Note(NamedTuple):
    """start, duration: beats. velocity: 1 to 127."""

    start: float
    duration: float
    pitch: int
    velocity: int


class Part(NamedTuple):
    """program: General MIDI instrument, or drum kit where `percussion`. volume, pan: MIDI controllers, 0 to 127."""

    name: str
    program: int
    volume: int
    pan: int
    notes: tuple[Note, ...]
    percussion: bool = False


class Piece(NamedTuple):
    brief: Brief
    parts: tuple[Part, ...]


def draw_brief(seed: int) -> Brief:
    """A brief of chance: any genre with any lead, in any key."""
    rng = np.random.default_rng((seed, 0xB41E))
    genre = list(GENRES)[rng.integers(len(GENRES))]
    lead = list(INSTRUMENTS)[rng.integers(len(INSTRUMENTS))]
    low, high = GENRES[genre].bpm
    drummed = GENRES[genre].drums is not None and rng.random() < (0.5 if genre in ("ambient", "folk") else 0.9)
    mode: Mode = "major" if rng.random() < 0.5 else "minor"
    bpm = float(rng.integers(low, high + 1))
    return Brief(genre, lead, int(rng.integers(12)), mode, bpm, float(rng.random()), bool(drummed), int(rng.integers(2**31)))


def compose(brief: Brief) -> Piece:
    """Raises KeyError for a genre or a lead that is in none of the tables."""
    genre, lead = GENRES[brief.genre], INSTRUMENTS[brief.lead]
    rng = np.random.default_rng((brief.seed, 0xC03))
    chords, beats_a_chord = harmony(genre, brief.mode, rng)
    tonic = brief.tonic
    density = float(np.clip(genre.density + 0.35 * (brief.energy - 0.5), 0.1, 0.9))
    line = melody(chords, beats_a_chord, genre.melody[brief.mode], tonic, lead.low, lead.high, density, rng)
    parts = [
        part("lead", lead.program, 118, 64, line, brief, genre, rng),
        part("chords", pick(genre.chords, rng, other_than=lead.program), 82, 44,
             rhythm_section.accompaniment(chords, beats_a_chord, genre, tonic, rng), brief, genre, rng),
        part("bass", pick(genre.bass, rng), 105, 64, rhythm_section.bass(chords, beats_a_chord, genre.walk, tonic, rng), brief, genre, rng),
    ]  # fmt: skip
    if genre.pad is not None:
        parts.append(part("pad", genre.pad, 58, 84, rhythm_section.held(chords, beats_a_chord, tonic, genre.centre + 5), brief, genre, rng))
    if brief.drums and genre.drums:
        parts.append(
            part("drums", genre.drums.kit, 108, 64, rhythm_section.drums(genre.drums, rng), brief, genre, rng)._replace(percussion=True)
        )
    return Piece(brief, tuple(parts))


def harmony(genre: Genre, mode: Mode, rng: np.random.Generator) -> tuple[list[Chord], float]:
    """The chords of four bars and the beats that each lasts."""
    progression = pick(genre.major if mode == "major" else genre.minor, rng)
    bars = [bar.split("/") for bar in progression.split()]
    longest = max(map(len, bars))
    return [chord(name) for bar in bars for name in (bar * longest if len(bar) == 1 else bar)], 4 / longest


def part(
    name: str, program: int, volume: int, pan: int, line: rhythm_section.Notes, brief: Brief, genre: Genre, rng: np.random.Generator
) -> Part:
    """A line as its player plays it: swung, louder with the energy, no two strokes quite alike."""
    notes = []
    for onset, duration, pitch, accent in line:
        start = rhythm_section.swung(onset, genre.swing)
        end = rhythm_section.swung(onset + duration, genre.swing)
        velocity = 48 + 22 * brief.energy + 44 * accent + rng.normal(0, 4)
        late = abs(rng.normal(0, 0.006)) if onset else 0.0
        notes.append(Note(start + late, max(end - start - 0.02, 0.05), int(pitch), int(np.clip(velocity, 20, 127))))
    return Part(name, program, volume, pan, tuple(sorted(notes)))


def pick(options: tuple[T, ...], rng: np.random.Generator, other_than: T | None = None) -> T:
    """One of the options, another than `other_than` where there is another."""
    left = [option for option in options if option != other_than] or list(options)
    return left[rng.integers(len(left))]
