"""How loud a clip is: brought to a loudness in LUFS (ITU-R BS.1770-4) as far as its peaks allow, never clipped."""

from __future__ import annotations

import math
import warnings

import numpy as np

from sonicdiff.audio.waveform import Waveform

CEILING = 10 ** (-1 / 20)  # the highest peak: -1 dBFS
LOUDNESS = -16.0  # LUFS
LEAST_SECONDS = 0.4  # the meter's block


def loudness_of(sound: Waveform) -> float:
    """LUFS; -inf for silence and for what is shorter than the meter's block."""
    import pyloudnorm

    if sound.seconds < LEAST_SECONDS:
        return -math.inf
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(sound.sample_rate).integrated_loudness(sound.samples.T.astype(np.float64)))


def gain_to(sound: Waveform, target: float | None) -> float:
    """The factor that brings a sound to `target` LUFS with no peak above the ceiling; None leaves it as it is, but for the ceiling."""
    peak = float(np.abs(sound.samples).max(initial=0.0))
    if peak == 0:
        return 1.0
    measured = loudness_of(sound)
    wanted = 1.0
    if target is not None and math.isfinite(target) and math.isfinite(measured):  # what is very short or soft has no loudness
        wanted = 10 ** ((target - measured) / 20)
    return min(wanted, CEILING / peak) if target is not None else min(1.0, CEILING / peak)
