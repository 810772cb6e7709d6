"""Melodies: a motif, repeated and answered, of chord tones on the strong beats and steps between them."""

from __future__ import annotations

import numpy as np

from sonicdiff.synthetic.music.theory import SCALES, Chord, nearest

# Rhythms of two beats: (onset, duration). The first are calm, the last busy.
CALM = (((0.0, 2.0),), ((0.0, 1.5), (1.5, 0.5)), ((0.0, 1.0), (1.0, 1.0)), ((0.5, 1.5),), ((0.0, 1.0),))
PLAIN = (((0.0, 1.0), (1.0, 0.5), (1.5, 0.5)), ((0.0, 0.5), (0.5, 0.5), (1.0, 1.0)), ((0.0, 0.75), (0.75, 0.75), (1.5, 0.5)),
         ((0.5, 0.5), (1.0, 0.5), (1.5, 0.5)), ((0.0, 1.0), (1.5, 0.5)), ((0.0, 1.5), (1.5, 0.5)))  # fmt: skip
BUSY = (((0.0, 0.5), (0.5, 0.5), (1.0, 0.5), (1.5, 0.5)), ((0.0, 0.5), (0.5, 0.25), (0.75, 0.25), (1.0, 0.5), (1.5, 0.5)),
        ((0.0, 0.25), (0.25, 0.25), (0.5, 0.5), (1.0, 0.75), (1.75, 0.25)),
        ((0.0, 0.75), (0.75, 0.25), (1.0, 0.5), (1.5, 0.5)))  # fmt: skip
FORMS = ((0, 1, 0, 2), (0, 0, 1, 2), (0, 1, 2, 0), (0, 1, 0, 1))
Line = list[tuple[float, float, int, float]]  # (onset, duration, pitch, accent 0 to 1)


def melody(
    chords: list[Chord], beats_a_chord: float, scale: str, tonic: int, low: int, high: int, density: float, rng: np.random.Generator
) -> Line:
    """A line over four bars whose chords change every `beats_a_chord` beats, between the pitches `low` and `high`."""
    rhythms = [bar_rhythm(density, rng) for _ in range(3)]
    contours = [rng.normal(0, 3, 2) for _ in range(3)]
    form = FORMS[rng.integers(len(FORMS))]
    middle = rng.uniform(low + 7, high - 7)
    line: Line = []
    pitch = nearest(middle, chords[0].classes, tonic)
    direction = 1
    for bar, part in enumerate(form):
        for onset, duration in rhythms[part]:
            at = 4.0 * bar + onset
            chord = chords[min(int(at / beats_a_chord), len(chords) - 1)]
            strong = onset % 2 == 0
            aim = middle + contours[part][int(onset >= 2)] + 3 * np.sin(np.pi * bar / 3)
            if rng.random() < 0.6:
                direction = 1 if aim > pitch else -1
            leap = rng.choice([0, 1, 2, 4], p=[0.1, 0.6, 0.22, 0.08])
            pitch = step(pitch, int(direction * leap), scale, tonic)
            if strong or duration >= 1:
                pitch = nearest(pitch, chord.classes, tonic)
            while pitch > high:
                pitch -= 12
            while pitch < low:
                pitch += 12
            line.append((at, duration, pitch, 1.0 if onset == 0 else 0.7 if strong else 0.45))
    at, duration, pitch, accent = line[-1]
    line[-1] = (at, min(duration, 16 - at), nearest(pitch, chords[-1].classes, tonic), accent)
    return line


def bar_rhythm(density: float, rng: np.random.Generator) -> list[tuple[float, float]]:
    """One bar of two halves; the second half rests or holds now and then, so that phrases breathe."""
    rhythm: list[tuple[float, float]] = []
    for half in (0, 2):
        calm = rng.random() > density * (1.25 if half == 0 else 0.9)
        busy = not calm and rng.random() < density - 0.25
        cells = CALM if calm else BUSY if busy else PLAIN
        if half == 2 and rng.random() < 0.15:
            continue
        rhythm += [(half + onset, duration) for onset, duration in cells[rng.integers(len(cells))]]
    return rhythm


def step(pitch: int, degrees: int, scale: str, tonic: int) -> int:
    """`degrees` of the scale above (or below) `pitch`."""
    classes = set(SCALES[scale])
    direction = 1 if degrees > 0 else -1
    for _ in range(abs(degrees)):
        pitch += direction
        while (pitch - tonic) % 12 not in classes:
            pitch += direction
    return pitch
