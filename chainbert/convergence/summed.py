"""A cell as sums of its distances: its gap, each firm's and each pair's part in it, in memory linear in the firms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Bools, Floats, Ints, Sums, mean_distances, stratified_gap
from chainbert.convergence.jackknife import Influence, without_each
from chainbert.convergence.tiles import PairSums, rectangle_rest, square_rest


@dataclass(frozen=True, slots=True)
class SummedBlock:
    """One stratum of a cell like gap.Block, with sums of distances in place of the distances: memory linear in k."""

    home: Bools
    """(k,) True for the home city."""
    rows: Ints
    weight: float
    to_home: Floats
    """(k,) summed distances to the home city's other firms."""
    to_reference: Floats
    squares: Floats
    """(3,) sums of squared distances: inside home and inside the reference (pairs twice), between (pairs once)."""
    variances: Floats
    """(3,) of the three mean distances as estimates, in the same order."""


def summed_block(home: PairSums, reference: PairSums, between: PairSums, rows: Ints, weight: float) -> SummedBlock:
    """Put the three sums of one stratum together; rows are home's and then the reference's."""
    n, m = len(home.left), len(reference.left)
    return SummedBlock(
        home=np.arange(n + m) < n,
        rows=rows,
        weight=weight,
        to_home=np.concatenate([home.left, between.right]),
        to_reference=np.concatenate([between.left, reference.left]),
        squares=np.array([home.squares, reference.squares, between.squares]),
        variances=np.array([home.variance, reference.variance, between.variance]),
    )


def summed_sums(blocks: tuple[SummedBlock, ...]) -> Sums:
    """Sums of a cell's strata, each (strata,), as gap.block_sums."""
    parts = [
        (
            one.home.sum(),
            (~one.home).sum(),
            one.to_reference[one.home].sum(),
            one.to_home[one.home].sum(),
            one.to_reference[~one.home].sum(),
        )
        for one in blocks
    ]
    n, m, cross, home, reference = np.array(parts, dtype=np.float64).T
    return Sums(n, m, cross, home, reference, np.array([one.weight for one in blocks]))


def summed_gap(blocks: tuple[SummedBlock, ...]) -> float:
    """The stratified gap of a cell."""
    return float(stratified_gap(summed_sums(blocks)))


def summed_deletions(blocks: tuple[SummedBlock, ...]) -> Floats:
    """(k,) gap without each firm, strata one after the other."""
    whole = summed_sums(blocks)
    return np.concatenate(
        [without_each(one.home, one.to_home, one.to_reference, whole, index) for index, one in enumerate(blocks)]
    )


def block_parts(block: SummedBlock) -> tuple[PairSums, PairSums, PairSums]:
    """Inside home, inside the reference, between."""
    home = block.home
    sides = [(block.to_home[home],) * 2, (block.to_reference[~home],) * 2]
    sides.append((block.to_reference[home], block.to_home[~home]))
    inside, beside, between = (
        PairSums(left, right, float(squares), float(variance))
        for (left, right), squares, variance in zip(sides, block.squares, block.variances, strict=True)
    )
    return inside, beside, between


def large_influence(blocks: tuple[SummedBlock, ...]) -> Influence:
    """The gap without each firm; the pairs' part is left to pair_variance."""
    return Influence(
        firms=np.concatenate([one.rows for one in blocks]),
        home=np.concatenate([one.home for one in blocks]),
        without=summed_deletions(blocks),
        pairs=(),
    )


def pair_scales(blocks: tuple[SummedBlock, ...]) -> list[Floats]:
    """By stratum (3,): how much of the gap one pair's distance is, inside home, inside the reference and between."""
    whole = summed_sums(blocks)
    means = mean_distances(whole)
    below = float((means.weight * (means.home + means.reference) / 2).sum())
    bent = 1 + float(stratified_gap(whole)) / 2
    return [
        2 * weight / below * np.array([-bent / (n * (n - 1)), -bent / (m * (m - 1)), 1 / (n * m)])
        for weight, n, m in zip(means.weight, whole.n, whole.m, strict=True)
    ]


def pair_variance(blocks: tuple[SummedBlock, ...]) -> float:
    """The part of the gap's variance that pairs of firms make, as jackknife.Covariance.pairs."""
    total = 0.0
    for block, scale in zip(blocks, pair_scales(blocks), strict=True):
        n, m = int(block.home.sum()), int((~block.home).sum())
        inside, beside, across = block_parts(block)
        rests = np.array([square_rest(inside), square_rest(beside), rectangle_rest(across)])
        total += float((scale**2 * rests * np.array([n * (n - 1) / 2, m * (m - 1) / 2, n * m])).sum())
    return total


def own_error(blocks: tuple[SummedBlock, ...]) -> float:
    """Standard error of the gap as an estimate of that of all pairs."""
    total = 0.0
    for block, scale in zip(blocks, pair_scales(blocks), strict=True):
        n, m = int(block.home.sum()), int((~block.home).sum())
        pairs = np.array([n * (n - 1) / 2, m * (m - 1) / 2, n * m])
        total += float(((scale * pairs) ** 2 * block.variances).sum())
    return float(np.sqrt(total))
