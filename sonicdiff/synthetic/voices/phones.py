"""The sounds of speech as targets of a formant synthesiser (formants after Peterson and Barney 1952, Klatt 1980), and sentences of them."""

from __future__ import annotations

from dataclasses import dataclass

F1, F2, F3 = 500.0, 1500.0, 2500.0


@dataclass(frozen=True)
class Phone:
    """Targets of one sound, for a man's vocal tract."""

    f1: float = F1  # Hz, the formants
    f2: float = F2
    f3: float = F3
    seconds: float = 0.08
    voice: float = 1.0  # how strongly the vocal folds sound
    breath: float = 0.0  # noise made at them
    hiss: float = 0.0  # noise made at the lips or teeth,
    centre: float = 0.0  # around this, Hz,
    octaves: float = 0.5  # as wide as this
    nasal: bool = False
    burst: bool = False  # closed at first, then let go


def _vowel(f1: float, f2: float, f3: float, seconds: float = 0.11) -> Phone:
    return Phone(f1, f2, f3, seconds)


PHONES = {
    "IY": _vowel(280, 2250, 2950, 0.12),
    "IH": _vowel(400, 1950, 2550, 0.085),
    "EH": _vowel(550, 1800, 2480, 0.1),
    "AE": _vowel(690, 1680, 2430, 0.14),
    "AA": _vowel(730, 1120, 2440, 0.14),
    "AO": _vowel(580, 870, 2420, 0.14),
    "UH": _vowel(450, 1050, 2250, 0.09),
    "UW": _vowel(310, 920, 2240, 0.12),
    "AH": _vowel(630, 1220, 2400, 0.09),
    "AX": _vowel(500, 1420, 2450, 0.055),
    "ER": _vowel(480, 1330, 1700, 0.12),
    "W": Phone(300, 680, 2200, 0.07, 0.7),
    "Y": Phone(270, 2200, 3000, 0.06, 0.7),
    "R": Phone(330, 1100, 1550, 0.07, 0.7),
    "L": Phone(360, 1050, 2700, 0.07, 0.65),
    "M": Phone(270, 1050, 2200, 0.07, 0.55, nasal=True),
    "N": Phone(270, 1600, 2600, 0.065, 0.55, nasal=True),
    "NG": Phone(270, 2100, 2600, 0.07, 0.5, nasal=True),
    "B": Phone(220, 900, 2150, 0.075, 0.35, hiss=0.3, centre=900, octaves=1.2, burst=True),
    "D": Phone(220, 1700, 2650, 0.065, 0.35, hiss=0.4, centre=3600, octaves=0.8, burst=True),
    "G": Phone(220, 1950, 2300, 0.075, 0.35, hiss=0.4, centre=1900, octaves=0.6, burst=True),
    "P": Phone(300, 950, 2150, 0.105, 0.0, 0.25, 0.45, 1000, 1.2, burst=True),
    "T": Phone(300, 1700, 2650, 0.1, 0.0, 0.2, 0.7, 4300, 0.7, burst=True),
    "K": Phone(300, 1900, 2350, 0.11, 0.0, 0.25, 0.6, 2000, 0.6, burst=True),
    "F": Phone(340, 1100, 2100, 0.1, 0.0, 0.0, 0.2, 5500, 1.6),
    "TH": Phone(320, 1400, 2550, 0.09, 0.0, 0.0, 0.15, 6000, 1.4),
    "S": Phone(320, 1500, 2550, 0.11, 0.0, 0.0, 0.7, 6300, 0.45),
    "SH": Phone(300, 1750, 2500, 0.11, 0.0, 0.0, 0.7, 3200, 0.5),
    "V": Phone(250, 1100, 2100, 0.065, 0.55, 0.0, 0.08, 5500, 1.6),
    "DH": Phone(270, 1400, 2550, 0.05, 0.55, 0.0, 0.06, 6000, 1.4),
    "Z": Phone(260, 1500, 2550, 0.085, 0.45, 0.0, 0.35, 6300, 0.45),
    "HH": Phone(500, 1500, 2500, 0.06, 0.0, 0.6),
    "_": Phone(seconds=0.06, voice=0.0),
}

# "1" after a vowel says that it is stressed. Two vowels that follow one another make a diphthong.
SENTENCES = {
    "the water is waiting by the wall": "DH AX W AO1 T ER IH Z W EH1 IH T IH NG B AH IH DH AX W AO1 L",
    "birds are singing on the roof": "B ER1 D Z AA R S IH1 NG IH NG AO N DH AX R UW1 F",
    "we are going home this morning": "W IY AA R G AO1 UH IH NG HH AO1 UH M DH IH S M AO1 R N IH NG",
    "the children left the garden open": "DH AX T SH IH1 L D R AX N L EH1 F T DH AX G AA1 R D AX N AO1 UH P AX N",
    "someone is standing at the door": "S AH1 M W AX N IH Z S T AE1 N D IH NG AE T DH AX D AO1 R",
    "you gave me seven yellow apples": "Y UW G EH1 IH V M IY S EH1 V AX N Y EH1 L AO UH AE1 P AX L Z",
    "the letter came from my brother": "DH AX L EH1 T ER K EH1 IH M F R AH M M AA IH B R AH1 DH ER",
    "there is a light in the window": "DH EH R IH Z AX L AA1 IH T IH N DH AX W IH1 N D AO UH",
    "nobody told me about the train": "N AO1 UH B AA D IY T AO1 UH L D M IY AX B AA1 UH T DH AX T R EH1 IH N",
    "the dog has eaten my dinner": "DH AX D AO1 G HH AE Z IY1 T AX N M AA IH D IH1 N ER",
    "they are moving to the island": "DH EH IH AA R M UW1 V IH NG T UW DH IY AA1 IH L AX N D",
    "look at the snow on the mountain": "L UH1 K AE T DH AX S N AO1 UH AO N DH AX M AA1 UH N T AX N",
}


def spoken(sentence: str) -> list[tuple[Phone, bool]]:
    """The sounds of one of `SENTENCES`, and whether each is a stressed vowel."""
    return [(PHONES[name.rstrip("1")], name.endswith("1")) for name in SENTENCES[sentence].split()]
