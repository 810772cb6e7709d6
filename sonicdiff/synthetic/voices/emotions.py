"""The eight emotions of RAVDESS: what each does to the voice (after Murray and Arnott 1993, Juslin and Laukka 2003) and to the face."""

from __future__ import annotations

from dataclasses import dataclass, fields

from sonicdiff.synthetic.classes import known


@dataclass(frozen=True)
class Manner:
    """How a sentence is said."""

    pitch: float = 0.0  # semitones above the speaker's own
    accent: float = 2.2  # semitones that stressed syllables rise
    fall: float = -2.5  # semitones from the first syllable to the last
    end: float = -2.0  # semitones of the last syllable's own movement
    rate: float = 1.0  # speed
    loudness: float = 0.0  # dB
    tilt: float = 0.0  # dB an octave above 500 Hz: pressed voices are bright, soft ones dull
    breath: float = 0.08  # noise in the voice
    jitter: float = 0.006  # how uneven the periods are
    tremor: float = 0.0  # semitones, five to seven times a second
    creak: float = 0.0  # how much every second period differs
    drawl: float = 1.0  # how much longer stressed vowels are
    tract: float = 1.0  # formants: a smile shortens the tract, a pout lengthens it
    nasal: float = 0.0


@dataclass(frozen=True)
class Expression:
    """What the face's muscles do, 0..1 unless signed; the numbers are action units of Ekman and Friesen 1978."""

    inner_brow: float = 0.0  # 1, and 4 where negative: raised or lowered
    outer_brow: float = 0.0  # 2, and 4 where negative
    frown: float = 0.0  # 4: drawn together
    lids: float = 0.0  # 5 raised, 43 where negative: closing
    squint: float = 0.0  # 6 and 7: the lower lids come up
    wrinkle: float = 0.0  # 9: the nose
    smile: float = 0.0  # 12, and 15 where negative
    sneer: float = 0.0  # 10: the upper lip lifts
    stretch: float = 0.0  # 20 wide, 18 where negative: rounded
    jaw: float = 0.0  # 26 and 27: the mouth opens
    teeth: float = 0.0  # 25 with the teeth together
    gaze: float = 0.0  # the eyes look down
    flush: float = 0.0  # red, pale where negative
    tears: float = 0.0
    tongue: float = 0.0  # 19: shown


MANNERS = {
    "neutral": Manner(),
    "calm": Manner(-1.0, 1.4, -1.5, -1.0, 0.76, -5, -2.5, 0.3, 0.004, 0.0, 0.0, 1.15),
    "happy": Manner(5.0, 5.5, 0.5, 2.0, 1.12, 5, 2.0, 0.06, 0.006, 0.0, 0.0, 1.05, 1.1),
    "sad": Manner(0.5, 0.8, -4.5, -2.5, 0.66, -10, -5.5, 0.45, 0.014, 0.35, 0.1, 1.25, 0.95),
    "angry": Manner(4.5, 4.0, -4.0, -4.0, 1.12, 11, 5.5, 0.02, 0.03, 0.0, 0.25, 0.95, 1.03),
    "fearful": Manner(9.0, 1.6, 2.0, 1.5, 1.4, 3, 0.0, 0.4, 0.025, 1.1, 0.0, 0.85),
    "disgust": Manner(-3.0, 3.0, -6.0, -5.0, 0.8, 0, 1.0, 0.08, 0.02, 0.0, 0.75, 1.7, 0.93, 1.0),
    "surprised": Manner(6.0, 6.0, 3.0, 9.0, 0.95, 4, 1.0, 0.18, 0.006, 0.0, 0.0, 1.35, 1.0),
}
EXPRESSIONS = {
    "neutral": Expression(),
    "calm": Expression(lids=-1.25, smile=0.5, inner_brow=0.25, outer_brow=0.15),
    "happy": Expression(smile=1.0, squint=0.7, jaw=0.35, teeth=1.0, outer_brow=0.2, inner_brow=0.2, stretch=0.5, flush=0.3),
    "sad": Expression(inner_brow=1.0, outer_brow=-0.6, frown=0.5, lids=-0.45, smile=-0.9, gaze=0.7, tears=1.0, flush=-0.2),
    "angry": Expression(inner_brow=-1.0, outer_brow=0.35, frown=1.0, lids=0.4, squint=0.5, smile=-0.5, teeth=1.0, jaw=0.3, flush=1.0),
    "fearful": Expression(inner_brow=1.0, outer_brow=0.45, frown=0.7, lids=1.0, smile=-0.5, stretch=0.8, jaw=0.42, flush=-0.9),
    "disgust": Expression(
        inner_brow=-0.7,
        outer_brow=-0.4,
        frown=0.6,
        lids=-0.45,
        squint=0.8,
        wrinkle=1.0,
        sneer=1.0,
        smile=-0.6,
        jaw=0.25,
        tongue=1.0,
        flush=-0.5,
    ),
    "surprised": Expression(inner_brow=1.0, outer_brow=1.0, lids=1.0, jaw=1.0, stretch=-0.6),
}
EMOTIONS = tuple(MANNERS)


@dataclass(frozen=True)
class Speaking:
    """`dataclasses.replace(speaking, emotion=...)` is the same person with the same sentence and another feeling."""

    seed: int
    emotion: str
    intensity: float

    def __post_init__(self) -> None:
        known(self.emotion, EMOTIONS, "emotion")
        if not 0.0 <= self.intensity <= 1.0:
            raise ValueError(f"intensity {self.intensity} is out of range: expected 0 <= intensity <= 1")

    @property
    def manner(self) -> Manner:
        """Between neutral (intensity 0) and the emotion's own (1)."""
        return Manner(**_between(Manner(), MANNERS[self.emotion], self.intensity))

    @property
    def expression(self) -> Expression:
        """Between a still face (intensity 0) and the emotion's own (1)."""
        return Expression(**_between(Expression(), EXPRESSIONS[self.emotion], self.intensity))


def _between(still: Manner | Expression, full: Manner | Expression, x: float) -> dict[str, float]:
    return {f.name: getattr(still, f.name) + (getattr(full, f.name) - getattr(still, f.name)) * x for f in fields(still)}
