"""The voice of a `Speaking`: the sentence its seed chose, said by the person its seed chose, in a room."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sonicdiff.synthetic.noise import grow, level
from sonicdiff.synthetic.space import SURROUNDINGS, heard
from sonicdiff.synthetic.voices.emotions import Speaking
from sonicdiff.synthetic.voices.glottis import RATE
from sonicdiff.synthetic.voices.person import speaker_of
from sonicdiff.synthetic.voices.phones import SENTENCES, spoken
from sonicdiff.synthetic.voices.speech import speak


def render_voice(speaking: Speaking) -> np.ndarray:
    """The sentence as it was said, float32 (n,) at `glottis.RATE` Hz, two to five seconds, |x| <= 1, the same for the same `speaking`.

    The level follows the emotion: about -40 dBFS where it is sad, -14 where it is angry.
    """
    how, room = np.random.default_rng((speaking.seed, 4)), np.random.default_rng((speaking.seed, 3))
    gain, wet, manner = room.normal(0, 1.5), grow(0.04, 0.16, room.uniform()), speaking.manner
    out = speak(how, speaker_of(speaking.seed), manner, spoken(sentence(speaking.seed)))
    out = heard(room, out, RATE, replace(SURROUNDINGS["room"], distance=1.0, wet=wet))
    out = level(out, -27 + manner.loudness + gain) + level(how.standard_normal(out.size, dtype=np.float32), -68)
    return (out / max(1.0, np.abs(out).max() / 0.98)).astype(np.float32)


def sentence(seed: int) -> str:
    """The words that belong to `seed`, whatever the emotion."""
    words = list(SENTENCES)
    return words[np.random.default_rng((seed, 5)).integers(len(words))]
