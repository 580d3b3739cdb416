"""Sums of distances tile by tile, for cells whose matrix of distances would not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from chainbert.convergence.gap import NO_SPREAD, Floats

Reals = NDArray[np.floating[Any]]
"""float64, or float32 in half the time; sums are kept in float64 either way."""

TILE = 512  # rows and columns: what is done to a tile after its product stays in the second-level cache
# Products of float32 rows cannot tell vectors nearer than this apart.
NO_SPREAD_SINGLE = 1e-3


@dataclass(frozen=True, slots=True)
class Curve:
    """constant + slope·d² + bend·d⁴: close to the distance d, and summed over all pairs from moments alone."""

    constant: float
    slope: float
    bend: float


@dataclass(frozen=True, slots=True)
class PairSums:
    """Sums over the pairs of two sets of firms, or of one set with itself (then left and right are the same)."""

    left: Floats
    """(k,) each left row's distances to all right rows, summed; never to itself."""
    right: Floats
    """(j,)"""
    squares: float
    """Sum of squared distances; within one set each pair counts twice."""
    variance: float = 0.0
    """Variance of the mean distance as an estimate of that of all pairs; 0 where all pairs were measured."""


def within_sums(rows: Reals, curve: Curve | None = None) -> PairSums:
    """Distances of all rows (k, d) to each other, less the curve's value."""
    totals, squares = np.zeros(len(rows)), 0.0
    for start, stop in _steps(len(rows)):
        for first, last in _steps(len(rows), start):
            tile = _tile(rows[start:stop], rows[first:last], curve, diagonal=first == start)
            totals[start:stop] += tile.sum(axis=1)
            if first > start:
                totals[first:last] += tile.sum(axis=0)
            squares += float(np.vdot(tile, tile)) * (2 if first > start else 1)
    return PairSums(totals, totals, squares)


def between_sums(left: Reals, right: Reals, curve: Curve | None = None) -> PairSums:
    """Distances of all left rows (k, d) to all right rows (j, d), less the curve's value."""
    to_right, to_left, squares = np.zeros(len(left)), np.zeros(len(right)), 0.0
    for start, stop in _steps(len(left)):
        for first, last in _steps(len(right)):
            tile = _tile(left[start:stop], right[first:last], curve)
            to_right[start:stop] += tile.sum(axis=1)
            to_left[first:last] += tile.sum(axis=0)
            squares += float(np.vdot(tile, tile))
    return PairSums(to_right, to_left, squares)


def _steps(size: int, start: int = 0) -> Iterator[tuple[int, int]]:
    """Tiles' bounds from a multiple of TILE on."""
    return ((first, min(first + TILE, size)) for first in range(start, size, TILE))


def _tile(left: Reals, right: Reals, curve: Curve | None, *, diagonal: bool = False) -> Reals:
    """Distances (k, j) as gap.distances takes them, less the curve's value."""
    found = squared_tile(left, right)
    if diagonal:
        np.fill_diagonal(found, 0.0)
    if curve is None:
        return np.sqrt(found, out=found)
    bent = found * curve.bend
    bent += curve.slope
    bent *= found
    bent += curve.constant
    np.sqrt(found, out=found)
    found -= bent
    if diagonal:
        np.fill_diagonal(found, 0.0)
    return found


def squared_tile(left: Reals, right: Reals) -> Reals:
    """(k, j) squared distances, 0 where they are too small to be told from 0."""
    found = np.asarray(left @ right.T)
    found *= -2
    found += np.einsum("ij,ij->i", left, left)[:, None]
    found += np.einsum("ij,ij->i", right, right)
    found *= found >= (NO_SPREAD_SINGLE if found.dtype == np.float32 else NO_SPREAD) ** 2
    return found


def square_rest(sums: PairSums) -> float:
    """Mean square of what pairs within one set do beyond their two firms, unbiased; 0 for fewer than 4 firms.

    From the sums of U-centred distances (Székely & Rizzo 2014), which need no matrix.
    """
    k = len(sums.left)
    if k < 4:
        return 0.0
    rest = sums.squares - 2 / (k - 2) * float(sums.left @ sums.left) + sums.left.sum() ** 2 / ((k - 1) * (k - 2))
    return max(float(rest), 0.0) / (k * (k - 3))


def rectangle_rest(sums: PairSums) -> float:
    """The same for pairs between two sets; 0 where a set has one firm."""
    k, j = len(sums.left), len(sums.right)
    if min(k, j) < 2:
        return 0.0
    rest = sums.squares - float(sums.left @ sums.left) / j - float(sums.right @ sums.right) / k
    return max(float(rest + sums.left.sum() ** 2 / (k * j)), 0.0) / ((k - 1) * (j - 1))
