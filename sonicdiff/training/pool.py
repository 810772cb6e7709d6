"""Which sounds, captions and pictures belong together: same class, near in intensity."""

from __future__ import annotations

import numpy as np

from sonicdiff.training.text import Labels


def nearest(queries: Labels, pool: Labels, count: int) -> np.ndarray:
    """For each query the `count` members of `pool` of its class that are nearest in intensity: (queries, count) indices."""
    found = np.empty((len(queries.cause), count), np.int64)
    for cause in np.unique(queries.cause):
        members = np.flatnonzero(pool.cause == cause)
        if len(members) == 0:
            raise ValueError(f"the pool has nothing of class {cause}; make it larger")
        rows = np.flatnonzero(queries.cause == cause)
        distance = np.abs(queries.intensity[rows][:, None] - pool.intensity[members][None])
        order = np.argsort(distance, axis=1, kind="stable")[:, :count]
        found[rows] = members[np.resize(order.T, (count, len(rows))).T if order.shape[1] < count else order]
    return found
