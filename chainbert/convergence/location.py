"""Is a city elsewhere, or only more spread out? A test of location that spread cannot trip, and one of spread.

On the unit sphere a city that is more dispersed has a shorter mean vector. Its direction is the city's location; its
length belongs to the dispersion. Both tests exchange city labels within strata and studentise, so that they hold
their level where the cities differ in what is not tested (Chung & Romano 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import NO_SPREAD, Block, Bools, Floats

TIE = 1e-12
# Below so many standard errors a mean has no direction worth speaking of, and its length is not used.
SURE_LENGTH = 4.0
# An unbiased estimate of tr Σ² takes four firms.
FEW = 4


@dataclass(frozen=True, slots=True)
class GroupTest:
    """A difference between the city and the reference, with its permutation p-value."""

    value: float
    p: float


@dataclass(frozen=True, slots=True)
class Products:
    """Mean products of different firms and the variances of their noise; each (draws,), strata already weighed in."""

    home: Floats
    """Squared length of the city's mean."""
    reference: Floats
    between: Floats
    home_noise: Floats
    """Variance of ``home`` where the city's mean is 0; the others in the same way."""
    reference_noise: Floats
    between_noise: Floats


def permuted_labels(blocks: tuple[Block, ...], draws: int, rng: np.random.Generator) -> list[Floats]:
    """By stratum (1 + draws, k) labels, 1.0 for the city: those of the data first, then exchanged at random."""
    drawn = []
    for block in blocks:
        labels = np.tile(block.home.astype(np.float64), (1 + draws, 1))
        labels[1:] = rng.permuted(labels[1:], axis=1)
        drawn.append(labels)
    return drawn


def tail_p(statistic: Floats) -> float:
    """Share of values at least as large as the first, which is the observed one: (1 + #) / (1 + draws)."""
    return float((statistic >= statistic[0] - TIE).mean())


def location_test(blocks: tuple[Block, ...], vectors: Floats, labels: list[Floats]) -> GroupTest:
    """Do the two cities' mean vectors point the same way? vectors (n, d) are those of the whole set.

    H0: within each stratum the means are parallel; spread and its shape may differ. The statistic is the squared
    distance between the means with the products of a firm with itself left out, so it is 0 in expectation for any
    sizes (Chen & Qin 2010), after both means are brought to one length; over its standard error. ``value`` is that
    distance over the mean squared distance of a firm to its own city's centre. NaN where no row of a city differs.
    """
    weights = [block.weight / sum(one.weight for one in blocks) for block in blocks]
    powers = np.array([1, 1, 1, 2, 2, 2])[:, None]
    parts = np.zeros((6, len(labels[0])))
    for weight, block, drawn in zip(weights, blocks, labels, strict=True):
        parts += weight**powers * _products(vectors[block.rows], drawn, block.home)
    found = Products(parts[0], parts[1], parts[2], parts[3], parts[4], parts[5])
    distance, error = _scaled_distance(found)
    spread = sum(
        weight * _mean_square(vectors[block.rows], block.home) for weight, block in zip(weights, blocks, strict=True)
    )
    if spread <= NO_SPREAD**2 or error[0] <= NO_SPREAD**2:
        return GroupTest(float("nan"), float("nan"))
    studentised = distance / np.maximum(error, np.finfo(float).tiny)
    return GroupTest(float(distance[0]) / float(spread), tail_p(studentised))


def _scaled_distance(found: Products) -> tuple[Floats, Floats]:
    """Squared distance of the means when both have the same length, and its standard error; each (draws,)."""
    floor = SURE_LENGTH * np.sqrt(np.maximum(found.home_noise, found.reference_noise)) + np.finfo(float).tiny
    ratio = np.sqrt(np.maximum(found.reference, floor) / np.maximum(found.home, floor))
    distance = ratio * found.home + found.reference / ratio - 2 * found.between
    variance = ratio**2 * found.home_noise + found.reference_noise / ratio**2 + 4 * found.between_noise
    return distance, np.sqrt(np.maximum(variance, 0.0))


def _products(rows: Floats, labels: Floats, home: Bools) -> Floats:
    """(6, draws) the fields of Products in one stratum, from products of the labels with two (k, k) matrices."""
    centre = rows.mean(axis=0)
    centred = rows - centre
    # Variances do not change with the origin; the stratum's centre is the one that rounding likes best.
    gram = centred @ centred.T
    np.fill_diagonal(gram, 0.0)
    n, m = float(home.sum()), float((~home).sum())
    other = 1 - labels
    sums, squares = labels @ gram, labels @ gram**2
    rest, rest_squares = gram.sum(axis=0) - sums, (gram**2).sum(axis=0) - squares
    inside = (sums * labels).sum(axis=1), (rest * other).sum(axis=1)
    cross = (rest * labels).sum(axis=1)
    lengths, constant = rows @ centre, float(centre @ centre)
    home_length, other_length = labels @ lengths / n, other @ lengths / m
    noise = (
        _trace_square((squares * labels).sum(axis=1), ((sums * labels) ** 2).sum(axis=1), inside[0], n),
        _trace_square((rest_squares * other).sum(axis=1), ((rest * other) ** 2).sum(axis=1), inside[1], m),
        _cross_square(
            (rest_squares * labels).sum(axis=1),
            ((rest * labels) ** 2).sum(axis=1),
            ((sums * other) ** 2).sum(axis=1),
            cross,
            (n, m),
        ),
    )
    return np.stack(
        [
            inside[0] / (n * (n - 1)) + 2 * home_length - constant,
            inside[1] / (m * (m - 1)) + 2 * other_length - constant,
            cross / (n * m) + home_length + other_length - constant,
            2 * noise[0] / (n * (n - 1)),
            2 * noise[1] / (m * (m - 1)),
            noise[2] / (n * m),
        ]
    )


def _trace_square(squares: Floats, row_squares: Floats, total: Floats, n: float) -> Floats:
    """Unbiased tr Σ² from products of n rows (U-centring, Székely & Rizzo 2014).

    Fewer than four rows cannot be centred by their own mean: the stratum's centre stands in, and the estimate is
    then too large rather than too small.
    """
    if n < FEW:
        return squares / (n * (n - 1))
    return np.asarray((squares - 2 * row_squares / (n - 2) + total**2 / ((n - 1) * (n - 2))) / (n * (n - 3)))


def _cross_square(
    squares: Floats, home_squares: Floats, reference_squares: Floats, total: Floats, sizes: tuple[float, float]
) -> Floats:
    """Unbiased tr Σ₁Σ₂ from the products of n rows of one city with m of the other."""
    n, m = sizes
    rest = squares - home_squares / m - reference_squares / n + total**2 / (n * m)
    return np.asarray(rest / ((n - 1) * (m - 1)))


def _mean_square(rows: Floats, home: Bools) -> float:
    """Mean squared distance to the own city's centre, both cities with the same weight."""
    squares = (_about_own_centre(rows, home) ** 2).sum(axis=1)
    return float(sum(squares[side].sum() / (side.sum() - 1) for side in (home, ~home))) / 2


def dispersion_test(blocks: tuple[Block, ...], vectors: Floats, labels: list[Floats]) -> GroupTest:
    """Are the firms of one city further from their own centre? vectors (n, d) are those of the whole set.

    H0: within each stratum the rows have one distribution about their city's centre; the centres may differ, since
    rows are centred by city before labels are exchanged (Anderson 2006). Every labelling has centres of its own:
    with the distances kept fixed the test rejected 2 % at a level of 5 % (firms of few themes). Two-sided, on the
    difference of the mean distances over its standard error (Welch). ``value`` is the city's mean distance over the
    reference's: 1 is the same spread. NaN where no row of a city differs.
    """
    means, variances = np.zeros((2, len(labels[0]))), np.zeros(len(labels[0]))
    whole = sum(block.weight for block in blocks)
    for block, drawn in zip(blocks, labels, strict=True):
        rows, weight = _about_own_centre(vectors[block.rows], block.home), block.weight / whole
        gram = rows @ rows.T
        for side, mask in enumerate((drawn, 1 - drawn)):
            mean, variance = _mean_distance(gram, mask)
            means[side] += weight * mean
            variances += weight**2 * variance
    if means[:, 0].min() <= NO_SPREAD:
        return GroupTest(float("nan"), float("nan"))
    difference = np.abs(means[0] - means[1])
    studentised = np.where(variances > NO_SPREAD**4, difference / np.sqrt(np.maximum(variances, NO_SPREAD**4)), 0.0)
    return GroupTest(float(means[0, 0] / means[1, 0]), tail_p(studentised))


def _about_own_centre(rows: Floats, home: Bools) -> Floats:
    """Rows minus their own city's centre."""
    result = np.empty_like(rows)
    for side in (home, ~home):
        result[side] = rows[side] - rows[side].mean(axis=0)
    return result


def _mean_distance(gram: Floats, mask: Floats) -> tuple[Floats, Floats]:
    """Mean distance of the masked rows to their centre, and its squared standard error; each (draws,).

    A row pulls its centre towards itself, more so in a small city; √(n/(n − 1)) takes that out of the mean square.
    """
    n = float(mask[0].sum())
    to_centre = mask @ gram / n
    length = (to_centre * mask).sum(axis=1, keepdims=True) / n
    far = np.sqrt(np.maximum(gram.diagonal() - 2 * to_centre + length, 0.0) * n / (n - 1)) * mask
    mean = far.sum(axis=1) / n
    return mean, np.maximum((far**2).sum(axis=1) / n - mean**2, 0.0) / (n - 1)
