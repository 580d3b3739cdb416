"""Where the cities stand: products of mean positions over pairs of different firms, and the error of sums of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Floats, Ints

# Pairs of firms are counted up to here (rows² numbers in memory). Beyond it their part of the error is small unless the
# cities coincide, and not taking it off once only makes the error larger.
MOST_ROWS = 3_000


@dataclass(frozen=True, slots=True)
class Positions:
    """Rows in G groups (a city in a period and a stratum) and the products of the groups' means."""

    group: Ints
    """(R,) from 0, sorted by firm; a firm is at most once in a group."""
    firm: Ints
    """(R,) codes from 0."""
    sizes: Floats
    """(G,)."""
    to_group: Floats
    """(R, G) mean product of each row with the rows of other firms in a group; NaN where there are none."""
    products: Floats
    """(G, G) mean product over pairs of different firms: for the mean positions μ of the groups, unbiased for μ·μ'."""
    centred: Floats
    """(R, R) products of the rows less their group's mean, 0 on average for different firms; (0, 0) where R is too
    large for it."""


def positions(values: Floats, group: Ints, firm: Ints, groups: int) -> Positions:
    """Products between groups of rows. values (R, d), group and firm (R,); groups: how many there are.

    No firm is multiplied by itself, in one period or in two: the square of a noisy mean is too large by its variance,
    so that plug-in dispersion falls as firms grow, and a noisy first position comes out as movement back to the mean
    later (Friedman 1992, Quah 1993).
    """
    # Rows of a firm stand together, so that sums by firm are sums of neighbours.
    order = np.argsort(firm, kind="stable")
    values, group, firm = values[order], group[order], firm[order]
    totals = np.zeros((groups, values.shape[1]))
    np.add.at(totals, group, values)
    sizes = np.bincount(group, minlength=groups).astype(np.float64)
    first, second = _same_firm(firm)
    own, present = np.zeros((len(group), groups)), np.zeros((len(group), groups))
    own[first, group[second]] = np.einsum("ij,ij->i", values[first], values[second])
    present[first, group[second]] = 1.0
    above, below = values @ totals.T - own, sizes[None, :] - present
    table, pairs = np.zeros((groups, groups)), np.zeros((groups, groups))
    np.add.at(table, group, above)
    np.add.at(pairs, group, below)
    rest = values - (totals / np.maximum(sizes, 1)[:, None])[group]
    if len(values) > MOST_ROWS:
        return Positions(group, firm, sizes, _ratio(above, below), _ratio(table, pairs), np.empty((0, 0)))
    same = np.zeros((groups, groups))
    np.add.at(same, (group[first], group[second]), np.einsum("ij,ij->i", rest[first], rest[second]))
    # Centred rows of a block sum to 0, so what firms make with themselves is missing from the pairs of different firms.
    centred = rest @ rest.T + (same / np.maximum(pairs, 1))[np.ix_(group, group)]
    return Positions(group, firm, sizes, _ratio(above, below), _ratio(table, pairs), centred)


def variance(where: Positions, first: Floats, second: Floats | None = None) -> float:
    """Firm-clustered variance of Σ first·products (or its covariance with Σ second·products).

    first, second (G, G) symmetric. What single firms do is the spread of each row's mean product with the other
    firms of its groups; that spread also holds what pairs of firms do, twice over (Efron & Stein 1981), so the pairs'
    part is taken off once; what remains is never less than that part.
    """
    if second is not None:
        return (variance(where, first + second) - variance(where, first - second)) / 4
    firms = int(where.firm.max()) + 1
    # 0 · NaN: groups that no weight names may be empty.
    alone = np.where(first[where.group] != 0, first[where.group] * where.to_group, 0.0).sum(axis=1) * 2
    counts = np.maximum(where.sizes, 2)
    mean = np.bincount(where.group, weights=alone, minlength=len(counts)) / np.maximum(where.sizes, 1)
    scale = np.sqrt(counts * (counts - 1))[where.group]
    single = float((np.bincount(where.firm, weights=(alone - mean[where.group]) / scale, minlength=firms) ** 2).sum())
    pairs = _pairs(where, first)
    return max(single - pairs, pairs)


def _pairs(where: Positions, weights: Floats) -> float:
    """What pairs of different firms add to the variance of Σ weights·products."""
    used = np.flatnonzero((weights[where.group] != 0).any(axis=1))
    if not len(used) or not where.centred.size:
        return 0.0
    # (n − 1)/n of the spread is left in centred rows of n.
    root = np.sqrt(np.maximum(where.sizes, 2) * (np.maximum(where.sizes, 2) - 1))
    block = np.ix_(where.group[used], where.group[used])
    parts = where.centred[np.ix_(used, used)] * (weights / np.outer(root, root))[block]
    starts = np.flatnonzero(np.diff(where.firm[used], prepend=-1))
    if len(starts) < len(used):
        parts = np.add.reduceat(np.add.reduceat(parts, starts, axis=0), starts, axis=1)
    np.fill_diagonal(parts, 0.0)
    # Ordered pairs hold both (g, h) and (h, g): an unordered pair's part is twice its entry.
    return float(2 * (parts**2).sum())


def _same_firm(firm: Ints) -> tuple[Ints, Ints]:
    """Row numbers of all ordered pairs of rows of one firm, each row with itself too."""
    order = np.argsort(firm, kind="stable")
    counts = np.bincount(firm)
    counts = counts[counts > 0]
    starts = np.cumsum(counts) - counts
    first = np.repeat(order, np.repeat(counts, counts))
    within = np.arange(len(first)) - np.repeat(np.cumsum(counts**2) - counts**2, counts**2)
    place = within % np.repeat(counts, counts**2)
    second = order[np.repeat(starts, counts**2) + place]
    return first.astype(np.int64), second.astype(np.int64)


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), np.nan)
