"""In how many clusters, and how evenly, a city's firms are: entropy of its composition."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainbert.clustering.panel import SMALLEST_CELL, Floats
from chainbert.clustering.window import Window, half_width

ENTROPY_COLUMNS = ("year", "city", "total", "clusters", "plugin", "entropy", "low", "high", "status")


def entropy_records(window: Window, cities: tuple[str, ...], clusters: int) -> list[dict[str, Any]]:
    """Each city's entropy in the window: one record a city, ENTROPY_COLUMNS."""
    counts = window.counts(window.city[None, :], len(cities), clusters)[0]
    table: list[dict[str, Any]] = []
    for place in np.unique(window.city):
        own = counts[place]
        record = {"year": window.year, "city": cities[place], "total": int(own.sum()), "clusters": int((own > 0).sum())}
        record |= {"plugin": float(special.entr(own / own.sum()).sum()), "status": ""}
        firms = np.unique(window.firm[window.city == place], return_inverse=True)[1]
        if firms.max() + 1 < SMALLEST_CELL:
            found = (np.nan,) * 3
            record["status"] = f"not estimable: {firms.max() + 1} firms, {SMALLEST_CELL} are needed"
        else:
            rows = np.zeros((firms.max() + 1, clusters))
            np.add.at(rows, (firms, window.cluster[window.city == place]), 1.0)
            value = float(entropy(own[None, :])[0])
            half = half_width(entropy(own - rows), np.zeros(len(rows), dtype=np.int64))
            found = (value, max(0.0, value - half), value + half)
        table.append(record | dict(zip(("entropy", "low", "high"), found, strict=True)))
    return table


def entropy(counts: Floats) -> Floats:
    """Entropy in nats of each row of counts (b, k) > 0 in all, with what few firms miss added (Miller 1955, Madow).

    The plug-in falls short by about (k − 1) / 2n, so that small cities seem to be in fewer clusters.
    """
    n = counts.sum(axis=1)
    return np.asarray(special.entr(counts / n[:, None]).sum(axis=1) + ((counts > 0).sum(axis=1) - 1) / (2 * n))
