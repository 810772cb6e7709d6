"""The inner loop of phase gradient heap integration, compiled."""

from __future__ import annotations

import heapq

import numpy as np

from sonicdiff.audio.compilation import compiled

TOLERANCE = 1e-6  # of the loudest: below, the phase is not integrated


def integrate(
    magnitudes: np.ndarray, advance: np.ndarray, rise: np.ndarray, start: np.ndarray, circular: bool, known: int = 0
) -> np.ndarray:
    """Phases from their gradients, along the loudest path: float64 (bins, frames), as the gradients.

    advance: from frame to frame; rise: from bin to bin; start: the phases that begin a path, and those of what is too faint, and of the
    first `known` frames, from which the paths lead on.
    """
    faintest = magnitudes.max() * TOLERANCE
    audible = np.flatnonzero(magnitudes > faintest)
    order = audible[np.argsort(-magnitudes.ravel()[audible], kind="stable")]
    return _integrate(magnitudes, order, advance, rise, start, circular, faintest, known)


@compiled
def _integrate(magnitudes, order, advance, rise, start, circular, faintest, known):
    bins, frames = magnitudes.shape
    phase, done = start.copy(), magnitudes <= faintest
    border = [(-magnitudes[0, 0], 0, 0)]  # for its type
    border.pop()
    done[:, :known] = True
    for row in range(bins if known else 0):
        heapq.heappush(border, (-magnitudes[row, known - 1], row, known - 1))
    for first in order:
        row, column = first // frames, first % frames
        if not done[row, column]:
            done[row, column] = True
            heapq.heappush(border, (-magnitudes[row, column], row, column))
        while border:
            _, k, n = heapq.heappop(border)
            for dk, dn in ((0, 1), (0, -1), (1, 0), (-1, 0)):
                row, column = k + dk, n + dn
                if circular:
                    column %= frames
                if not (0 <= row < bins and 0 <= column < frames) or done[row, column]:
                    continue
                along = advance if dn else rise
                phase[row, column] = phase[k, n] + (dk + dn) * 0.5 * (along[k, n] + along[row, column])
                done[row, column] = True
                heapq.heappush(border, (-magnitudes[row, column], row, column))
    return phase
