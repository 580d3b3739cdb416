"""Did the cities' mix of clusters change, or what lies within the clusters: a shift-share split of the gap's change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainbert.convergence.cells import Cell
from chainbert.convergence.gap import NO_SPREAD, Bools, Floats, Ints
from chainbert.convergence.jackknife import Interval, interval
from chainbert.convergence.rows import Rows

# How each mean distance (between, within home, within reference) enters the gap's numerator and denominator.
ABOVE = np.array([2.0, -1.0, -1.0])
BELOW = np.array([0.0, 0.5, 0.5])
# Deletions held in memory at a time: at 20 clusters, 3 strata and 2 periods 256 of them take 15 MB.
CHUNK = 256


@dataclass(frozen=True, slots=True)
class _Table:
    """Firms and distances of one period by cluster. Every array begins with (…, strata); leading axes are deletions."""

    n: Floats
    """(…, strata, clusters) firms of the city."""
    m: Floats
    """The same of the reference."""
    sums: Floats
    """(…, strata, 3, clusters, clusters) sums of distances: city to reference, within the city, within the reference;
    within a city each pair twice."""
    weight: Floats
    """(strata,); 0 where the period has not the stratum."""


def shift_share(
    cells: tuple[Cell, Cell], rows: Rows, labels: NDArray[np.object_], freedom: int
) -> tuple[Interval, Interval]:
    """Change of the gap from one estimable cell to another: (shift between clusters, change within clusters).

    Each mean distance of the gap is Σ over pairs of clusters of (share of firm pairs that fall on these two clusters) ×
    (mean distance of such pairs). The shift is what the changed shares do at the distances' mean of both periods, the
    change within is what the changed distances do at the shares' mean of both periods (Kitagawa 1955; Bennet 1920), in
    numerator and denominator alike, so that the two sum to the change of the gap exactly. Two clusters that do not
    both have firms in one of the periods keep their distance of the other: a cluster that is born or dies is a shift.
    So is a stratum that only one of the periods has. Shares of pairs, not of firms: the U-statistic's own.

    labels (n,) classes aligned with the rows. 95 % intervals by a jackknife over firms, given the clusters.
    """
    used = np.unique(np.concatenate([block.rows for cell in cells for block in cell.blocks]))
    codes = np.full(len(rows.city), -1, dtype=np.int64)
    codes[used] = np.unique(labels[used].astype(str), return_inverse=True)[1]
    strata = np.unique(rows.stratum[used])
    shape = (len(strata), int(codes.max()) + 1)
    whole = [_table(cell, rows, codes, strata, shape) for cell in cells]
    parts = _split(*whole)
    firms = np.unique(rows.firm[used])
    without = [
        _split(*(_without(cell, rows, codes, strata, table, chunk) for cell, table in zip(cells, whole, strict=True)))
        for chunk in np.split(firms, range(CHUNK, len(firms), CHUNK))
    ]
    deletions = np.concatenate(without, axis=1)
    scale, side = _scale(cells, rows, firms)
    found = []
    for value, left in zip(parts, deletions, strict=True):
        means = np.array([left[~side].mean(), left[side].mean()])
        error = float(np.sqrt((((left - means[side.astype(int)]) * scale) ** 2).sum()))
        own = interval(float(value), error, freedom)
        found.append(Interval(float(value), own.error, own.low, own.high, own.p))
    return found[0], found[1]


def _table(cell: Cell, rows: Rows, codes: Ints, strata: Ints, shape: tuple[int, int]) -> _Table:
    n, m = np.zeros(shape), np.zeros(shape)
    sums, weight = np.zeros((shape[0], 3, shape[1], shape[1])), np.zeros(shape[0])
    for block in cell.blocks:
        place = int(np.searchsorted(strata, rows.stratum[block.rows[0]]))
        home, reference = _indicators(block.home, codes[block.rows], shape[1])
        n[place], m[place], weight[place] = home.sum(axis=0), reference.sum(axis=0), block.weight
        to_home, to_reference = block.distances @ home, block.distances @ reference
        sums[place] = home.T @ to_reference, home.T @ to_home, reference.T @ to_reference
    return _Table(n, m, sums, weight)


def _indicators(home: Bools, codes: Ints, clusters: int) -> tuple[Floats, Floats]:
    """(k, clusters) 1 where a firm of the city, and of the reference, is in the cluster."""
    member = (codes[:, None] == np.arange(clusters)).astype(np.float64)
    return member * home[:, None], member * ~home[:, None]


def _without(cell: Cell, rows: Rows, codes: Ints, strata: Ints, whole: _Table, firms: Ints) -> _Table:
    """The period's table without each of these firms; as it is where the firm is not in the period."""
    n, m = (np.tile(one, (len(firms), 1, 1)) for one in (whole.n, whole.m))
    sums = np.tile(whole.sums, (len(firms), 1, 1, 1, 1))
    for block in cell.blocks:
        place = int(np.searchsorted(strata, rows.stratum[block.rows[0]]))
        own = codes[block.rows]
        _, here, gone = np.intersect1d(rows.firm[block.rows], firms, assume_unique=True, return_indices=True)
        groups = _indicators(block.home, own, whole.n.shape[-1])
        to_home, to_reference = (block.distances[here] @ one for one in groups)
        for at_home, sizes in ((True, n), (False, m)):
            which = block.home[here] == at_home
            firm, cluster = gone[which], own[here][which]
            inside, across = (to_home, to_reference) if at_home else (to_reference, to_home)
            within = 1 if at_home else 2
            sizes[firm, place, cluster] -= 1
            sums[firm, place, within, cluster, :] -= inside[which]
            sums[firm, place, within, :, cluster] -= inside[which]
            if at_home:
                sums[firm, place, 0, cluster, :] -= across[which]
            else:
                sums[firm, place, 0, :, cluster] -= across[which]
    return _Table(n, m, sums, whole.weight)


def _split(first: _Table, last: _Table) -> Floats:
    """(2, …) shift and change of the gap."""
    (share, mean), (later_share, later_mean) = _shares_and_means(first), _shares_and_means(last)
    mean, later_mean = np.where(share > 0, mean, later_mean), np.where(later_share > 0, later_mean, mean)
    above, below = _weighted(ABOVE, share * mean), _weighted(BELOW, share * mean)
    later_above, later_below = _weighted(ABOVE, later_share * later_mean), _weighted(BELOW, later_share * later_mean)
    # A deletion that leaves no spread has no gap.
    below, later_below = (np.where(one > NO_SPREAD, one, np.nan) for one in (below, later_below))
    shift = (later_share - share) * (mean + later_mean) / 2
    change = (later_mean - mean) * (share + later_share) / 2
    # Δ(N/W) = ΔN · mean of 1/W − ΔW · mean of N / (W W'), which is linear in both, so each takes the same split.
    for_above, for_below = (1 / below + 1 / later_below) / 2, (above + later_above) / 2 / (below * later_below)
    return np.stack([for_above * _weighted(ABOVE, one) - for_below * _weighted(BELOW, one) for one in (shift, change)])


def _weighted(coefficients: Floats, parts: Floats) -> Floats:
    return np.asarray(np.einsum("t,...stkl->...", coefficients, parts))


def _shares_and_means(table: _Table) -> tuple[Floats, Floats]:
    """(…, strata, 3, clusters, clusters) each: shares of firm pairs, weighted by stratum, and their mean distance."""
    n, m = table.n, table.m
    own = np.eye(n.shape[-1])
    pairs = [
        n[..., :, None] * m[..., None, :],
        n[..., :, None] * (n[..., None, :] - own),
        m[..., :, None] * (m[..., None, :] - own),
    ]
    counts = np.stack(pairs, axis=-3)
    estimable = (n.sum(axis=-1) >= 2) & (m.sum(axis=-1) >= 2)
    weight = np.where(estimable, table.weight, 0.0)
    weight = weight / np.maximum(weight.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    totals = np.maximum(counts.sum(axis=(-2, -1), keepdims=True), 1.0)
    shares = weight[..., None, None, None] * counts / totals
    return shares, np.where(counts > 0, table.sums / np.maximum(counts, 1.0), 0.0)


def _scale(cells: tuple[Cell, Cell], rows: Rows, firms: Ints) -> tuple[Floats, Bools]:
    """(firms,) √((n − 1)/n) of the firm's smallest city and period, and whether its first row is in the city."""
    smallest = np.full(len(firms), np.inf)
    side = np.zeros(len(firms), dtype=bool)
    for cell in reversed(cells):
        for at_home, size in zip((True, False), cell.used(), strict=True):
            for block in cell.blocks:
                place = np.searchsorted(firms, rows.firm[block.rows[block.home == at_home]])
                smallest[place] = np.minimum(smallest[place], size)
                side[place] = at_home
    return np.sqrt((smallest - 1) / smallest), side
