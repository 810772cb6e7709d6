"""Sentences for music: the genre, who leads, and some of tempo, key, mood, energy and drums, in varied words."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from sonicdiff.synthetic.music.composer import Brief
from sonicdiff.synthetic.music.genres import GENRES
from sonicdiff.synthetic.music.theory import NOTE_NAMES

GENRE_WORDS = {
    "ambient": ("ambient", "ambient", "ambient soundscape", "dreamy ambient"),
    "blues": ("blues", "blues", "twelve bar blues", "blues shuffle"),
    "bossa nova": ("bossa nova", "bossa nova", "bossa", "latin bossa nova"),
    "classical": ("classical", "classical", "classical music", "chamber music"),
    "folk": ("folk", "folk", "folk song", "country folk"),
    "funk": ("funk", "funk", "funky", "funk groove"),
    "house": ("house", "house", "house music", "deep house"),
    "jazz": ("jazz", "jazz", "swing jazz", "jazz club"),
    "lo-fi": ("lo-fi", "lo-fi", "lofi", "lo-fi hip hop"),
    "reggae": ("reggae", "reggae", "reggae groove", "roots reggae"),
    "rock": ("rock", "rock", "rock music", "hard rock"),
}
LEAD_WORDS = {
    "electric piano": ("electric piano", "electric piano", "rhodes"),
    "organ": ("organ", "organ", "hammond organ"),
    "acoustic guitar": ("acoustic guitar", "acoustic guitar", "nylon guitar"),
    "electric guitar": ("electric guitar", "electric guitar", "distorted guitar"),
    "saxophone": ("saxophone", "saxophone", "sax"),
    "violin": ("violin", "violin", "fiddle"),
    "synth": ("synth", "synth", "synthesizer", "synth lead"),
}
MOODS = {"major": ("happy", "bright", "sunny", "cheerful"), "minor": ("sad", "dark", "melancholy", "moody")}
SPEEDS = (("slow", "slow", "relaxed"), ("medium tempo", "mid-tempo", "steady"), ("fast", "fast", "upbeat"))
ENERGIES = (("gentle", "soft", "calm"), ("energetic", "driving", "lively"))
NO_DRUMS = ("no drums", "without drums")
FRAMES = (
    "{before} {genre} {lead}{after}",
    "{before} {lead} {genre}{after}",
    "{before} {genre} with {lead}{after}",
    "{before} {genre}, {lead}{after}",
    "{before} {genre} played on {lead}{after}",
    "{before} {genre} featuring {lead}{after}",
)


@dataclass(frozen=True)
class Said:
    """What of a brief a caption says; it leaves the rest open."""

    caption: str
    key: bool
    mode: bool
    speed: bool
    energy: bool
    drums: bool


def describe(brief: Brief, seed: int) -> Said:
    """`seed` chooses what is said, and how."""
    rng = np.random.default_rng((seed, 0x5A1D))

    def pick(options: tuple[str, ...]) -> str:
        return options[rng.integers(len(options))]

    key, mood, speed, number, energy, drums = rng.random(6) < (0.3, 0.3, 0.3, 0.5, 0.35, 0.45)
    energy = bool(energy and abs(brief.energy - 0.5) > 0.15)
    drums = bool(drums and GENRES[brief.genre].drums is not None)
    before, after = [], []
    if speed:
        before.append(pick(SPEEDS[speed_of(brief.bpm)]))
    if energy:
        before.append(pick(ENERGIES[int(brief.energy > 0.5)]))
    if mood:
        before.append(pick(MOODS[brief.mode]))
    if key:
        after.append(f"in {NOTE_NAMES[brief.tonic]} {brief.mode}")
    if number:
        after.append(f"{brief.bpm:.0f} bpm")
    if drums:
        kit = GENRES[brief.genre].drums
        assert kit is not None
        after.append(pick(kit.words) if brief.drums else pick(NO_DRUMS))
    rng.shuffle(before)
    tail = "".join((" " if part.startswith("in ") and i == 0 else ", ") + part for i, part in enumerate(after))
    lead = pick(LEAD_WORDS.get(brief.lead, (brief.lead,)))
    text = pick(FRAMES).format(before=" ".join(before), genre=pick(GENRE_WORDS[brief.genre]), lead=lead, after=tail)
    return Said(text.strip(), bool(key), bool(key or mood), bool(speed or number), energy, drums)


def speed_of(bpm: float) -> int:
    """0 slow, 1 neither, 2 fast."""
    return 0 if bpm < 92 else 1 if bpm < 122 else 2


def octaves(bpm: float) -> float:
    """The tempo on the scale on which it is heard: 0 at 105 beats a minute, 1 at twice that."""
    return math.log2(bpm / 105)
