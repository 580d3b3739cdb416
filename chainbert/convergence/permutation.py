"""Is the gap of one cell more than chance: city labels permuted within strata."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainbert.convergence.gap import Block, Floats, block_sums, collect, split, stratified_gap

# Draws done at once are limited by memory, not by speed: draws × firms float64.
LARGEST_BATCH = 4_000_000
TIE = 1e-12


@dataclass(frozen=True, slots=True)
class Permuted:
    """One cell's gap beside what chance gives."""

    p: float
    low: float
    """Smallest gap that the permutations do not rule out (95 %): the observed one less their 97.5 % quantile."""
    high: float
    """Largest one: the observed one less their 2.5 % quantile."""

    @property
    def near_zero(self) -> bool:
        """Whether 0 is not ruled out from below. The gap is then degenerate: what single firms do averages out."""
        return not self.low > 0


def permutation_test(blocks: tuple[Block, ...], draws: int, rng: np.random.Generator) -> Permuted:
    """P-value and interval of the gap of one cell under exchange of city labels within strata.

    H0: within each stratum the firms of both cities come from one distribution. One firm is one row of a cell, so
    the unit that changes its label is the firm. The statistic is the stratified gap itself; large gaps count against
    H0: p = (1 + #) / (1 + draws), never 0, exact at every level for any sizes (Phipson & Smyth 2010). The interval
    inverts the test for a gap that lies as far from its own value as permuted ones lie from 0; that holds near 0, where
    the jackknife's does not.
    """
    observed = float(stratified_gap(block_sums(blocks)))
    permuted = stratified_gap(collect(blocks, [_permuted(block, draws, rng) for block in blocks]))
    as_large = int((permuted >= observed - TIE).sum())
    # Permuted gaps are NaN where a labelling leaves no distance within the cities.
    low, high = np.nanquantile(permuted, [0.025, 0.975])
    return Permuted((1 + as_large) / (1 + draws), observed - float(high), observed - float(low))


def _permuted(block: Block, draws: int, rng: np.random.Generator) -> Floats:
    """Sums of one stratum under ``draws`` random labellings, (5, draws)."""
    size = max(1, LARGEST_BATCH // len(block.home))
    found = []
    for start in range(0, draws, size):
        count = min(size, draws - start)
        labels = rng.permuted(np.tile(block.home.astype(np.float64), (count, 1)), axis=1)
        found.append(split(block.distances, labels))
    return np.concatenate(found, axis=1)
