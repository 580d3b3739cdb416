"""Is the gap of a very large cell more than chance: the permutation distribution's own shape instead of its draws."""

from __future__ import annotations

import numpy as np
from scipy import stats

from chainbert.convergence.gap import mean_distances
from chainbert.convergence.large import Moments
from chainbert.convergence.permutation import Permuted
from chainbert.convergence.summed import SummedBlock, own_error, summed_gap, summed_sums
from chainbert.convergence.tiles import PairSums, square_rest


def null_shape(blocks: tuple[SummedBlock, ...], moments: list[tuple[Moments, Moments]]) -> Permuted:
    """What permutation.permutation_test gives for one cell, p > 0, without drawing a permutation.

    moments are those of the home city and the reference in each stratum. The gap's permutation distribution has mean
    0, a variance that follows from the pairs' part of all distances, and a skewness that follows nearly from the
    eigenvalues of the rows' covariance; a Pearson type III curve has these three (Mielke & Berry 2007). The
    estimate's own error widens it. Meant for cells too large to permute; NaN where no distances differ.
    """
    sums = summed_sums(blocks)
    means = mean_distances(sums)
    below = float((means.weight * (means.home + means.reference) / 2).sum())
    variance, third = 0.0, 0.0
    for block, pair, weight, n, m in zip(blocks, moments, means.weight, sums.n, sums.m, strict=True):
        rest = square_rest(PairSums(*(block.to_home + block.to_reference,) * 2, float(block.squares @ (1, 1, 2))))
        one = (weight / below) ** 2 * rest * (4 / (n * m) + 2 / (n * (n - 1)) + 2 / (m * (m - 1)))
        variance += one
        third += _skewness(*pair) * one**1.5
    value, total = summed_gap(blocks), variance + own_error(blocks) ** 2
    if not total > 0:
        return Permuted(float("nan"), float("nan"), float("nan"))
    shape = stats.pearson3(third / total**1.5, scale=np.sqrt(total))
    p = max(float(shape.sf(value)), np.finfo(float).tiny)
    return Permuted(p, value - float(shape.ppf(0.975)), value - float(shape.ppf(0.025)))


def _skewness(home: Moments, reference: Moments) -> float:
    """Skewness of Σ λ·(Z² − 1) with the eigenvalues λ of both cities' pooled covariance."""
    share = home.count / (home.count + reference.count)
    mean = share * home.mean + (1 - share) * reference.mean
    covariance = share * home.outer + (1 - share) * reference.outer - np.outer(mean, mean)
    squared = covariance @ covariance
    return float(np.sqrt(8) * (squared * covariance).sum() / max(np.trace(squared), np.finfo(float).tiny) ** 1.5)
