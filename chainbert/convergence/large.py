"""Gaps of very many firms in linear time: what all pairs share is summed from moments, the small rest in blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Floats, Ints
from chainbert.convergence.jackknife import Covariance, deviations
from chainbert.convergence.summed import large_influence, own_error, pair_variance, summed_block, summed_gap
from chainbert.convergence.tiles import (
    Curve,
    PairSums,
    Reals,
    between_sums,
    rectangle_rest,
    square_rest,
    squared_tile,
    within_sums,
)
from chainbert.errors import ConfigError, DataError
from chainbert.files import content_hash

EXACT_UP_TO = 20_000
"""Firms in one cell of which all pairs are measured (or as many pairs spread over more cells)."""
BLOCK = 500
SMALLEST_BLOCK = 100
SAMPLE = 200  # firms a side: what the curve is fitted on
CHUNK = 4_096

Take = Callable[[Ints], Reals]
"""Unit rows by their places in the whole set, (k,) → (k, d)."""


@dataclass(frozen=True, slots=True)
class Moments:
    """Mean and mean outer product of a city's rows."""

    count: int
    mean: Floats
    """(d,)"""
    outer: Floats
    """(d, d)"""


@dataclass(frozen=True, slots=True)
class LargeGap:
    """A gap of very many firms."""

    value: float
    error: float
    """Standard error: how far the gap of other firms like these would be."""
    own_error: float
    """Standard error of the estimate: how far the gap from all pairs of these firms would be; 0 if all were taken."""
    estimated: bool


def large_gap(
    home: Reals,
    reference: Reals,
    *,
    rng: np.random.Generator,
    block: int = BLOCK,
    exact_up_to: int = EXACT_UP_TO,
) -> LargeGap:
    """The gap of gap.gap with its firm jackknife error, in memory and time linear in the number of firms.

    home (n, d), reference (m, d) unit rows, float32 or float64, n and m ≥ 2. Every firm is used. Up to exact_up_to
    firms in all, every pair is measured. Above it, the distance d is written as a parabola in d², fitted on some
    pairs, plus a rest: the parabola's mean over all pairs follows exactly from means and second moments (n·d² steps),
    and the rest, with less than a hundredth of the pairs' variance (.006 in 4 dimensions, .00001 in 384), is averaged
    over the pairs within random disjoint blocks of ``block`` firms a city (an incomplete U-statistic, Blom 1976, with a
    control variate). Unbiased for the gap of all
    pairs, but for the ratio's own bias of second order. The same rows in any order give the same numbers.
    Raises DataError for fewer than two rows in either set and where no two rows of a set differ, ConfigError for
    a block below 100.
    """
    check_block(block)
    if min(len(home), len(reference)) < 2:
        raise DataError(f"a gap needs two rows in each set, found {len(home)} and {len(reference)}")
    exact = len(home) + len(reference) <= exact_up_to
    takes = taker(home, exact, _content_order(home)), taker(reference, exact, _content_order(reference))
    places = np.arange(len(home)), np.arange(len(reference))
    if exact:
        left, right = takes[0](places[0]), takes[1](places[1])
        inside, beside, across = within_sums(left), within_sums(right), between_sums(left, right)
    else:
        moments = moments_of(takes[0], places[0]), moments_of(takes[1], places[1])
        inside = within(takes[0], places[0], moments[0], block, rng)
        beside = within(takes[1], places[1], moments[1], block, rng)
        across = between(takes, places, moments, block, rng)
    blocks = (summed_block(inside, beside, across, np.arange(len(home) + len(reference)), 1.0),)
    value = summed_gap(blocks)
    if np.isnan(value):
        raise DataError("all rows of both sets are equal; a gap needs some distance within the sets")
    influence = large_influence(blocks)
    jackknife = np.array([[float((deviations(influence) ** 2).sum())]])
    error = Covariance(jackknife, np.array([[pair_variance(blocks)]])).error(np.ones(1))
    return LargeGap(value, error, own_error(blocks), not exact)


def check_block(block: int) -> None:
    """Raise ConfigError for blocks too small to measure their own error."""
    if block < SMALLEST_BLOCK:
        raise ConfigError(f"block is {block} firms a city; at least {SMALLEST_BLOCK} were expected")


def moments_of(take: Take, places: Ints) -> Moments:
    """Moments of the rows at places (k,), chunk by chunk."""
    width = take(places[:1]).shape[1]
    total, outer = np.zeros(width), np.zeros((width, width))
    for start in range(0, len(places), CHUNK):
        rows = take(places[start : start + CHUNK])
        total += rows.sum(axis=0, dtype=np.float64)
        outer += rows.T @ rows
    return Moments(len(places), total / len(places), outer / len(places))


def within(
    take: Take, places: Ints, moments: Moments, block: int, rng: np.random.Generator, *, by_firm: bool = True
) -> PairSums:
    """Estimated sums of the distances within one city, places (k,), each firm with all others.

    Not by_firm: only their total counts, which takes a third less time.
    """
    k = len(places)
    sample = take(places[rng.permutation(k)[:SAMPLE]])
    curve = _fitted(squared_tile(sample, sample)[np.triu_indices(len(sample), 1)])
    order = rng.permutation(k)
    sums, rest, freedom, used = np.empty(k), 0.0, 0.0, 0.0
    for part in np.array_split(order, -(-k // block)):
        rows, size = take(places[part]), len(part)
        found = within_sums(rows, curve)
        # The curve's sum over all firms has the firm itself at distance 0 in it.
        about = _curve_means(rows, moments, curve) if by_firm else _curve_mean(moments, moments, curve)
        sums[part] = k * about - curve.constant + found.left * (k - 1) / (size - 1)
        rest += square_rest(found) * size * (size - 3)
        freedom += size * (size - 3)
        used += size * (size - 1)
    variance = 2 * rest / max(freedom, 1.0) / used * (1 - used / (k * (k - 1)))
    return PairSums(sums, sums, 2 * k**2 * (1 - float(moments.mean @ moments.mean)), variance)


def between(
    takes: tuple[Take, Take],
    places: tuple[Ints, Ints],
    moments: tuple[Moments, Moments],
    block: int,
    rng: np.random.Generator,
    *,
    by_firm: bool = True,
) -> PairSums:
    """Estimated sums of the distances between two cities; every block of the smaller meets as many of the larger."""
    if len(places[0]) > len(places[1]):
        turned = between(
            (takes[1], takes[0]), (places[1], places[0]), (moments[1], moments[0]), block, rng, by_firm=by_firm
        )
        return PairSums(turned.right, turned.left, turned.squares, turned.variance)
    k, j = len(places[0]), len(places[1])
    samples = [take(one[rng.permutation(len(one))[:SAMPLE]]) for take, one in zip(takes, places, strict=True)]
    curve = _fitted(squared_tile(*samples).ravel())
    left, right = np.zeros(k), np.zeros(j)
    outer = np.array_split(rng.permutation(k), -(-k // block))
    each = -(-j // (block * len(outer)))
    inner = np.array_split(rng.permutation(j), each * len(outer))
    about = _curve_mean(*moments, curve)
    rest, freedom, used = 0.0, 0.0, 0
    for place, part in enumerate(outer):
        rows = takes[0](places[0][part])
        met = 0
        for other in inner[place * each : (place + 1) * each]:
            others = takes[1](places[1][other])
            found = between_sums(rows, others, curve)
            left[part] += found.left
            means = _curve_means(others, moments[0], curve) if by_firm else about
            right[other] = k * (means + found.right / len(part))
            rest += rectangle_rest(found) * (len(part) - 1) * (len(other) - 1)
            freedom += (len(part) - 1) * (len(other) - 1)
            met += len(other)
        left[part] = j * ((_curve_means(rows, moments[1], curve) if by_firm else about) + left[part] / met)
        used += met * len(part)
    variance = rest / freedom / used * (1 - used / (k * j))
    return PairSums(left, right, 2 * k * j * (1 - float(moments[0].mean @ moments[1].mean)), variance)


def _curve_means(rows: Reals, moments: Moments, curve: Curve) -> Floats:
    """(k,) mean of the curve between each row and all rows that the moments are of: d² = 2 − 2·x·y."""
    along = (rows @ moments.mean.astype(rows.dtype)).astype(np.float64)
    outer = np.einsum("ij,ij->i", rows @ moments.outer.astype(rows.dtype), rows).astype(np.float64)
    means: Floats = curve.constant + 2 * curve.slope * (1 - along) + 4 * curve.bend * (1 - 2 * along + outer)
    return means


def _curve_mean(left: Moments, right: Moments, curve: Curve) -> float:
    """The same between all rows of both."""
    along, outer = float(left.mean @ right.mean), float((left.outer * right.outer).sum())
    return curve.constant + 2 * curve.slope * (1 - along) + 4 * curve.bend * (1 - 2 * along + outer)


def _fitted(squared: Reals) -> Curve:
    """Least squares of the distance on its square and fourth power over some pairs (p,)."""
    values = squared.astype(np.float64)
    design = np.stack([np.ones_like(values), values, values**2], axis=1)
    # Numbers that float32 can hold: a tile in float32 must take off the same curve as the moments give back.
    fit = np.linalg.lstsq(design, np.sqrt(values), rcond=None)[0].astype(np.float32)
    return Curve(*map(float, fit))


def _content_order(rows: Reals) -> Ints:
    keys = np.array([int(content_hash(row.tobytes())[:16], 16) for row in rows], dtype=np.uint64)
    return np.argsort(keys, kind="stable").astype(np.int64)


def taker(rows: Reals, double: bool, order: Ints | None = None) -> Take:
    """Rows by place, in another order where one is given, of unit length (0 stays 0).

    In float64 (double) for exact gaps. float32 does for estimates: its rounding adds about 1e-9 to a gap (the same
    20,000 firms both ways), below every error that is reported.
    """

    def take(places: Ints) -> Reals:
        chosen: Reals = np.array(rows[places if order is None else order[places]], np.float64 if double else np.float32)
        lengths = np.sqrt(np.einsum("ij,ij->i", chosen, chosen))
        chosen /= np.where(lengths > 0, lengths, lengths + 1)[:, None]
        return chosen

    return take
