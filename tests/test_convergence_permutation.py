import itertools

import numpy as np
import pytest
from test_convergence_jackknife import cell

from chainbert.convergence.gap import Block, block_sums, distances, stratified_gap
from chainbert.convergence.permutation import permutation_p


def exact_p(block):
    """Share of all labellings with a gap at least as large."""
    n, k = int(block.home.sum()), len(block.home)
    observed = float(stratified_gap(block_sums((block,))))
    found = []
    for chosen in itertools.combinations(range(k), n):
        home = np.isin(np.arange(k), chosen)
        found.append(float(stratified_gap(block_sums((Block(block.distances, home, block.rows),)))))
    return np.mean(np.array(found) >= observed - 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_p_is_that_of_all_labellings(seed):
    blocks = cell(np.random.default_rng(seed), [(4, 5)], shift=0.6)
    assert permutation_p(blocks, 20_000, np.random.default_rng(0)) == pytest.approx(exact_p(blocks[0]), abs=0.012)


def test_p_is_never_zero():
    blocks = cell(np.random.default_rng(1), [(20, 20)], shift=50.0)
    assert permutation_p(blocks, 99, np.random.default_rng(0)) == pytest.approx(0.01)


def test_p_is_one_where_all_labellings_tie():
    rows = np.eye(8)
    block = Block(distances(rows), np.arange(8) < 4, np.arange(8))
    assert permutation_p((block,), 99, np.random.default_rng(0)) == 1.0


def test_labels_stay_in_their_stratum():
    # Two languages far apart, all of home in one but two: mixing strata would call this a gap.
    rng = np.random.default_rng(2)
    blocks = cell(rng, [(18, 4), (3, 25)], shift=0.0)
    rejected = [
        permutation_p(cell(rng, [(18, 4), (3, 25)], shift=0.0), 99, np.random.default_rng(seed)) <= 0.05
        for seed in range(200)
    ]
    assert 0.01 <= np.mean(rejected) <= 0.09
    assert all(len(block.home) == size for block, size in zip(blocks, (22, 28), strict=True))


def test_batches_change_only_the_random_order(monkeypatch):
    blocks = cell(np.random.default_rng(3), [(15, 15)], shift=0.3)
    whole = permutation_p(blocks, 4000, np.random.default_rng(0))
    monkeypatch.setattr("chainbert.convergence.permutation.LARGEST_BATCH", 100)
    assert permutation_p(blocks, 4000, np.random.default_rng(0)) == pytest.approx(whole, abs=0.02)
