"""Does a city's composition differ from the reference's: by the whole of it, and cluster by cluster."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import special

from chainbert.clustering.panel import SMALLEST_CELL, TIE, Floats, Ints, Panel, exchange, holm
from chainbert.clustering.window import LEVEL, Window, effective_firms, half_width, wilson

DISTANCE_COLUMNS = ("year", "city", "divergence", "expected", "adjusted", "low", "high", "p", "p_holm", "status")
DIFFERENCE_COLUMNS = (
    *("cluster", "city", "year", "share", "share_reference", "difference", "low", "high", "p", "p_holm", "status"),
)


def jensen_shannon(first: Floats, second: Floats) -> Floats:
    """Divergence in bits, in [0, 1], of two compositions along the last axis (Lin 1991)."""
    middle = special.entr((first + second) / 2).sum(axis=-1)
    within = (special.entr(first).sum(axis=-1) + special.entr(second).sum(axis=-1)) / 2
    return np.asarray(np.clip((middle - within) / np.log(2), 0.0, 1.0))


def difference_records(
    window: Window,
    panel: Panel,
    rows: Ints,
    reference: str,
    names: list[int],
    draws: int,
    rng: np.random.Generator,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Each city against the reference: by the whole composition, and by cluster."""
    other = panel.cities.index(reference)
    here = [int(one) for one in np.unique(window.city) if one != other]
    distances: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for one in here:
        pair = np.flatnonzero((window.city == one) | (window.city == other))
        part = Window(
            window.year,
            window.cluster[pair],
            (window.city[pair] == other).astype(np.int64),
            window.firm[pair],
            exchange(panel, rows[pair]),
        )
        place = {"year": window.year, "city": panel.cities[one]}
        status = _why(part)
        whole, single = _unknown(len(names)) if status else _pair(part, len(names), len(here), draws, rng)
        distances.append({**place, **whole, "status": status})
        differences += [
            {"cluster": name, **place, **found, "status": status} for name, found in zip(names, single, strict=True)
        ]
    for table in (distances, differences):
        adjusted = holm(np.array([record["p"] for record in table], dtype=np.float64))
        for record, p in zip(table, adjusted, strict=True):
            record["p_holm"] = float(p)
    return distances, differences


def _why(part: Window) -> str:
    """Why the two cities cannot be compared; "" where they can."""
    movable = part.trade.movable(part.city)
    for side, whose in ((0, ""), (1, " of the reference")):
        firms = len(np.unique(part.firm[part.city == side]))
        free = len(np.unique(part.firm[(part.city == side) & movable]))
        if firms < SMALLEST_CELL:
            return f"not estimable: {firms} firms{whose}, {SMALLEST_CELL} are needed"
        if free < SMALLEST_CELL:
            return f"not estimable: {free} firms{whose} share a stratum with the other city, {SMALLEST_CELL} are needed"
    return ""


def _unknown(clusters: int) -> tuple[dict[str, float], list[dict[str, float]]]:
    whole = dict.fromkeys(DISTANCE_COLUMNS[2:8], np.nan)
    return whole, [dict.fromkeys(DIFFERENCE_COLUMNS[3:10], np.nan) for _ in range(clusters)]


def _pair(
    part: Window, clusters: int, cities: int, draws: int, rng: np.random.Generator
) -> tuple[dict[str, float], list[dict[str, float]]]:
    observed = part.counts(part.city[None, :], 2, clusters)
    sizes = observed.sum(axis=2, keepdims=True)
    shares = np.concatenate([observed, part.drawn(2, clusters, draws, rng)]) / sizes
    divergence = jensen_shannon(shares[:, 0], shares[:, 1])
    expected = float(divergence.mean())
    adjusted = (float(divergence[0]) - expected) / (1 - expected)
    half = _divergence_half(part, observed[0]) / (1 - expected)
    whole = {"divergence": float(divergence[0]), "expected": expected, "adjusted": adjusted}
    whole |= {"low": adjusted - half, "high": min(1.0, adjusted + half)}
    whole["p"] = float((divergence >= divergence[0] - TIE).mean())
    gaps = shares[:, 0] - shares[:, 1]
    beyond = np.abs(gaps - gaps.mean(axis=0))
    p = (beyond >= beyond[0] - TIE).mean(axis=0)
    bounds = [
        wilson(
            shares[0, side], np.full(clusters, effective_firms(part.firm[part.city == side])), LEVEL / clusters / cities
        )
        for side in (0, 1)
    ]
    (low, high), (low_other, high_other) = bounds
    below = np.hypot(shares[0, 0] - low, high_other - shares[0, 1])
    above = np.hypot(high - shares[0, 0], shares[0, 1] - low_other)
    columns = np.stack([shares[0, 0], shares[0, 1], gaps[0], gaps[0] - below, gaps[0] + above, p], axis=1)
    return whole, [dict(zip(DIFFERENCE_COLUMNS[3:9], map(float, row), strict=True)) for row in columns]


def _divergence_half(part: Window, counts: Floats) -> float:
    firms = np.unique(part.firm, return_inverse=True)[1]
    rows = np.zeros((firms.max() + 1, *counts.shape))
    np.add.at(rows, (firms, part.city, part.cluster), 1.0)
    left = counts - rows
    shares = left / np.maximum(left.sum(axis=2, keepdims=True), 1)
    home = np.empty(len(rows), dtype=np.int64)
    home[firms[::-1]] = part.city[::-1]
    return half_width(jensen_shannon(shares[:, 0], shares[:, 1]), home)
