"""How sure: the gap without each firm in turn, and the error of any combination of a city's gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from chainbert.convergence.gap import Block, Bools, Floats, Ints, Sums, block_sums, mean_distances, stratified_gap

# Gaps are of the order of 0.01 to 1. An error is the root of a sum of squares, so its rounding is that of 1e-16 or so.
NEGLIGIBLE = 1e-7


@dataclass(frozen=True, slots=True)
class Influence:
    """What each firm of one cell does to its gap, and what each pair of firms does beyond that."""

    firms: Ints
    """(k,) row numbers of the cell's firms in the whole set."""
    home: Bools
    without: Floats
    """(k,) the gap when that firm is left out."""
    pairs: tuple[tuple[Ints, Floats], ...]
    """By stratum: row numbers (j,) and the pairs' own part of the gap (j, j)."""


@dataclass(frozen=True, slots=True)
class Covariance:
    """Firm-clustered covariance of T statistics: the jackknife's, and the part of it that pairs of firms make."""

    jackknife: Floats
    """(T, T)."""
    pairs: Floats
    """(T, T)."""

    def error(self, weights: Floats) -> float:
        """Standard error of weights · statistics.

        The jackknife counts what single firms do once and what pairs do twice (Efron & Stein 1981), so the pairs'
        part is taken off once; what remains is never less than that part.
        """
        pairs = float(weights @ self.pairs @ weights)
        return float(np.sqrt(max(float(weights @ self.jackknife @ weights) - pairs, pairs, 0.0)))


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its standard error, 95 % interval and two-sided p (H0: the value is 0)."""

    value: float
    error: float
    low: float
    high: float
    p: float


def leave_one_out(blocks: tuple[Block, ...]) -> Influence:
    """The stratified gap without each firm, from row sums: O(k²) once for all k firms, no distance taken again.

    A stratum that is left with one firm of a city drops out of that deletion's gap, as it would if measured anew.
    """
    whole = block_sums(blocks)
    return Influence(
        firms=np.concatenate([block.rows for block in blocks]),
        home=np.concatenate([block.home for block in blocks]),
        without=np.concatenate([_deletions(blocks, whole, index) for index in range(len(blocks))]),
        pairs=tuple((block.rows, _pair_parts(block, whole, index)) for index, block in enumerate(blocks)),
    )


def _deletions(blocks: tuple[Block, ...], whole: Sums, index: int) -> Floats:
    block = blocks[index]
    home = block.home.astype(np.float64)
    return without_each(block.home, block.distances @ home, block.distances @ (1 - home), whole, index)


def without_each(at_home: Bools, to_home: Floats, to_reference: Floats, whole: Sums, index: int) -> Floats:
    """(k,) gap without each firm of stratum ``index``, from its summed distances to both cities (k,)."""
    home = at_home.astype(np.float64)
    changes = [home, 1 - home, np.where(at_home, to_reference, to_home)]
    changes += [2 * to_home * home, 2 * to_reference * (1 - home)]
    left = []
    for total, change in zip((whole.n, whole.m, whole.cross, whole.home, whole.reference), changes, strict=True):
        array = np.tile(total, (len(home), 1))
        array[:, index] -= change
        left.append(array)
    return stratified_gap(Sums(left[0], left[1], left[2], left[3], left[4], whole.weight))


def _pair_parts(block: Block, whole: Sums, index: int) -> Floats:
    """Second-order (Hoeffding) part of each pair's distance, in units of the gap; (k, k) symmetric, diagonal 0."""
    means = mean_distances(whole)
    below = float((means.weight * (means.home + means.reference) / 2).sum())
    value = float(stratified_gap(whole))
    n, m = float(whole.n[index]), float(whole.m[index])
    unit = 2 * float(means.weight[index]) / below if below > 0 else 0.0
    home, reference = np.flatnonzero(block.home), np.flatnonzero(~block.home)
    parts = np.zeros_like(block.distances)
    between = _centred_rectangle(block.distances[np.ix_(home, reference)]) * unit / (n * m)
    parts[np.ix_(home, reference)] = between
    parts[np.ix_(reference, home)] = between.T
    for side, size in ((home, n), (reference, m)):
        inside = _centred_square(block.distances[np.ix_(side, side)])
        parts[np.ix_(side, side)] = -inside * (1 + value / 2) * unit / (size * (size - 1))
    return parts


def _centred_rectangle(matrix: Floats) -> Floats:
    n, m = matrix.shape
    rest = matrix - matrix.mean(axis=1, keepdims=True) - matrix.mean(axis=0, keepdims=True) + matrix.mean()
    return np.asarray(rest * np.sqrt(n * m / ((n - 1) * (m - 1))))


def _centred_square(matrix: Floats) -> Floats:
    """Pair parts inside one city (U-centring, Székely & Rizzo 2014); 0 for fewer than 4 firms: nothing is taken off."""
    n = len(matrix)
    if n < 4:
        return np.zeros_like(matrix)
    rows = matrix.sum(axis=1) / (n - 2)
    rest = matrix - rows[:, None] - rows[None, :] + matrix.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(rest, 0.0)
    return np.asarray(rest * np.sqrt((n - 1) / (n - 3)))


def deviations(influence: Influence) -> Floats:
    """(k,) each firm's share of the gap's error: their squares sum to the jackknife variance.

    The two cities are samples of their own, so deviations are taken from the city's mean and scaled by
    √((n − 1)/n) with the city's n (two-sample jackknife, Arvesen 1969).
    """
    result = np.empty(len(influence.without))
    for side in (True, False):
        chosen = influence.home == side
        without = influence.without[chosen]
        result[chosen] = np.sqrt((len(without) - 1) / len(without)) * (without - without.mean())
    return result


def firm_covariance(influences: list[Influence], firm: Ints) -> Covariance:
    """Covariance of the gaps of T periods; firm (rows,) codes: a firm in several periods is one unit.

    Deleting a firm everywhere at once moves each combination of the gaps by the same combination of its deviations,
    so this gives the firm-clustered jackknife of every slope and contrast.
    """
    count = len(influences)
    table = np.zeros((int(firm.max()) + 1, count))
    for column, influence in enumerate(influences):
        np.add.at(table[:, column], firm[influence.firms], deviations(influence))
    pairs = np.zeros((count, count))
    for first in range(count):
        for second in range(first, count):
            pairs[first, second] = pairs[second, first] = _shared(influences[first], influences[second], firm)
    return Covariance(table.T @ table, pairs)


def _shared(first: Influence, second: Influence, firm: Ints) -> float:
    """Sum over the pairs of firms that are in both cells of the product of their parts."""
    total = 0.0
    for rows, parts in first.pairs:
        for others, other_parts in second.pairs:
            _, here, there = np.intersect1d(firm[rows], firm[others], assume_unique=True, return_indices=True)
            if len(here) > 1:
                total += float((parts[np.ix_(here, here)] * other_parts[np.ix_(there, there)]).sum()) / 2
    return total


def interval(value: float, error: float, freedom: float) -> Interval:
    """Student's 95 % interval and two-sided p of an estimate.

    Where nothing changes at all (a panel of firms that keep their texts) value and error are rounding: 0 with p 1.
    NaN where the error alone is 0, or not finite.
    """
    if abs(value) <= NEGLIGIBLE and error <= NEGLIGIBLE:
        return Interval(0.0, 0.0, 0.0, 0.0, 1.0)
    if not (np.isfinite(value) and np.isfinite(error) and error > NEGLIGIBLE):
        return Interval(value, float("nan"), float("nan"), float("nan"), float("nan"))
    width = float(stats.t.ppf(0.975, freedom)) * error
    p = 2 * float(stats.t.sf(abs(value) / error, freedom))
    return Interval(value, error, value - width, value + width, min(1.0, p))
