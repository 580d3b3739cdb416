"""Pairs of firms that are in two periods: what makes two of a city's gaps move together beyond single firms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Bools, Floats, Ints
from chainbert.convergence.summed import SummedBlock, pair_scales
from chainbert.convergence.tiles import TILE, Reals, squared_tile

Take = Callable[[Ints], Reals]
MOST_SHARED = 2_000
"""Firms of two cells on whose pairs a covariance is estimated; with fewer in common, all are taken."""


@dataclass(frozen=True, slots=True)
class _Side:
    """What centres a pair's distance in one block, for the firms in common (k,)."""

    rows: Ints
    home: Bools
    inside: Floats
    """Mean distance to the firm's own city, less half of the city's."""
    across: Floats
    factors: Floats
    """(3,) weight of a pair inside home, inside the reference and between."""


def pair_covariance(
    cells: list[tuple[SummedBlock, ...]],
    firm: Ints,
    take: Take,
    rng: np.random.Generator,
    most: int | None = MOST_SHARED,
) -> Floats:
    """(T, T) the pairs' part of the covariance of T periods' gaps off its diagonal, which is 0 here.

    firm (rows,) codes. Where two cells have more than ``most`` firms in common it is estimated on so many of them,
    drawn at random; None takes all.
    """
    found = np.zeros((len(cells), len(cells)))
    scales = [pair_scales(one) for one in cells]
    for first in range(len(cells)):
        for second in range(first + 1, len(cells)):
            total = 0.0
            for block, scale in zip(cells[first], scales[first], strict=True):
                for other, other_scale in zip(cells[second], scales[second], strict=True):
                    here, there, more = _common(firm[block.rows], firm[other.rows], rng, most)
                    if len(here) > 1:
                        sides = _side(block, scale, here), _side(other, other_scale, there)
                        total += more * _product(*sides, take)
            found[first, second] = found[second, first] = total
    return found


def _common(first: Ints, second: Ints, rng: np.random.Generator, most: int | None) -> tuple[Ints, Ints, float]:
    """Places of the firms in common, and how many pairs each pair stands for."""
    _, here, there = np.intersect1d(first, second, assume_unique=True, return_indices=True)
    count = len(here)
    if most is None or count <= most:
        return here, there, 1.0
    chosen = np.sort(rng.permutation(count)[:most])
    return here[chosen], there[chosen], count * (count - 1) / (most * (most - 1))


def _side(block: SummedBlock, scale: Floats, chosen: Ints) -> _Side:
    home = block.home
    n, m = int(home.sum()), int((~home).sum())
    inside, across = np.empty(len(home)), np.empty(len(home))
    for one, own, other, k, j in ((home, "to_home", "to_reference", n, m), (~home, "to_reference", "to_home", m, n)):
        sums, others = getattr(block, own)[one], getattr(block, other)[one]
        inside[one] = sums / max(k - 2, 1) - sums.sum() / (2 * (k - 1) * max(k - 2, 1))
        across[one] = others / j - others.sum() / (2 * k * j)
    # The factors that make centred distances unbiased; a city of fewer than 4 firms has no part of its own.
    unbiased = [np.sqrt((k - 1) / (k - 3)) if k > 3 else 0.0 for k in (n, m)]
    factors = scale * np.array([*unbiased, np.sqrt(n * m / ((n - 1) * (m - 1)))])
    return _Side(block.rows[chosen], home[chosen], inside[chosen], across[chosen], factors)


def _product(first: _Side, second: _Side, take: Take) -> float:
    """Sum over the pairs in common of the product of their parts in both cells."""
    total = 0.0
    for start in range(0, len(first.rows), TILE):
        for other in range(start, len(first.rows), TILE):
            places = np.arange(start, min(start + TILE, len(first.rows)))
            others = np.arange(other, min(other + TILE, len(first.rows)))
            tile = _parts(first, places, others, take) * _parts(second, places, others, take)
            if other == start:
                total += float(np.triu(tile, 1).sum())
            else:
                total += float(tile.sum())
    return total


def _parts(side: _Side, places: Ints, others: Ints, take: Take) -> Floats:
    found = np.sqrt(squared_tile(take(side.rows[places]), take(side.rows[others])))
    same = side.home[places][:, None] == side.home[others]
    factor = np.where(same, np.where(side.home[places], side.factors[0], side.factors[1])[:, None], side.factors[2])
    inside = side.inside[places][:, None] + side.inside[others]
    across = side.across[places][:, None] + side.across[others]
    return np.asarray((found - np.where(same, inside, across)) * factor)
