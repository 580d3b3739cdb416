"""Who moved: each city's way along the line from the home city to the reference, no firm measured by itself."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.cells import stratum_sizes, stratum_weights
from chainbert.convergence.gap import Floats, Ints
from chainbert.convergence.jackknife import Interval, interval
from chainbert.convergence.rows import Rows
from chainbert.convergence.trend import LEVEL, line_weights

# A group's mean product without a firm needs two others.
SMALLEST_GROUP = 3


@dataclass(frozen=True, slots=True)
class Direction:
    """How far each city went over the window, as a share of the first period's gap."""

    mover: str
    """home moved | reference moved | both | neither shown; with ``away`` where they moved apart."""
    home: Interval
    """> 0: the home city went towards where the reference was."""
    reference: Interval
    """> 0: the reference went towards where the home city was."""
    closing: Interval
    """Both together: what of the first gap they closed. A movement that all cities make is not in it."""


@dataclass(frozen=True, slots=True)
class _Groups:
    """Rows by city, period and stratum, and each group's place in the axis and in the two movements."""

    members: tuple[Ints, ...]
    time: Ints
    """(G,) index of the group's period among those used."""
    share: Floats
    """(G,) weight of the group in its period's spread; sums to 1 in each period."""
    axis: Floats
    """(G,) the line between the cities, over all periods."""
    first: Floats
    """(G,) the same in the first period alone: what the movements are shares of."""
    home: Floats
    reference: Floats


def direction(rows: Rows, city: int, periods: list[int]) -> Direction | None:
    """Movement of a city and of the reference along the axis between their centroids.

    periods: the estimable ones, ascending, at least two. Movement is the fitted line over all periods, from the first
    to the last, within strata. The axis is that of all periods together: a city that goes half the way stays on its
    line, and one period's firms are often too few to draw it. Products of a firm with itself are left out, so the axis
    is never learnt on the firm it is applied to: every firm is its own fold, and no split has to be drawn. Rows are
    divided by their period's spread, which undoes the shrinking that wording adopted by all cities causes.
    None where no stratum has three firms of both cities in the first and last period, or where the first has no gap.
    """
    groups = _groups(rows, city, periods)
    if groups is None:
        return None
    chosen = np.concatenate(groups.members)
    firm = np.unique(rows.firm[chosen], return_inverse=True)[1]
    whole, without = _products(rows.vectors, groups, firm)
    moved, first_gap = _moves(whole, groups)
    if not first_gap > 0:
        return None
    left, _ = _moves(without, groups)
    freedom = min(len(np.unique(rows.firm[chosen][rows.city[chosen] == one])) for one in (city, rows.reference)) - 1
    pairs = _pair_errors(rows.vectors, groups, firm, _scales(whole, groups))
    parts = []
    for value, deletions, second in zip(moved, left, pairs, strict=True):
        first = float((_deviations(deletions, groups, firm) ** 2).sum())
        error = float(np.sqrt(max(first - second, second)))
        parts.append(interval(float(value / first_gap), error / float(first_gap), freedom))
    return Direction(_mover(*parts), *parts)


def _mover(home: Interval, reference: Interval, closing: Interval) -> str:
    """Name a mover only where the two came nearer or went apart: wording that all take up may push both one way."""
    sign = np.sign(closing.value)
    if not closing.p < LEVEL:
        return "neither shown"
    parts = (("home moved", home), ("reference moved", reference))
    moved = [name for name, one in parts if one.p < LEVEL and np.sign(one.value) == sign]
    if not moved:
        return "neither shown"
    return ("both" if len(moved) == 2 else moved[0]) + ("" if sign > 0 else " away")


def _groups(rows: Rows, city: int, periods: list[int]) -> _Groups | None:
    sizes = [stratum_sizes(rows, one)[periods] for one in (city, rows.reference)]
    filled = np.minimum(*sizes) >= SMALLEST_GROUP
    strata = np.flatnonzero(filled[0] & filled[-1])
    if not len(strata):
        return None
    weights = stratum_weights(rows, city)[strata]
    weights = weights / weights.sum()
    times = rows.midpoints[periods]
    members, time, share, axis, first, moves = [], [], [], [], [], []
    for stratum, weight in zip(strata, weights, strict=True):
        used = np.flatnonzero(filled[:, stratum])
        harmonic = sizes[0][used, stratum] * sizes[1][used, stratum] / (sizes[0] + sizes[1])[used, stratum]
        line = line_weights(times[used], harmonic) * (times[-1] - times[0])
        for place, step, among in zip(used, line, harmonic / harmonic.sum(), strict=True):
            for sign, one in ((-1, city), (1, rows.reference)):
                here = (rows.city == one) & (rows.period == periods[place]) & (rows.stratum == stratum)
                members.append(np.flatnonzero(here).astype(np.int64))
                time.append(place)
                share.append(weight)
                axis.append(sign * weight * among)
                first.append(sign * weight if place == 0 else 0.0)
                # The reference moves towards the home city against the axis.
                moves.append((weight * step, 0.0) if sign < 0 else (0.0, -weight * step))
    shares, places = np.array(share), np.array(time)
    totals = np.bincount(places, weights=shares, minlength=len(periods))
    home, reference = np.array(moves).T
    spread = shares / totals[places]
    return _Groups(tuple(members), places, spread, np.array(axis), np.array(first), home, reference)


def _products(vectors: Floats, groups: _Groups, firm: Ints) -> tuple[Floats, Floats]:
    """Mean products between groups over pairs of different firms: (G, G), and without each firm (F, G, G)."""
    count, firms = len(groups.members), int(firm.max()) + 1
    totals = np.array([vectors[rows].sum(axis=0) for rows in groups.members])
    codes = np.split(firm, np.cumsum([len(rows) for rows in groups.members])[:-1])
    to_total, own, present = np.zeros((firms, count, count)), np.zeros((firms, count, count)), np.zeros((firms, count))
    for group, rows in enumerate(groups.members):
        to_total[codes[group], group] = vectors[rows] @ totals.T
        present[codes[group], group] = 1
        for other in range(group, count):
            _, here, there = np.intersect1d(codes[group], codes[other], assume_unique=True, return_indices=True)
            same = np.einsum("ij,ij->i", vectors[rows[here]], vectors[groups.members[other][there]])
            own[codes[group][here], group, other] = own[codes[group][here], other, group] = same
    sizes = present.sum(axis=0)
    both = present[:, :, None] * present[:, None, :]
    above = totals @ totals.T - own.sum(axis=0)
    below = np.outer(sizes, sizes) - both.sum(axis=0)
    # A firm's product with itself was never in the sum, so what goes with the firm is its products with all others.
    gone = to_total + to_total.transpose(0, 2, 1) - 2 * own
    counted = present[:, :, None] * sizes[None, None, :] + present[:, None, :] * sizes[None, :, None] - 2 * both
    return above / below, (above - gone) / (below - counted)


def _scales(products: Floats, groups: _Groups) -> Floats:
    """(…, G) spread of each group's period: root of the mean of 1 − cosine within the cities."""
    within = 1 - np.diagonal(products, axis1=-2, axis2=-1)
    by_time = np.zeros((*within.shape[:-1], int(groups.time.max()) + 1))
    for group, time in enumerate(groups.time):
        by_time[..., time] += groups.share[group] * within[..., group]
    return np.asarray(np.sqrt(np.maximum(by_time, 1e-12))[..., groups.time])


def _moves(products: Floats, groups: _Groups) -> tuple[tuple[Floats, Floats, Floats], Floats]:
    """Movements of home, of the reference and of both towards each other, and the first period's gap on the axis."""
    scale = _scales(products, groups)
    along = np.einsum("g,...gh->...h", groups.axis, products / (scale[..., :, None] * scale[..., None, :]))
    home, reference = along @ groups.home, along @ groups.reference
    return (home, reference, home + reference), along @ groups.first


def _deviations(without: Floats, groups: _Groups, firm: Ints) -> Floats:
    """(F,) deviations of the deletions, scaled as in a sample of the size of the firm's smallest group."""
    sizes = np.concatenate([np.full(len(rows), len(rows)) for rows in groups.members])
    smallest = np.full(len(without), np.iinfo(np.int64).max)
    np.minimum.at(smallest, firm, sizes)
    return np.asarray(np.sqrt((smallest - 1) / smallest) * (without - without.mean()))


def _pair_errors(vectors: Floats, groups: _Groups, firm: Ints, scale: Floats) -> list[float]:
    """The part of each movement's jackknife variance that pairs of firms make (see Covariance.error)."""
    firms, width = int(firm.max()) + 1, vectors.shape[1]
    sides = np.zeros((4, firms, width))
    start = 0
    weights = np.array([groups.axis, groups.home, groups.reference, groups.home + groups.reference])
    for group, rows in enumerate(groups.members):
        size = len(rows)
        rest = (vectors[rows] - vectors[rows].mean(axis=0)) / (scale[group] * np.sqrt(size * (size - 1)))
        # A firm is once in a group, so plain adding by index is safe.
        sides[:, firm[start : start + size]] += weights[:, group, None, None] * rest
        start += size
    return [_squared_pairs(sides[0], side) for side in sides[1:]]


def _squared_pairs(axis: Floats, side: Floats) -> float:
    """Sum over unordered pairs of firms of (P + Pᵀ)² with P = axis · sideᵀ, from (d, d) matrices alone."""
    own = np.einsum("ij,ij->i", axis, side)
    squares = float(((axis.T @ axis) * (side.T @ side)).sum())
    mixed = side.T @ axis
    return squares + float((mixed * mixed.T).sum()) - 2 * float((own**2).sum())
