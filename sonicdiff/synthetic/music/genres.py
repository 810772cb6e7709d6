"""What makes a genre: tempo, harmony, feel, who accompanies and how. Chords are written in C; "/" divides a bar."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Instrument:
    """program: General MIDI, from 0. low, high: the pitches a melody keeps to. sustained: holds a note as long as it is asked to."""

    program: int
    family: str
    low: int
    high: int
    sustained: bool = False


INSTRUMENTS = {
    "piano": Instrument(0, "keys", 60, 88),
    "electric piano": Instrument(4, "keys", 57, 84),
    "organ": Instrument(16, "organ", 57, 84, True),
    "accordion": Instrument(21, "organ", 57, 84, True),
    "vibraphone": Instrument(11, "mallets", 60, 86),
    "marimba": Instrument(12, "mallets", 57, 84),
    "acoustic guitar": Instrument(24, "guitar", 55, 79),
    "electric guitar": Instrument(29, "guitar", 55, 81, True),
    "violin": Instrument(40, "strings", 60, 88, True),
    "cello": Instrument(42, "strings", 45, 69, True),
    "trumpet": Instrument(56, "brass", 57, 81, True),
    "trombone": Instrument(57, "brass", 45, 69, True),
    "saxophone": Instrument(65, "winds", 54, 79, True),
    "clarinet": Instrument(71, "winds", 55, 82, True),
    "flute": Instrument(73, "winds", 64, 91, True),
    "synth": Instrument(81, "synth", 57, 84, True),
}
FAMILIES = tuple(dict.fromkeys(instrument.family for instrument in INSTRUMENTS.values()))

Hits = tuple[tuple[float, float], ...]  # (onset, duration) in beats of one bar


@dataclass(frozen=True)
class Drums:
    """kit: General MIDI drum kit. Each pattern is one bar of sixteenths by drum; x is a stroke, X an accent, o a ghost."""

    kit: int
    patterns: tuple[dict[str, str], ...]
    words: tuple[str, ...]


@dataclass(frozen=True)
class Genre:
    """bpm: from, to. swing: where the off-beat eighth falls in its beat. major, minor: progressions of four bars. comping: a bar's hits by
    variant. chords, bass: General MIDI programs. style: how the accompaniment plays its chord. walk: how the bass moves.
    melody: scales by mode. pad: a program that holds the chords."""

    bpm: tuple[int, int]
    major: tuple[str, ...]
    minor: tuple[str, ...]
    chords: tuple[int, ...]
    bass: tuple[int, ...]
    comping: tuple[Hits, ...]
    walk: str
    melody: dict[str, str] = field(default_factory=lambda: {"major": "major", "minor": "minor"})
    style: str = "block"
    swing: float = 0.5
    drums: Drums | None = None
    density: float = 0.5  # of the melody, 0 to 1
    pad: int | None = None
    centre: int = 60  # pitch around which the chords are voiced


PENTATONIC = {"major": "major pentatonic", "minor": "minor pentatonic"}
BLUES = {"major": "blues", "minor": "blues"}
EIGHTHS: Hits = tuple((i / 2, 0.45) for i in range(8))

GENRES = {
    "ambient": Genre(
        (74, 94),
        ("Cmaj9 Am9 Fmaj9 Gsus2", "Cmaj7 Fmaj7 Cmaj9 Fmaj9", "Fmaj7 Cmaj7 Dm9 Am7"),
        ("Cm9 Abmaj7 Ebmaj7 Bb", "Cm7 Fm9 Cm9 Abmaj7", "Abmaj7 Bb Cm9 Cm7"),
        chords=(46, 10, 88), bass=(39, 38), comping=(((0, 0.9), (1, 0.9), (2, 0.9), (3, 0.9)),), walk="drone", style="arpeggio",
        density=0.15, pad=89,
        drums=Drums(25, ({"shaker": "x...X...x...X...", "kick": "X.......X......."},
                         {"rim": "o...x...o...x...", "shaker": "x...x...x...x..."}),
                    ("a soft pulse", "slow shakers", "sparse percussion")),
    ),
    "blues": Genre(
        (84, 126),
        ("C7 F7 C7 G7", "C7 C7 F7 G7", "F7 C7 G7 C7"),
        ("Cm7 Fm7 Cm7 G7", "Cm7 Cm7 Fm7 G7", "Cm7 Fm7 Ab7 G7"),
        chords=(27, 26, 0), bass=(33, 32),
        comping=(((0, 0.6), (0.5, 0.4), (1, 0.6), (1.5, 0.4), (2, 0.6), (2.5, 0.4), (3, 0.6), (3.5, 0.4)),),
        walk="shuffle", melody=BLUES, style="shuffle", swing=0.667, density=0.6, centre=52,
        drums=Drums(0, ({"ride": "x.x.x.x.x.x.x.x.", "kick": "x.......x.......", "snare": "....X.......X..."},
                        {"hat": "x.x.x.x.x.x.x.x.", "kick": "x.....x.x.....x.", "snare": "....X.......X..."}),
                    ("shuffle drums", "a shuffle beat", "swinging blues drums")),
    ),
    "bossa nova": Genre(
        (108, 130),
        ("Cmaj7 D7 Dm7 G7", "Cmaj9 Am7 Dm9 G7", "Fmaj7 Fm6 Cmaj7 A7"),
        ("Cm9 Fm7 Dm7b5 G7", "Cm7 Cm6 Abmaj7 G7", "Fm9 Bb7 Ebmaj7 G7"),
        chords=(24,), bass=(32,), comping=(((0, 0.8), (1.5, 0.9), (3, 0.8)), ((0, 0.4), (1, 0.4), (2.5, 0.9), (3.5, 0.4))), walk="bossa",
        density=0.45,
        drums=Drums(0, ({"rim": "o..o..o...o..o..", "kick": "X..oX..oX..oX..o", "shaker": "XoxoXoxoXoxoXoxo", "pedal": "....X.......X..."},
                        {"rim": "o..o...o..o...o.", "kick": "X..oX..oX..oX..o", "hat": "X.o.X.o.X.o.X.o."}),
                    ("bossa nova percussion", "rim clicks and a shaker", "a soft latin beat")),
    ),
    "classical": Genre(
        (80, 126),
        ("C G Am F", "C F G C", "C Am Dm G", "C/F C/G Am/F G"),
        ("Cm G Cm Fm", "Cm Ab Fm G", "Cm Fm G Cm", "Cm/Fm Cm/G Ab/Fm G"),
        chords=(48, 45, 0, 46), bass=(42, 43), comping=(EIGHTHS,), walk="roots", style="alberti", density=0.55,
    ),
    "folk": Genre(
        (92, 132),
        ("C F C G", "C Am F G", "C G Am F", "F C G C"),
        ("Cm Bb Ab Bb", "Cm Eb Bb Fm", "Cm Ab Eb Bb"),
        chords=(25, 24, 105), bass=(32,), comping=(((1, 0.4), (1.5, 0.4), (3, 0.4), (3.5, 0.4)), ((1, 0.8), (3, 0.4), (3.5, 0.4))),
        walk="boom", melody=PENTATONIC, density=0.55,
        drums=Drums(40, ({"tambourine": "....x.......x...", "kick": "x.......x......."},
                         {"tambourine": "..x.X.x...x.X.x.", "kick": "x...x...x...x..."}),
                    ("tambourine", "light percussion", "a stomping beat")),
    ),
    "funk": Genre(
        (94, 116),
        ("C9 C9 F9 C9", "C9 F9 C9 G7", "Dm7 G7 Dm7 G7"),
        ("Cm7 Cm7 F9 Cm7", "Cm7 F9 Cm7 Bb", "Cm9 Fm7 Cm9 G7"),
        chords=(28, 7), bass=(36, 37), comping=(((0.5, 0.2), (1, 0.15), (1.5, 0.2), (2.5, 0.2), (3, 0.15), (3.75, 0.2)),
                                                ((0.25, 0.15), (1, 0.2), (1.75, 0.2), (2, 0.2), (3, 0.2), (3.5, 0.15))),
        walk="funk", melody=PENTATONIC, density=0.65,
        drums=Drums(16, ({"hat": "XoxoXoxoXoxoXoxo", "kick": "X..o....X.o..o..", "snare": "....X..o.o..X..."},
                         {"hat": "XoooXoooXoooXooo", "kick": "X.....o.X.o.....", "snare": "....X..o....X..o"}),
                    ("funky drums", "sixteenth hi-hats", "a syncopated groove")),
    ),
    "house": Genre(
        (118, 130),
        ("C Am F G", "F G Am C", "C C F F"),
        ("Cm Ab Eb Bb", "Cm7 Cm7 Fm7 Fm7", "Ab Bb Cm Cm"),
        chords=(90, 81, 5), bass=(38, 39),
        comping=(((0.5, 0.3), (1.5, 0.3), (2.5, 0.3), (3.5, 0.3)), ((0, 0.4), (0.75, 0.4), (1.5, 0.4), (2.5, 0.4), (3.25, 0.4))),
        walk="offbeat", density=0.5, pad=50,
        drums=Drums(25, ({"kick": "X...X...X...X...", "open": "..x...x...x...x.", "clap": "....x.......x..."},
                         {"kick": "X...X...X...X...", "open": "..x...x...x...x.", "hat": "x.x.x.x.x.x.x.x.", "clap": "....x.......x..."}),
                    ("four on the floor", "a pounding kick drum", "electronic drums")),
    ),
    "jazz": Genre(
        (108, 148),
        ("Dm7 G7 Cmaj7 A7", "Cmaj7 A7 Dm9 G7", "Cmaj7/A7 Dm7/G7 Cmaj7/C7 Fmaj7/G7"),
        ("Cm7 Fm7 Dm7b5 G7", "Cm7 Cm7 Dm7b5 G7", "Fm7 Bb7 Ebmaj7 G7"),
        chords=(0, 26), bass=(32,),
        comping=(((0, 0.9), (1.5, 0.4)), ((0.5, 0.4), (2.5, 0.6)), ((1, 0.4), (3.5, 0.4)), ((0, 0.4), (1.5, 0.9), (3, 0.4))),
        walk="walking", swing=0.66, density=0.65,
        drums=Drums(40, ({"ride": "x...x.x.x...x.x.", "pedal": "....x.......x...", "kick": "o...o...o...o..."},
                         {"ride": "x...x.x.x...x.x.", "pedal": "....x.......x...", "snare": "......o.......o."}),
                    ("brushed drums", "a swinging ride cymbal", "swing drums")),
    ),
    "lo-fi": Genre(
        (70, 92),
        ("Cmaj7 Am7 Dm9 G7", "Fmaj7 Em7 Dm7 Cmaj7", "Cmaj9 Em7 Fmaj7 Fm6"),
        ("Cm9 Fm7 Abmaj7 G7", "Abmaj7 Gm7 Fm7 Cm7", "Cm7 Abmaj7 Fm9 Gm7"),
        chords=(4, 5), bass=(33, 35), comping=(((0, 1.4), (1.75, 1.8)), ((0, 1.9), (2.5, 1.2)), ((0, 0.9), (1.5, 0.9), (3, 0.9))),
        walk="lazy",
        swing=0.58, density=0.35,
        drums=Drums(8, ({"hat": "x.x.x.x.x.x.x.x.", "kick": "X..o....x.x.....", "snare": "....X.......X..."},
                        {"hat": "x.xox.x.x.xox.x.", "kick": "X......xx.......", "snare": "....X.......X..o"}),
                    ("a dusty beat", "lo-fi drums", "a lazy hip hop beat")),
    ),
    "reggae": Genre(
        (116, 142),
        ("C F C G", "C Am F G", "C C F F"),
        ("Cm Fm Cm Gm", "Cm Bb Ab Bb", "Cm Cm Fm Fm"),
        chords=(28, 16), bass=(33, 34), comping=(((1, 0.3), (3, 0.3)), ((1, 0.25), (1.5, 0.2), (3, 0.25), (3.5, 0.2))), walk="dub",
        density=0.35, swing=0.56,
        drums=Drums(8, ({"hat": "x.x.x.x.x.x.x.x.", "kick": "........X.......", "rim": "........X......."},
                        {"hat": "x.xox.xox.xox.xo", "kick": "X.......X.......", "rim": "........X......o"}),
                    ("a one drop beat", "reggae drums", "an offbeat skank and drums")),
    ),
    "rock": Genre(
        (108, 152),
        ("C5 G5 A5 F5", "C5 F5 G5 F5", "C5 Bb5 F5 C5"),
        ("C5 Ab5 Eb5 Bb5", "C5 Eb5 F5 Ab5", "C5 Bb5 Ab5 Bb5"),
        chords=(29, 30), bass=(34,), comping=(EIGHTHS, ((0, 1.4), (1.5, 1.4), (3, 0.9))), walk="eighths", melody=PENTATONIC,
        density=0.6, centre=50,
        drums=Drums(16, ({"hat": "x.x.x.x.x.x.x.x.", "kick": "X.......X.x.....", "snare": "....X.......X..."},
                         {"crash": "x...............", "ride": "x.x.x.x.x.x.x.x.", "kick": "X.x.....X.x...x.",
                          "snare": "....X.......X..."}),
                    ("driving drums", "a heavy backbeat", "loud rock drums")),
    ),
}  # fmt: skip
