"""How far two cities lie apart: the U-statistic energy distance within strata, over the distance within cities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from chainbert.errors import DataError

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]

# Unit vectors nearer than this are one text: products of float64 rows cannot tell them apart.
NO_SPREAD = 1e-7


@dataclass(frozen=True, slots=True)
class Block:
    """One stratum of a cell: the firms of both cities in one period and, say, one language."""

    distances: Floats
    """(k, k) Euclidean distances between the firms' unit vectors; the diagonal is 0."""
    home: Bools
    """(k,) True for the home city, False for the reference."""
    rows: Ints
    """(k,) where these firms stand in the whole set."""
    weight: float = 1.0
    """The stratum's weight in the gap, > 0; the same in every period of one city."""


@dataclass(frozen=True, slots=True)
class Sums:
    """What the gap is made of. Every array is (…, strata); leading axes are deletions or permutations."""

    n: Floats
    m: Floats
    cross: Floats
    """Sum of distances between a firm of home and one of the reference; each pair once."""
    home: Floats
    """Sum of distances inside home; each pair twice."""
    reference: Floats
    weight: Floats
    """(strata,) weight of each stratum."""


def gap(home: Floats, reference: Floats) -> float:
    """U-statistic energy distance between two sets of unit vectors, over their mean within-set distance.

    home (n, d), reference (m, d), n and m ≥ 2. Its numerator 2·E|X−Y| − E|X−X'| − E|Y−Y'| is 0 in
    expectation when both come from one distribution, whatever n and m: the plug-in form falls as n grows and so
    invents convergence (Székely & Rizzo 2013). The denominator (E|X−X'| + E|Y−Y'|)/2 takes out wording that all
    cities adopt, which shrinks every distance alike.
    Raises DataError for fewer than two rows in either set, and where no two rows of a set differ.
    """
    if min(len(home), len(reference)) < 2:
        raise DataError(f"a gap needs two rows in each set, found {len(home)} and {len(reference)}")
    rows = np.concatenate([home, reference]).astype(np.float64)
    labels = np.arange(len(rows)) < len(home)
    value = float(stratified_gap(block_sums((Block(distances(rows), labels, np.arange(len(rows))),))))
    if np.isnan(value):
        raise DataError("all rows of both sets are equal; a gap needs some distance within the sets")
    return value


def stratified_gap(sums: Sums) -> Floats:
    """Gap of each leading index: Σ w·(2·between − within − within) / Σ w·(within + within)/2 over the strata.

    Only firms of one stratum are compared, so a city with more Chinese texts is not far from one with more English
    texts for that reason. The weights w do not change over the periods: with weights that follow each period's
    language mix, a gap that differs by language seems to move when only the mix does (false trends in 32 % of 60
    simulated studies against 2 % with fixed weights; 300 and 170 firms a year). A stratum with fewer
    than two firms of either city says nothing and drops out; NaN where none is left or where nothing differs.
    """
    parts = mean_distances(sums)
    above = (parts.weight * (2 * parts.between - parts.home - parts.reference)).sum(axis=-1)
    below = (parts.weight * (parts.home + parts.reference) / 2).sum(axis=-1)
    spread = below > NO_SPREAD
    return np.where(spread, above / np.where(spread, below, 1.0), np.nan)


@dataclass(frozen=True, slots=True)
class MeanDistances:
    """Mean distances by stratum, each (…, strata), and the weights of the strata that can be used (they sum to 1)."""

    weight: Floats
    between: Floats
    home: Floats
    reference: Floats


def mean_distances(sums: Sums) -> MeanDistances:
    """Unbiased mean distance between and within the cities; a pair of a firm with itself is never counted."""
    estimable = (sums.n >= 2) & (sums.m >= 2)
    n, m = np.where(estimable, sums.n, 2.0), np.where(estimable, sums.m, 2.0)
    weight = np.where(estimable, sums.weight, 0.0)
    weight = weight / np.maximum(weight.sum(axis=-1, keepdims=True), np.finfo(float).tiny)
    return MeanDistances(weight, sums.cross / (n * m), sums.home / (n * (n - 1)), sums.reference / (m * (m - 1)))


def block_sums(blocks: tuple[Block, ...]) -> Sums:
    """Sums of a cell's strata, each (strata,)."""
    return collect(blocks, [split(block.distances, block.home.astype(np.float64)[None, :])[:, 0] for block in blocks])


def collect(blocks: tuple[Block, ...], parts: list[Floats]) -> Sums:
    """Put (5, …) arrays of each stratum side by side, as Sums with the strata on the last axis."""
    n, m, cross, home, reference = np.stack(parts, axis=-1)
    return Sums(n, m, cross, home, reference, np.array([block.weight for block in blocks]))


def split(matrix: Floats, labels: Floats) -> Floats:
    """The five sums of one stratum under given labels. labels (draws, k), 1.0 = home → (5, draws)."""
    to_home = labels @ matrix
    home = (to_home * labels).sum(axis=1)
    cross = to_home.sum(axis=1) - home
    n = labels.sum(axis=1)
    return np.stack([n, labels.shape[1] - n, cross, home, matrix.sum() - home - 2 * cross])


def distances(rows: Floats) -> Floats:
    """Euclidean distances between unit rows (k, d) → (k, k), from one matrix product; the diagonal is exactly 0.

    Rows need not be of unit length (a row that equals its year's centre is 0 after centring).
    """
    lengths = np.einsum("ij,ij->i", rows, rows)
    squared = np.maximum(lengths[:, None] + lengths[None, :] - 2 * (rows @ rows.T), 0.0)
    squared[squared < NO_SPREAD**2] = 0.0
    np.fill_diagonal(squared, 0.0)
    # A matrix product may round [i, j] and [j, i] apart; sums by row and by column must agree.
    return np.asarray(np.sqrt((squared + squared.T) / 2))


def centred(vectors: Floats, city: Ints) -> Floats:
    """Rows minus their mean with equal weight for each city, then of unit length again.

    vectors (n, d), city (n,) codes. Takes a direction shared by all cities out before distances are taken. A city
    with one row helps to place the centre only where no city has more. A row that equals the centre becomes 0.
    """
    codes, counts = np.unique(city, return_counts=True)
    chosen = codes[counts >= min(2, counts.max())]
    centre = np.mean([vectors[city == one].mean(axis=0) for one in chosen], axis=0)
    moved = vectors - centre
    length = np.linalg.norm(moved, axis=1, keepdims=True)
    return np.asarray(np.where(length > NO_SPREAD, moved / np.maximum(length, NO_SPREAD), 0.0))
