"""Scales, chords and the leading of voices. Pitches are MIDI numbers, intervals semitones, times beats."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

NOTE_NAMES = ("c", "c sharp", "d", "e flat", "e", "f", "f sharp", "g", "a flat", "a", "b flat", "b")
LETTERS = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}
QUALITIES = {
    "": (0, 4, 7),
    "m": (0, 3, 7),
    "dim": (0, 3, 6),
    "5": (0, 7, 12),
    "sus2": (0, 2, 7),
    "6": (0, 4, 7, 9),
    "m6": (0, 3, 7, 9),
    "7": (0, 4, 7, 10),
    "maj7": (0, 4, 7, 11),
    "m7": (0, 3, 7, 10),
    "m7b5": (0, 3, 6, 10),
    "9": (0, 4, 10, 14),
    "maj9": (0, 4, 11, 14),
    "m9": (0, 3, 10, 14),
}
SCALES = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "major pentatonic": (0, 2, 4, 7, 9),
    "minor pentatonic": (0, 3, 5, 7, 10),
    "blues": (0, 3, 5, 6, 7, 10),
}


@dataclass(frozen=True)
class Chord:
    """root: pitch class relative to the tonic. intervals: above the root."""

    root: int
    intervals: tuple[int, ...]

    @property
    def classes(self) -> frozenset[int]:
        return frozenset((self.root + interval) % 12 for interval in self.intervals)


@lru_cache(maxsize=256)
def chord(name: str) -> Chord:
    """A chord by its name relative to the tonic C: "Dm7", "Ab", "F#m7b5"."""
    accidental = {"#": 1, "b": -1}.get(name[1:2], 0)
    return Chord((LETTERS[name[0]] + accidental) % 12, QUALITIES[name[1 + abs(accidental) :]])


def nearest(pitch: float, classes: frozenset[int] | set[int], tonic: int = 0) -> int:
    """The pitch nearest to `pitch` whose class relative to `tonic` is one of `classes`."""
    around = range(round(pitch) - 12, round(pitch) + 13)
    return min((p for p in around if (p - tonic) % 12 in classes), key=lambda p: (abs(p - pitch), p))


def lead_voices(chords: list[Chord], tonic: int, centre: int) -> list[list[int]]:
    """A voicing around the pitch `centre` for each chord: every voice moves as little as it may from the chord before."""
    voicings: list[list[int]] = []
    for each in chords:
        root = nearest(centre - 4, {each.root}, tonic)
        inversions = []
        for turn in range(len(each.intervals)):
            pitches = sorted(root + interval + (12 if number < turn else 0) for number, interval in enumerate(each.intervals))
            inversions += [pitches, [p - 12 for p in pitches]]
        before = voicings[-1] if voicings else [centre - 4, centre, centre + 4]

        def effort(pitches: list[int], before: list[int] = before) -> float:
            moved = sum(min(abs(p - b) for b in before) for p in pitches)
            return moved + 0.5 * abs(sum(pitches) / len(pitches) - centre)

        voicings.append(min(inversions, key=effort))
    return voicings
