"""The accompaniment: bass lines, chords and drums, each a list of notes in beats."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.music.genres import Drums, Genre, Hits
from sonicdiff.synthetic.music.theory import Chord, lead_voices, nearest

DRUMS = {
    "kick": 36, "rim": 37, "snare": 38, "clap": 39, "hat": 42, "pedal": 44, "open": 46, "crash": 49, "ride": 51, "tambourine": 54,
    "shaker": 82,
}  # fmt: skip
STROKES = {"o": 0.4, "x": 0.75, "X": 1.0}
Notes = list[tuple[float, float, int, float]]  # (onset, duration, pitch, accent 0 to 1)

# One bar of bass: (onset, duration, degree), where degree r is the root, f the fifth, o the octave, t the third, n a step into the next
BASS = {
    "drone": ("0 4 r",),
    "roots": ("0 1.8 r, 2 1.8 f", "0 1.8 r, 2 1.8 r"),
    "boom": ("0 .9 r, 2 .9 f",),
    "bossa": ("0 1.4 r, 1.5 .4 f, 2 1.4 f, 3.5 .4 r",),
    "eighths": ("0 .45 r, .5 .45 r, 1 .45 r, 1.5 .45 r, 2 .45 r, 2.5 .45 r, 3 .45 r, 3.5 .45 n",
                "0 .45 r, .5 .45 r, 1 .45 r, 1.5 .45 o, 2 .45 r, 2.5 .45 r, 3 .45 f, 3.5 .45 n"),
    "walking": ("0 .9 r, 1 .9 t, 2 .9 f, 3 .9 n", "0 .9 r, 1 .9 f, 2 .9 o, 3 .9 n", "0 .9 r, 1 .9 r, 2 .9 t, 3 .9 n"),
    "shuffle": ("0 .6 r, .5 .4 r, 1 .6 t, 1.5 .4 t, 2 .6 f, 2.5 .4 f, 3 .6 o, 3.5 .4 n", "0 .9 r, 1 .9 t, 2 .9 f, 3 .9 n"),
    "offbeat": (".5 .4 r, 1.5 .4 r, 2.5 .4 r, 3.5 .4 r", "0 .2 r, .5 .4 r, 1.5 .4 o, 2.5 .4 r, 3.5 .4 f"),
    "funk": ("0 .4 r, .75 .2 r, 1.5 .3 o, 2.25 .2 r, 2.5 .4 f, 3.5 .2 n",
             "0 .3 r, .5 .2 o, 1.25 .2 r, 1.75 .4 r, 2.75 .2 f, 3.25 .2 o, 3.75 .2 n"),
    "lazy": ("0 1.4 r, 1.75 .7 f, 2.5 1.2 r", "0 1.9 r, 2.5 .9 r, 3.5 .4 n"),
    "dub": ("0 .9 r, 1.5 .4 r, 2 .9 f, 3 .9 t", "0 .4 r, .5 .4 r, 1.5 .9 t, 3 .4 f, 3.5 .4 r"),
}  # fmt: skip


def bass(chords: list[Chord], beats_a_chord: float, walk: str, tonic: int, rng: np.random.Generator) -> Notes:
    """Four bars; the same two patterns alternate, so that the line is a line."""
    patterns = [parse(BASS[walk][i]) for i in rng.integers(0, len(BASS[walk]), 2)]
    notes: Notes = []
    for bar in range(4):
        for onset, duration, degree in patterns[bar % 2]:
            at = 4.0 * bar + onset
            index = int(at / beats_a_chord)
            root = nearest(38, {chords[index].root}, tonic)
            following = nearest(root, {chords[(index + 1) % len(chords)].root}, tonic)
            third = chords[index].intervals[1] % 12
            into = following + (1 if following < root else -1 if following > root else -2)
            pitch = {"r": root, "t": root + (third if third in (3, 4) else 7), "f": root + 7, "o": root + 12, "n": into}[degree]
            notes.append((at, duration, pitch, 1.0 if onset == 0 else 0.75))
    return notes


def parse(pattern: str) -> list[tuple[float, float, str]]:
    parts = [part.split() for part in pattern.split(",")]
    return [(float(onset), float(duration), degree) for onset, duration, degree in parts]


def accompaniment(chords: list[Chord], beats_a_chord: float, genre: Genre, tonic: int, rng: np.random.Generator) -> Notes:
    """Four bars of chords in the genre's way: struck together, broken, or as a shuffle of fifth and sixth."""
    voicings = lead_voices(chords, tonic, genre.centre)
    hits = genre.comping[rng.integers(len(genre.comping))]
    notes: Notes = []
    for bar in range(4):
        for number, (onset, duration) in enumerate(hits):
            at = 4.0 * bar + onset
            index = int(at / beats_a_chord)
            pitches = sounding(genre.style, voicings[index], chords[index], tonic, genre.centre, number)
            notes += [(at, duration, pitch, 0.8 if onset % 2 == 0 else 0.65) for pitch in pitches]
    return notes


def sounding(style: str, voicing: list[int], chord: Chord, tonic: int, centre: int, number: int) -> list[int]:
    """The pitches of the bar's stroke `number`."""
    if style == "alberti":
        low, *rest = voicing
        return [(low, rest[-1], rest[0], rest[-1])[number % 4]]
    if style == "arpeggio":
        return [sorted(voicing)[number % len(voicing)] + 12]
    if style == "shuffle":
        root = nearest(centre - 6, {chord.root}, tonic)
        return [root, root + (9 if number % 4 in (2, 3) else 7)]
    return voicing


def held(chords: list[Chord], beats_a_chord: float, tonic: int, centre: int) -> Notes:
    """The chords, each held until the next."""
    voicings = lead_voices(chords, tonic, centre)
    return [(i * beats_a_chord, beats_a_chord, pitch, 0.6) for i, voicing in enumerate(voicings) for pitch in voicing]


def drums(kit: Drums, rng: np.random.Generator) -> Notes:
    """Four bars of one pattern; the last half bar may hold a fill."""
    pattern = kit.patterns[rng.integers(len(kit.patterns))]
    fill = rng.random() < 0.35
    notes: Notes = []
    for bar in range(4):
        for drum, strokes in pattern.items():
            for number, stroke in enumerate(strokes):
                if stroke == "." or (drum == "crash" and bar) or (fill and bar == 3 and number >= 12 and drum in ("snare", "rim", "clap")):
                    continue
                notes.append((4.0 * bar + number / 4, 0.2, DRUMS[drum], STROKES[stroke]))
    if fill:
        voice = next((d for d in ("snare", "rim", "clap", "tambourine", "shaker") if d in pattern), "rim")
        notes += [(15 + i / 4, 0.2, DRUMS[voice], 0.6 + 0.1 * i) for i in range(4)]
    return notes


def swung(onset: float, swing: float) -> float:
    """Where a straight onset falls when the off-beat eighth is at `swing` of its beat; the halves stretch evenly."""
    beat, inside = divmod(onset, 1.0)
    return beat + (inside * 2 * swing if inside < 0.5 else swing + (inside - 0.5) * 2 * (1 - swing))


__all__ = ["DRUMS", "Hits", "accompaniment", "bass", "drums", "held", "swung"]
