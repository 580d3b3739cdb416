import itertools

import numpy as np
import pytest
from test_convergence_jackknife import cell

from chainbert.convergence.gap import Block, block_sums, distances, stratified_gap
from chainbert.convergence.permutation import permutation_test


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
    assert permutation_test(blocks, 20_000, np.random.default_rng(0)).p == pytest.approx(exact_p(blocks[0]), abs=0.012)


def test_p_is_never_zero():
    blocks = cell(np.random.default_rng(1), [(20, 20)], shift=50.0)
    assert permutation_test(blocks, 99, np.random.default_rng(0)).p == pytest.approx(0.01)


def test_p_is_one_where_all_labellings_tie():
    rows = np.eye(8)
    block = Block(distances(rows), np.arange(8) < 4, np.arange(8))
    assert permutation_test((block,), 99, np.random.default_rng(0)).p == 1.0


def test_labels_stay_in_their_stratum():
    # Two languages far apart, all of home in one but two: mixing strata would call this a gap.
    rng = np.random.default_rng(2)
    blocks = cell(rng, [(18, 4), (3, 25)], shift=0.0)
    rejected = [
        permutation_test(cell(rng, [(18, 4), (3, 25)], shift=0.0), 99, np.random.default_rng(seed)).p <= 0.05
        for seed in range(200)
    ]
    assert 0.01 <= np.mean(rejected) <= 0.09
    assert all(len(block.home) == size for block, size in zip(blocks, (22, 28), strict=True))


def test_batches_change_only_the_random_order(monkeypatch):
    blocks = cell(np.random.default_rng(3), [(15, 15)], shift=0.3)
    whole = permutation_test(blocks, 4000, np.random.default_rng(0)).p
    monkeypatch.setattr("chainbert.convergence.permutation.LARGEST_BATCH", 100)
    assert permutation_test(blocks, 4000, np.random.default_rng(0)).p == pytest.approx(whole, abs=0.02)


def test_the_interval_inverts_the_test_at_zero():
    rng = np.random.default_rng(4)
    covered = []
    for seed in range(300):
        found = permutation_test(cell(rng, [(12, 20)], shift=0.0), 199, np.random.default_rng(seed))
        covered.append(found.low <= 0 <= found.high)
        # Both sides of one quantile: 0 is ruled out from below where p is at most 2.5 %, up to one draw.
        assert found.near_zero == (found.low <= 0)
        assert found.near_zero or found.p <= 0.035
    # 300 intervals at 95 %: fewer than 272 or more than 297 come once in 300.
    assert 272 <= np.sum(covered) <= 297


def test_a_clear_gap_is_not_near_zero():
    assert not permutation_test(
        cell(np.random.default_rng(5), [(20, 20)], shift=3.0), 199, np.random.default_rng(0)
    ).near_zero
