"""A few bars of music for tests, seeded."""

from __future__ import annotations

import numpy as np

from sonicdiff.audio.waveform import Waveform


def tune(seconds: float = 2.56, rate: int = 44_100, beat: float = 0.32, loop: bool = True) -> Waveform:
    """Plucked chords, a bass and a hat on every beat; a loop's last notes ring on over its beginning."""
    rng, n = np.random.default_rng(0), round(seconds * rate)
    time, samples = np.arange(n) / rate, np.zeros(n)
    for number in range(max(1, round(seconds / beat))):
        since = time - number * beat
        since = since % seconds if loop else since
        sounding = since >= 0
        for pitch in (110, *(220 * 2 ** (rng.choice((0, 3, 5, 7, 10, 12), 2) / 12))):
            for harmonic in range(1, 6):
                samples += sounding * np.sin(2 * np.pi * pitch * harmonic * since) * np.exp(-4 * since * sounding) / harmonic
        samples += sounding * rng.standard_normal(n) * np.exp(-60 * since * sounding)
    return Waveform((0.5 * samples / max(abs(samples).max(), 1e-9)).astype(np.float32)[None], rate)
