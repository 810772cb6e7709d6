"""Pieces played through a General MIDI sound font by FluidSynth (Debian: fluidsynth, fluid-soundfont-gm; Python: pyfluidsynth)."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from sonicdiff.audio.waveform import Waveform
from sonicdiff.synthetic.music.composer import BEATS, Piece

SOUND_FONT = Path("/usr/share/sounds/sf2/FluidR3_GM.sf2")
RATE = 44_100
DRUM_CHANNEL = 9
TAIL = 3.0  # seconds in which the last notes and the room die away


@lru_cache(maxsize=1)
def synthesizer(process: int) -> tuple[Any, int]:
    """FluidSynth with the font loaded, kept in this process."""
    try:
        import fluidsynth
    except ImportError as error:
        raise RuntimeError("FluidSynth is not here; apt-get install fluidsynth fluid-soundfont-gm, and pip install pyfluidsynth") from error
    if not SOUND_FONT.exists():
        raise RuntimeError(f"the sound font {SOUND_FONT} is not here; apt-get install fluid-soundfont-gm")
    synth = fluidsynth.Synth(gain=0.4, samplerate=RATE)
    return synth, synth.sfload(str(SOUND_FONT))


def play(piece: Piece, samples_a_beat: float | None = None) -> Waveform:
    """The piece as a stereo loop, at its own tempo or at `samples_a_beat`: what sounds on after the end is heard at the beginning."""
    synth, font = synthesizer(os.getpid())
    synth.system_reset()
    synth.get_samples(RATE)  # lets the room of the piece before fall silent
    samples_a_beat = samples_a_beat or 60 / piece.brief.bpm * RATE
    length = round(BEATS * samples_a_beat)
    events: list[tuple[int, int, int, int, int]] = []
    for number, part in enumerate(piece.parts):
        channel = DRUM_CHANNEL if part.percussion else number
        synth.program_select(channel, font, 128 if part.percussion else 0, part.program)
        synth.cc(channel, 7, part.volume)
        synth.cc(channel, 10, part.pan)
        for note in part.notes:
            start = round(note.start * samples_a_beat)
            events.append((start, 1, channel, note.pitch, note.velocity))
            events.append((start + max(1, round(note.duration * samples_a_beat)), 0, channel, note.pitch, 0))
    total = length + round(TAIL * RATE)
    blocks, now = [], 0
    for at, kind, channel, pitch, velocity in [*sorted(events), (total, -1, 0, 0, 0)]:
        if at > now:
            blocks.append(synth.get_samples(at - now))
            now = at
        if kind == 1:
            synth.noteon(channel, pitch, velocity)
        elif kind == 0:
            synth.noteoff(channel, pitch)
    sound = np.concatenate(blocks).reshape(-1, 2).T.astype(np.float32) / 32_768
    loop = sound[:, :length].copy()
    loop[:, : total - length] += sound[:, length:]
    return Waveform(loop, RATE)
