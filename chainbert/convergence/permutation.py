"""Is the gap of one cell more than chance: city labels permuted within strata."""

from __future__ import annotations

import numpy as np

from chainbert.convergence.gap import Block, Floats, block_sums, collect, split, stratified_gap

# Draws done at once are limited by memory, not by speed: draws × firms float64.
LARGEST_BATCH = 4_000_000
TIE = 1e-12


def permutation_p(blocks: tuple[Block, ...], draws: int, rng: np.random.Generator) -> float:
    """P-value of the gap of one cell under exchange of city labels within strata: (1 + #) / (1 + draws), never 0.

    H0: within each stratum the firms of both cities come from one distribution. One firm is one row of a cell, so
    the unit that changes its label is the firm. The statistic is the stratified gap itself; large gaps count against
    H0. Exact at every level for any sizes (Phipson & Smyth 2010).
    """
    observed = float(stratified_gap(block_sums(blocks)))
    permuted = stratified_gap(collect(blocks, [_permuted(block, draws, rng) for block in blocks]))
    as_large = int((permuted >= observed - TIE).sum())
    return (1 + as_large) / (1 + draws)


def _permuted(block: Block, draws: int, rng: np.random.Generator) -> Floats:
    """Sums of one stratum under ``draws`` random labellings, (5, draws)."""
    size = max(1, LARGEST_BATCH // len(block.home))
    found = []
    for start in range(0, draws, size):
        count = min(size, draws - start)
        labels = rng.permuted(np.tile(block.home.astype(np.float64), (count, 1)), axis=1)
        found.append(split(block.distances, labels))
    return np.concatenate(found, axis=1)
