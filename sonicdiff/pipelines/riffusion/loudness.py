"""How loud a clip is: brought to a loudness in LUFS and kept under a true peak (ITU-R BS.1770-4) by a limiter that looks ahead.

The limiter is ours: no maintained permissive library limits true peaks (pedalboard's is GPL and sees samples only).
"""

from __future__ import annotations

import math
import warnings

import numpy as np
from scipy.ndimage import maximum_filter1d, uniform_filter1d
from scipy.optimize import root_scalar
from scipy.signal import resample_poly

from sonicdiff.audio.waveform import Waveform

CEILING = -1.3  # dB, the highest true peak the limiter leaves: what 16 bits and another meter find stays under -1
LOUDNESS = -16.0  # LUFS
LEAST_SECONDS = 0.4  # the meter's block
TOLERANCE = 0.1  # LU
MOST_LIMITED = 30.0  # dB that peaks may be lowered by for the sake of loudness
OVERSAMPLING = 4  # BS.1770-4, annex 2
LOOK_AHEAD = 0.005  # seconds in which the limiter's gain falls before a peak
RELEASE = 600.0  # dB a second by which it rises again; bass is not bent, for the reduction holds as long as it looks ahead
BLOCK = 1 << 18  # samples oversampled at a time


def loudness_of(sound: Waveform) -> float:
    """LUFS; -inf for silence and for what is shorter than the meter's block."""
    import pyloudnorm

    if sound.seconds < LEAST_SECONDS:
        return -math.inf
    with warnings.catch_warnings(), np.errstate(divide="ignore"):
        warnings.simplefilter("ignore")
        return float(pyloudnorm.Meter(sound.sample_rate).integrated_loudness(sound.samples.T.astype(np.float64)))


def levelled(sound: Waveform, target: float | None, circular: bool = False) -> Waveform:
    """A sound at `target` LUFS within 0.1 LU, its true peak under -1 dBTP; None: at its own level, but for the peak.

    What has no loudness (silence, less than 0.4 s) keeps its level. circular: it is a loop, and stays one.
    """
    peaks = true_peaks(sound.samples, circular)
    gain = gain_for(sound, target, circular, peaks)
    return Waveform(limited(sound.samples, np.full(sound.samples.shape[1], gain), sound.sample_rate, circular, peaks), sound.sample_rate)


def gain_for(sound: Waveform, target: float | None, circular: bool = False, peaks: np.ndarray | None = None) -> float:
    """The gain in dB with which the limited sound has `target` LUFS, as far as MOST_LIMITED allows; 0 without a target or a loudness."""
    known = true_peaks(sound.samples, circular) if peaks is None else peaks
    highest = float(known.max())
    measured = highest + loudness_of(Waveform((sound.samples * 10 ** (-highest / 20)).astype(np.float32), sound.sample_rate))
    if target is None or not (math.isfinite(target) and math.isfinite(measured)):
        return 0.0

    def missing(gain: float) -> float:
        gains = np.full(len(known), gain)
        return target - loudness_of(Waveform(limited(sound.samples, gains, sound.sample_rate, circular, known), sound.sample_rate))

    least, most = target - measured, target - measured + MOST_LIMITED
    if missing(least) < TOLERANCE:
        return least
    return float(root_scalar(missing, bracket=(least, most), xtol=TOLERANCE).root) if missing(most) < 0 else most


def limited(samples: np.ndarray, gains: np.ndarray, rate: int, circular: bool = False, peaks: np.ndarray | None = None) -> np.ndarray:
    """Samples float32 (channels, n) with `gains` (n,) in dB, and less where the true peak would pass the ceiling.

    The reduction reaches what a peak needs `LOOK_AHEAD` before it and falls by `RELEASE`. peaks: `true_peaks(samples, circular)`.
    """
    peaks = true_peaks(samples, circular) if peaks is None else peaks
    over = np.maximum(peaks + gains - CEILING, 0)
    if over.any():
        over = np.tile(over, 2) if circular else over
        slope = RELEASE / rate * np.arange(len(over))
        held = np.maximum(np.maximum.accumulate(over + slope) - slope, 0)[-len(gains) :]
        half, mode = max(1, round(LOOK_AHEAD * rate / 2)), "wrap" if circular else "nearest"
        ahead = maximum_filter1d(held, 4 * half + 1, mode=mode)
        gains = gains - uniform_filter1d(uniform_filter1d(ahead, 2 * half + 1, mode=mode), 2 * half + 1, mode=mode)
    return (samples * 10 ** (gains / 20)).astype(np.float32)


def true_peaks(samples: np.ndarray, circular: bool = False) -> np.ndarray:
    """The true peak (n,) in dB around every sample, of all channels, four times oversampled; -200 for none."""
    n, margin = samples.shape[1], 32
    padded = np.pad(samples, ((0, 0), (margin, margin)), "wrap" if circular else "constant")
    found = np.empty(n)
    for start in range(0, n, BLOCK):
        block = resample_poly(padded[:, start : start + BLOCK + 2 * margin].astype(np.float64), OVERSAMPLING, 1, axis=1)
        between = np.abs(block).max(axis=0).reshape(-1, OVERSAMPLING).max(axis=1)  # from each sample to the next
        around = np.maximum(between[1:], between[:-1])[margin - 1 : -margin]
        found[start : start + BLOCK] = around
    return 20 * np.log10(np.maximum(found, 1e-10))
