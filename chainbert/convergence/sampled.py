"""Large sets: what needs whole matrices is measured on a sample of the firms, and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from chainbert.convergence.rows import Rows
from chainbert.convergence.worlds import take

MOST_WHOLE = 6_000
"""Firms of a city and period up to which everything is measured on all firms."""
MOST_SAMPLED = 1_000
"""Firms of a city and period in a sample."""


def largest_cell(rows: Rows) -> int:
    """Firms of the largest city and period."""
    cells = rows.city * len(rows.labels) + rows.period
    return int(np.bincount(cells).max())


def firm_sample(rows: Rows, most: int = MOST_SAMPLED) -> Rows:
    """The same share of every city's firms, with all their rows, so that no cell has more than about ``most``.

    Rows stand in the order of their content's hash, so that the first firms are a random choice, the same one for the
    same set. float64 vectors.
    """
    share = min(1.0, most / largest_cell(rows))
    chosen = np.zeros(len(rows.city), dtype=bool)
    for city in range(len(rows.cities)):
        own = np.flatnonzero(rows.city == city)
        firms, first = np.unique(rows.firm[own], return_index=True)
        kept = firms[np.argsort(first, kind="stable")[: max(1, round(share * len(firms)))]]
        chosen[own[np.isin(rows.firm[own], kept)]] = True
    sample = take(rows, chosen)
    vectors = sample.vectors.astype(np.float64)
    return replace(sample, vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
