"""The loops that music may start from: composed, played through the sound font and written beside the pipeline as Vorbis.

`python -m sonicdiff.training.loops` makes them again; it needs FluidSynth.
"""

from __future__ import annotations

import numpy as np
import soundfile

from sonicdiff.pipelines.riffusion.init_audio import LOOPS, SEEDS
from sonicdiff.pipelines.riffusion.loudness import levelled
from sonicdiff.synthetic.music.composer import Brief, compose
from sonicdiff.synthetic.music.soundfont import RATE, play

COMPRESSION = 0.9  # of Vorbis: 2.4 dB off in the loud bins below 10 kHz, where 0.8, a fifth larger, is 1.9 dB off

BRIEFS = {
    "dusty beat": Brief("lo-fi", "electric piano", 9, "minor", 80, 0.4, True, 4),
    "four on the floor": Brief("house", "synth", 7, "minor", 124, 0.7, True, 2),
    "late club": Brief("jazz", "saxophone", 5, "major", 126, 0.5, True, 3),
    "open road": Brief("rock", "electric guitar", 4, "minor", 128, 0.8, True, 5),
    "beach at dusk": Brief("bossa nova", "flute", 0, "major", 118, 0.4, True, 1),
    "slow tide": Brief("ambient", "cello", 2, "minor", 76, 0.3, False, 6),
    "back porch": Brief("folk", "acoustic guitar", 7, "major", 104, 0.5, True, 7),
}


def main() -> None:
    LOOPS.mkdir(exist_ok=True)
    for name, brief in BRIEFS.items():
        loop = play(compose(brief), round(60 / SEEDS[name].bpm * RATE))
        with soundfile.SoundFile(LOOPS / f"{name}.ogg", "w", RATE, 2, "VORBIS", format="OGG", compression_level=COMPRESSION) as file:
            for block in np.array_split(levelled(loop, -16.0, circular=True).samples.T, 8):  # libsndfile crashes on much at once
                file.write(block)


if __name__ == "__main__":
    main()
